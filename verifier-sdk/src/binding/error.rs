//! Why a proof of possession was refused. No variant carries a byte of it.

use countersign_keys::{JwsError, KeyError};

use super::CertificateHeaderError;
use crate::claims::{Claim, ClaimError};

/// A refusal; always 401.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The token was presented by the scheme `DPoP`, and this verifier takes bearer tokens only.
    #[error("tokens with proofs are not accepted here")]
    NotAccepted,
    /// Only bound tokens are accepted here.
    #[error("the token is not bound to a key, and must be")]
    BindingNeeded,
    /// The token is a bearer token and was presented by the scheme `DPoP`.
    #[error("the token is bound to no key, and was presented with a proof")]
    NotBound,
    /// There is no proof.
    #[error("there is no proof of possession")]
    Missing,
    /// There are several (RFC 9449 §4.3 item 1).
    #[error("there are several proofs of possession")]
    Several,
    /// It is not a strict compact JWS with a key and an algorithm that exists.
    #[error("malformed proof: {0}")]
    Malformed(JwsError),
    /// `typ` is not `dpop+jwt`.
    #[error("what should be a proof is a JWT of another type")]
    WrongType,
    /// The algorithm exists and is not accepted.
    #[error("the algorithm of the proof is not accepted here")]
    AlgorithmNotAllowed,
    /// The key is private, weak, or not for this algorithm.
    #[error("the key of the proof is refused: {0}")]
    Key(KeyError),
    /// The claims are not those of a proof.
    #[error("the claims of the proof are refused: {0}")]
    Claims(#[from] ClaimError),
    /// `htm` is another method.
    #[error("the proof was made for another method")]
    WrongMethod,
    /// `htu` is another URL.
    #[error("the proof was made for another URL")]
    WrongUrl,
    /// `iat` is too long ago, or `exp` has passed.
    #[error("the proof is too old")]
    TooOld,
    /// `iat` or `nbf` lies ahead.
    #[error("the proof is not valid yet")]
    NotYetValid,
    /// `ath` is not the hash of the token that came along.
    #[error("the proof was made for another access token")]
    WrongAccessToken,
    /// A nonce is needed, or another one than was given.
    #[error("the proof needs the nonce of the server")]
    NonceNeeded {
        /// A good one, for `DPoP-Nonce`.
        nonce: Box<str>,
    },
    /// The key is not the one that the token is bound to.
    #[error("the proof was made with another key")]
    WrongKey,
    /// The signature does not hold.
    #[error("untrusted proof: {0}")]
    Untrusted(JwsError),
    /// The proof was used before.
    #[error("the proof was used before")]
    Replayed,
    /// The token is bound to a certificate, and the connection has none (RFC 8705 §3).
    #[error("the token is bound to a certificate, and none was shown")]
    CertificateMissing,
    /// The certificate of the connection is not the one that the token is bound to.
    #[error("the token is bound to another certificate")]
    WrongCertificate,
    /// What should be the proxy's header is not.
    #[error("{0}")]
    CertificateHeader(CertificateHeaderError),
}

impl ProofError {
    /// A stable name for logs, metrics and tests.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAccepted => "proof_not_accepted",
            Self::BindingNeeded => "binding_needed",
            Self::NotBound => "token_not_bound",
            Self::Missing => "proof_missing",
            Self::Several => "proof_several",
            Self::Malformed(error) => match error {
                JwsError::MissingKey => "proof_without_key",
                JwsError::UnsupportedAlgorithm => "proof_algorithm_not_allowed",
                _ => "proof_malformed",
            },
            Self::WrongType => "proof_wrong_type",
            Self::AlgorithmNotAllowed => "proof_algorithm_not_allowed",
            Self::Key(KeyError::PrivateMember) => "proof_private_key",
            Self::Key(_) => "proof_key_refused",
            Self::Claims(ClaimError::Missing(Claim::Ath)) | Self::WrongAccessToken => {
                "proof_wrong_access_token"
            }
            Self::Claims(ClaimError::Missing(_)) => "proof_claim_missing",
            Self::Claims(_) => "proof_claims_refused",
            Self::WrongMethod => "proof_wrong_method",
            Self::WrongUrl => "proof_wrong_url",
            Self::TooOld => "proof_too_old",
            Self::NotYetValid => "proof_not_yet_valid",
            Self::NonceNeeded { .. } => "proof_nonce_needed",
            Self::WrongKey => "proof_wrong_key",
            Self::Untrusted(_) => "proof_invalid_signature",
            Self::Replayed => "proof_replayed",
            Self::CertificateMissing => "certificate_missing",
            Self::WrongCertificate => "certificate_wrong",
            Self::CertificateHeader(_) => "certificate_header_refused",
        }
    }

    /// Whether it is about the certificate of the connection, beside which the token is a bearer token (RFC 8705 §3).
    pub(crate) const fn is_about_certificate(&self) -> bool {
        matches!(
            self,
            Self::CertificateMissing | Self::WrongCertificate | Self::CertificateHeader(_)
        )
    }

    /// The `error` that the caller is told (RFC 9449 §7.1, §9): whether the proof or the token is at fault, and no more.
    pub const fn outward_code(&self) -> &'static str {
        match self {
            Self::NonceNeeded { .. } => "use_dpop_nonce",
            Self::NotAccepted | Self::BindingNeeded | Self::NotBound | Self::WrongKey => {
                "invalid_token"
            }
            // RFC 8705 §3.
            other if other.is_about_certificate() => "invalid_token",
            _ => "invalid_dpop_proof",
        }
    }

    /// The nonce to hand out with the refusal.
    pub fn nonce(&self) -> Option<&str> {
        match self {
            Self::NonceNeeded { nonce } => Some(nonce),
            _ => None,
        }
    }
}
