//! How a client proves who it is (RFC 6749 §2.3, RFC 7523 §2.2, RFC 8705 §2).

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use countersign_keys::SigningKey;
use countersign_keys::jws::sign_compact;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde::Serialize;

use super::TokenError;
use crate::http_client;
use crate::random::unguessable;

/// RFC 7523 §2.2.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Seconds for which what the client signs is good.
const ASSERTION_LIFETIME: i64 = 60;
const MAX_FILE_BYTES: usize = 16 * 1024;

/// How a client proves who it is to the issuer.
#[derive(Clone)]
pub struct ClientAuthentication(pub(super) Method);

#[derive(Clone)]
pub(super) enum Method {
    Secret(Arc<str>),
    PrivateKey(Arc<SigningKey>),
    TokenFile(PathBuf),
    Certificate,
}

/// What a client signs: who it is, or about whom it asks.
#[derive(Serialize)]
pub(super) struct Assertion<'a> {
    pub(super) iss: &'a str,
    pub(super) sub: &'a str,
    pub(super) aud: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<&'a str>,
}

impl ClientAuthentication {
    /// A secret, in the header (`client_secret_basic`).
    pub fn secret(secret: impl Into<String>) -> Self {
        Self(Method::Secret(Arc::from(secret.into())))
    }

    /// An assertion signed with the client's key for each request (`private_key_jwt`).
    pub fn private_key(key: SigningKey) -> Self {
        Self(Method::PrivateKey(Arc::new(key)))
    }

    /// The token of another issuer, such as that of a Kubernetes service account, in a file that is read for each request
    /// (workload identity).
    pub fn token_file(path: impl Into<PathBuf>) -> Self {
        Self(Method::TokenFile(path.into()))
    }

    /// The certificate of the HTTP client that is given to the builder (`tls_client_auth` or
    /// `self_signed_tls_client_auth`).
    pub fn certificate() -> Self {
        Self(Method::Certificate)
    }

    /// Adds what proves it to a request. `now` is Unix time in seconds.
    pub(super) async fn apply(
        &self,
        (client_id, issuer, now): (&str, &str, i64),
        form: &mut Vec<(&'static str, String)>,
        headers: &mut HeaderMap,
    ) -> Result<(), TokenError> {
        let assertion = match &self.0 {
            Method::Secret(secret) => {
                let basic = http_client::basic(client_id, secret);
                let basic = basic.ok_or(TokenError::Misconfigured("the client secret"))?;
                headers.insert(AUTHORIZATION, basic);
                return Ok(());
            }
            Method::Certificate => None,
            Method::PrivateKey(key) => {
                let about = Assertion { iss: client_id, sub: client_id, aud: issuer, reason: None };
                Some(sign(key, &about, now)?)
            }
            Method::TokenFile(path) => Some(read(path.clone()).await?),
        };
        form.push(("client_id", client_id.to_owned()));
        if let Some(assertion) = assertion {
            form.push(("client_assertion_type", ASSERTION_TYPE.to_owned()));
            form.push(("client_assertion", assertion));
        }
        Ok(())
    }

    /// An assertion about a user.
    pub(super) fn assert(&self, about: &Assertion<'_>, now: i64) -> Result<String, TokenError> {
        match &self.0 {
            Method::PrivateKey(key) => sign(key, about, now),
            _ => Err(TokenError::Misconfigured("only a client with a private key can name a user")),
        }
    }
}

fn sign(key: &SigningKey, about: &Assertion<'_>, now: i64) -> Result<String, TokenError> {
    #[derive(Serialize)]
    struct Claims<'a> {
        #[serde(flatten)]
        about: &'a Assertion<'a>,
        jti: String,
        iat: i64,
        exp: i64,
    }
    let claims = Claims { about, jti: unguessable(), iat: now, exp: now + ASSERTION_LIFETIME };
    let cannot = TokenError::Misconfigured("an assertion cannot be signed");
    let payload = serde_json::to_vec(&claims).map_err(|_| cannot.clone())?;
    sign_compact(key, "JWT", &payload).map_err(|_| cannot)
}

/// The file may be renewed at any time, so what was read is not kept.
async fn read(path: PathBuf) -> Result<String, TokenError> {
    let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(path)).await;
    let unavailable = TokenError::unavailable("the file with the token of the workload");
    let Ok(Ok(text)) = read else { return Err(unavailable) };
    if text.len() > MAX_FILE_BYTES {
        return Err(TokenError::Misconfigured("the file with the token of the workload"));
    }
    Ok(text.trim().to_owned())
}

impl fmt::Debug for ClientAuthentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Method::Secret(_) => "ClientAuthentication(secret)",
            Method::PrivateKey(_) => "ClientAuthentication(private key)",
            Method::TokenFile(_) => "ClientAuthentication(token file)",
            Method::Certificate => "ClientAuthentication(certificate)",
        })
    }
}
