//! What is asked first: whether a name may be among those of its kind at all. A word of 64 bits, of which each name that is
//! there has set four (a Bloom filter whose blocks are words): two to three bytes a name, so that a million of them stay nearer
//! to the processor than their tables. Of the names that are not there one in two hundred passes, and is compared whole.
//!
//! Where a name is depends on the secret numbers of `fingerprint`: nobody can aim at a word.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// So many names share a word, if all are there.
const NAMES: usize = 4;
/// 2^64 divided by the golden ratio: spreads what the low bits say to the high ones.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

#[derive(Clone, Default)]
pub(super) struct Filter {
    words: Arc<[AtomicU64]>,
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
    pub(super) fn add(&self, first: u64) {
        if let Some(word) = self.word(first) {
            word.fetch_or(Self::bits(first), Ordering::Release);
        }
    }

    /// Where its bits are, chosen by the highest of the 61 of its first half; none where there is no name at all.
    #[inline]
    pub(super) fn word(&self, first: u64) -> Option<&AtomicU64> {
        let spread = u128::from(first << 3) * self.words.len() as u128;
        self.words.get(usize::try_from(spread >> 64).unwrap_or_default())
    }

    /// The bits of a name, which are all set if it may be there: four of 64, by six bits each, sometimes the same.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a shift takes six bits")]
    pub(super) fn bits(first: u64) -> u64 {
        let spread = first.wrapping_mul(SPREAD);
        let bit = |shift: u32| 1_u64.wrapping_shl((spread >> shift) as u32);
        bit(58) | bit(52) | bit(46) | bit(40)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revocation::fingerprint::{Half, Points};

    fn may_hold(filter: &Filter, first: u64) -> bool {
        let bits = Filter::bits(first);
        filter.word(first).is_some_and(|word| word.load(Ordering::Acquire) & bits == bits)
    }

    #[test]
    fn what_was_added_passes_and_little_else_does() {
        const NAMES: u32 = 100_000;
        let (points, filter) = (Points::drawn(), Filter::with_room(NAMES as usize));
        // Like those of an issuer that counts, which is the least of chance.
        let first = |number: u32| {
            let name = format!("0190b2f4-7c1e-7d3a-9f00-{number:012}");
            points.text(Half::First, name.as_bytes())
        };
        (0..NAMES).for_each(|number| filter.add(first(number)));

        assert!((0..NAMES).all(|number| may_hold(&filter, first(number))));
        let passed = (NAMES..2 * NAMES).filter(|number| may_hold(&filter, first(*number))).count();
        assert!(passed < 1500, "{passed}");
    }

    #[test]
    fn an_empty_filter_lets_nothing_pass() {
        assert!(!may_hold(&Filter::default(), 5));
        assert!(!may_hold(&Filter::with_room(0), u64::MAX >> 3));
    }
}
