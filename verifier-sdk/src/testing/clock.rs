//! A clock that moves only when told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Clock;

/// A fixed clock. Clones show the same time.
#[derive(Clone, Debug)]
pub struct TestClock {
    hands: Arc<Hands>,
}

#[derive(Debug)]
struct Hands {
    wall: AtomicI64,
    monotonic_millis: AtomicU64,
}

impl TestClock {
    /// Stands at this Unix time in seconds.
    pub fn at(wall: i64) -> Self {
        // Not zero, so that nothing passes by mistaking "never" for "just now".
        let hands = Hands { wall: wall.into(), monotonic_millis: 1_000_000.into() };
        Self { hands: Arc::new(hands) }
    }

    /// Lets time pass on both hands.
    pub fn advance(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.hands.monotonic_millis.fetch_add(millis, Ordering::SeqCst);
        self.step_wall(i64::try_from(time.as_secs()).unwrap_or(i64::MAX));
    }

    /// Steps the wall clock alone, as an administrator or a bad time server would.
    pub fn step_wall(&self, seconds: i64) {
        self.hands.wall.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn wall(&self) -> i64 {
        self.hands.wall.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.hands.monotonic_millis.load(Ordering::SeqCst))
    }
}
