//! The choices of a builder, and why a verifier cannot be built.

use std::sync::Arc;

use countersign_keys::JwkSet;
use url::Url;

use crate::key_source::{CustomKeys, KeySource};

#[cfg(feature = "remote")]
use crate::key_source::{KeySourceError, Snapshot, SnapshotError};

/// Where the keys are.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Keys {
    /// Where the issuer's metadata says. The default.
    #[default]
    Discovery,
    /// At this URL, which need not be where the public sees the issuer (an internal address).
    JwksUrl(Url),
    /// Here. Nothing is ever fetched.
    Fixed(JwkSet),
    /// Where the service's own [`KeySource`] has them; made by `From`.
    Custom(CustomKeys),
}

impl<S: KeySource> From<S> for Keys {
    fn from(source: S) -> Self {
        Self::Custom(CustomKeys(Arc::new(source)))
    }
}

/// What happens at start.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Start {
    /// `build` fetches the keys, and fails if that fails. The default.
    #[default]
    FailFast,
    /// The first token fetches the keys.
    Lazy,
    /// Begins with exported keys, if they are not too old; else as `FailFast`.
    #[cfg(feature = "remote")]
    Warm(Snapshot),
}

/// Why a verifier cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Not an absolute https URL (or http on loopback) without query and fragment (RFC 8414 §2).
    #[error("the issuer must be an https URL without query and fragment")]
    Issuer,
    /// An audience is empty.
    #[error("the audience must not be empty")]
    Audience,
    /// No algorithm is left.
    #[error("at least one algorithm must be accepted")]
    Algorithms,
    /// The public URL of [`Dpop`](crate::binding::Dpop) is not an absolute http(s) URL without query and fragment.
    #[error("the public URL must be an absolute URL without query and fragment")]
    PublicUrl,
    /// A setting is outside its bounds.
    #[error("{0}")]
    Setting(&'static str),
    /// The service's own key source has no keys (with [`Start::FailFast`]).
    #[error("the key source has no keys")]
    NoKeys,
    /// The HTTP client cannot be made.
    #[cfg(feature = "remote")]
    #[error("the HTTP client cannot be made: {0}")]
    Client(crate::key_source::FetchError),
    /// The keys cannot be had (with [`Start::FailFast`]).
    #[cfg(feature = "remote")]
    #[error("the issuer's keys cannot be had: {0}")]
    Keys(#[from] KeySourceError),
    /// The snapshot cannot be used.
    #[cfg(feature = "remote")]
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}
