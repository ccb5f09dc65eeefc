//! Where verification keys come from: a fixed set, or the issuer's JWKS kept fresh in the background.
//! The hot path is one atomic load and a lookup; it never waits and never fetches.

mod fetch;
#[cfg(feature = "remote")]
mod http_fetch;
#[cfg(feature = "remote")]
mod remote;
mod snapshot;

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
    #[cfg_attr(not(feature = "remote"), expect(dead_code, reason = "fixed keys are always there"))]
    NeedsKeys,
    /// There are no usable keys, and fetching is of no use before this has passed.
    #[cfg_attr(not(feature = "remote"), expect(dead_code, reason = "fixed keys are always there"))]
    Unavailable(Duration),
}

/// The keys of one issuer.
#[derive(Clone, Debug)]
pub(crate) enum KeySource {
    Fixed(std::sync::Arc<JwkSet>),
    #[cfg(feature = "remote")]
    Remote(RemoteKeys),
}

impl KeySource {
    /// Hands all keys to `then`, if there are any yet, however old.
    pub(crate) fn with_set<R>(&self, then: impl FnOnce(Option<&JwkSet>) -> R) -> R {
        match self {
            Self::Fixed(keys) => then(Some(keys)),
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
            #[cfg(feature = "remote")]
            Self::Remote(keys) => keys.with_key(kid, then),
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
