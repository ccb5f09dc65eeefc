//! From a code of a provider to an ID token that was verified (OpenID Connect Core §3.1.3). The access token that comes
//! along is looked at for `at_hash` and thrown away.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_verifier::VerifyError;
use countersign_verifier::{AuthenticationRequest, IdToken};
use form_urlencoded::{Serializer, byte_serialize};
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;

use super::{Claims, Metadata, Upstream};

/// Why nobody was signed in. For the log; the person is told that it did not work.
#[derive(Clone, Debug, thiserror::Error)]
pub enum UpstreamError {
    /// Something of it cannot be had now.
    #[error("{0} cannot be had")]
    Unavailable(&'static str),
    /// It said something that nobody may act on.
    #[error("{0}")]
    BadAnswer(&'static str),
    /// Its ID token does not hold.
    #[error("its ID token does not hold: {0}")]
    IdToken(VerifyError),
}

/// What came back, and what was sent.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    /// The code that the browser brought.
    pub code: &'a str,
    /// Where the browser was sent back to.
    pub redirect_uri: &'a str,
    /// RFC 7636.
    pub code_verifier: &'a str,
    /// The nonce of the request.
    pub nonce: &'a str,
    /// How old the sign-in may be, if that was asked for.
    pub max_age: Option<Duration>,
}

#[derive(Deserialize)]
struct TokenResponse {
    id_token: String,
    #[serde(default)]
    access_token: Option<String>,
}

impl Upstream {
    /// Redeems the code, and verifies the ID token.
    ///
    /// # Errors
    ///
    /// If the provider does not answer, refuses, or answers something else.
    pub async fn redeem(
        &self,
        metadata: &Metadata,
        answer: &Answer<'_>,
    ) -> Result<IdToken<Claims>, UpstreamError> {
        let (form, headers) = self.token_request(metadata, answer);
        let sent = self.outbound.post_form(&metadata.token_endpoint, form, headers).await;
        let unavailable = |_| UpstreamError::Unavailable("the token endpoint");
        let sent = sent.map_err(unavailable)?;
        if !sent.status().is_success() {
            return Err(UpstreamError::BadAnswer("its token endpoint refuses the code"));
        }
        let body = sent.body().await.map_err(unavailable)?;
        let tokens: TokenResponse = serde_json::from_slice(&body)
            .map_err(|_| UpstreamError::BadAnswer("its token endpoint gives no ID token"))?;
        let request = AuthenticationRequest::new().nonce(answer.nonce);
        let request = match tokens.access_token.as_deref() {
            Some(token) => request.access_token(token),
            None => request,
        };
        let request = answer.max_age.map_or(request, |max_age| request.max_age(max_age));
        let verified = self.client().await?.verify_id_token(&tokens.id_token, &request).await;
        verified.map_err(UpstreamError::IdToken)
    }

    /// RFC 6749 §4.1.3, with the client authentication of §2.3.1.
    fn token_request(&self, metadata: &Metadata, answer: &Answer<'_>) -> (String, HeaderMap) {
        let (id, secret) = (&self.settings.client_id, self.settings.client_secret.as_ref());
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", answer.code)
            .append_pair("redirect_uri", answer.redirect_uri)
            .append_pair("code_verifier", answer.code_verifier);
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        match secret {
            Some(secret) if metadata.takes_basic() => {
                let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let pair = format!("{}:{}", encoded(id), encoded(secret.expose()));
                let basic = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)));
                if let Ok(mut basic) = basic {
                    basic.set_sensitive(true);
                    headers.insert(AUTHORIZATION, basic);
                }
            }
            Some(secret) => {
                form.append_pair("client_id", id).append_pair("client_secret", secret.expose());
            }
            None => {
                form.append_pair("client_id", id);
            }
        }
        (form.finish(), headers)
    }
}
