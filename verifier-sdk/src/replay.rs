//! What may be used once: remembers names until they expire. For logout tokens (OpenID Connect Back-Channel
//! Logout §2.6) and proofs of possession (RFC 9449 §11.1).

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::key_source::BoxFuture;

/// How many names are remembered in memory unless told otherwise. They are those of tokens whose signature held, so only
/// the issuer, or who holds a token of it, can fill it.
const CAPACITY: usize = 100_000;
/// Two that come at once seldom wait for each other.
const SHARDS: usize = 16;

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

/// Remembers in the memory of this process; the default. A name takes 32 bytes, since only its hash is kept: 128 bits under
/// a secret of this store, so that nobody can aim at another's. Full, it says that it cannot tell.
#[derive(Debug)]
pub struct MemoryReplayStore {
    /// Of one shard.
    capacity: usize,
    seeds: [RandomState; 2],
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Debug, Default)]
struct Shard {
    used: HashMap<u128, i64>,
    /// Unix seconds at which what had expired was last forgotten.
    swept_at: i64,
}

pub(crate) fn in_memory() -> Arc<dyn ReplayStore> {
    Arc::new(MemoryReplayStore::default())
}

impl Default for MemoryReplayStore {
    fn default() -> Self {
        Self::with_capacity(CAPACITY)
    }
}

impl MemoryReplayStore {
    /// For so many names. Nothing is allocated before they come.
    pub fn with_capacity(capacity: usize) -> Self {
        let (capacity, seeds) =
            (capacity.div_ceil(SHARDS), [RandomState::new(), RandomState::new()]);
        Self { capacity, seeds, shards: Default::default() }
    }

    fn record(&self, name: &str, until: i64, now: i64) -> Result<bool, ReplayStoreError> {
        let [high, low] = self.seeds.each_ref().map(|seed| u128::from(seed.hash_one(name)));
        let hash = high << 64 | low;
        let mut shards =
            self.shards.iter().cycle().skip(usize::from(hash.to_le_bytes()[0]) % SHARDS);
        let Some(shard) = shards.next() else { return Ok(false) };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if shard.used.get(&hash).is_some_and(|until| now < *until) {
            return Ok(false);
        }
        // Once in a second at the most: while it is full of what is alive, looking again is work for nothing.
        if shard.used.len() >= self.capacity && shard.swept_at != now {
            shard.used.retain(|_, until| now < *until);
            shard.swept_at = now;
        }
        if shard.used.len() >= self.capacity {
            return Err(ReplayStoreError { retry_after: Duration::from_secs(1) });
        }
        shard.used.insert(hash, until);
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
        let store = MemoryReplayStore::with_capacity(1000);
        let refused = (0..10_000).filter(|n| store.record(&n.to_string(), 100, 0).is_err()).count();
        let len = |shard: &Mutex<Shard>| shard.lock().unwrap().used.len();
        let count = || store.shards.iter().map(len).sum::<usize>();

        assert_eq!(10_000 - refused, count());
        assert!((900..=1008).contains(&count()), "{}", count());
        assert!(store.record("one more", 200, 99).is_err());
        assert_eq!(store.record("one more", 200, 100), Ok(true));
        assert_eq!(store.record("one more", 200, 100), Ok(false));
    }
}
