//! What a service chooses of DPoP.

use std::fmt;
use std::sync::Arc;

use countersign_keys::Algorithm;

use super::presented::BoundTokens;
use super::{DEFAULT_PROOF_ALGORITHMS, ProofVerifier, RollingNonces, target};
use crate::BuildError;
use crate::replay::{MemoryReplayStore, ReplayStore};

/// How many used proofs are remembered in memory: those of 71 seconds, at 14,000 a second.
const REMEMBERED_PROOFS: usize = 1_000_000;
/// How many keys of clients are kept parsed.
const KNOWN_KEYS: usize = 10_000;

/// Accepts tokens that are bound to a key, with a proof (RFC 9449). Bearer tokens are accepted too, unless
/// [`required`](Self::required); a bound token is never accepted as a bearer token.
#[must_use]
pub struct Dpop {
    public_url: String,
    bearer: BearerTokens,
    algorithms: Vec<Algorithm>,
    nonces: Option<RollingNonces>,
    replay: Option<Arc<dyn ReplayStore>>,
}

/// Whether tokens that are bound to nothing are accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BearerTokens {
    Accepted,
    Refused,
}

impl Dpop {
    /// For a service whose public URL begins like this, e.g. `https://payments.example`, or
    /// `https://example.com/payments` behind a proxy that takes the path away. Proofs are made for the URL that clients
    /// see; it never comes from `Host` or `Forwarded`, which clients write.
    pub fn at(public_url: &str) -> Self {
        Self {
            public_url: public_url.trim_end_matches('/').to_owned(),
            bearer: BearerTokens::Accepted,
            algorithms: DEFAULT_PROOF_ALGORITHMS.to_vec(),
            nonces: None,
            replay: None,
        }
    }

    /// Refuses tokens that are bound to nothing.
    pub fn required(self) -> Self {
        Self { bearer: BearerTokens::Refused, ..self }
    }

    /// Accepts proofs of these algorithms only.
    pub fn algorithms(self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        Self { algorithms: algorithms.into_iter().collect(), ..self }
    }

    /// Asks for a nonce of this service in each proof (RFC 9449 §9): then no proof can be made ahead of time.
    pub fn require_nonces(self, nonces: RollingNonces) -> Self {
        Self { nonces: Some(nonces), ..self }
    }

    /// Where used proofs are remembered; in this process unless told otherwise.
    pub fn replay_store(self, store: impl ReplayStore) -> Self {
        Self { replay: Some(Arc::new(store)), ..self }
    }

    pub(crate) fn build(self) -> Result<BoundTokens, BuildError> {
        if self.algorithms.is_empty() {
            return Err(BuildError::Algorithms);
        }
        if self.public_url.contains(['?', '#']) || target::normalized(&self.public_url).is_none() {
            return Err(BuildError::PublicUrl);
        }
        let proofs = ProofVerifier::new(KNOWN_KEYS).algorithms(self.algorithms);
        let proofs = match self.nonces {
            Some(nonces) => proofs.require_nonces(nonces),
            None => proofs,
        };
        let in_memory = || -> Arc<dyn ReplayStore> {
            Arc::new(MemoryReplayStore::with_capacity(REMEMBERED_PROOFS))
        };
        let replay = self.replay.unwrap_or_else(in_memory);
        Ok(BoundTokens::new(self.public_url, self.bearer, proofs, replay))
    }
}

impl fmt::Debug for Dpop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dpop").field("public_url", &self.public_url).finish_non_exhaustive()
    }
}
