//! The code that a device shows and a person types (RFC 8628 §6.1): eight letters of twenty, none of them a vowel, so that
//! no words arise, in two groups. Case and everything that is not a letter or digit are ignored.

use std::fmt;

use crate::random;
use crate::sealer::{Purpose, Sealer};

/// 20^8: 34 bits, for ten minutes, and few guesses.
const LENGTH: usize = 8;

const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// Longer texts are not looked at.
const MAX_TYPED_BYTES: usize = 64;

/// The code.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserCode([u8; LENGTH]);

impl UserCode {
    /// A new one.
    pub fn generate() -> Self {
        let mut letters = [0; LENGTH];
        let mut filled = 0;
        while filled < LENGTH {
            let drawn = random::bytes::<{ 2 * LENGTH }>();
            // Every letter is as likely as any other: the bytes above the last multiple of 20 are drawn again.
            let fair = drawn.iter().filter(|byte| **byte < 240);
            let free = letters.iter_mut().skip(filled);
            for (letter, byte) in free.zip(fair) {
                *letter = letter_of(*byte);
                filled += 1;
            }
        }
        Self(letters)
    }

    /// Reads what a person typed.
    pub fn parse(typed: &str) -> Option<Self> {
        if typed.len() > MAX_TYPED_BYTES {
            return None;
        }
        let mut letters = typed.chars().filter(|letter| letter.is_alphanumeric());
        let mut code = [0; LENGTH];
        for place in &mut code {
            let letter = u8::try_from(letters.next()?).ok()?.to_ascii_uppercase();
            *place = ALPHABET.contains(&letter).then_some(letter)?;
        }
        letters.next().is_none().then_some(Self(code))
    }

    /// Under which it is kept.
    pub fn hash(self, sealer: &Sealer) -> String {
        sealer.mac_text(Purpose::UserCode, &[&self.0])
    }
}

fn letter_of(byte: u8) -> u8 {
    ALPHABET.get(usize::from(byte % 20)).copied().unwrap_or(b'B')
}

/// `WDJB-MJHT`.
impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, letter) in self.0.iter().enumerate() {
            if position == LENGTH / 2 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(*letter))?;
        }
        Ok(())
    }
}

/// It opens something: it is not printed.
impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode(***)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn case_and_punctuation_are_ignored_and_nothing_else() {
        let code = UserCode::parse("WDJB-MJHT").unwrap();

        for typed in ["wdjbmjht", " WdJb mJhT ", "w.d.j.b–m.j.h.t", "WDJB_MJHT\t"] {
            assert_eq!(UserCode::parse(typed), Some(code), "{typed}");
        }
        assert_eq!(code.to_string(), "WDJB-MJHT");
        let long = format!("{}WDJBMJHT", "-".repeat(64));
        for bad in ["", "WDJB-MJH", "WDJB-MJHTT", "WDJB-MJH1", "WDJB-MJHA", "WDJB-MJHÄ", &long] {
            assert_eq!(UserCode::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn r40_codes_use_every_letter_and_do_not_repeat() {
        let codes: HashSet<UserCode> = (0..2_000).map(|_| UserCode::generate()).collect();
        let letters: HashSet<u8> = codes.iter().flat_map(|code| code.0).collect();

        assert!(codes.len() >= 1_999, "34 bits repeat in two thousand once in ten thousand runs");
        assert_eq!(letters, ALPHABET.iter().copied().collect());
        assert!(codes.iter().all(|code| UserCode::parse(&code.to_string()) == Some(*code)));
    }
}
