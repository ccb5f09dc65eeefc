//! What `AuthLayer` leaves on a request: present on every request that passed it. Guards read it;
//! extractors find the caller with its own claims as `Verified<C>` beside it.

use std::sync::Arc;

use axum::response::Response;

use super::Rejection;
use super::requirement::{Requirement, Rights};
use crate::challenge::Offer;
use crate::credential::{CredentialError, Scheme};
use crate::error::VerifyError;
use crate::revocation::Standing;

#[derive(Clone)]
pub(super) struct Found {
    caller: Option<Arc<Caller>>,
    refusals: Arc<Refusals>,
}

pub(super) struct Caller {
    pub(super) rights: Box<dyn Rights>,
    pub(super) token: PresentedToken,
    pub(super) scheme: Scheme,
    /// What the verifier knows of revocations.
    pub(super) standing: Option<Standing>,
}

/// How this service refuses.
#[derive(Clone, Default)]
pub(super) struct Refusals {
    /// Where the metadata is, for challenges.
    pub(super) resource_metadata: Option<Arc<str>>,
    /// The algorithms of proofs, if bound tokens are taken.
    pub(super) algorithms: Option<Arc<str>>,
    pub(super) is_binding_required: bool,
    pub(super) render: Option<Arc<dyn Fn(Rejection) -> Response + Send + Sync>>,
}

impl Refusals {
    /// What challenges say, to a request that chose a scheme.
    pub(super) fn offer(&self, presented: Option<Scheme>) -> Offer<'_> {
        let algorithms = self.algorithms.as_deref();
        Offer { algorithms, is_required: self.is_binding_required, presented }
    }
}

/// The token as it was presented, to be handed on to the next service. Whoever has it, may use it.
#[derive(Clone, PartialEq, Eq)]
pub struct PresentedToken(Arc<str>);

impl PresentedToken {
    pub(super) fn new(token: String) -> Self {
        Self(token.into())
    }

    /// The compact serialization.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PresentedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PresentedToken(***)")
    }
}

impl Caller {
    /// That the caller has what a route demands.
    pub(super) fn require(&self, requirement: &Requirement) -> Result<(), VerifyError> {
        match (requirement, &self.standing) {
            (Requirement::FreshRevocation(max_lag), Some(standing)) => {
                standing.revocations.require_fresh(*max_lag)
            }
            (Requirement::FreshRevocation(_), None) => {
                tracing::error!("a route insists on revocations, and its verifier follows none");
                Err(VerifyError::Misconfigured("the verifier follows no revocations"))
            }
            _ => self.rights.require(requirement),
        }
    }
}

/// Asks the issuer about the token of a caller.
pub(super) async fn ask(caller: Arc<Caller>) -> Result<(), VerifyError> {
    match &caller.standing {
        Some(standing) => standing.ask(caller.token.expose(), &caller.rights.marks()).await,
        None => Err(VerifyError::Misconfigured("the verifier follows no revocations")),
    }
}

impl Found {
    pub(super) fn nobody(refusals: Arc<Refusals>) -> Self {
        Self { caller: None, refusals }
    }

    pub(super) fn somebody(caller: Caller, refusals: Arc<Refusals>) -> Self {
        Self { caller: Some(Arc::new(caller)), refusals }
    }

    pub(super) fn is_somebody(&self) -> bool {
        self.caller.is_some()
    }

    pub(super) fn caller(&self) -> Result<&Arc<Caller>, VerifyError> {
        self.caller.as_ref().ok_or(VerifyError::Credential(CredentialError::Missing))
    }

    pub(super) fn token(&self) -> Option<&PresentedToken> {
        self.caller.as_deref().map(|caller| &caller.token)
    }

    pub(super) fn refuse(&self, error: VerifyError) -> Rejection {
        let presented = self.caller.as_deref().map(|caller| caller.scheme);
        Rejection::new(error, presented, Arc::clone(&self.refusals))
    }
}
