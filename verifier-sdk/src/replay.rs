//! What may be used once: remembers names until they expire. For logout tokens (OpenID Connect Back-Channel
//! Logout §2.6); proofs of possession will use it too (RFC 9449 §11.1).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::key_source::BoxFuture;

/// How many names are remembered in memory. They are those of tokens whose signature held, so only the issuer
/// can fill it.
const CAPACITY: usize = 100_000;

/// A place where used names are remembered. Share one among the processes of a service if a token that was used at
/// one must not be used at another.
pub trait ReplayStore: Send + Sync + 'static {
    /// Remembers `name` until `until` (Unix seconds), and says whether it is used for the first time. Must be
    /// atomic: of two that come at once, one is the first. `now` is the verifier's time in Unix seconds.
    fn first_use<'a>(
        &'a self,
        name: &'a str,
        until: i64,
        now: i64,
    ) -> BoxFuture<'a, Result<bool, ReplayStoreError>>;
}

/// The store cannot tell now; answered with 503.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the replay store is not available")]
pub struct ReplayStoreError {
    /// When it is worth trying again.
    pub retry_after: Duration,
}

/// Remembers in the memory of this process; the default. Full, it says that it cannot tell.
#[derive(Debug, Default)]
pub struct MemoryReplayStore {
    used: Mutex<HashMap<Box<str>, i64>>,
}

pub(crate) fn in_memory() -> Arc<dyn ReplayStore> {
    Arc::new(MemoryReplayStore::default())
}

impl MemoryReplayStore {
    fn record(&self, name: &str, until: i64, now: i64) -> Result<bool, ReplayStoreError> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.get(name).is_some_and(|until| now < *until) {
            return Ok(false);
        }
        if used.len() >= CAPACITY {
            used.retain(|_, until| now < *until);
        }
        if used.len() >= CAPACITY {
            return Err(ReplayStoreError { retry_after: Duration::from_mins(1) });
        }
        used.insert(name.into(), until);
        Ok(true)
    }
}

impl ReplayStore for MemoryReplayStore {
    fn first_use<'a>(
        &'a self,
        name: &'a str,
        until: i64,
        now: i64,
    ) -> BoxFuture<'a, Result<bool, ReplayStoreError>> {
        Box::pin(std::future::ready(self.record(name, until, now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_used_once_until_it_expires() {
        let store = MemoryReplayStore::default();

        assert_eq!(store.record("a", 100, 50), Ok(true));
        assert_eq!(store.record("a", 100, 99), Ok(false));
        assert_eq!(store.record("b", 100, 99), Ok(true));
        assert_eq!(store.record("a", 200, 100), Ok(true));
    }

    #[test]
    fn row_38_memory_is_bounded_and_a_full_store_fails_closed() {
        let store = MemoryReplayStore::default();
        for n in 0..CAPACITY {
            store.record(&n.to_string(), 100, 0).unwrap();
        }

        assert!(store.record("one more", 200, 99).is_err());
        assert_eq!(store.record("one more", 200, 100), Ok(true));
        assert_eq!(store.used.lock().unwrap().len(), 1);
    }
}
