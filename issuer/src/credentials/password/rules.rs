//! What a new password must be. NIST SP 800-63B-4 §3.1.1.2: a smallest length, room for a long one, no rules of
//! composition, no expiry, and nothing that is commonly used or that names its owner.

use super::common::is_common;

/// At least 64 characters of any script fit (NIST SP 800-63B-4 §3.1.1.2 (2)).
pub(super) const MAX_BYTES: usize = 256;

/// The rules of an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordRules {
    /// The fewest characters. The standard wants 15 where a password is the only factor, 8 where there is a second.
    pub min_characters: u32,
}

/// Why a password may not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordProblem {
    /// It is too short.
    #[error("the password is too short: use at least {min_characters} characters")]
    TooShort {
        /// The fewest.
        min_characters: u32,
    },
    /// It is too long.
    #[error("the password is too long: use at most 256 bytes")]
    TooLong,
    /// It is among those that are tried first.
    #[error("the password is one of those that are guessed first")]
    Common,
    /// It is the name or the address of its owner.
    #[error("the password is your name or e-mail address")]
    AboutUser,
    /// It has characters that no keyboard makes.
    #[error("the password has control characters")]
    ControlCharacter,
}

impl PasswordProblem {
    /// A stable name for scripts.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooShort { .. } => "password_too_short",
            Self::TooLong => "password_too_long",
            Self::Common => "password_common",
            Self::AboutUser => "password_about_user",
            Self::ControlCharacter => "password_control_character",
        }
    }
}

impl PasswordRules {
    pub(super) fn check(self, password: &str, about: &[&str]) -> Result<(), PasswordProblem> {
        // RFC 8265 §4.2.1 builds on the FreeformClass, which has no control characters.
        if password.chars().any(char::is_control) {
            return Err(PasswordProblem::ControlCharacter);
        }
        if password.len() > MAX_BYTES {
            return Err(PasswordProblem::TooLong);
        }
        if (password.chars().count() as u64) < u64::from(self.min_characters) {
            return Err(PasswordProblem::TooShort { min_characters: self.min_characters });
        }
        let password = zeroize::Zeroizing::new(password.to_lowercase());
        if is_common(&password) {
            return Err(PasswordProblem::Common);
        }
        let names = about.iter().flat_map(|name| [*name, name.split('@').next().unwrap_or(name)]);
        let stem = stem(&password);
        for name in names.map(str::to_lowercase).filter(|name| !name.is_empty()) {
            if *password == name || stem == name {
                return Err(PasswordProblem::AboutUser);
            }
        }
        Ok(())
    }
}

/// The word in a password that only has digits and punctuation around it.
pub(super) fn stem(password: &str) -> &str {
    password.trim_matches(|c: char| !c.is_alphabetic())
}
