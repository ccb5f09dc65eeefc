//! Tokens that are bound to a key (RFC 7800): whoever presents one proves possession of the key, or is refused. DPoP
//! (RFC 9449) is `dpop`, the check of one proof, and around it what it needs: `target` compares URLs, `known_keys` keeps
//! parsed keys, `nonces` makes and recognizes nonces of the server, `presented` takes a request, `settings` is what a service
//! chooses. Mutual TLS (RFC 8705) is `mtls`, the choice and the comparison, with `certificate` from the connection or from
//! the header of a proxy (`certificate_header`).

mod certificate;
mod certificate_header;
mod dpop;
mod error;
mod known_keys;
mod mtls;
mod nonces;
mod presented;
mod settings;
mod target;

pub use certificate::ClientCertificate;
pub use certificate_header::{CertificateHeader, CertificateHeaderError};
pub use dpop::{DEFAULT_PROOF_ALGORITHMS, Proof, ProofRequest, ProofVerifier};
pub use error::ProofError;
pub use mtls::{Mtls, PeerAddress};
pub use nonces::RollingNonces;
pub(crate) use presented::{BoundTokens, Presentation};
pub use settings::Dpop;

use std::borrow::Cow;

use serde::Deserialize;

use crate::claims::{Claim, ClaimError, StandardClaims};

/// The key that a token is bound to; whoever presented it has proved possession.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Binding<'v> {
    /// By a DPoP proof (RFC 9449 §6.1).
    Dpop {
        /// The thumbprint of the key (RFC 7638).
        jkt: &'v str,
    },
    /// By the certificate of mutual TLS (RFC 8705 §3.1).
    Certificate {
        /// The thumbprint of the certificate.
        x5t_s256: &'v str,
    },
}

/// What a token says it is bound to (RFC 7800 §3.1); nobody has proved anything yet.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Confirmation {
    /// A key, by its thumbprint (RFC 9449 §6.1).
    Jkt(Box<str>),
    /// A certificate, by its thumbprint (RFC 8705 §3.1).
    X5tS256(Box<str>),
}

impl Confirmation {
    /// The thumbprint of the key, if it is one.
    pub fn jkt(&self) -> Option<&str> {
        match self {
            Self::Jkt(jkt) => Some(jkt),
            Self::X5tS256(_) => None,
        }
    }

    /// The thumbprint of the certificate, if it is one.
    pub fn x5t_s256(&self) -> Option<&str> {
        match self {
            Self::X5tS256(x5t_s256) => Some(x5t_s256),
            Self::Jkt(_) => None,
        }
    }

    /// The binding, for whoever was shown the proof.
    pub fn as_binding(&self) -> Binding<'_> {
        match self {
            Self::Jkt(jkt) => Binding::Dpop { jkt },
            Self::X5tS256(x5t_s256) => Binding::Certificate { x5t_s256 },
        }
    }
}

/// How the possession of a key is shown beside a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Possession {
    /// It is not.
    Unshown,
    /// By the certificate of the connection, which is compared next.
    ByCertificate,
    /// By a proof, which is checked next.
    ByProof,
}

/// What a token is bound to; none for a bearer token.
///
/// # Errors
///
/// [`ClaimError::BoundToKey`] if `cnf` says anything else, or more: what else would have to be proved is not known here.
pub fn confirmation(claims: &StandardClaims) -> Result<Option<Confirmation>, ClaimError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Members<'c> {
        #[serde(borrow)]
        jkt: Option<Cow<'c, str>>,
        #[serde(borrow, rename = "x5t#S256")]
        x5t_s256: Option<Cow<'c, str>>,
    }
    let Some(confirmation) = claims.object(Claim::Cnf) else { return Ok(None) };
    match serde_json::from_str(confirmation) {
        Ok(Members { jkt: Some(jkt), x5t_s256: None }) => Ok(Some(Confirmation::Jkt(jkt.into()))),
        Ok(Members { jkt: None, x5t_s256: Some(x5t) }) => {
            Ok(Some(Confirmation::X5tS256(x5t.into())))
        }
        Ok(_) | Err(_) => Err(ClaimError::BoundToKey),
    }
}
