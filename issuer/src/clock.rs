//! The one place where the issuer reads the time. Everything else is given a `Clock`, so that a
//! test can fix it. Wall time dates tokens; monotonic time measures how long something was seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A source of wall and monotonic time; cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System { origin: Instant },
    Fixed(Arc<Fixed>),
}

#[derive(Debug)]
struct Fixed {
    unix_seconds: AtomicI64,
    elapsed_millis: AtomicU64,
}

impl Clock {
    /// The clock of the operating system.
    #[expect(clippy::disallowed_methods, reason = "this file is the door to the clock")]
    pub fn system() -> Self {
        Self(Source::System { origin: Instant::now() })
    }

    /// A clock that stands still until [`Clock::advance`] moves it.
    pub fn fixed(unix_seconds: i64) -> Self {
        Self(Source::Fixed(Arc::new(Fixed {
            unix_seconds: AtomicI64::new(unix_seconds),
            elapsed_millis: AtomicU64::new(0),
        })))
    }

    /// Wall time in seconds since the Unix epoch.
    #[expect(clippy::disallowed_methods, reason = "this file is the door to the clock")]
    pub fn now(&self) -> i64 {
        match &self.0 {
            Source::System { .. } => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX)),
            Source::Fixed(fixed) => fixed.unix_seconds.load(Ordering::Relaxed),
        }
    }

    /// Time since this clock was made; never goes back, whatever happens to wall time.
    #[expect(clippy::disallowed_methods, reason = "this file is the door to the clock")]
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Source::System { origin } => Instant::now().duration_since(*origin),
            Source::Fixed(fixed) => {
                Duration::from_millis(fixed.elapsed_millis.load(Ordering::Relaxed))
            }
        }
    }

    /// Moves a fixed clock forward, wall and monotonic time alike; the system clock is left alone.
    pub fn advance(&self, by: Duration) {
        if let Source::Fixed(fixed) = &self.0 {
            let seconds = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
            fixed.unix_seconds.fetch_add(seconds, Ordering::Relaxed);
            let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
            fixed.elapsed_millis.fetch_add(millis, Ordering::Relaxed);
        }
    }

    /// Moves the wall time of a fixed clock back, as a correction does; monotonic time knows nothing of it.
    pub fn turn_back(&self, by: Duration) {
        if let Source::Fixed(fixed) = &self.0 {
            let seconds = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
            fixed.unix_seconds.fetch_sub(seconds, Ordering::Relaxed);
        }
    }
}

/// The SDK tells the time by the issuer's clock, so that one fixed clock fixes both.
impl countersign_verifier::clock::Clock for Clock {
    fn wall(&self) -> i64 {
        self.now()
    }

    fn monotonic(&self) -> Duration {
        self.elapsed()
    }
}
