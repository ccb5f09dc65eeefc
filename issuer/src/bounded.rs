//! A map of bounded size in two generations: when the young one is full it becomes the old one, and what nobody wrote
//! since then is forgotten. So memory stays bounded whatever an attacker sends, without a task that sweeps.

use std::collections::HashMap;
use std::hash::Hash;

/// More entries than this are never held; the oldest make room.
pub const MAX_ENTRIES: usize = 16_384;

/// The map. It allocates nothing before the first entry.
#[derive(Debug)]
pub struct Bounded<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K, V> Default for Bounded<K, V> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<K: Hash + Eq, V> Bounded<K, V> {
    /// The value of a key that is not forgotten.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Writes a value, which makes it young.
    pub fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= MAX_ENTRIES / 2 && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    /// Forgets a key.
    pub fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    /// How many entries are held.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_lately_is_kept_and_the_size_is_bounded() {
        let mut map = Bounded::default();

        for key in 0..100_000_u32 {
            map.insert(key, key);
        }

        assert!(map.len() <= MAX_ENTRIES);
        assert_eq!((map.get(&99_999), map.get(&0)), (Some(&99_999), None));
    }
}
