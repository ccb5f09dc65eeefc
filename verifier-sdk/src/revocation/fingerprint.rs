//! Names of 122 bits for identifiers of any length: two polynomials over the field of 2^61 − 1, each evaluated at a point that
//! is drawn at start and never leaves the process.
//!
//! That there is no false positive is proved, not hoped for: two different identifiers of n bytes are the same polynomial at
//! a random point with a probability of at most n/7 + 2 in 2^61, and at two such points with the square of that. Among a
//! million entries that is less than 2^-90 for an identifier of a hundred bytes, whoever chose it, as long as the points
//! are secret. The second polynomial is evaluated only where the first one agrees.

use std::hash::{BuildHasher as _, RandomState};

/// The prime 2^61 − 1.
const PRIME: u64 = (1 << 61) - 1;
const SEVEN_BYTES: u64 = (1 << 56) - 1;

/// Secret points, and what tells the kinds of names apart.
pub(super) struct Points {
    first: Point,
    second: Point,
}

#[derive(Clone, Copy)]
struct Point {
    at: u64,
    squared: u64,
    /// Kinds are this far apart.
    stride: u64,
}

/// Which of the two polynomials.
#[derive(Clone, Copy)]
pub(super) enum Half {
    First,
    Second,
}

impl Points {
    pub(super) fn drawn() -> Self {
        Self { first: Point::drawn(), second: Point::drawn() }
    }

    /// Half of the name of a text.
    pub(super) fn text(&self, half: Half, text: &str) -> u64 {
        self.point(half).text(text.as_bytes())
    }

    /// Half of the name of several texts in this order, by that half of theirs.
    pub(super) fn joined(&self, half: Half, texts: [u64; 3]) -> u64 {
        let point = self.point(half);
        let [one, two, three] = texts;
        let first = point.step(1, one, two);
        reduced(point.step(first, three, 0))
    }

    /// Half of a name as one of a kind, so that no user is ever taken for a session.
    pub(super) fn of_kind(&self, half: Half, kind: u8, name: u64) -> u64 {
        let apart = u128::from(self.point(half).stride) * u128::from(kind);
        reduced(folded(apart + u128::from(name)))
    }

    const fn point(&self, half: Half) -> &Point {
        match half {
            Half::First => &self.first,
            Half::Second => &self.second,
        }
    }
}

impl Point {
    fn drawn() -> Self {
        let at = drawn();
        let squared = reduced(folded(u128::from(at) * u128::from(at)));
        Self { at, squared, stride: drawn() }
    }

    /// Seven bytes are a coefficient, and the length is the first one, so that no text is the beginning of another.
    fn text(self, text: &[u8]) -> u64 {
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX) & SEVEN_BYTES;
        let mut sum = length + 1;
        let mut pairs = text.chunks_exact(14);
        for pair in &mut pairs {
            let (front, back) = (eight(pair.first_chunk()), eight(pair.last_chunk()));
            sum = self.step(sum, front & SEVEN_BYTES, back >> 8);
        }
        let rest = pairs.remainder();
        match (rest.first_chunk(), rest.last_chunk()) {
            (front @ Some(_), back @ Some(_)) => {
                let known = (15 - rest.len()) * 8;
                sum = self.step(sum, eight(front) & SEVEN_BYTES, eight(back) >> known);
            }
            _ if rest.is_empty() => {}
            _ => {
                let last = rest.iter().rev().fold(0, |bytes, byte| bytes << 8 | u64::from(*byte));
                sum = self.step(sum, last, 0);
            }
        }
        reduced(sum)
    }

    /// Two coefficients at once, so that the processor waits for one multiplication only.
    fn step(self, sum: u64, one: u64, two: u64) -> u64 {
        let raised = u128::from(sum) * u128::from(self.squared);
        folded(raised + u128::from(one) * u128::from(self.at) + u128::from(two))
    }
}

fn eight(bytes: Option<&[u8; 8]>) -> u64 {
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The same modulo the prime, below 2^62, of a number below 2^125.
#[expect(clippy::cast_possible_truncation, reason = "what is cut off is in the other half")]
const fn folded(number: u128) -> u64 {
    let once = (number as u64 & PRIME) + (number >> 61) as u64;
    (once & PRIME) + (once >> 61)
}

/// Below the prime, of a number below 2^62.
const fn reduced(number: u64) -> u64 {
    if number >= PRIME { number - PRIME } else { number }
}

/// A random point. The standard library's seeds are of the operating system's randomness, and SipHash keeps them secret.
fn drawn() -> u64 {
    let mut point = 0;
    while !(2..PRIME).contains(&point) {
        point = RandomState::new().hash_one(0_u8) >> 3;
    }
    point
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// The polynomial, coefficient by coefficient.
    fn slowly(point: Point, text: &[u8]) -> u64 {
        let prime = u128::from(PRIME);
        let mut coefficients: Vec<u128> = text
            .chunks(7)
            .map(|seven| seven.iter().rev().fold(0, |n, b| n << 8 | u128::from(*b)))
            .collect();
        if coefficients.len() % 2 == 1 {
            coefficients.push(0);
        }
        let begin = text.len() as u128 + 1;
        let sum =
            coefficients.into_iter().fold(begin, |sum, c| (sum * u128::from(point.at) + c) % prime);
        u64::try_from(sum).unwrap()
    }

    proptest! {
        #[test]
        fn two_coefficients_at_once_are_the_same_polynomial(text in proptest::collection::vec(any::<u8>(), 0..80)) {
            let points = Points::drawn();

            prop_assert_eq!(points.first.text(&text), slowly(points.first, &text));
        }
    }

    #[test]
    fn neither_zeros_nor_a_longer_text_have_the_name_of_another() {
        let points = Points::drawn();
        let names: HashSet<u64> =
            (0..200).map(|length| points.text(Half::First, &"\0".repeat(length))).collect();

        assert_eq!(names.len(), 200);
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
