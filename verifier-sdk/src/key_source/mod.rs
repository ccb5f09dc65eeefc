//! Where verification keys come from: a fixed set, the issuer's JWKS kept fresh in the background, or the
//! service's own [`KeySource`].
//! The hot path is one atomic load and a lookup; it never waits and never fetches.

mod custom;
mod fetch;
#[cfg(feature = "remote")]
mod http_fetch;
#[cfg(feature = "remote")]
mod remote;
mod snapshot;

pub use custom::{CustomKeys, KeySource, NoKeys};
pub use fetch::{BoxFuture, CacheDirectives, Fetch, FetchError, FetchRequest, FetchResponse};
pub(crate) use fetch::{PlainHttp, check_url};
#[cfg(feature = "remote")]
pub use http_fetch::HttpFetch;
#[cfg(feature = "remote")]
pub(crate) use remote::Trigger;
#[cfg(feature = "remote")]
pub use remote::{FetchCount, KeySourceError, RemoteCounters, RemoteKeys, RemoteOptions, Source};
pub use snapshot::{Snapshot, SnapshotError};

use std::time::Duration;

use countersign_keys::{JwkSet, Kid, VerifyingKey};

use crate::health::Health;

/// The largest JWKS or discovery document that is read.
pub const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

/// Why there is no key for a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Miss {
    /// The token has no `kid`, and there is not exactly one key.
    NoKid,
    /// The set is current and has no such key.
    Unknown,
    /// A fetch may bring the key.
    NeedsKeys,
    /// There are no usable keys, and fetching is of no use before this has passed.
    Unavailable(Duration),
}

/// The keys of one issuer.
#[derive(Clone, Debug)]
pub(crate) enum IssuerKeys {
    Fixed(std::sync::Arc<JwkSet>),
    Custom(CustomKeys),
    #[cfg(feature = "remote")]
    Remote(RemoteKeys),
}

impl IssuerKeys {
    /// Hands all keys to `then`, if there are any yet, however old.
    pub(crate) fn with_set<R>(&self, then: impl FnOnce(Option<&JwkSet>) -> R) -> R {
        match self {
            Self::Fixed(keys) => then(Some(keys)),
            Self::Custom(source) => then(source.0.keys().ok().as_deref()),
            #[cfg(feature = "remote")]
            Self::Remote(keys) => keys.with_set(then),
        }
    }

    /// Hands the key for `kid` to `then`, without cloning it.
    pub(crate) fn with_key<R>(
        &self,
        kid: Option<&Kid>,
        then: impl FnOnce(Result<&VerifyingKey, Miss>) -> R,
    ) -> R {
        match self {
            Self::Fixed(keys) => then(select(keys, kid, Miss::Unknown)),
            Self::Custom(source) => match source.0.keys() {
                Ok(keys) => then(select(&keys, kid, source.absence(kid))),
                Err(none) => then(Err(none.into())),
            },
            #[cfg(feature = "remote")]
            Self::Remote(keys) => keys.with_key(kid, then),
        }
    }

    /// Whether that `kid` means exactly this key now. Counts nothing and causes nothing.
    pub(crate) fn still_trusts(&self, kid: Option<&Kid>, key: &VerifyingKey) -> bool {
        let is_trusted = |keys: &JwkSet| {
            select(keys, kid, Miss::Unknown).is_ok_and(|found| found.is_same_key_as(key))
        };
        match self {
            Self::Fixed(keys) => is_trusted(keys),
            Self::Custom(source) => source.0.keys().is_ok_and(|keys| is_trusted(&keys)),
            #[cfg(feature = "remote")]
            Self::Remote(keys) => keys.usable(is_trusted).unwrap_or_default(),
        }
    }

    /// Waits until it is worthwhile to look for the key again.
    pub(crate) async fn resolve(&self, kid: Option<&Kid>) -> Result<(), Miss> {
        match self {
            Self::Fixed(_) => Ok(()),
            Self::Custom(source) => source.resolve(kid).await,
            #[cfg(feature = "remote")]
            Self::Remote(keys) => keys.resolve(kid).await,
        }
    }

    /// Fetches the keys, since the issuer told that they changed; does not wait for them.
    pub(crate) fn fetch_soon(&self) {
        match self {
            Self::Fixed(_) => {}
            #[cfg(not(feature = "remote"))]
            Self::Custom(_) => {}
            #[cfg(feature = "remote")]
            Self::Custom(source) => {
                let source = source.clone();
                if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                    runtime.spawn(async move { source.0.refresh().await });
                }
            }
            #[cfg(feature = "remote")]
            Self::Remote(keys) => keys.fetch_soon(),
        }
    }

    pub(crate) fn health(&self) -> Health {
        match self {
            Self::Fixed(keys) => Health::of_set(keys),
            Self::Custom(source) => match source.0.keys() {
                Ok(keys) => Health::of_set(&keys),
                Err(_) => Health::cold(),
            },
            #[cfg(feature = "remote")]
            Self::Remote(keys) => keys.health(),
        }
    }
}

impl CustomKeys {
    fn absence(&self, kid: Option<&Kid>) -> Miss {
        if kid.is_some_and(|kid| self.0.may_bring(kid)) { Miss::NeedsKeys } else { Miss::Unknown }
    }

    /// Asks the source for newer keys, once. What it still lacks afterwards does not exist: 401.
    async fn resolve(&self, kid: Option<&Kid>) -> Result<(), Miss> {
        self.0.refresh().await;
        let keys = self.0.keys().map_err(|none| Miss::Unavailable(none.retry_after))?;
        select(&keys, kid, Miss::Unknown).map(|_| ())
    }
}

impl From<NoKeys> for Miss {
    fn from(none: NoKeys) -> Self {
        match none.retry_after {
            Duration::ZERO => Self::NeedsKeys,
            wait => Self::Unavailable(wait),
        }
    }
}

/// A token without `kid` is acceptable only where no choice exists: keys are never tried in turn.
fn select<'k>(keys: &'k JwkSet, kid: Option<&Kid>, absent: Miss) -> Result<&'k VerifyingKey, Miss> {
    match kid {
        Some(kid) => keys.find(kid).ok_or(absent),
        None => keys.only().ok_or(Miss::NoKid),
    }
}
