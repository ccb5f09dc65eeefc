//! Why a sign-in, or a request that needs one, fails. No message carries a token or a code.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, StatusCode};

use crate::error::VerifyError;

/// A failure of signing in or of a session.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    SignedOut,
    /// Another site caused this request.
    #[error("the request comes from another site")]
    CrossSite,
    /// The request of the browser is not one that we caused: unknown, repeated, or too old.
    #[error("this is not the answer to a sign-in that began in this browser, or it took too long")]
    NoSuchSignIn,
    /// The answer comes from another issuer (RFC 9207 §2.4), or does not say from which.
    #[error("the answer comes from another issuer")]
    WrongIssuer,
    /// The issuer refused, with this error code (RFC 6749 §4.1.2.1).
    #[error("the issuer refused the sign-in: {0}")]
    Refused(String),
    /// What came, of the issuer or of the browser, is not what the specifications say.
    #[error("the answer is not usable: {0}")]
    BadAnswer(&'static str),
    /// The ID token or the logout token is refused.
    #[error("the token of the issuer is refused: {0}")]
    Token(VerifyError),
    /// The issuer or a store cannot be reached now. Nobody is signed out by that.
    #[error("not available now: {0}")]
    Unavailable(&'static str),
    /// The application is put together wrongly.
    #[error("the application is misconfigured: {0}")]
    Misconfigured(&'static str),
}

impl SessionError {
    /// A stable name for logs and tests.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::CrossSite => "cross_site_request",
            Self::NoSuchSignIn => "no_such_sign_in",
            Self::WrongIssuer => "wrong_issuer",
            Self::Refused(_) => "sign_in_refused",
            Self::BadAnswer(_) => "bad_answer",
            Self::Token(error) => error.code(),
            Self::Unavailable(_) => "unavailable",
            Self::Misconfigured(_) => "misconfigured",
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::CrossSite | Self::Refused(_) => StatusCode::FORBIDDEN,
            Self::BadAnswer(_) => StatusCode::BAD_GATEWAY,
            Self::Token(error) if error.is_transient() => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoSuchSignIn | Self::WrongIssuer | Self::Token(_) => StatusCode::BAD_REQUEST,
            Self::Misconfigured(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Whether the same request may succeed a little later.
    pub fn is_transient(&self) -> bool {
        self.status() == StatusCode::SERVICE_UNAVAILABLE
    }
}

/// One line of text: what happened, and nothing that another site could have put into it.
impl IntoResponse for SessionError {
    fn into_response(self) -> Response {
        tracing::debug!(code = self.code(), "request refused");
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if self.is_transient() {
            headers.insert(RETRY_AFTER, HeaderValue::from(Duration::from_secs(1).as_secs()));
        }
        (self.status(), headers, format!("{self}\n")).into_response()
    }
}

impl From<VerifyError> for SessionError {
    fn from(error: VerifyError) -> Self {
        Self::Token(error)
    }
}
