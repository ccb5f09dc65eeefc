//! What a verifier does with what is known: by its policy, for each token.

use std::time::Duration;

use countersign_keys::Kid;

use super::{Fallback, Marks, Revocation, Revocations};
use crate::claims::StandardClaims;
use crate::error::VerifyError;
use crate::health::FeedHealth;

/// Until the first catch-up a verifier that does not insist says that it is not ready, but not for longer than this: an
/// issuer that is away must not keep services from starting.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub(crate) struct Standing {
    pub(crate) revocations: Revocations,
    pub(crate) policy: Revocation,
    pub(crate) fallback: Option<Fallback>,
    /// Monotonic.
    pub(crate) began: Duration,
}

impl Standing {
    /// That it is not known to be revoked.
    pub(crate) fn check(&self, token: &Marks<'_>) -> Result<(), VerifyError> {
        self.revocations.check(token)
    }

    /// That the key that signed it is not withdrawn.
    pub(crate) fn check_key(&self, claims: &StandardClaims, kid: &Kid) -> Result<(), VerifyError> {
        self.revocations.check_key(claims, kid)
    }

    /// That enough is known, where the policy insists.
    pub(crate) fn require_fresh(&self) -> Result<(), VerifyError> {
        match self.policy {
            Revocation::Strict { max_lag } => self.revocations.require_fresh(max_lag),
            Revocation::Off | Revocation::BestEffort => Ok(()),
        }
    }

    /// What is late: asks the issuer about this token instead, where that is wanted.
    pub(crate) async fn ask(&self, token: &str, marks: &Marks<'_>) -> Result<(), VerifyError> {
        let fallback = self.fallback.as_ref();
        let fallback = fallback.ok_or(VerifyError::Misconfigured("nobody to ask about tokens"))?;
        fallback.ask(token, marks.claims).await?;
        // The feed may have told meanwhile, and what it told stays.
        self.check(marks)
    }

    /// `time` is monotonic.
    pub(crate) fn health(&self, time: Duration) -> FeedHealth {
        let lag = self.revocations.lag();
        let insists = matches!(self.policy, Revocation::Strict { .. });
        let has_waited = time.saturating_sub(self.began) >= PATIENCE;
        FeedHealth {
            lag,
            is_late: lag.is_none_or(|lag| lag > self.policy.bound()),
            is_ready: lag.is_some() || (has_waited && !insists),
            entries: self.revocations.entries(),
            last_error: self.revocations.last_error(),
        }
    }
}
