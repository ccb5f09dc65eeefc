//! Names of 122 bits for identifiers of any length: two sums over the field of 2^61 − 1, of the parts of a text each times a
//! secret number that is drawn at start and never leaves the process (multilinear hashing, Carter and Wegman).
//!
//! That there is no false positive is proved, not hoped for: two different texts of up to 1,400 bytes have the same sum with
//! a probability of 1 in 2^61, whoever chose them, names of several texts of 2, and both sums of the square of that. Among a
//! million entries that is less than 2^-99. The second sum is computed only where the first one agrees.

use std::hash::{BuildHasher as _, RandomState};

use super::entry::Kind;

/// The prime 2^61 − 1.
const PRIME: u64 = (1 << 61) - 1;
const SEVEN_BYTES: u64 = (1 << 56) - 1;
/// Two parts of seven bytes.
const PAIR: usize = 14;
/// So many products of 61 and 56 bits are added before they would have to be reduced; longer texts are cut.
const PAIRS: usize = 100;

/// Secret numbers for both halves.
pub(super) struct Points {
    first: Numbers,
    second: Numbers,
}

struct Numbers {
    /// One more, for what is left of a text.
    parts: Box<[[u64; 2]]>,
    length: u64,
    names: [u64; 3],
    kinds: [u64; Kind::ALL.len()],
}

/// Which of the two sums.
#[derive(Clone, Copy)]
pub(super) enum Half {
    First,
    Second,
}

impl Points {
    pub(super) fn drawn() -> Self {
        Self { first: Numbers::drawn(), second: Numbers::drawn() }
    }

    /// Half of the name of a text.
    pub(super) fn text(&self, half: Half, text: &str) -> u64 {
        self.numbers(half).text(text.as_bytes())
    }

    /// Half of the name of several texts in this order, by that half of theirs.
    pub(super) fn joined(&self, half: Half, names: [u64; 3]) -> u64 {
        self.numbers(half).joined(names)
    }

    /// Half of a name as one of a kind, so that no user is ever taken for a session.
    pub(super) fn of_kind(&self, half: Half, kind: u8, name: u64) -> u64 {
        let apart = self.numbers(half).kinds.get(usize::from(kind));
        reduced(name + apart.copied().unwrap_or_default())
    }

    const fn numbers(&self, half: Half) -> &Numbers {
        match half {
            Half::First => &self.first,
            Half::Second => &self.second,
        }
    }
}

impl Numbers {
    fn drawn() -> Self {
        Self {
            parts: (0..=PAIRS).map(|_| [drawn(), drawn()]).collect(),
            length: drawn(),
            names: std::array::from_fn(|_| drawn()),
            kinds: std::array::from_fn(|_| drawn()),
        }
    }

    fn text(&self, text: &[u8]) -> u64 {
        match text.split_at_checked(PAIR * PAIRS) {
            Some((begin, rest)) if !rest.is_empty() => {
                self.joined([self.short(begin), self.text(rest), 1])
            }
            _ => self.short(text),
        }
    }

    /// Seven bytes are a number. The length counts too, so that no text is another one with zeros behind it.
    fn short(&self, text: &[u8]) -> u64 {
        let length = u64::try_from(text.len()).unwrap_or_default();
        let mut sum = product(self.length, length);
        let (pairs, rest) = text.as_chunks::<PAIR>();
        for (pair, [one, two]) in pairs.iter().zip(&self.parts) {
            let (front, back) = (eight(pair.first_chunk()), eight(pair.last_chunk()));
            sum += product(*one, front & SEVEN_BYTES) + product(*two, back >> 8);
        }
        if let (Some([one, two]), false) = (self.parts.get(pairs.len()), rest.is_empty()) {
            let (front, back) = halves(rest);
            sum += product(*one, front) + product(*two, back);
        }
        reduced(folded(sum))
    }

    fn joined(&self, names: [u64; 3]) -> u64 {
        let [one, two, three] = names;
        let [first, second, third] = self.names;
        reduced(folded(product(first, one) + product(second, two) + product(third, three)))
    }
}

/// What is left of a text, as two numbers.
fn halves(rest: &[u8]) -> (u64, u64) {
    match (rest.first_chunk(), rest.last_chunk()) {
        (front @ Some(_), back @ Some(_)) => {
            let known = (15 - rest.len()) * 8;
            (eight(front) & SEVEN_BYTES, eight(back) >> known)
        }
        _ => (rest.iter().rev().fold(0, |bytes, byte| bytes << 8 | u64::from(*byte)), 0),
    }
}

fn eight(bytes: Option<&[u8; 8]>) -> u64 {
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn product(one: u64, other: u64) -> u128 {
    u128::from(one) * u128::from(other)
}

/// The same modulo the prime, below 2^62, of a number below 2^125.
#[expect(clippy::cast_possible_truncation, reason = "what is cut off is in the other half")]
const fn folded(number: u128) -> u64 {
    let once = (number as u64 & PRIME) + (number >> 61) as u64;
    (once & PRIME) + (once >> 61)
}

/// Below the prime, of a number below twice that.
const fn reduced(number: u64) -> u64 {
    if number >= PRIME { number - PRIME } else { number }
}

/// A random number. The standard library's seeds are of the operating system's randomness, and SipHash keeps them secret.
fn drawn() -> u64 {
    let mut number = 0;
    while !(1..PRIME).contains(&number) {
        number = RandomState::new().hash_one(0_u8) >> 3;
    }
    number
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// The sum, part by part.
    fn slowly(numbers: &Numbers, text: &[u8]) -> u64 {
        let seven = |part: &[u8]| part.iter().rev().fold(0, |n, b| n << 8 | u128::from(*b));
        let parts = text.chunks(7).map(seven).zip(numbers.parts.as_flattened());
        let length = u128::from(numbers.length) * text.len() as u128;
        let sum = parts.fold(length, |sum, (part, number)| sum + part * u128::from(*number));
        u64::try_from(sum % u128::from(PRIME)).unwrap()
    }

    proptest! {
        #[test]
        fn the_fast_sum_is_the_sum(text in proptest::collection::vec(any::<u8>(), 0..120)) {
            let numbers = Numbers::drawn();

            prop_assert_eq!(numbers.text(&text), slowly(&numbers, &text));
        }
    }

    #[test]
    fn the_largest_parts_do_not_overflow() {
        let numbers = Numbers::drawn();
        for length in [PAIR * PAIRS - 1, PAIR * PAIRS] {
            let text = vec![0xff; length];
            assert_eq!(numbers.text(&text), slowly(&numbers, &text));
        }
    }

    #[test]
    fn neither_zeros_nor_a_longer_text_have_the_name_of_another() {
        let points = Points::drawn();
        let lengths = (0..200).chain(1390..1410).chain(2790..2810);
        let names: HashSet<u64> =
            lengths.map(|length| points.text(Half::First, &"\0".repeat(length))).collect();

        assert_eq!(names.len(), 240);
    }

    #[test]
    fn kinds_halves_and_orders_are_apart() {
        let points = Points::drawn();
        let [ada, web] = ["ada", "web"].map(|text| points.text(Half::First, text));
        let names = [
            points.of_kind(Half::First, 1, ada),
            points.of_kind(Half::First, 2, ada),
            points.text(Half::Second, "ada"),
            points.joined(Half::First, [ada, web, 0]),
            points.joined(Half::First, [web, ada, 0]),
            points.joined(Half::First, [ada, web, ada]),
        ];

        assert_eq!(HashSet::from(names).len(), names.len());
    }
}
