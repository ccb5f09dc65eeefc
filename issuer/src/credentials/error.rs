//! Why a credential was not accepted, sorted by what the page says: one wording for everything that does not hold (the
//! cause is for the log), a time to wait for whoever guesses, and "try later" for what is not the person's fault.

use super::password::PasswordProblem;
use crate::store::StoreError;

/// An error of this room.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// It does not hold. Outwardly all causes are one: unknown, wrong, expired, used, disabled.
    #[error("the credential does not hold: {0}")]
    Refused(Refusal),
    /// Too many were wrong lately; nothing was checked.
    #[error("too many wrong attempts; the next is looked at in {retry_after} seconds")]
    TooMany {
        /// Seconds.
        retry_after: u32,
    },
    /// All hashing threads are taken, and the queue is full or too slow.
    #[error("no thread was free to check a password in time")]
    Busy,
    /// A password that somebody wants to have breaks a rule.
    #[error(transparent)]
    Password(#[from] PasswordProblem),
    /// A hash that is to be imported cannot be.
    #[error(transparent)]
    Import(#[from] super::password::ImportProblem),
    /// Passkeys need a host name, and the issuer's URL has an address.
    #[error(
        "passkeys need an issuer with a host name; `issuer` in the configuration has an address"
    )]
    NoPasskeys,
    /// Sealing or hashing failed.
    #[error("{0}")]
    Failed(&'static str),
    /// The store did not answer, or refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The private cause of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such user.
    #[error("the user is unknown")]
    UnknownUser,
    /// The user has no such credential.
    #[error("the user has no such credential")]
    NoCredential,
    /// It is wrong.
    #[error("it is wrong")]
    Wrong,
    /// It was right and was used before.
    #[error("it was used before")]
    Used,
    /// It is too old, was replaced, or was never issued.
    #[error("it has expired, was replaced or never existed")]
    Expired,
    /// The user is disabled or deleted.
    #[error("the user is disabled")]
    Disabled,
    /// It does not open under the configured master keys.
    #[error("it does not open under the configured master keys")]
    Sealed,
    /// The authenticator's counter did not grow: there may be a copy of the passkey.
    #[error("the counter of the passkey did not grow; it may have been copied")]
    Copied,
    /// The answer of the authenticator does not fit the ceremony.
    #[error("the answer of the authenticator does not hold")]
    Assertion,
}

impl CredentialError {
    /// A stable name for scripts and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "credential_refused",
            Self::TooMany { .. } => "too_many_attempts",
            Self::Busy => "temporarily_unavailable",
            Self::Password(problem) => problem.code(),
            Self::Import(problem) => problem.code(),
            Self::NoPasskeys => "passkeys_unavailable",
            Self::Failed(_) => "credential_failed",
            Self::Store(error) => error.code(),
        }
    }
}

impl From<Refusal> for CredentialError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
