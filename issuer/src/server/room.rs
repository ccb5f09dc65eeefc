//! How many connections the process can hold: its limit of file descriptors, less what it needs itself.

use std::io;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// File descriptors that connections never take: the database, the audit log and the listeners need them.
const RESERVED_DESCRIPTORS: usize = 64;

/// The room for connections; clones share it.
#[derive(Clone)]
pub struct Room {
    places: Arc<Semaphore>,
    size: usize,
}

impl Room {
    /// As much as the process may have.
    pub fn of_this_process() -> Self {
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let line = limits.lines().find(|line| line.starts_with("Max open files"));
        let soft = line.and_then(|line| line.split_whitespace().nth(3)?.parse::<usize>().ok());
        let size = soft.unwrap_or(1024).saturating_sub(RESERVED_DESCRIPTORS).clamp(16, 100_000);
        Self { places: Arc::new(Semaphore::new(size)), size }
    }

    /// A place for one connection, as soon as there is one.
    pub(super) async fn place(&self) -> io::Result<OwnedSemaphorePermit> {
        Arc::clone(&self.places).acquire_owned().await.map_err(io::Error::other)
    }

    /// How many places are taken.
    pub fn taken(&self) -> usize {
        self.size.saturating_sub(self.places.available_permits())
    }
}
