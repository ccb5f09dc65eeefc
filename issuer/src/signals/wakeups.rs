//! Whoever waits for signals on a node: the task that pushes, and receivers that poll.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use uuid::Uuid;

/// So many polls may wait at a time on a node; others are answered at once.
const MAX_WAITING: usize = 256;

/// Whoever waits.
#[derive(Debug)]
pub struct Wakeups {
    /// What pushes.
    pub(super) push: Notify,
    /// Receivers that poll and wait.
    pub(super) poll: watch::Sender<u64>,
    /// For which streams they do.
    waiting: Mutex<HashSet<Uuid>>,
}

/// A poll that may wait, until it is dropped.
#[derive(Debug)]
pub(super) struct Place<'w> {
    wakeups: &'w Wakeups,
    stream_id: Uuid,
}

impl Default for Wakeups {
    fn default() -> Self {
        let (poll, waiting) = (watch::Sender::new(0), Mutex::default());
        Self { push: Notify::new(), poll, waiting }
    }
}

impl Wakeups {
    /// There may be something for somebody.
    pub fn wake(&self) {
        self.poll.send_modify(|times| *times = times.wrapping_add(1));
        self.wake_push();
    }

    /// Something is due to be pushed.
    pub fn wake_push(&self) {
        self.push.notify_one();
    }

    /// A place to wait for a stream, unless somebody waits for it already, or too many do for others.
    pub(super) fn place(&self, stream_id: Uuid) -> Option<Place<'_>> {
        let mut waiting = self.waiting();
        let has_room = waiting.len() < MAX_WAITING && waiting.insert(stream_id);
        // Not made unless it is given: its end is what gives it back.
        has_room.then(|| Place { wakeups: self, stream_id })
    }

    fn waiting(&self) -> MutexGuard<'_, HashSet<Uuid>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.wakeups.waiting().remove(&self.stream_id);
    }
}
