//! A part of the map: a table that is only ever added to, so that readers need no lock. A place is written, then its tag is
//! published; it is never used for something else. Whoever wants to forget entries copies the others into a new table.
//!
//! A place has 24 bytes and a tag of one. Eight tags are one word, so that few places are looked at in vain.

use std::sync::atomic::{AtomicU64, Ordering};

use super::known::TABLE_BITS;
use super::name::Name;

/// So many places share a word of tags.
const GROUP: usize = 8;
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// What is known of one name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Verdict {
    /// Tokens that were issued at or before this second are meant; all if it is the largest.
    pub(super) issued_until: u32,
    /// Unix seconds, after which it does not matter.
    pub(super) expires_at: u32,
}

/// An entry as it is copied.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) name: Name,
    pub(super) verdict: Verdict,
}

#[derive(Default)]
pub(super) struct Table {
    tags: Box<[AtomicU64]>,
    places: Box<[[AtomicU64; 3]]>,
}

impl Verdict {
    fn packed(self) -> u64 {
        u64::from(self.issued_until) << 32 | u64::from(self.expires_at)
    }

    #[expect(clippy::cast_possible_truncation, reason = "two halves of one word")]
    fn unpacked(word: u64) -> Self {
        Self { issued_until: (word >> 32) as u32, expires_at: word as u32 }
    }

    /// Of two the latest counts, in both.
    fn or_later(self, other: Self) -> Self {
        Self {
            issued_until: self.issued_until.max(other.issued_until),
            expires_at: self.expires_at.max(other.expires_at),
        }
    }
}

impl Table {
    /// With room for so many entries, of which three quarters may be used.
    pub(super) fn with_capacity(places: usize) -> Self {
        let groups = places.div_ceil(GROUP);
        let empty = || [const { AtomicU64::new(0) }; 3];
        Self {
            tags: (0..groups).map(|_| AtomicU64::new(0)).collect(),
            places: (0..groups * GROUP).map(|_| empty()).collect(),
        }
    }

    /// So many entries may be in it.
    pub(super) fn room(&self) -> usize {
        self.places.len() / 4 * 3
    }

    /// What is known of the name that lies at this place.
    pub(super) fn find(&self, at: u64, name: Name) -> Option<Verdict> {
        let [_, _, verdict] = self.entry(at, name)?;
        Some(Verdict::unpacked(verdict.load(Ordering::Relaxed)))
    }

    /// Makes it later, if the name is here. For the one writer.
    pub(super) fn extend(&self, at: u64, row: &Row) -> bool {
        let Some([_, _, verdict]) = self.entry(at, row.name) else { return false };
        let known = Verdict::unpacked(verdict.load(Ordering::Relaxed));
        verdict.store(known.or_later(row.verdict).packed(), Ordering::Relaxed);
        true
    }

    /// Adds a name that is not here, where there is room. For the one writer.
    pub(super) fn add(&self, at: u64, row: &Row) {
        let mut group = self.begin(at);
        for _ in 0..self.tags.len() {
            let Some(tags) = self.tags.get(group) else { return };
            let empty = zero_bytes(tags.load(Ordering::Relaxed));
            if empty == 0 {
                group = self.after(group);
                continue;
            }
            let lane = empty.trailing_zeros() / 8;
            if let Some([low, high, verdict]) = self.places.get(index(group, lane)) {
                let Name(name) = row.name;
                low.store(name[0], Ordering::Relaxed);
                high.store(name[1], Ordering::Relaxed);
                verdict.store(row.verdict.packed(), Ordering::Relaxed);
                // Only now readers may look at the place.
                tags.fetch_or(u64::from(tag(at)) << (lane * 8), Ordering::Release);
            }
            return;
        }
    }

    /// All entries.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row> {
        let words = self.tags.iter().enumerate().flat_map(|(group, tags)| {
            let tags = tags.load(Ordering::Acquire);
            (0..8)
                .filter(move |lane| tags >> (lane * 8) & 0xff != 0)
                .map(move |lane| index(group, lane))
        });
        words.filter_map(|place| self.places.get(place)).map(|[low, high, verdict]| Row {
            name: Name([low, high].map(|half| half.load(Ordering::Relaxed))),
            verdict: Verdict::unpacked(verdict.load(Ordering::Relaxed)),
        })
    }

    fn entry(&self, at: u64, name: Name) -> Option<&[AtomicU64; 3]> {
        let wanted = ONES.wrapping_mul(u64::from(tag(at)));
        let mut group = self.begin(at);
        for _ in 0..self.tags.len() {
            let tags = self.tags.get(group)?.load(Ordering::Acquire);
            let mut alike = zero_bytes(tags ^ wanted);
            while alike != 0 {
                let place = self.places.get(index(group, alike.trailing_zeros() / 8))?;
                let [low, high, _] = place;
                if name == Name([low, high].map(|half| half.load(Ordering::Relaxed))) {
                    return Some(place);
                }
                alike &= alike - 1;
            }
            // Entries are never taken out, so a name that is here comes before the first empty place.
            if zero_bytes(tags) != 0 {
                return None;
            }
            group = self.after(group);
        }
        None
    }

    /// The first group in which a name may be; then come the others in turn. The highest bits of its place chose the table,
    /// and the lowest are its tag.
    fn begin(&self, at: u64) -> usize {
        let spread = u128::from(at << TABLE_BITS) * self.tags.len() as u128;
        usize::try_from(spread >> 64).unwrap_or_default()
    }

    const fn after(&self, group: usize) -> usize {
        if group + 1 == self.tags.len() { 0 } else { group + 1 }
    }
}

const fn index(group: usize, lane: u32) -> usize {
    group * GROUP + lane as usize
}

/// Zero is the tag of a place that is empty.
#[expect(clippy::cast_possible_truncation, reason = "the lowest byte is what is wanted")]
const fn tag(at: u64) -> u8 {
    match at as u8 {
        0 => 1,
        tag => tag,
    }
}

/// The highest bit of each byte that is zero, up to the lowest such byte; above it there may be others, so what is found is
/// compared whole.
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u64) -> (u64, Row) {
        let at = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let verdict = Verdict { issued_until: u32::MAX, expires_at: 100 };
        (at, Row { name: Name([7, number]), verdict })
    }

    #[test]
    fn what_was_added_is_found_and_nothing_else() {
        let table = Table::with_capacity(1024);
        let added = (0..table.room() as u64).map(row);
        added.for_each(|(at, row)| table.add(at, &row));

        for number in 0..5000 {
            let (at, row) = row(number);
            let is_there = table.find(at, row.name).is_some();
            assert_eq!(is_there, number < table.room() as u64, "{number}");
            assert_eq!(table.find(at, Name([8, number])), None);
        }
        assert_eq!(table.rows().count(), table.room());
    }

    #[test]
    fn the_latest_counts_in_both() {
        let table = Table::with_capacity(8);
        let ((at, early), late) = (row(1), Verdict { issued_until: 7, expires_at: 300 });
        table.add(at, &Row { verdict: Verdict { issued_until: 9, expires_at: 200 }, ..early });

        assert!(table.extend(at, &Row { verdict: late, ..early }));

        let known = Verdict { issued_until: 9, expires_at: 300 };
        assert_eq!(table.find(at, early.name), Some(known));
        let (at, other) = row(2);
        assert!(!table.extend(at, &other));
    }

    #[test]
    fn an_empty_table_finds_nothing() {
        assert_eq!(Table::default().find(7, Name([7, 1])), None);
        assert_eq!(Table::default().room(), 0);
    }
}
