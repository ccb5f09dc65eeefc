//! Tokens that are bound to a key (RFC 7800): whoever presents one proves possession of the key, or is refused. DPoP
//! (RFC 9449) is `dpop`, the check of one proof, and around it what it needs: `target` compares URLs, `known_keys` keeps
//! parsed keys, `nonces` makes and recognizes nonces of the server, `presented` takes a request, `settings` is what a service
//! chooses.

mod dpop;
mod error;
mod known_keys;
mod nonces;
mod presented;
mod settings;
mod target;

pub use dpop::{DEFAULT_PROOF_ALGORITHMS, Proof, ProofRequest, ProofVerifier};
pub use error::ProofError;
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
}

/// The thumbprint of the key that a token is bound to (RFC 9449 §6.1); none for a bearer token.
///
/// # Errors
///
/// [`ClaimError::BoundToKey`] if `cnf` says anything else, or more: what else would have to be proved is not known here.
pub fn jkt(claims: &StandardClaims) -> Result<Option<Box<str>>, ClaimError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Confirmation<'c> {
        #[serde(borrow)]
        jkt: Cow<'c, str>,
    }
    let Some(confirmation) = claims.object(Claim::Cnf) else { return Ok(None) };
    let confirmation: Confirmation<'_> =
        serde_json::from_str(confirmation).map_err(|_| ClaimError::BoundToKey)?;
    Ok(Some(confirmation.jkt.into()))
}
