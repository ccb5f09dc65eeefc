//! Until when all revocations are known, for readers without a lock. It ages by two clocks, and the one that says more is
//! believed: the wall clock notices that a machine slept, the monotonic one that the wall clock was set back.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Clock;

const NEVER: i64 = i64::MIN;

pub(super) struct Freshness {
    /// By the issuer's clock, Unix seconds.
    at: AtomicI64,
    /// By the monotonic clock here, milliseconds.
    heard: AtomicU64,
}

impl Default for Freshness {
    fn default() -> Self {
        Self { at: NEVER.into(), heard: 0.into() }
    }
}

impl Freshness {
    /// Everything before this second is known. Called by one at a time.
    pub(super) fn advance(&self, at: i64, clock: &dyn Clock) {
        if at <= self.at.load(Ordering::Acquire) {
            return;
        }
        // What was on its way for long is not news.
        let delay = seconds(clock.wall().saturating_sub(at));
        let heard = clock.monotonic().saturating_sub(delay);
        let millis = u64::try_from(heard.as_millis()).unwrap_or(u64::MAX);
        self.heard.fetch_max(millis, Ordering::Release);
        self.at.store(at, Ordering::Release);
    }

    /// For how long nothing is known; none if nothing ever was.
    pub(super) fn lag(&self, clock: &dyn Clock) -> Option<Duration> {
        let at = self.at.load(Ordering::Acquire);
        if at == NEVER {
            return None;
        }
        let heard = Duration::from_millis(self.heard.load(Ordering::Acquire));
        let by_wall = seconds(clock.wall().saturating_sub(at));
        Some(clock.monotonic().saturating_sub(heard).max(by_wall))
    }
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::testing::TestClock;

    #[test]
    fn it_ages_from_the_moment_at_which_the_issuer_said_so() {
        let (freshness, clock) = (Freshness::default(), TestClock::at(1000));
        assert_eq!(freshness.lag(&clock), None);

        freshness.advance(997, &clock);
        assert_eq!(freshness.lag(&clock), Some(Duration::from_secs(3)));

        clock.advance(Duration::from_secs(4));
        assert_eq!(freshness.lag(&clock), Some(Duration::from_secs(7)));
    }

    #[test]
    fn a_wall_clock_that_is_set_back_hides_no_age_and_one_set_forward_adds_some() {
        let (freshness, clock) = (Freshness::default(), TestClock::at(1000));
        freshness.advance(1000, &clock);
        clock.advance(Duration::from_secs(20));

        clock.step_wall(-3600);
        assert_eq!(freshness.lag(&clock), Some(Duration::from_secs(20)));

        clock.step_wall(7200);
        assert_eq!(freshness.lag(&clock), Some(Duration::from_secs(3620)));
    }
}
