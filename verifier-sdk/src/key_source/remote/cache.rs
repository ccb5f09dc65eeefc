//! A key set with its age: how long it is fresh, when to refresh it, and how long it may serve with
//! the issuer gone. Pure arithmetic on monotonic time.

use std::time::Duration;

use bytes::Bytes;
use countersign_keys::JwkSet;

use super::super::CacheDirectives;

const DEFAULT_TTL: Duration = Duration::from_mins(5);
/// No set is asked for more often than this, unless its issuer says that it is good for less.
const MIN_TTL: Duration = Duration::from_mins(1);
const MAX_TTL: Duration = Duration::from_hours(24);

/// The keys of an issuer as last confirmed. Immutable: replaced whole, never edited.
#[derive(Clone, Debug)]
pub(super) struct CachedKeys {
    pub(super) keys: JwkSet,
    /// The document, for `export` and to notice changes.
    pub(super) document: Bytes,
    pub(super) etag: Option<String>,
    /// Counts the changes of the set.
    pub(super) epoch: u64,
    pub(super) directives: CacheDirectives,
    /// Unix seconds, for `export`.
    pub(super) confirmed_wall: i64,
    pub(super) times: Times,
}

/// When what is due, on the monotonic clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Times {
    /// When this process took the set in, and how old it was then.
    pub(super) taken_at: Duration,
    pub(super) age_when_taken: Duration,
    pub(super) refresh_at: Duration,
    pub(super) fresh_until: Duration,
    pub(super) usable_until: Duration,
}

/// A set that came just now, or an exported one that came a while ago.
#[derive(Clone, Copy, Debug)]
pub(super) struct Confirmation {
    pub(super) now: Duration,
    /// How long ago it came; zero unless it comes from a snapshot. Its time in caches (`Age`) is apart.
    pub(super) age: Duration,
    pub(super) max_stale: Duration,
    /// In parts per thousand of the refresh-ahead time, from −100 to 100.
    pub(super) jitter: i32,
}

/// An issuer that rotates within a minute says so by its `max-age`, and rotates by it: honoring it is
/// what makes every key known in time. `no-store` and `max-age=0` are no such promise.
fn least(max_age: Duration) -> Duration {
    if max_age.is_zero() { MIN_TTL } else { MIN_TTL.min(max_age) }
}

impl Times {
    pub(super) fn of(directives: &CacheDirectives, confirmation: Confirmation) -> Self {
        let Confirmation { now, age, max_stale, jitter } = confirmation;
        let in_caches = directives.age;
        // RFC 9111 §4.2.3: what caches on the way used up does not count again.
        let ttl_after = |used: Duration| match directives.max_age {
            Some(max_age) => max_age.saturating_sub(used).clamp(least(max_age), MAX_TTL),
            None => DEFAULT_TTL,
        };
        // The issuer confirmed the set when it left the issuer, not when a cache handed it on.
        let bound = max_stale.saturating_sub(in_caches);
        let ttl = ttl_after(in_caches).min(bound);
        // RFC 5861 §4: the issuer can lower how long it may be taken for granted, never raise it.
        let usable = match directives.stale_if_error {
            Some(extra) => {
                let granted = ttl_after(Duration::ZERO).saturating_add(extra);
                bound.min(granted.saturating_sub(in_caches).max(ttl))
            }
            None => bound,
        };
        let ahead = ttl.mul_f64(0.8 * (1.0 + f64::from(jitter) / 1000.0));
        let ends = |after: Duration| now.saturating_add(after.saturating_sub(age));
        Self {
            taken_at: now,
            age_when_taken: age.saturating_add(in_caches),
            refresh_at: ends(ahead),
            fresh_until: ends(ttl),
            usable_until: ends(usable),
        }
    }

    /// Time since the issuer last confirmed the set.
    pub(super) fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.taken_at).saturating_add(self.age_when_taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn directives(max_age: Option<u64>, stale_if_error: Option<u64>, age: u64) -> CacheDirectives {
        CacheDirectives {
            max_age: max_age.map(Duration::from_secs),
            stale_if_error: stale_if_error.map(Duration::from_secs),
            age: Duration::from_secs(age),
        }
    }

    fn times(directives: &CacheDirectives) -> Times {
        let now = Duration::ZERO;
        Times::of(directives, Confirmation { now, age: now, max_stale: DAY, jitter: 0 })
    }

    #[test]
    fn j31_max_age_is_kept_within_a_day_and_a_minute_or_what_the_issuer_asks_for() {
        let rows =
            [(None, 0, 300), (Some(0), 0, 60), (Some(1_000_000_000), 0, 86_400), (Some(2), 0, 2)];
        let aged = [(Some(300), 100, 200), (Some(300), 1000, 60), (Some(600), 0, 600)];

        for (max_age, age, expected) in rows.into_iter().chain(aged) {
            let times = times(&directives(max_age, None, age));
            assert_eq!(times.fresh_until.as_secs(), expected, "{max_age:?} {age}");
        }
    }

    #[test]
    fn the_refresh_comes_at_four_fifths_give_or_take_a_tenth() {
        let given = directives(Some(1000), None, 0);
        let at = |jitter| {
            let now = Duration::ZERO;
            Times::of(&given, Confirmation { now, age: now, max_stale: DAY, jitter }).refresh_at
        };

        assert_eq!(at(0).as_secs(), 800);
        assert_eq!(at(-100).as_secs(), 720);
        assert_eq!(at(100).as_secs(), 880);
    }

    #[test]
    fn stale_if_error_lowers_the_bound_and_never_raises_it() {
        let rows = [(None, 86_400), (Some(0), 300), (Some(3600), 3900), (Some(1_000_000), 86_400)];

        for (stale_if_error, expected) in rows {
            let times = times(&directives(Some(300), stale_if_error, 0));
            assert_eq!(times.usable_until.as_secs(), expected, "{stale_if_error:?}");
        }
    }

    #[test]
    fn s4_time_in_caches_counts_against_the_bounds() {
        // max-stale is a day; max-age 300 and stale-if-error 600 grant 900 s, but never under a minute.
        let rows = [
            (None, 290, DAY.as_secs() - 290),
            (None, 86_400, 0),
            (None, u64::MAX, 0),
            (Some(600), 290, 610),
            (Some(600), 1000, 60),
        ];

        for (stale_if_error, age, usable) in rows {
            let times = times(&directives(Some(300), stale_if_error, age));
            assert_eq!(times.usable_until.as_secs(), usable, "{stale_if_error:?} {age}");
            assert_eq!(times.age(Duration::ZERO).as_secs(), age);
            assert!(
                times.refresh_at <= times.fresh_until && times.fresh_until <= times.usable_until
            );
        }
    }

    #[test]
    fn an_older_set_has_less_time_left() {
        let confirmation = Confirmation {
            now: Duration::from_secs(10),
            age: Duration::from_hours(1),
            max_stale: DAY,
            jitter: 0,
        };

        let times = Times::of(&directives(Some(300), None, 0), confirmation);

        assert_eq!(times.fresh_until.as_secs(), 10);
        assert_eq!(times.usable_until.as_secs(), 10 + 86_400 - 3600);
        assert_eq!(times.age(Duration::from_secs(20)).as_secs(), 3610);
    }
}
