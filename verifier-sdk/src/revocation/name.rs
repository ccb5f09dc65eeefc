//! Names of 128 bits for identifiers of any length: a sum of products of two words of a text, each with a secret number added
//! to it (NH, of the authentication code UMAC: Black, Halevi, Krawczyk, Krovetz and Rogaway, 1999). The numbers are drawn at
//! start and never leave the process.
//!
//! That there is no false positive is proved, not hoped for. Two different texts have the same sum with a probability of at
//! most 2 in 2^64, whoever chose them: where their words differ, the sums differ by a product with a number that nothing else
//! depends on; where one has more words, by the product of two; and texts of the same words have other lengths, which are
//! added. So for one name, among a million entries, it is less than 2^-42. A part of what a user or a client has (a user at a
//! client, a scope) is known by where the whole lies and by a mix of the names of all, 64 bits each. Where a name lies depends
//! on other secret numbers, so nobody can aim at a place either.

use std::hash::{BuildHasher as _, RandomState};

use super::entry::Kind;

/// Two words of eight bytes.
const PAIR: usize = 16;
/// Longer texts than so many pairs are cut.
const PAIRS: usize = 30;

/// What a text is known by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Name(pub(super) [u64; 2]);

/// The secret numbers.
pub(super) struct Secrets {
    pairs: [[u64; 2]; PAIRS],
    last: [u64; 2],
    names: [[u64; 2]; 3],
    places: [[u64; 2]; Kind::ALL.len()],
}

impl Secrets {
    pub(super) fn drawn() -> Self {
        Self {
            pairs: std::array::from_fn(|_| drawn()),
            last: drawn(),
            names: std::array::from_fn(|_| drawn()),
            places: std::array::from_fn(|_| drawn()),
        }
    }

    #[inline]
    pub(super) fn text(&self, text: &[u8]) -> Name {
        if text.len() > PAIR * PAIRS { self.long(text) } else { self.short(text) }
    }

    #[cold]
    fn long(&self, text: &[u8]) -> Name {
        let (begin, rest) = text.split_at(PAIR * PAIRS);
        self.joined([self.short(begin), self.text(rest)])
    }

    /// The whole pairs from the begin, and the last one from the end, which may overlap.
    #[inline]
    fn short(&self, text: &[u8]) -> Name {
        let last = text.last_chunk().map_or_else(|| few(text), words);
        let mut sum = product(self.last, last).wrapping_add(text.len() as u128);
        for (pair, secret) in text.as_chunks::<PAIR>().0.iter().zip(&self.pairs) {
            sum = sum.wrapping_add(product(*secret, words(pair)));
        }
        Name::of(sum)
    }

    /// The name of several texts in this order, by theirs.
    #[inline]
    pub(super) fn joined<const N: usize>(&self, names: [Name; N]) -> Name {
        let products = names.iter().zip(&self.names).map(|(name, secret)| product(*secret, name.0));
        Name::of(products.fold(0, u128::wrapping_add))
    }

    /// The name of a part of what a user or a client has, beginning with where the whole lies.
    pub(super) fn part<const N: usize>(
        &self,
        (kind, whole): (Kind, Name),
        names: [Name; N],
    ) -> Name {
        Name([self.place(kind, whole), self.place(Kind::Scope, self.joined(names))])
    }

    /// By what a name is asked for first: of a part, where the whole lies.
    pub(super) fn clue(&self, kind: Kind, name: Name) -> u64 {
        match kind {
            Kind::UserAtClient | Kind::Scope => name.0[0],
            _ => self.place(kind, name),
        }
    }

    /// Where a name of this kind lies among all: 64 bits, of which each is as good as any other.
    #[inline]
    pub(super) fn place(&self, kind: Kind, Name([one, two]): Name) -> u64 {
        let [first, second] = self.places.get(kind as usize).copied().unwrap_or_default();
        let Name([low, high]) = Name::of(u128::from(one ^ first) * u128::from(two ^ second));
        low ^ high
    }
}

impl Name {
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "two halves")]
    const fn of(sum: u128) -> Self {
        Self([sum as u64, (sum >> 64) as u64])
    }
}

#[inline]
fn words(pair: &[u8; PAIR]) -> [u64; 2] {
    let number = u128::from_le_bytes(*pair);
    Name::of(number).0
}

/// Less than a pair, as two words.
#[inline]
fn few(text: &[u8]) -> [u64; 2] {
    if let (Some(begin), Some(end)) = (text.first_chunk(), text.last_chunk()) {
        return [u64::from_le_bytes(*begin), u64::from_le_bytes(*end)];
    }
    if let (Some(begin), Some(end)) = (text.first_chunk(), text.last_chunk()) {
        return [u32::from_le_bytes(*begin).into(), u32::from_le_bytes(*end).into()];
    }
    [text.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0]
}

#[inline]
fn product([first, second]: [u64; 2], [one, two]: [u64; 2]) -> u128 {
    u128::from(first.wrapping_add(one)) * u128::from(second.wrapping_add(two))
}

/// Random numbers. The standard library's seeds are of the operating system's randomness, and SipHash keeps them secret.
fn drawn() -> [u64; 2] {
    [0; 2].map(|_: u8| RandomState::new().hash_one(0_u8))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// The sum, word by word.
    fn slowly(secrets: &Secrets, text: &[u8]) -> Name {
        let (whole, length) = (text.len() / PAIR * PAIR, text.len());
        let last = match length {
            0..4 => text.iter().rev().copied().collect(),
            4..8 => [&text[..4], &[0; 4], &text[length - 4..]].concat(),
            8..16 => [&text[..8], &text[length - 8..]].concat(),
            _ => text[length - PAIR..].to_vec(),
        };
        let word =
            |bytes: &[u8]| bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        let product = |pair: &[u8], secret: &[u64; 2]| {
            let (one, two) = pair.split_at(pair.len().min(8));
            u128::from(word(one).wrapping_add(secret[0]))
                * u128::from(word(two).wrapping_add(secret[1]))
        };
        let pairs = text[..whole].chunks(PAIR).zip(&secrets.pairs);
        let pairs = pairs.map(|(pair, secret)| product(pair, secret));
        let sum = pairs.fold(product(&last, &secrets.last), u128::wrapping_add);
        Name::of(sum.wrapping_add(length as u128))
    }

    proptest! {
        #[test]
        fn the_fast_sum_is_the_sum(text in proptest::collection::vec(any::<u8>(), 0..120)) {
            let secrets = Secrets::drawn();

            prop_assert_eq!(secrets.text(&text), slowly(&secrets, &text));
        }
    }

    #[test]
    fn neither_zeros_nor_a_longer_text_have_the_name_of_another() {
        let secrets = Secrets::drawn();
        let lengths = || (0..200).chain(470..500).chain(950..980);
        for byte in [0, b'a', 0xff] {
            let names: HashSet<Name> =
                lengths().map(|length| secrets.text(&vec![byte; length])).collect();

            assert_eq!(names.len(), 260);
        }
    }

    #[test]
    fn each_byte_counts() {
        let secrets = Secrets::drawn();
        for length in (1..70).chain([479, 480, 481, 1000]) {
            let text = vec![b'a'; length];
            let others = (0..length).map(|place| {
                let mut other = text.clone();
                other[place] = b'b';
                secrets.text(&other)
            });
            let names: HashSet<Name> = others.chain([secrets.text(&text)]).collect();

            assert_eq!(names.len(), length + 1);
        }
    }

    #[test]
    fn orders_and_counts_are_apart() {
        let secrets = Secrets::drawn();
        let [ada, web] = ["ada", "web"].map(|text| secrets.text(text.as_bytes()));
        let names = [
            ada,
            secrets.joined([ada]),
            secrets.joined([ada, web]),
            secrets.joined([web, ada]),
            secrets.joined([ada, web, ada]),
            secrets.joined([ada, web, Name::default()]),
        ];

        assert_eq!(HashSet::from(names).len(), names.len());
    }

    /// Names that are counted, as an issuer may: no part of the places may be fuller than chance explains.
    #[test]
    fn places_are_spread_evenly() {
        const NAMES: u32 = 100_000;
        const PARTS: usize = 1024;
        for _ in 0..20 {
            let secrets = Secrets::drawn();
            let mut parts = [[0; PARTS]; 2];
            for number in 0..NAMES {
                let name = format!("0190b2f4-7c1e-7d3a-9f00-{number:012}");
                let place = secrets.place(Kind::Token, secrets.text(name.as_bytes()));
                for (part, bits) in parts.iter_mut().zip([place >> 54, place & 0x3ff]) {
                    part[usize::try_from(bits).unwrap()] += 1;
                }
            }
            // A hundred in the mean, with a deviation of ten.
            let fullest = parts.as_flattened().iter().max();
            assert!(fullest < Some(&180), "{fullest:?}");
        }
    }
}
