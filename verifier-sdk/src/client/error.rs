//! Why there is no token. No message carries a token or a secret.

use std::time::Duration;

/// Why there is no token.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The issuer refuses (RFC 6749 §5.2). Asking again does not help.
    #[error("the issuer refuses the token: {error}: {description}")]
    Refused {
        /// Its error code, such as `invalid_target`.
        error: String,
        /// What it says about it, for people.
        description: String,
    },
    /// The issuer cannot be reached, or cannot answer now.
    #[error("no token now: {cause}")]
    Unavailable {
        /// What cannot be had.
        cause: &'static str,
        /// When it is worth asking again.
        retry_after: Duration,
    },
    /// What came is not what the specifications say.
    #[error("the answer of the issuer cannot be used: {0}")]
    BadAnswer(&'static str),
    /// The client is put together wrongly.
    #[error("the token source is misconfigured: {0}")]
    Misconfigured(&'static str),
}

impl TokenError {
    pub(super) fn unavailable(cause: &'static str) -> Self {
        Self::Unavailable { cause, retry_after: Duration::from_secs(1) }
    }

    /// A stable name for logs and tests.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "token_refused",
            Self::Unavailable { .. } => "token_unavailable",
            Self::BadAnswer(_) => "bad_answer",
            Self::Misconfigured(_) => "misconfigured",
        }
    }

    /// Whether asking again later may help.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
