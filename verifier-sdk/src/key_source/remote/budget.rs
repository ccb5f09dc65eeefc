//! How often unknown `kid`s may cause a fetch: two at once, then one every 30 s. Claimed atomically
//! and counted on attempts, so neither a flood nor failures amplify (CVE-2026-48524).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// One token comes back in this time.
pub(super) const REFILL: Duration = Duration::from_secs(30);
const REFILL_MILLIS: u64 = 30_000;
const BURST: u64 = 2;

/// A token bucket as one number: the time at which it would be full again, in milliseconds.
#[derive(Debug, Default)]
pub(super) struct Budget {
    full_at: AtomicU64,
}

impl Budget {
    /// How long until a token is there; zero if one is.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        let full_at = self.full_at.load(Ordering::Relaxed);
        let latest = millis(now) + (BURST - 1) * REFILL_MILLIS;
        Duration::from_millis(full_at.saturating_sub(latest))
    }

    /// Takes a token, if one is there.
    pub(super) fn claim(&self, now: Duration) -> bool {
        let now = millis(now);
        let take = |full_at: u64| {
            let full_at = full_at.max(now) + REFILL_MILLIS;
            (full_at <= now + BURST * REFILL_MILLIS).then_some(full_at)
        };
        self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// Takes a token for a fetch that happens anyway; the bucket does not go below empty.
    pub(super) fn charge(&self, now: Duration) {
        let now = millis(now);
        let take = |full_at: u64| {
            Some((full_at.max(now) + REFILL_MILLIS).min(now + BURST * REFILL_MILLIS))
        };
        // The closure always answers, so this cannot fail.
        let _ = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn row_7_two_at_once_then_one_every_thirty_seconds() {
        let budget = Budget::default();

        let claims: Vec<u64> =
            (0..=90).flat_map(|t| [t, t, t]).filter(|t| budget.claim(at(*t))).collect();

        assert_eq!(claims, [0, 0, 30, 60, 90]);
    }

    #[test]
    fn an_unused_bucket_holds_no_more_than_two() {
        let budget = Budget::default();

        let claims = (0..10).filter(|_| budget.claim(at(10_000))).count();

        assert_eq!(claims, 2);
    }

    #[test]
    fn the_wait_is_until_the_next_token() {
        let budget = Budget::default();
        budget.claim(at(5));
        assert_eq!(budget.wait(at(5)), Duration::ZERO);

        budget.claim(at(5));

        assert_eq!(budget.wait(at(15)), at(20));
        assert_eq!(budget.wait(at(35)), Duration::ZERO);
    }

    #[test]
    fn charging_an_empty_bucket_never_delays_by_more_than_one_refill() {
        let budget = Budget::default();

        (0..100).for_each(|_| budget.charge(at(0)));

        assert_eq!(budget.wait(at(0)), REFILL);
    }
}
