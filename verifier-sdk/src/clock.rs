//! The one door through which the SDK reads time. Wall time judges claims (RFC 7519 §4.1.4);
//! monotonic time ages the key cache, so that a stepped wall clock can neither wipe nor prolong it.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where the verifier takes its time from. Replace it in tests; see `testing::TestClock`.
pub trait Clock: Send + Sync + 'static {
    /// Unix time in whole seconds.
    fn wall(&self) -> i64;

    /// Time since an arbitrary, fixed origin. Never goes back.
    fn monotonic(&self) -> Duration;
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    fn wall(&self) -> i64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    fn monotonic(&self) -> Duration {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        ORIGIN.get_or_init(Instant::now).elapsed()
    }
}
