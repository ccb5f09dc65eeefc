//! A source of keys that the service brings along: a file that another process renews, a secret store, a
//! mesh. It carries the duties that the SDK's own sources carry: bounded age, bounded fetching.

use std::sync::Arc;
use std::time::Duration;

use countersign_keys::{JwkSet, Kid};

use super::BoxFuture;

/// Where a service takes its keys from, if neither discovery nor a fixed set fits. Given to
/// [`VerifierBuilder::keys`](crate::VerifierBuilder::keys).
pub trait KeySource: Send + Sync + 'static {
    /// The keys that are trusted now; asked for every token, so it must neither block nor wait. A key
    /// that is not in the set is not trusted from this moment on. Keys that are too old to be trusted are
    /// [`NoKeys`], which is answered with 503.
    fn keys(&self) -> Result<Arc<JwkSet>, NoKeys>;

    /// Whether `refresh` may bring a key of that name. With `false`, which is the default, such a token
    /// is answered with 401 at once. Strangers write the name: a source that fetches must bound how often
    /// it says `true`.
    fn may_bring(&self, kid: &Kid) -> bool {
        let _ = kid;
        false
    }

    /// Brings the newest keys, and must come back within a second or so, also when it fails. Called by
    /// `verify` when a key may come, and by `build` when there are none.
    fn refresh(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// There are no keys that can be trusted now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the key source has no keys")]
pub struct NoKeys {
    /// When it is worth asking again. Zero means now: `verify` calls `refresh` then, and waits.
    pub retry_after: Duration,
}

/// A [`KeySource`] of the service, shared by all clones of a verifier.
#[derive(Clone)]
pub struct CustomKeys(pub(crate) Arc<dyn KeySource>);

impl std::fmt::Debug for CustomKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CustomKeys")
    }
}
