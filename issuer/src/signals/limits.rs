//! How many changes a receiver makes: each stands in the line of all changes, is recorded for good and makes every node look. A few
//! are free, and each further one doubles the wait. Counted on this node; memory is bounded.

use std::sync::{Mutex, PoisonError};

use crate::bounded::Bounded;
use crate::credentials::{Pace, Slowed, Tally};

/// Changes of one receiver: more than setting up all its streams takes.
const CHANGES: Pace = Pace { free: 20, longest_wait: 30, forgotten_after: 300 };

/// The counts of one node.
#[derive(Default)]
pub struct SignalLimits {
    changes: Mutex<Bounded<String, Tally>>,
}

impl SignalLimits {
    /// Counts a change by a receiver at `now` (monotonic seconds).
    ///
    /// # Errors
    ///
    /// If there were too many.
    pub fn change(&self, client_id: &str, now: i64) -> Result<(), Slowed> {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let client_id = client_id.to_owned();
        let after = CHANGES.looked(changes.get(&client_id).copied(), now)?;
        changes.insert(client_id, after);
        Ok(())
    }
}
