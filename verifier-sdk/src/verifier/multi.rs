//! Several issuers, a static map by exact `iss`. The unverified `iss` only chooses among what was
//! configured; keys, algorithms and audiences stay apart (RFC 8725 §3.8).

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use super::{Verified, Verifier};
use crate::error::VerifyError;

/// Two verifiers have the same issuer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("two verifiers have the same issuer")]
pub struct SameIssuerTwice;

/// Verifies tokens of several issuers. An unknown issuer is refused without any network call.
pub struct MultiVerifier<C = ()> {
    verifiers: Arc<[Verifier<C>]>,
}

impl<C> MultiVerifier<C> {
    /// From one verifier for each issuer.
    pub fn new(verifiers: impl IntoIterator<Item = Verifier<C>>) -> Result<Self, SameIssuerTwice> {
        let mut verifiers: Vec<_> = verifiers.into_iter().collect();
        verifiers.sort_by(|one, other| one.issuer().cmp(other.issuer()));
        if verifiers.windows(2).any(|pair| matches!(pair, [a, b] if a.issuer() == b.issuer())) {
            return Err(SameIssuerTwice);
        }
        Ok(Self { verifiers: verifiers.into() })
    }

    /// Verifies a token; see [`Verifier::verify`].
    pub async fn verify(&self, token: &str) -> Result<Verified<C>, VerifyError> {
        self.choose(token)?.verify(token).await
    }

    /// Verifies a token without waiting; see [`Verifier::try_verify`].
    pub fn try_verify(&self, token: &str) -> Result<Verified<C>, VerifyError> {
        self.choose(token)?.try_verify(token)
    }

    /// The verifiers, by issuer.
    pub fn verifiers(&self) -> &[Verifier<C>] {
        &self.verifiers
    }

    /// The verifier of the issuer that the token names.
    pub(crate) fn choose(&self, token: &str) -> Result<&Verifier<C>, VerifyError> {
        #[derive(Deserialize)]
        struct Issuer<'p> {
            #[serde(borrow)]
            iss: Cow<'p, str>,
        }
        if let [only] = &*self.verifiers {
            return Ok(only);
        }
        let jws = countersign_keys::UnverifiedJws::parse(token).map_err(VerifyError::Malformed)?;
        let payload = jws.danger_unverified_payload().map_err(VerifyError::Malformed)?;
        // Whatever is wrong with it, the chosen verifier reads it again, and strictly.
        let named = serde_json::from_slice::<Issuer<'_>>(&payload);
        let named = named.map_err(|_| VerifyError::UnknownIssuer)?;
        self.verifiers
            .iter()
            .find(|verifier| verifier.issuer() == named.iss)
            .ok_or(VerifyError::UnknownIssuer)
    }
}

impl<C> From<Verifier<C>> for MultiVerifier<C> {
    fn from(verifier: Verifier<C>) -> Self {
        Self { verifiers: Arc::new([verifier]) }
    }
}

impl<C> Clone for MultiVerifier<C> {
    fn clone(&self) -> Self {
        Self { verifiers: Arc::clone(&self.verifiers) }
    }
}

impl<C> fmt::Debug for MultiVerifier<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.verifiers.iter()).finish()
    }
}
