//! Errors as the caller of a protocol endpoint sees them, and their only way into an HTTP response.
//! Each has a public text, which is constant and reveals nothing, and a private cause for the log.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::Serialize;

use crate::protocol::ErrorCode;
use crate::store::StoreError;

/// Seconds after which a caller should try again when the issuer cannot answer now.
const RETRY_AFTER_SECONDS: u32 = 2;

/// RFC 9449 §8.1.
pub const DPOP_NONCE: &str = "dpop-nonce";

/// A refusal in the form of RFC 6749 §5.2.
#[derive(Clone, Debug)]
pub struct OAuthError {
    /// What the caller is told.
    pub code: ErrorCode,
    /// One sentence for the developer of the client (RFC 6749 §5.2 `error_description`).
    pub description: &'static str,
    /// What really happened; for the log and the audit record only, and never a secret.
    pub cause: Cow<'static, str>,
    /// `Retry-After` in seconds.
    pub retry_after: Option<u32>,
    /// `DPoP-Nonce` (RFC 9449 §8).
    pub dpop_nonce: Option<Box<str>>,
}

impl OAuthError {
    /// A refusal whose public text tells all there is to know.
    pub fn new(code: ErrorCode, description: &'static str) -> Self {
        Self::because(code, description, description)
    }

    /// A refusal with a more precise cause for the log.
    pub fn because(
        code: ErrorCode,
        description: &'static str,
        cause: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { code, description, cause: cause.into(), retry_after: None, dpop_nonce: None }
    }

    /// `invalid_request` with a text.
    pub fn invalid_request(description: &'static str) -> Self {
        Self::new(ErrorCode::InvalidRequest, description)
    }

    /// The issuer lacks something that it will have again.
    pub fn unavailable(cause: impl Into<Cow<'static, str>>) -> Self {
        let description = "the issuer cannot answer at the moment; try again";
        Self {
            retry_after: Some(RETRY_AFTER_SECONDS),
            ..Self::because(ErrorCode::TemporarilyUnavailable, description, cause)
        }
    }

    /// The issuer is at fault, and trying again will not help.
    pub fn server_error(cause: impl Into<Cow<'static, str>>) -> Self {
        Self::because(ErrorCode::ServerError, "the issuer failed; its log says why", cause)
    }
}

impl From<StoreError> for OAuthError {
    /// No caller is at fault for what the store could not do.
    fn from(error: StoreError) -> Self {
        Self::unavailable(error.to_string())
    }
}

#[derive(Serialize)]
struct Body {
    error: &'static str,
    error_description: &'static str,
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let row = self.code.row();
        let body = Body { error: row.wire, error_description: self.description };
        let mut response = (row.status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.code == ErrorCode::InvalidClient {
            // RFC 6749 §5.2: the scheme by which the client may authenticate.
            let challenge =
                HeaderValue::from_static("Basic realm=\"countersign\", charset=\"UTF-8\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(Ok(nonce)) = self.dpop_nonce.map(|nonce| HeaderValue::try_from(&*nonce)) {
            headers.insert(DPOP_NONCE, nonce);
        }
        response
    }
}
