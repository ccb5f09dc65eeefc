//! What all clones of a key source share: the cached set, the budget, the flight. The lookup is here:
//! one atomic load, and atomics alone decide whether a fetch may be worth waiting for.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use countersign_keys::{Algorithm, Kid, VerifyingKey};
use tokio::sync::Notify;

use super::super::fetch::PlainHttp;
use super::super::{CacheDirectives, Fetch, FetchError, Miss, select};
use super::Source;
use super::budget::{Budget, REFILL};
use super::cache::{CachedKeys, Confirmation, Times};
use super::counters::{Counters, Trigger, increment};
use super::flight::Flights;
use super::locate::Location;
use super::negative::Misses;
use crate::clock::Clock;

/// When news are due that there are none of.
pub(super) const NEVER: u64 = u64::MAX;
/// Milliseconds over which the recipients of news spread.
const SPREAD: i32 = 10_000;

pub(super) struct Core {
    pub(super) source: Source,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) max_stale: Duration,
    pub(super) plain_http: PlainHttp,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) fetch: Arc<dyn Fetch>,
    pub(super) cached: ArcSwapOption<CachedKeys>,
    pub(super) budget: Budget,
    pub(super) misses: Misses,
    pub(super) flights: Flights,
    pub(super) counters: Counters,
    /// Monotonic milliseconds before which no attempt is made, after a failure.
    pub(super) not_before: AtomicU64,
    /// Monotonic milliseconds at which the set is fetched since the issuer told that it changed.
    pub(super) news_due: AtomicU64,
    pub(super) trouble: Mutex<Trouble>,
    pub(super) location: Mutex<Option<Location>>,
    /// Rings whenever an attempt has ended, or the next one is due earlier.
    pub(super) settled: Notify,
}

/// The failures since the last success.
#[derive(Default)]
pub(super) struct Trouble {
    pub(super) failures: u32,
    pub(super) last: Option<FetchError>,
}

impl Core {
    pub(super) fn with_key<R>(
        &self,
        kid: Option<&Kid>,
        then: impl FnOnce(Result<&VerifyingKey, Miss>) -> R,
    ) -> R {
        let now = self.clock.monotonic();
        let guard = self.cached.load();
        match guard.as_deref() {
            Some(cached) if now < cached.times.usable_until => {
                let found = select(&cached.keys, kid, Miss::Unknown);
                then(found.map_err(|miss| match (miss, kid) {
                    (Miss::Unknown, Some(kid)) => self.judge_absence(kid, cached, now),
                    _ => miss,
                }))
            }
            _ => then(Err(self.without_keys(now))),
        }
    }

    pub(super) fn lookup(&self, kid: Option<&Kid>) -> Result<(), Miss> {
        self.with_key(kid, |found| found.map(|_| ()))
    }

    /// The set is usable and lacks the key: is it current enough to say so, or may a fetch help?
    fn judge_absence(&self, kid: &Kid, cached: &CachedKeys, now: Duration) -> Miss {
        increment(&self.counters.unknown_kid);
        if self.misses.contains(kid, cached.epoch, now) {
            return Miss::Unknown;
        }
        let wait = self.budget.wait(now).max(self.cool_down(now));
        if wait.is_zero() {
            return Miss::NeedsKeys;
        }
        increment(&self.counters.suppressed);
        // The issuer confirmed the set within one refill: that it lacks the key is a fact, and 401.
        // Otherwise nobody knows, and that is not the token's fault.
        if cached.times.age(now) <= REFILL { Miss::Unknown } else { Miss::Unavailable(wait) }
    }

    fn without_keys(&self, now: Duration) -> Miss {
        match self.cool_down(now) {
            Duration::ZERO => Miss::NeedsKeys,
            wait => Miss::Unavailable(wait),
        }
    }

    /// How long attempts have to wait after a failure.
    pub(super) fn cool_down(&self, now: Duration) -> Duration {
        Duration::from_millis(self.not_before.load(Ordering::Relaxed)).saturating_sub(now)
    }

    pub(super) fn is_fresh(&self) -> bool {
        let now = self.clock.monotonic();
        self.cached.load().as_deref().is_some_and(|cached| now < cached.times.fresh_until)
    }

    /// How long until the next scheduled attempt; none while nothing was ever asked for.
    pub(super) fn due_in(&self) -> Option<Duration> {
        let now = self.clock.monotonic();
        let due = match self.cached.load().as_deref() {
            Some(cached) => cached.times.refresh_at.min(self.news()).saturating_sub(now),
            None if lock(&self.trouble).failures > 0 => Duration::ZERO,
            None => return None,
        };
        Some(due.max(self.cool_down(now)))
    }

    /// Why the attempt is made that is due.
    pub(super) fn trigger_due(&self) -> Trigger {
        if self.news() <= self.clock.monotonic() { Trigger::Told } else { Trigger::Scheduled }
    }

    /// When the set is fetched since the issuer told that it changed.
    pub(super) fn news(&self) -> Duration {
        Duration::from_millis(self.news_due.load(Ordering::Relaxed))
    }

    /// They were fetched, unless there are others meanwhile.
    pub(super) fn forget_news(&self, news: Duration) {
        let news = u64::try_from(news.as_millis()).unwrap_or(NEVER);
        let _ = self.news_due.compare_exchange(news, NEVER, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The issuer told that its keys changed.
    pub(super) fn hear_of_news(&self) {
        let wait = u64::try_from(random_below(SPREAD)).unwrap_or_default();
        let due = self.clock.monotonic() + Duration::from_millis(wait);
        let due = u64::try_from(due.as_millis()).unwrap_or(NEVER);
        self.news_due.fetch_min(due, Ordering::Relaxed);
        self.settled.notify_waiters();
    }

    /// The times of a set that came just now; none if it is not usable any more.
    pub(super) fn times_of(&self, directives: &CacheDirectives) -> Result<Times, FetchError> {
        let now = self.clock.monotonic();
        let jitter = random_below(201) - 100;
        let confirmation =
            Confirmation { now, age: Duration::ZERO, max_stale: self.max_stale, jitter };
        let times = Times::of(directives, confirmation);
        if now < times.usable_until { Ok(times) } else { Err(FetchError::TooOld) }
    }

    /// When the issuer sent the set that came just now, in Unix seconds.
    pub(super) fn confirmed_wall(&self, directives: &CacheDirectives) -> i64 {
        let in_caches = i64::try_from(directives.age.as_secs()).unwrap_or(i64::MAX);
        self.clock.wall().saturating_sub(in_caches)
    }
}

/// A number for spreading load; its quality does not matter, so no random generator is linked.
pub(super) fn random_below(bound: i32) -> i32 {
    let number = RandomState::new().hash_one(0_u8) >> 33;
    i32::try_from(number).unwrap_or_default() % bound
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
