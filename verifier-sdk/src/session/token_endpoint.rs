//! The client's side of the token endpoint (RFC 6749 §3.2): redeems codes (§4.1.3, RFC 7636 §4.5) and refresh tokens
//! (§6), gives tokens back (RFC 7009), and asks UserInfo. No redirects, bounded in time and size; nothing of it is ever logged.

use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;
use url::form_urlencoded::Serializer;

use super::SessionError;
use crate::http_client::{self, Unread};

/// What an access token lives if the issuer does not say (RFC 6749 §5.1 only recommends that it does).
const DEFAULT_LIFETIME_SECONDS: i64 = 300;

pub(super) struct TokenEndpoint {
    pub(super) client_id: String,
    /// Of a confidential client (`client_secret_basic`). `private_key_jwt` needs signing code, which is not linked here.
    pub(super) secret: Option<String>,
    pub(super) http: reqwest::Client,
}

/// RFC 6749 §5.1, OpenID Connect Core §3.1.3.3.
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    pub(super) access_token: String,
    token_type: String,
    #[serde(default)]
    expires_in: Option<i64>,
    #[serde(default)]
    pub(super) refresh_token: Option<String>,
    #[serde(default)]
    pub(super) id_token: Option<String>,
}

/// RFC 6749 §5.2.
#[derive(Deserialize)]
struct ErrorAnswer {
    error: String,
}

impl TokenAnswer {
    /// How long the access token lives, in seconds.
    pub(super) fn lifetime(&self) -> i64 {
        self.expires_in.unwrap_or(DEFAULT_LIFETIME_SECONDS).clamp(0, 10 * 365 * 86_400)
    }
}

/// A client with the limits of the SDK.
pub(super) fn http_client() -> Result<reqwest::Client, SessionError> {
    http_client::build().map_err(|_| SessionError::Misconfigured("the HTTP client cannot be made"))
}

impl TokenEndpoint {
    /// Redeems a code.
    pub(super) async fn redeem(
        &self,
        endpoint: &Url,
        code: &str,
        code_verifier: &str,
        redirect_uri: &str,
    ) -> Result<TokenAnswer, SessionError> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", code_verifier),
            ("redirect_uri", redirect_uri),
        ];
        self.tokens(endpoint, &form).await
    }

    /// Redeems a refresh token.
    pub(super) async fn refresh(
        &self,
        endpoint: &Url,
        refresh_token: &str,
    ) -> Result<TokenAnswer, SessionError> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        self.tokens(endpoint, &form).await
    }

    /// Gives a refresh token back (RFC 7009 §2.1).
    pub(super) async fn revoke(
        &self,
        endpoint: &Url,
        refresh_token: &str,
    ) -> Result<(), SessionError> {
        let form = [("token", refresh_token), ("token_type_hint", "refresh_token")];
        match self.post(endpoint, &form).await? {
            (StatusCode::OK, _) => Ok(()),
            _ => Err(SessionError::Unavailable("the revocation endpoint")),
        }
    }

    async fn tokens(
        &self,
        endpoint: &Url,
        form: &[(&str, &str)],
    ) -> Result<TokenAnswer, SessionError> {
        let (status, body) = self.post(endpoint, form).await?;
        if status == StatusCode::OK {
            let answer: TokenAnswer = serde_json::from_slice(&body)
                .map_err(|_| SessionError::BadAnswer("the tokens cannot be read"))?;
            // RFC 6749 §7.1: a type that is not understood must not be used.
            let is_bearer = answer.token_type.eq_ignore_ascii_case("Bearer");
            return if is_bearer && !answer.access_token.is_empty() {
                Ok(answer)
            } else {
                Err(SessionError::BadAnswer("the access token is of another type"))
            };
        }
        match serde_json::from_slice::<ErrorAnswer>(&body) {
            Ok(answer) if status.is_client_error() && answer.error == "invalid_grant" => {
                Err(SessionError::Refused(answer.error))
            }
            Ok(answer) if status.is_client_error() && answer.error == "invalid_client" => {
                tracing::error!("the issuer does not accept the client's authentication");
                Err(SessionError::Unavailable("the issuer does not know this application"))
            }
            _ => Err(SessionError::Unavailable("the token endpoint")),
        }
    }

    async fn post(
        &self,
        endpoint: &Url,
        form: &[(&str, &str)],
    ) -> Result<(StatusCode, Vec<u8>), SessionError> {
        let unavailable = |_| SessionError::Unavailable("the token endpoint");
        let response = self.request(endpoint, form)?.send().await.map_err(unavailable)?;
        Ok((response.status(), capped(response).await?))
    }

    /// The claims of UserInfo about this subject and no other (OpenID Connect Core §5.3.2), without the `sub`.
    pub(super) async fn user_info(
        &self,
        endpoint: &Url,
        access_token: &str,
        subject: &str,
    ) -> Result<Map<String, Value>, SessionError> {
        let unavailable = |_| SessionError::Unavailable("UserInfo");
        let request = self.http.get(endpoint.clone()).bearer_auth(access_token);
        let response = request.send().await.map_err(unavailable)?;
        if response.status() != StatusCode::OK {
            return Err(SessionError::Unavailable("UserInfo"));
        }
        let body = capped(response).await?;
        let bad = SessionError::BadAnswer("UserInfo");
        let mut claims: Map<_, _> = serde_json::from_slice(&body).map_err(|_| bad.clone())?;
        match claims.remove("sub") {
            Some(Value::String(sub)) if sub == subject => Ok(claims),
            _ => Err(bad),
        }
    }

    fn request(
        &self,
        endpoint: &Url,
        form: &[(&str, &str)],
    ) -> Result<reqwest::RequestBuilder, SessionError> {
        let mut body = Serializer::new(String::new());
        body.extend_pairs(form);
        let mut request = self.http.post(endpoint.clone()).header(ACCEPT, "application/json");
        match &self.secret {
            Some(secret) => request = request.header(AUTHORIZATION, self.basic(secret)?),
            // RFC 6749 §3.2.1: a public client only says who it is.
            None => {
                body.append_pair("client_id", &self.client_id);
            }
        }
        let form = "application/x-www-form-urlencoded";
        Ok(request.header(CONTENT_TYPE, form).body(body.finish()))
    }

    fn basic(&self, secret: &str) -> Result<HeaderValue, SessionError> {
        http_client::basic(&self.client_id, secret)
            .ok_or(SessionError::Misconfigured("the client secret"))
    }
}

async fn capped(response: reqwest::Response) -> Result<Vec<u8>, SessionError> {
    http_client::capped(response).await.map_err(|unread| match unread {
        Unread::BrokeOff => SessionError::Unavailable("the issuer's answer broke off"),
        Unread::TooLong => SessionError::BadAnswer("it is too long"),
    })
}
