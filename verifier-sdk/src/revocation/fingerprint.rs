//! Names of 122 bits for identifiers of any length: two sums over the field of 2^61 − 1, of products of two parts of a text
//! with a secret number added to each (the pairwise form of multilinear hashing, Carter and Wegman). The numbers are drawn at
//! start and never leave the process.
//!
//! That there is no false positive is proved, not hoped for. Two different texts of up to 420 bytes have the same sum with a
//! probability of at most 2 in 2^61, whoever chose them: where their parts differ, the difference of the sums is linear in a
//! number that nothing else depends on; where one has more parts, these are a product of two fresh numbers. Names of several
//! texts have 6 in 2^61, and both sums the square of that: among a million entries less than 2^-96. The second sum is computed
//! only where the first one agrees.

use std::hash::{BuildHasher as _, RandomState};

/// The prime 2^61 − 1.
const PRIME: u64 = (1 << 61) - 1;
const SEVEN_BYTES: u64 = (1 << 56) - 1;
/// Two parts of seven bytes.
const PAIR: usize = 14;
/// So many products of less than 2^123 are added before they would have to be reduced; longer texts are cut.
const PAIRS: usize = 30;

/// Secret numbers for both halves.
pub(super) struct Points {
    first: Numbers,
    second: Numbers,
}

struct Numbers {
    /// One more, for what is left of a text.
    parts: [[u64; 2]; PAIRS + 1],
    names: [u64; 3],
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
    pub(super) fn text(&self, half: Half, text: &[u8]) -> u64 {
        self.numbers(half).text(text)
    }

    /// Half of the name of several texts in this order, by that half of theirs.
    #[inline]
    pub(super) fn joined(&self, half: Half, names: [u64; 3]) -> u64 {
        self.numbers(half).joined(names)
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
            parts: std::array::from_fn(|_| [drawn(), drawn()]),
            names: std::array::from_fn(|_| drawn()),
        }
    }

    fn text(&self, text: &[u8]) -> u64 {
        if text.len() > PAIR * PAIRS { self.long(text) } else { self.short(text) }
    }

    #[cold]
    fn long(&self, text: &[u8]) -> u64 {
        let (begin, rest) = text.split_at(PAIR * PAIRS);
        self.joined([self.short(begin), self.text(rest), 1])
    }

    /// Seven bytes are a part. How many bytes are left in the last two counts too, so that no text is another one with zeros
    /// behind it.
    #[inline]
    fn short(&self, text: &[u8]) -> u64 {
        let (pairs, rest) = text.as_chunks::<PAIR>();
        let mut sum = 0;
        for (pair, numbers) in pairs.iter().zip(&self.parts) {
            let (front, back) = (eight(pair.first_chunk()), eight(pair.last_chunk()));
            sum += product(*numbers, [front & SEVEN_BYTES, back >> 8]);
        }
        if let Some(numbers) = self.parts.get(pairs.len()) {
            let [front, back] = halves(rest);
            sum += product(*numbers, [front, back | (rest.len() as u64) << 56]);
        }
        modulo(sum)
    }

    #[inline]
    fn joined(&self, [one, two, three]: [u64; 3]) -> u64 {
        let [first, second, third] = self.names;
        modulo(product([first, second], [one, two]) + u128::from(third) * u128::from(three))
    }
}

/// What is left of a text, as two parts.
#[inline]
fn halves(rest: &[u8]) -> [u64; 2] {
    let unknown = |known: usize| (known - rest.len()) * 8;
    if let (front @ Some(_), back @ Some(_)) = (rest.first_chunk(), rest.last_chunk()) {
        return [eight(front) & SEVEN_BYTES, eight(back) >> unknown(15)];
    }
    if let (Some(front), Some(back)) = (rest.first_chunk(), rest.last_chunk()) {
        let (front, back) = (u32::from_le_bytes(*front), u32::from_le_bytes(*back));
        return [u64::from(front) | u64::from(back) >> unknown(8) << 32, 0];
    }
    [rest.iter().rev().fold(0, |bytes, byte| bytes << 8 | u64::from(*byte)), 0]
}

fn eight(bytes: Option<&[u8; 8]>) -> u64 {
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Of numbers below 2^61 and parts below 2^61.
fn product([first, second]: [u64; 2], [one, two]: [u64; 2]) -> u128 {
    u128::from(first + one) * u128::from(second + two)
}

/// The same modulo the prime, and below it.
#[expect(clippy::cast_possible_truncation, reason = "what is cut off is in the other parts")]
const fn modulo(number: u128) -> u64 {
    let (low, middle, high) = (number as u64, (number >> 61) as u64, (number >> 122) as u64);
    let sum = (low & PRIME) + (middle & PRIME) + high;
    let once = (sum & PRIME) + (sum >> 61);
    if once >= PRIME { once - PRIME } else { once }
}

/// A random number. The standard library's seeds are of the operating system's randomness, and SipHash keeps them secret.
fn drawn() -> u64 {
    let mut number = PRIME;
    while number >= PRIME {
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
        let left = text.len() % PAIR;
        let mut parts: Vec<u128> = text[..text.len() - left].chunks(7).map(seven).collect();
        let (front, back) = text[text.len() - left..].split_at(left.min(7));
        parts.extend([seven(front), seven(back) + ((left as u128) << 56)]);
        let numbers = numbers.parts.as_flattened();
        let pairs = parts.chunks(2).zip(numbers.chunks(2)).map(|(parts, numbers)| {
            let [one, two] =
                [0, 1].map(|at| (parts[at] + u128::from(numbers[at])) % u128::from(PRIME));
            one * two % u128::from(PRIME)
        });
        u64::try_from(pairs.sum::<u128>() % u128::from(PRIME)).unwrap()
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
        let numbers = Numbers { parts: [[PRIME - 1; 2]; PAIRS + 1], names: [PRIME - 1; 3] };
        for length in PAIR * (PAIRS - 1)..=PAIR * PAIRS {
            let text = vec![0xff; length];
            assert_eq!(numbers.text(&text), slowly(&numbers, &text));
        }
        assert!(numbers.joined([PRIME - 1; 3]) < PRIME);
    }

    #[test]
    fn neither_zeros_nor_a_longer_text_have_the_name_of_another() {
        let points = Points::drawn();
        let lengths = (0..200).chain(410..430).chain(830..850);
        let names: HashSet<u64> =
            lengths.map(|length| points.text(Half::First, &vec![0; length])).collect();

        assert_eq!(names.len(), 240);
    }

    #[test]
    fn halves_and_orders_are_apart() {
        let points = Points::drawn();
        let [ada, web] = ["ada", "web"].map(|text| points.text(Half::First, text.as_bytes()));
        let names = [
            ada,
            points.text(Half::Second, b"ada"),
            points.joined(Half::First, [ada, web, 0]),
            points.joined(Half::First, [web, ada, 0]),
            points.joined(Half::First, [ada, web, ada]),
        ];

        assert_eq!(HashSet::from(names).len(), names.len());
    }
}
