//! What is asked first: whether a name may be there at all. A word of 64 bits, of which each name that is there has set four
//! (a Bloom filter whose blocks are words): two to three bytes a name, so that a million of them stay nearer to the processor
//! than their tables. Of the names that are not there one in two hundred passes, and is compared whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// So many names share a word, if all are there.
const NAMES: usize = 4;

#[derive(Clone, Default)]
pub(super) struct Filter {
    words: Arc<[AtomicU64]>,
}

/// A word, and the bits of it that are all set if a name may be there.
#[derive(Clone, Copy, Default)]
pub(super) struct Probe {
    word: usize,
    bits: u64,
}

impl Filter {
    pub(super) fn with_room(names: usize) -> Self {
        Self { words: (0..names.div_ceil(NAMES)).map(|_| AtomicU64::new(0)).collect() }
    }

    /// So many names may be in it.
    pub(super) fn room(&self) -> usize {
        self.words.len() * NAMES
    }

    /// For the one writer, once the table has it.
    pub(super) fn add(&self, place: u64) {
        let Probe { word, bits } = self.probe(place);
        if let Some(word) = self.words.get(word) {
            word.fetch_or(bits, Ordering::Release);
        }
    }

    /// Where a name would be: the word by the high bits of its place, four of 64 bits by the low ones, sometimes the same.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a shift takes six bits")]
    pub(super) fn probe(&self, place: u64) -> Probe {
        let word = u128::from(place) * self.words.len() as u128;
        let bit = |shift: u32| 1_u64.wrapping_shl((place >> shift) as u32);
        Probe { word: (word >> 64) as usize, bits: bit(0) | bit(6) | bit(12) | bit(18) }
    }

    #[inline]
    pub(super) fn may_hold(&self, probe: Probe) -> bool {
        let word = self.words.get(probe.word);
        word.is_some_and(|word| word.load(Ordering::Acquire) & probe.bits == probe.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revocation::entry::Kind;
    use crate::revocation::name::Secrets;

    #[test]
    fn what_was_added_passes_and_little_else_does() {
        const NAMES: u32 = 100_000;
        let (secrets, filter) = (Secrets::drawn(), Filter::with_room(NAMES as usize));
        // Like those of an issuer that counts, which is the least of chance.
        let place = |number: u32| {
            let name = format!("0190b2f4-7c1e-7d3a-9f00-{number:012}");
            secrets.place(Kind::Token, secrets.text(name.as_bytes()))
        };
        let may_hold = |number: &u32| filter.may_hold(filter.probe(place(*number)));
        (0..NAMES).for_each(|number| filter.add(place(number)));

        assert!((0..NAMES).all(|number| may_hold(&number)));
        let passed = (NAMES..2 * NAMES).filter(may_hold).count();
        assert!(passed < 1500, "{passed}");
    }

    #[test]
    fn an_empty_filter_lets_nothing_pass() {
        for filter in [Filter::default(), Filter::with_room(0)] {
            for place in [5, u64::MAX] {
                assert!(!filter.may_hold(filter.probe(place)));
            }
        }
    }
}
