//! A token as a request presents it, with its proof: from the header `DPoP` to a proof that is used up.

use std::sync::Arc;

use http::{Extensions, HeaderMap};

use super::settings::BearerTokens;
use super::{Proof, ProofError, ProofRequest, ProofVerifier};
use crate::credential::Scheme;
use crate::error::VerifyError;
use crate::replay::ReplayStore;

/// The request that presents a token.
#[derive(Clone, Copy)]
pub(crate) struct Presentation<'r> {
    pub(crate) method: &'r str,
    /// As the service sees it, below its public URL.
    pub(crate) path: &'r str,
    pub(crate) headers: &'r HeaderMap,
    pub(crate) extensions: &'r Extensions,
}

/// How one verifier takes bound tokens.
pub(crate) struct BoundTokens {
    /// Without a slash at the end.
    public_url: String,
    bearer: BearerTokens,
    proofs: ProofVerifier,
    replay: Arc<dyn ReplayStore>,
    algorithms: String,
}

impl BoundTokens {
    pub(super) fn new(
        public_url: String,
        bearer: BearerTokens,
        proofs: ProofVerifier,
        replay: Arc<dyn ReplayStore>,
    ) -> Self {
        let algorithms = proofs.algorithm_names();
        Self { public_url, bearer, proofs, replay, algorithms }
    }

    /// For challenges.
    pub(crate) fn algorithms(&self) -> &str {
        &self.algorithms
    }

    pub(crate) fn refuses_bearer_tokens(&self) -> bool {
        self.bearer == BearerTokens::Refused
    }

    /// The proof that came with a token which is bound to `jkt`.
    pub(crate) async fn prove(
        &self,
        (token, jkt): (&str, Option<&str>),
        request: Presentation<'_>,
        now: i64,
    ) -> Result<Proof, VerifyError> {
        // RFC 9449 §7.1: a token that is bound to nothing is not made better by a proof.
        let jkt = jkt.ok_or(ProofError::NotBound)?;
        let url = format!("{}{}", self.public_url, request.path);
        let expected = ProofRequest {
            method: request.method,
            url: &url,
            access_token: Some(token),
            jkt: Some(jkt),
        };
        let values = request.headers.get_all(Scheme::DPOP_HEADER);
        let proof = self.proofs.check_header(values, &expected, now)?;
        let proof = proof.ok_or(ProofError::Missing)?;
        // RFC 9449 §11.1.
        let name = proof.replay_name();
        match self.replay.first_use(&name, proof.expires_at(), now).await {
            Ok(true) => Ok(proof),
            Ok(false) => Err(ProofError::Replayed.into()),
            Err(error) => Err(VerifyError::Unavailable { retry_after: error.retry_after }),
        }
    }
}
