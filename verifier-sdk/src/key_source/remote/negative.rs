//! Key names that were looked for in a current set and are not there: 1,024 of them for 30 s, without
//! a lock. A slot holds a fingerprint, not the name; the hash is seeded, so nobody can aim at one.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const SLOTS: usize = 1024;
const LIFETIME_SECONDS: u64 = 30;

/// The memory of misses. Entries belong to one epoch of the key set: a new set forgets them all.
#[derive(Debug, Default)]
pub(super) struct Misses {
    seed: RandomState,
    /// High half: fingerprint; low half: second at which the entry ends. Made at the first miss.
    slots: OnceLock<Box<[AtomicU64]>>,
}

impl Misses {
    pub(super) fn contains(&self, kid: &str, epoch: u64, now: Duration) -> bool {
        let Some(slots) = self.slots.get() else { return false };
        let (slot, fingerprint) = self.place(slots, kid, epoch);
        let entry = slot.map_or(0, |slot| slot.load(Ordering::Relaxed));
        entry >> 32 == fingerprint && now.as_secs() < entry & 0xffff_ffff
    }

    pub(super) fn insert(&self, kid: &str, epoch: u64, now: Duration) {
        let slots = self.slots.get_or_init(|| (0..SLOTS).map(|_| AtomicU64::new(0)).collect());
        let (slot, fingerprint) = self.place(slots, kid, epoch);
        if let Some(slot) = slot {
            let ends = (now.as_secs() + LIFETIME_SECONDS) & 0xffff_ffff;
            slot.store(fingerprint << 32 | ends, Ordering::Relaxed);
        }
    }

    fn place<'s>(
        &self,
        slots: &'s [AtomicU64],
        kid: &str,
        epoch: u64,
    ) -> (Option<&'s AtomicU64>, u64) {
        let hash = self.seed.hash_one((kid, epoch));
        let index = usize::try_from(hash & 0xffff_ffff).unwrap_or_default() % SLOTS;
        (slots.get(index), hash >> 32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_miss_is_remembered_for_thirty_seconds() {
        let misses = Misses::default();

        misses.insert("gone", 1, at(100));

        assert!(misses.contains("gone", 1, at(129)));
        assert!(!misses.contains("gone", 1, at(130)));
        assert!(!misses.contains("other", 1, at(100)));
    }

    #[test]
    fn a_new_key_set_forgets_all_misses() {
        let misses = Misses::default();

        misses.insert("gone", 1, at(100));

        assert!(!misses.contains("gone", 2, at(100)));
    }

    #[test]
    fn row_38_a_million_misses_take_no_more_memory_than_a_thousand() {
        let misses = Misses::default();

        (0..1_000_000).for_each(|n| misses.insert(&n.to_string(), 1, at(0)));

        assert_eq!(misses.slots.get().unwrap().len(), SLOTS);
    }
}
