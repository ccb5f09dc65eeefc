//! Hash strings: ours and those of other systems. Argon2 and scrypt in PHC format, bcrypt, PBKDF2 in PHC format and as
//! Django writes it. The parameters are bounded at import and again before each use, so that no hash eats the machine.

use std::fmt;

use aws_lc_rs::{constant_time, pbkdf2};
use zeroize::{Zeroize as _, Zeroizing};

use super::memory::Memory;
use super::{Password, formats};

const MAX_HASH_BYTES: usize = 512;

/// The function that made a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "they are the names of the functions")]
pub enum Scheme {
    Argon2id,
    Argon2i,
    Argon2d,
    Bcrypt,
    Scrypt,
    Pbkdf2,
}

impl Scheme {
    /// Its name in lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::Argon2id => "argon2id",
            Self::Argon2i => "argon2i",
            Self::Argon2d => "argon2d",
            Self::Bcrypt => "bcrypt",
            Self::Scrypt => "scrypt",
            Self::Pbkdf2 => "pbkdf2",
        }
    }
}

/// Why a hash of another system is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportProblem {
    /// It has no format that is known here.
    #[error(
        "the hash has no known format: use argon2, scrypt or pbkdf2 in PHC format, bcrypt, or Django's pbkdf2_sha256"
    )]
    UnknownFormat,
    /// It has a known format and is not well-formed.
    #[error("the hash is not well-formed")]
    Malformed,
    /// Verifying it would take too much time or memory.
    #[error("the hash is too expensive to verify")]
    TooExpensive,
}

impl ImportProblem {
    /// A stable name for scripts.
    pub fn code(self) -> &'static str {
        match self {
            Self::UnknownFormat => "hash_format_unknown",
            Self::Malformed => "hash_malformed",
            Self::TooExpensive => "hash_too_expensive",
        }
    }
}

/// A hash string that was read and whose parameters are bounded. Prints nothing of it.
pub struct PasswordHash {
    text: Zeroizing<String>,
    function: Function,
}

pub(super) enum Function {
    Argon2 {
        algorithm: argon2::Algorithm,
        version: argon2::Version,
        params: argon2::Params,
        salt: Vec<u8>,
        output: Vec<u8>,
    },
    Bcrypt,
    Scrypt {
        params: scrypt::Params,
        memory_kib: u32,
        salt: Vec<u8>,
        output: Vec<u8>,
    },
    Pbkdf2 {
        algorithm: pbkdf2::Algorithm,
        rounds: std::num::NonZeroU32,
        salt: Vec<u8>,
        output: Vec<u8>,
    },
}

impl PasswordHash {
    /// Reads a hash string.
    pub fn parse(text: &str) -> Result<Self, ImportProblem> {
        if text.len() > MAX_HASH_BYTES || !text.is_ascii() {
            return Err(ImportProblem::Malformed);
        }
        let (before, after) = text.split_once('$').ok_or(ImportProblem::UnknownFormat)?;
        let id =
            if before.is_empty() { after.split('$').next().unwrap_or_default() } else { before };
        let function = match id {
            "argon2id" | "argon2i" | "argon2d" => formats::argon2(text)?,
            "scrypt" => formats::scrypt(text)?,
            "2a" | "2b" | "2y" => formats::bcrypt(text)?,
            "pbkdf2" | "pbkdf2-sha1" | "pbkdf2-sha256" | "pbkdf2-sha512" => {
                formats::pbkdf2_phc(id, text)?
            }
            "pbkdf2_sha256" | "pbkdf2_sha1" => formats::pbkdf2_django(id, after)?,
            _ => return Err(ImportProblem::UnknownFormat),
        };
        Ok(Self { text: Zeroizing::new(text.to_owned()), function })
    }

    /// The hash string.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The function that made it.
    pub fn scheme(&self) -> Scheme {
        match &self.function {
            Function::Argon2 { algorithm: argon2::Algorithm::Argon2id, .. } => Scheme::Argon2id,
            Function::Argon2 { algorithm: argon2::Algorithm::Argon2i, .. } => Scheme::Argon2i,
            Function::Argon2 { algorithm: argon2::Algorithm::Argon2d, .. } => Scheme::Argon2d,
            Function::Bcrypt => Scheme::Bcrypt,
            Function::Scrypt { .. } => Scheme::Scrypt,
            Function::Pbkdf2 { .. } => Scheme::Pbkdf2,
        }
    }

    /// The memory that verifying takes, in KiB.
    pub(super) fn memory_kib(&self) -> u32 {
        match &self.function {
            Function::Argon2 { params, .. } => params.m_cost(),
            Function::Scrypt { memory_kib, .. } => *memory_kib,
            Function::Bcrypt | Function::Pbkdf2 { .. } => 8,
        }
    }

    /// Whether it is what we make today.
    pub(super) fn is_as_made_with(&self, cost: super::HashCost) -> bool {
        match &self.function {
            Function::Argon2 { algorithm, version, params, output, .. } => {
                *algorithm == argon2::Algorithm::Argon2id
                    && *version == argon2::Version::V0x13
                    && params.m_cost() >= cost.memory_kib
                    && params.t_cost() >= cost.passes
                    && output.len() >= super::hasher::OUTPUT_BYTES
            }
            _ => false,
        }
    }

    /// Whether a password is the one. Takes as long for a wrong one as for the right one, and as much memory as it says.
    pub(super) fn verify(&self, password: &Password, memory: &mut Memory) -> bool {
        if self.is_of(password.bytes(), memory) {
            return true;
        }
        // Other systems hashed what was typed, without composing it first.
        password.typed.as_ref().is_some_and(|typed| self.is_of(typed.as_bytes(), memory))
    }

    fn is_of(&self, password: &[u8], memory: &mut Memory) -> bool {
        match &self.function {
            Function::Argon2 { algorithm, version, params, salt, output } => {
                let mut found = Zeroizing::new(vec![0; output.len()]);
                let argon2 = argon2::Argon2::new(*algorithm, *version, params.clone());
                memory.fill(&argon2, (password, salt), &mut found)
                    && constant_time::verify_slices_are_equal(&found, output).is_ok()
            }
            Function::Bcrypt => bcrypt::verify(password, &self.text).unwrap_or(false),
            Function::Scrypt { params, salt, output, .. } => {
                let mut found = Zeroizing::new(vec![0; output.len()]);
                scrypt::scrypt(password, salt, params, &mut found).is_ok()
                    && constant_time::verify_slices_are_equal(&found, output).is_ok()
            }
            Function::Pbkdf2 { algorithm, rounds, salt, output } => {
                pbkdf2::verify(*algorithm, *rounds, salt, password, output).is_ok()
            }
        }
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:***", self.scheme().name())
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        match self {
            Self::Argon2 { output, .. }
            | Self::Scrypt { output, .. }
            | Self::Pbkdf2 { output, .. } => {
                output.zeroize();
            }
            Self::Bcrypt => {}
        }
    }
}
