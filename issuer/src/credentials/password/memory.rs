//! The memory of Argon2. To take 19 MiB from the system and to give them back costs more than half of what it costs to hash
//! in them, so a thread that is done hands them on to whoever waits. When nobody waits nothing is kept: the memory of a node
//! at rest is bounded, and its cores have time.

use std::mem::take;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use argon2::{Argon2, Block};

/// From this size on the C library gives memory back to the system when it is freed, whatever was freed before.
const RETURNED_AT_ONCE_KIB: usize = 33 * 1024;

/// The blocks of one thread; none before its first hash.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

impl Memory {
    /// One run of Argon2, in what is there if it fits. What was hashed in it before is overwritten, never read.
    pub(super) fn fill(
        &mut self,
        argon2: &Argon2<'_>,
        (password, salt): (&[u8], &[u8]),
        output: &mut [u8],
    ) -> bool {
        let blocks = argon2.params().block_count();
        if self.0.len() != blocks && !self.grow(blocks) {
            return false;
        }
        argon2.hash_password_into_with_memory(password, salt, output, self.0.as_mut_slice()).is_ok()
    }

    /// Takes a little more than is used, so that all of it goes back to the system afterwards.
    fn grow(&mut self, blocks: usize) -> bool {
        // The old blocks first, or both would be held.
        self.0 = Vec::new();
        let taken = self.0.try_reserve_exact(blocks.max(RETURNED_AT_ONCE_KIB)).is_ok();
        if taken {
            self.0.resize(blocks, Block::new());
        }
        taken
    }
}

/// Memory between two threads, and how many wait for it.
pub(super) struct Spare {
    /// What is kept has this many blocks: those of our own hashes.
    blocks: usize,
    waiting: AtomicUsize,
    kept: Mutex<Vec<Memory>>,
}

impl Spare {
    /// For hashes of so many blocks.
    pub(super) fn of(blocks: usize) -> Self {
        Self { blocks, waiting: AtomicUsize::new(0), kept: Mutex::default() }
    }

    /// A place among at most so many who wait.
    pub(super) fn wait(&self, limit: usize) -> Option<Place<'_>> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let place = Place(self);
        (before < limit).then_some(place)
    }

    /// Keeps memory if somebody waits.
    pub(super) fn hand_on(&self, memory: Memory) {
        let mut kept = self.kept();
        // Looked at under the lock: whoever waits last clears what is kept, and comes after this.
        if memory.0.len() == self.blocks && self.waiting.load(Ordering::Relaxed) > 0 {
            kept.push(memory);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Memory>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue.
pub(super) struct Place<'a>(&'a Spare);

impl Place<'_> {
    /// It is this one's turn: with what another thread left, or with nothing.
    pub(super) fn take(self) -> Memory {
        self.0.kept().pop().unwrap_or_default()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.0.waiting.fetch_sub(1, Ordering::Relaxed) == 1 {
            // Given back after the lock is free.
            let unwanted = take(&mut *self.0.kept());
            drop(unwanted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(blocks: usize) -> Memory {
        Memory(vec![Block::new(); blocks])
    }

    #[test]
    fn memory_is_handed_on_to_whoever_waits_and_kept_for_nobody() {
        let spare = Spare::of(8);
        let [first, second] = [spare.wait(2).unwrap(), spare.wait(2).unwrap()];

        spare.hand_on(memory(8));
        spare.hand_on(memory(8));
        spare.hand_on(memory(16));
        let taken = first.take();
        let left = spare.kept().len();
        drop(second);

        assert_eq!((taken.0.len(), left), (8, 1), "what does not fit is not kept");
        assert!(spare.kept().is_empty(), "the last one gave up");
        spare.hand_on(memory(8));
        assert!(spare.kept().is_empty(), "nobody waits");
    }

    #[test]
    fn the_queue_is_bounded() {
        let spare = Spare::of(8);
        let place = spare.wait(1);

        assert!(place.is_some() && spare.wait(1).is_none());
        drop(place);
        assert!(spare.wait(1).is_some());
    }
}
