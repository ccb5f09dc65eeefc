//! What a verifier knows of revocations, and when that is enough.

use std::time::Duration;

use countersign_keys::VerifyingKey;

use super::{Verified, Verifier};
use crate::error::VerifyError;
use crate::revocation::{Revocations, Standing};

impl<C> Verifier<C> {
    /// What is known of revocations; none where nothing is asked about them.
    pub fn revocations(&self) -> Option<&Revocations> {
        self.inner.standing.as_ref().map(|standing| &standing.revocations)
    }

    /// That what was revoked is known up to now, but for so long; or 503. For what must not be done by mistake, whatever the
    /// policy of the verifier.
    pub fn require_fresh_revocation(&self, max_lag: Duration) -> Result<(), VerifyError> {
        let nothing = VerifyError::Misconfigured("the verifier follows no revocations");
        self.revocations().ok_or(nothing)?.require_fresh(max_lag)
    }

    #[cfg(feature = "axum")]
    pub(crate) fn standing(&self) -> Option<&Standing> {
        self.inner.standing.as_ref()
    }

    /// That the token is not known to be revoked; the number of what was known before it was asked.
    pub(super) fn check_standing(
        &self,
        verified: &Verified<C>,
        key: &VerifyingKey,
    ) -> Result<u64, VerifyError> {
        let Some(standing) = &self.inner.standing else { return Ok(0) };
        let told = standing.revocations.told();
        standing.check(&verified.marks(Some(key.kid()))).map(|()| told)
    }

    /// The same for a verdict that was given when so much was known. Nothing is asked if nothing more is.
    pub(super) fn still_stands(
        &self,
        verified: &Verified<C>,
        (key, before): (&VerifyingKey, u64),
    ) -> Option<u64> {
        let Some(standing) = &self.inner.standing else { return Some(0) };
        let told = standing.revocations.told();
        let stands =
            told == before || standing.revocations.still_stands(&verified.marks(Some(key.kid())));
        stands.then_some(told)
    }

    /// That enough is known of revocations, or that the issuer says that this token is good.
    pub(super) async fn stand(
        &self,
        token: &str,
        verified: &Verified<C>,
    ) -> Result<(), VerifyError> {
        match (self.require_fresh(), &self.inner.standing) {
            (Err(VerifyError::RevocationsLate { .. }), Some(standing))
                if standing.fallback.is_some() =>
            {
                standing.ask(token, &verified.marks(None)).await
            }
            (settled, _) => settled,
        }
    }

    pub(super) fn require_fresh(&self) -> Result<(), VerifyError> {
        self.inner.standing.as_ref().map_or(Ok(()), Standing::require_fresh)
    }
}
