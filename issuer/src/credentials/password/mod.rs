//! Passwords: the text that somebody typed, the rules for one that somebody wants to have, hashing on a bounded pool.

mod common;
mod formats;
mod hasher;
mod imported;
mod memory;
mod rules;

pub use hasher::{HashCost, PasswordHasher, Verification};
pub use imported::{ImportProblem, PasswordHash, Scheme};
pub use rules::{PasswordProblem, PasswordRules};

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// What was typed as a password, wiped when dropped. RFC 8265 §4.2 (OpaqueString): spaces of any script become U+0020, and
/// the text is composed (NFC), so that every keyboard makes the same password; case and width stay as they are.
pub struct Password {
    prepared: Zeroizing<String>,
    /// As it came, where that differs: hashes of other systems may be of this.
    typed: Option<Zeroizing<String>>,
}

/// A password that fulfills the rules and may be hashed.
#[derive(Debug)]
pub struct NewPassword(Password);

impl Password {
    /// Takes what was typed. Nothing is checked but its size, which bounds the work of a stranger.
    pub fn typed(text: &str) -> Result<Self, PasswordProblem> {
        if text.len() > rules::MAX_BYTES {
            return Err(PasswordProblem::TooLong);
        }
        if text.is_ascii() {
            return Ok(Self { prepared: Zeroizing::new(text.to_owned()), typed: None });
        }
        let spaced =
            text.chars().map(|c| if c.is_whitespace() && !c.is_control() { ' ' } else { c });
        // Room for any composition, so that no half of it stays behind in memory that was given back.
        let mut prepared = Zeroizing::new(String::with_capacity(4 * text.len()));
        prepared.extend(spaced.nfc());
        let typed = (*prepared != text).then(|| Zeroizing::new(text.to_owned()));
        Ok(Self { prepared, typed })
    }

    /// Checks a password that somebody wants to have. `about` is what is known of them: a username, an e-mail address.
    pub fn choose(
        self,
        rules: &PasswordRules,
        about: &[&str],
    ) -> Result<NewPassword, PasswordProblem> {
        rules.check(&self.prepared, about)?;
        Ok(NewPassword(self))
    }

    fn bytes(&self) -> &[u8] {
        self.prepared.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests;
