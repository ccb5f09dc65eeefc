//! One request to the token endpoint, and its answer (RFC 6749 §3.2, §5).

use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;

use super::authentication::{Assertion, ClientAuthentication};
use super::prover::Prover;
use super::request::{InTheNameOf, TokenRequest};
use super::token::{AccessToken, DPOP, Issued};
use super::{TokenError, authentication};
use crate::clock::Clock;
use crate::discovery::{self, Kept};
use crate::http_client::{self, Unread};
use crate::key_source::Fetch;

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";
/// What a token lives if the issuer does not say (RFC 6749 §5.1 only recommends that it does).
const DEFAULT_LIFETIME: u64 = 60;
/// Nothing is kept for longer.
const MAX_LIFETIME: u64 = 86_400;
/// The longest that an issuer can send this client away for.
const MAX_RETRY_AFTER: u64 = 30;

/// The token endpoint, and who asks there.
pub(super) struct TokenClient {
    pub(super) issuer: String,
    pub(super) client_id: String,
    pub(super) authentication: ClientAuthentication,
    pub(super) prover: Option<Arc<Prover>>,
    /// Whether `http` shows a certificate, so that the endpoints for that are asked.
    pub(super) shows_certificate: bool,
    pub(super) endpoint: Endpoint,
    pub(super) http: reqwest::Client,
    pub(super) clock: Arc<dyn Clock>,
}

pub(super) enum Endpoint {
    Given(Url),
    Discovered { fetch: Arc<dyn Fetch>, kept: Kept<Url> },
}

/// The members that matter here; no other has any effect.
#[derive(Deserialize)]
struct Metadata {
    token_endpoint: String,
    #[serde(default)]
    mtls_endpoint_aliases: Option<Aliases>,
}

/// RFC 8705 §5.
#[derive(Deserialize)]
struct Aliases {
    #[serde(default)]
    token_endpoint: Option<String>,
}

/// RFC 6749 §5.1, RFC 8693 §2.2.1.
#[derive(Deserialize)]
struct Answer {
    access_token: String,
    token_type: String,
    #[serde(default)]
    issued_token_type: Option<String>,
    #[serde(default)]
    expires_in: Option<u64>,
    #[serde(default)]
    scope: Option<String>,
}

/// RFC 6749 §5.2.
#[derive(Deserialize)]
struct Refusal {
    error: String,
    #[serde(default)]
    error_description: String,
}

impl TokenClient {
    /// Asks for a token. A nonce that the issuer wants is learnt, and it is asked once more (RFC 9449 §8).
    pub(super) async fn ask(&self, request: &TokenRequest) -> Result<AccessToken, TokenError> {
        let endpoint = self.endpoint().await?;
        let (answer, learnt) = self.ask_once(&endpoint, request).await?;
        let wants_nonce =
            matches!(&answer, Err(TokenError::Refused { error, .. }) if error == "use_dpop_nonce");
        if wants_nonce && learnt { self.ask_once(&endpoint, request).await?.0 } else { answer }
    }

    /// The answer, and whether a nonce came with it that was not known.
    async fn ask_once(
        &self,
        endpoint: &Url,
        request: &TokenRequest,
    ) -> Result<(Result<AccessToken, TokenError>, bool), TokenError> {
        let (status, headers, body) = self.post(endpoint, request).await?;
        let learnt = self.prover.as_ref().is_some_and(|prover| prover.learn(endpoint, &headers));
        let answer = match status {
            StatusCode::OK => self.accept(&body, request),
            _ => Err(refusal(status, &headers, &body)),
        };
        Ok((answer, learnt))
    }

    async fn endpoint(&self) -> Result<Arc<Url>, TokenError> {
        match &self.endpoint {
            Endpoint::Given(url) => Ok(Arc::new(url.clone())),
            Endpoint::Discovered { fetch, kept } => {
                kept.get(self.clock.monotonic(), self.discover(&**fetch)).await
            }
        }
    }

    async fn discover(&self, fetch: &dyn Fetch) -> Result<Url, TokenError> {
        let document = discovery::ask(fetch, &self.issuer).await;
        let document = document.map_err(|_| TokenError::unavailable("the issuer's metadata"))?;
        let bad = TokenError::BadAnswer("the issuer's metadata");
        let metadata: Metadata =
            discovery::read(&document, &self.issuer).map_err(|_| bad.clone())?;
        let alias = metadata.mtls_endpoint_aliases.and_then(|aliases| aliases.token_endpoint);
        let url = match alias {
            Some(alias) if self.shows_certificate => alias,
            _ => metadata.token_endpoint,
        };
        discovery::endpoint(&self.issuer, &url).ok_or(bad)
    }

    async fn post(
        &self,
        endpoint: &Url,
        request: &TokenRequest,
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>), TokenError> {
        let now = self.clock.wall();
        let mut form = self.form(request, now)?;
        let mut headers = HeaderMap::new();
        let identity = (self.client_id.as_str(), self.issuer.as_str(), now);
        self.authentication.apply(identity, &mut form, &mut headers).await?;
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form_type);
        if let Some(prover) = &self.prover {
            headers.insert(DPOP, prover.proof(&Method::POST, endpoint, None)?);
        }
        let body = Serializer::new(String::new()).extend_pairs(form).finish();
        let post = self.http.post(endpoint.clone()).headers(headers).body(body);
        let unavailable = TokenError::unavailable("the token endpoint");
        let response = post.send().await.map_err(|_| unavailable.clone())?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = http_client::capped(response).await.map_err(|unread| match unread {
            Unread::BrokeOff => unavailable,
            Unread::TooLong => TokenError::BadAnswer("it is too long"),
        })?;
        Ok((status, headers, body))
    }

    fn form(
        &self,
        request: &TokenRequest,
        now: i64,
    ) -> Result<Vec<(&'static str, String)>, TokenError> {
        let owned = str::to_owned;
        let mut form = match &request.name {
            InTheNameOf::Itself => vec![("grant_type", owned("client_credentials"))],
            InTheNameOf::Caller { subject_token } => vec![
                ("grant_type", owned(TOKEN_EXCHANGE)),
                ("subject_token", owned(subject_token)),
                ("subject_token_type", owned(ACCESS_TOKEN_TYPE)),
            ],
            InTheNameOf::User { subject, reason } => {
                let about = Assertion {
                    iss: &self.client_id,
                    sub: subject,
                    aud: &self.issuer,
                    reason: reason.as_deref(),
                };
                let assertion = self.authentication.assert(&about, now)?;
                vec![("grant_type", owned(JWT_BEARER)), ("assertion", assertion)]
            }
        };
        form.push(("resource", request.resource.clone()));
        if !request.scope.is_empty() {
            form.push(("scope", request.scope.clone()));
        }
        Ok(form)
    }

    fn accept(&self, body: &[u8], request: &TokenRequest) -> Result<AccessToken, TokenError> {
        let answer: Answer = serde_json::from_slice(body)
            .map_err(|_| TokenError::BadAnswer("the token cannot be read"))?;
        // RFC 6749 §7.1: a type that is not understood must not be used. A client that wants a bound token takes no other.
        let wanted = if self.prover.is_some() { "DPoP" } else { "Bearer" };
        if !answer.token_type.eq_ignore_ascii_case(wanted) || answer.access_token.is_empty() {
            return Err(TokenError::BadAnswer("the token is of another type"));
        }
        // RFC 8693 §2.2.1.
        let is_exchanged = matches!(request.name, InTheNameOf::Caller { .. });
        if is_exchanged && answer.issued_token_type.as_deref() != Some(ACCESS_TOKEN_TYPE) {
            return Err(TokenError::BadAnswer("what was issued is no access token"));
        }
        let lifetime = answer.expires_in.unwrap_or(DEFAULT_LIFETIME).min(MAX_LIFETIME);
        Ok(AccessToken::new(Issued {
            token: answer.access_token,
            scope: answer.scope,
            lifetime: Duration::from_secs(lifetime),
            prover: self.prover.clone(),
        }))
    }

    /// Whether the client can do what it is put together for.
    pub(super) fn check(&self) -> Result<(), TokenError> {
        let by_certificate = matches!(self.authentication.0, authentication::Method::Certificate);
        if by_certificate && !self.shows_certificate {
            return Err(TokenError::Misconfigured("no HTTP client with a certificate was given"));
        }
        Ok(())
    }
}

fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> TokenError {
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let retry_after = Duration::from_secs(seconds.unwrap_or(1).clamp(1, MAX_RETRY_AFTER));
        return TokenError::Unavailable { cause: "the token endpoint", retry_after };
    }
    match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) if status.is_client_error() => TokenError::Refused {
            error: printable(&refusal.error, 64),
            description: printable(&refusal.error_description, 256),
        },
        _ => TokenError::BadAnswer("neither a token nor an error"),
    }
}

/// RFC 6749 §5.2: what may stand in an error, and no line of a log of somebody else's making.
fn printable(text: &str, most: usize) -> String {
    text.chars().filter(|letter| matches!(letter, ' '..='~')).take(most).collect()
}
