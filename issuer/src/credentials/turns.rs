//! One use of a link at a time on this node. To set a password takes a hash, and who comes second must learn that the link
//! is used up before it costs one more: of many uses at once a node hashes for one. It is no lock against a second use:
//! that is the one statement of the store, on all nodes.

use tokio::sync::{Mutex, MutexGuard};

/// Links that share a turn wait for each other; there are seldom that many at once.
const TURNS: usize = 64;

/// The turns of one node.
pub(super) struct Turns(Box<[Mutex<()>; TURNS]>);

impl Turns {
    /// Waits for the turn of a link.
    pub(super) async fn of(&self, digest: &[u8; 32]) -> MutexGuard<'_, ()> {
        let [first, ..] = digest;
        let [turn, ..] = &*self.0;
        self.0.get(usize::from(*first) % TURNS).unwrap_or(turn).lock().await
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self(Box::new(std::array::from_fn(|_| Mutex::new(()))))
    }
}
