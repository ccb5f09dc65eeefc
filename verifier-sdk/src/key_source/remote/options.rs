//! Where a key set is, how it is fetched and kept, and why a key cannot be had.

use std::sync::Arc;
use std::time::Duration;

use countersign_keys::Algorithm;
use url::Url;

use super::super::fetch::PlainHttp;
use super::super::{Fetch, FetchError};
use crate::clock::{Clock, SystemClock};

/// Where the key set is.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Source {
    /// In the issuer's metadata (RFC 8414), which must name exactly this issuer.
    Discovery {
        /// The issuer identifier.
        issuer: String,
    },
    /// At this URL.
    JwksUrl(Url),
}

/// How keys are fetched and kept.
#[non_exhaustive]
pub struct RemoteOptions {
    /// Keys of other algorithms are not loaded.
    pub algorithms: Vec<Algorithm>,
    /// How long a set may serve after the issuer last confirmed it. 24 h by default.
    pub max_stale: Duration,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The transport.
    pub fetch: Arc<dyn Fetch>,
    pub(crate) plain_http: PlainHttp,
}

impl RemoteOptions {
    /// The defaults, with a transport.
    pub fn new(fetch: Arc<dyn Fetch>) -> Self {
        Self {
            algorithms: crate::verifier::DEFAULT_ALGORITHMS.to_vec(),
            max_stale: Duration::from_hours(24),
            clock: Arc::new(SystemClock),
            fetch,
            plain_http: PlainHttp::Loopback,
        }
    }
}

/// Why a key cannot be had.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeySourceError {
    /// The current set does not have it. Not worth trying again.
    #[error("there is no such key")]
    UnknownKey,
    /// The set cannot be had now.
    #[error("the key set is not available: {cause}")]
    Unavailable {
        /// When it is worth trying again.
        retry_after: Duration,
        /// Why.
        cause: FetchError,
    },
}

impl KeySourceError {
    /// A stable name for logs and metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownKey => "unknown_key",
            Self::Unavailable { .. } => "keys_unavailable",
        }
    }

    /// Whether trying again may help.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
