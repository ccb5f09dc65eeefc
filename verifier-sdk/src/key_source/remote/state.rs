//! What can be seen of a key source from outside: whether it is ready, and how it is.

use std::time::Duration;

use countersign_keys::JwkSet;

use super::super::FetchError;
use super::cache::CachedKeys;
use super::core::lock;
use super::{RemoteKeys, Trigger};
use crate::health::{Health, State};

/// How often `ready` looks again while an attempt is under way.
const READY_PAUSE: Duration = Duration::from_millis(250);

impl RemoteKeys {
    /// How the keys are.
    pub fn health(&self) -> Health {
        let core = &self.handle.core;
        let now = core.clock.monotonic();
        let trouble = lock(&core.trouble);
        let (failures, last_error) =
            (trouble.failures, trouble.last.as_ref().map(FetchError::code));
        drop(trouble);
        let cached = core.cached.load();
        let state = match cached.as_deref() {
            None => State::Cold,
            Some(cached) if now >= cached.times.usable_until => State::Expired,
            Some(cached) if now >= cached.times.fresh_until => State::Stale,
            Some(_) if failures > 0 => State::Failing,
            Some(_) => State::Fresh,
        };
        Health {
            state,
            age: cached.as_deref().map(|cached| cached.times.age(now)),
            epoch: cached.as_deref().map_or(0, |cached| cached.epoch),
            kids: cached
                .as_deref()
                .map_or_else(Vec::new, |c| c.keys.iter().map(|k| *k.kid()).collect()),
            failures,
            last_error,
            feed: None,
        }
    }

    /// Hands the set to `then`, if it may be used now. Counts nothing and causes nothing.
    pub(crate) fn usable<R>(&self, then: impl FnOnce(&JwkSet) -> R) -> Option<R> {
        let core = &self.handle.core;
        let cached = core.cached.load();
        let usable = |cached: &&CachedKeys| core.clock.monotonic() < cached.times.usable_until;
        cached.as_deref().filter(usable).map(|cached| then(&cached.keys))
    }

    /// Returns as soon as there are keys to judge tokens by, and fetches them if nobody has yet.
    pub async fn ready(&self) {
        let core = &self.handle.core;
        loop {
            let settled = core.settled.notified();
            let now = core.clock.monotonic();
            if self.usable(|_| ()).is_some() {
                return;
            }
            let pause = core.cool_down(now);
            if pause.is_zero() {
                // Whoever lands it rings `settled`; without a runtime nothing could be awaited anyway.
                core.board(Trigger::Cold);
            }
            tokio::select! {
                () = settled => {}
                () = tokio::time::sleep(pause.max(READY_PAUSE)) => {}
            }
        }
    }
}
