//! Whether this node still sees the store. Nodes learn of each other's changes by a heartbeat; one
//! that lost it may not know that a client was disabled or a key withdrawn, and issues nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::error::OAuthError;

/// How long a node goes on without a heartbeat before it refuses to issue. Whatever another node
/// changed is in force here after this time at the latest, and rotation counts on it.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// When the store was last seen, in monotonic time.
#[derive(Debug, Default)]
pub struct Freshness {
    seen_millis: AtomicU64,
}

impl Freshness {
    /// Notes that the store answered.
    pub fn seen(&self, now: Duration) {
        let millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.seen_millis.store(millis, Ordering::Relaxed);
    }

    /// How long ago the store last answered.
    pub fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(Duration::from_millis(self.seen_millis.load(Ordering::Relaxed)))
    }

    /// Whether the store was seen recently enough to issue tokens.
    pub fn is_fresh(&self, now: Duration) -> bool {
        self.age(now) <= PATIENCE
    }

    /// The same as a check.
    ///
    /// # Errors
    ///
    /// `temporarily_unavailable` if the store has not answered for too long.
    pub fn require(&self, now: Duration) -> Result<(), OAuthError> {
        if self.is_fresh(now) {
            return Ok(());
        }
        Err(OAuthError::unavailable("the database was not followed for more than 5 seconds"))
    }
}
