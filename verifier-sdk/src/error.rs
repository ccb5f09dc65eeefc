//! Why a request is refused, and what the outside may know of it. 401 is for the token, 403 for its
//! rights, 400 for a request with several credentials, 503 for trouble with keys: never 401 for an
//! outage, or an issuer's blip logs every user out. No message carries a byte of a token.

use std::time::Duration;

use countersign_keys::{JweError, JwsError};

use crate::binding::ProofError;
use crate::challenge::Challenge;
use crate::claims::ClaimError;
use crate::credential::CredentialError;

/// A refusal. `code()` is stable; the outward wording is coarse on purpose (see [`Challenge`]).
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The request carries no credential of an accepted kind, or several.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The token is not a strict compact JWS with an algorithm that exists (RFC 7515 §5.2).
    #[error("malformed token: {0}")]
    Malformed(JwsError),
    /// The token is encrypted, and this verifier has no keys to open it.
    #[error("the token is encrypted, and there are no keys here to open it")]
    Encrypted,
    /// The token is not encrypted, and this verifier takes no others.
    #[error("the token is not encrypted, as it must be here")]
    NotEncrypted,
    /// The token is encrypted to a key that is not here, or does not say to which.
    #[error("the token is encrypted to a key that is not here")]
    UnknownDecryptionKey,
    /// The encrypted token is refused or does not open.
    #[error(transparent)]
    NotOpened(#[from] JweError),
    /// The algorithm exists, but this verifier does not accept it (RFC 8725 §3.1).
    #[error("the algorithm of the token is not accepted here")]
    AlgorithmNotAllowed,
    /// `typ` is not that of an access token (RFC 9068 §4, RFC 8725 §3.11).
    #[error("the token is of another type")]
    WrongType,
    /// No configured issuer has this `iss`; nothing was fetched.
    #[error("the token names an issuer that is not configured")]
    UnknownIssuer,
    /// The token has no `kid` and the issuer has several keys.
    #[error("the token does not name its key")]
    NoKid,
    /// The current key set has no such key.
    #[error("the token names a key that the issuer does not have")]
    UnknownKey,
    /// The signature does not hold.
    #[error("untrusted token: {0}")]
    Untrusted(JwsError),
    /// The signature holds, and the claims refuse.
    #[error("refused by its claims: {0}")]
    Claims(#[from] ClaimError),
    /// The token was good, and is not any more: it, or what it came from, was revoked.
    #[error("the token was revoked")]
    Revoked,
    /// For too long nothing is known of revocations, and this route or verifier insists on it.
    #[error("what was revoked lately is not known")]
    RevocationsLate {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The token is bound to a key, and possession of it was not proved; or the other way round (RFC 9449 §7).
    #[error("binding: {0}")]
    Binding(#[from] ProofError),
    /// The token is good, and lacks these scopes.
    #[error("the token lacks a scope that is needed")]
    InsufficientScope {
        /// What the route asks for, separated by spaces.
        needed: String,
    },
    /// The token is good, and lacks a role.
    #[error("the caller lacks a role that is needed")]
    InsufficientRole,
    /// The token is good, and the clients that act for its subject are not those that the route allows.
    #[error("the hops between the subject and this service are not allowed here")]
    UnacceptableActor,
    /// The token is good, and the user's authentication does not suffice for this route: not recent
    /// enough, or not in an accepted way (RFC 9470 §3).
    #[error("the user must authenticate again, or in another way")]
    InsufficientUserAuthentication {
        /// The accepted ways, separated by spaces, the preferred one first.
        acr_values: Option<String>,
        /// How long ago the user may have authenticated, in seconds.
        max_age: Option<u64>,
    },
    /// The keys have to be fetched before the token can be judged: call `verify`, which waits.
    #[error("keys must be fetched first")]
    NeedsKeys,
    /// The keys cannot be had, and what is cached is missing or too old.
    #[error("the issuer's keys are not available")]
    Unavailable {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The service is put together wrongly; a defect, not the caller's fault.
    #[error("the service is misconfigured: {0}")]
    Misconfigured(&'static str),
}

/// What kind of refusal it is: few enough for a metric's label.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Group {
    /// Not a token at all.
    Malformed,
    /// Not signed by the issuer, as far as can be told.
    Untrusted,
    /// Another kind of token.
    WrongType,
    /// Signed by the issuer, and not for this use.
    Claims,
    /// For another audience.
    WrongAudience,
    /// Too old.
    Expired,
    /// Too young.
    NotYetValid,
    /// Revoked.
    Revoked,
    /// Bound to a key.
    Binding,
    /// Not to be judged now.
    Unavailable,
    /// No credential, or several: the token was not even looked at.
    Credential,
    /// A good token without the rights.
    Forbidden,
}

impl VerifyError {
    /// A stable name for logs, metrics and tests.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Credential(error) => error.code(),
            Self::Malformed(error) | Self::Untrusted(error) => error.code(),
            Self::Encrypted => "token_encrypted",
            Self::NotEncrypted => "token_not_encrypted",
            Self::UnknownDecryptionKey => "unknown_decryption_key",
            Self::NotOpened(error) => error.code(),
            Self::AlgorithmNotAllowed => "algorithm_not_allowed",
            Self::WrongType => "wrong_type",
            Self::UnknownIssuer => "unknown_issuer",
            Self::NoKid => "no_kid",
            Self::UnknownKey => "unknown_key",
            Self::Claims(error) => error.code(),
            Self::Revoked => "revoked",
            Self::RevocationsLate { .. } => "revocations_late",
            Self::Binding(error) => error.code(),
            Self::InsufficientScope { .. } => "insufficient_scope",
            Self::InsufficientRole => "insufficient_role",
            Self::UnacceptableActor => "unacceptable_actor",
            Self::InsufficientUserAuthentication { .. } => "insufficient_user_authentication",
            Self::NeedsKeys => "needs_keys",
            Self::Unavailable { .. } => "keys_unavailable",
            Self::Misconfigured(_) => "misconfigured",
        }
    }

    /// Which group the refusal belongs to.
    pub const fn group(&self) -> Group {
        match self {
            Self::Credential(_) => Group::Credential,
            Self::Malformed(_) | Self::Encrypted => Group::Malformed,
            Self::NotOpened(error) => match error {
                JweError::NotOpened => Group::Untrusted,
                _ => Group::Malformed,
            },
            Self::NotEncrypted
            | Self::UnknownDecryptionKey
            | Self::AlgorithmNotAllowed
            | Self::UnknownIssuer
            | Self::NoKid
            | Self::UnknownKey
            | Self::Untrusted(_) => Group::Untrusted,
            Self::WrongType => Group::WrongType,
            Self::Claims(error) => match error {
                ClaimError::Expired => Group::Expired,
                ClaimError::NotYetValid | ClaimError::IssuedInFuture => Group::NotYetValid,
                ClaimError::WrongAudience => Group::WrongAudience,
                ClaimError::BoundToKey => Group::Binding,
                _ => Group::Claims,
            },
            Self::Revoked => Group::Revoked,
            Self::Binding(_) => Group::Binding,
            Self::InsufficientScope { .. }
            | Self::InsufficientRole
            | Self::UnacceptableActor
            | Self::InsufficientUserAuthentication { .. } => Group::Forbidden,
            Self::NeedsKeys
            | Self::Unavailable { .. }
            | Self::RevocationsLate { .. }
            | Self::Misconfigured(_) => Group::Unavailable,
        }
    }

    /// The HTTP status: 401, 403, 400, 503, or 500 for a misconfigured service.
    pub const fn status(&self) -> http::StatusCode {
        match self {
            Self::Credential(error) => error.status(),
            Self::InsufficientScope { .. } | Self::InsufficientRole | Self::UnacceptableActor => {
                http::StatusCode::FORBIDDEN
            }
            Self::NeedsKeys | Self::Unavailable { .. } | Self::RevocationsLate { .. } => {
                http::StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Misconfigured(_) => http::StatusCode::INTERNAL_SERVER_ERROR,
            _ => http::StatusCode::UNAUTHORIZED,
        }
    }

    /// The value of `WWW-Authenticate` (RFC 6750 §3); none where no other token would help.
    pub fn challenge(&self) -> Option<String> {
        Challenge::for_error(self).map(|challenge| challenge.to_string())
    }

    /// Whether the same token may be accepted a little later.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::NeedsKeys | Self::Unavailable { .. } | Self::RevocationsLate { .. })
    }

    /// How long to wait before trying again, at least one second (for `Retry-After`).
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after } | Self::RevocationsLate { retry_after } => {
                Some((*retry_after).max(Duration::from_secs(1)))
            }
            Self::NeedsKeys => Some(Duration::from_secs(1)),
            _ => None,
        }
    }
}

impl Group {
    /// The label in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Malformed => "malformed",
            Self::Untrusted => "untrusted",
            Self::WrongType => "wrong_type",
            Self::Claims => "claims",
            Self::WrongAudience => "wrong_audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Revoked => "revoked",
            Self::Binding => "binding",
            Self::Forbidden => "forbidden",
            Self::Unavailable => "unavailable",
        }
    }
}
