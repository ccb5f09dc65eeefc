//! What `AuthLayer` leaves on a request: present on every request that passed it. Guards read it;
//! extractors find the caller with its own claims as `Verified<C>` beside it.

use std::sync::Arc;

use axum::response::Response;

use super::Rejection;
use super::requirement::Rights;
use crate::credential::CredentialError;
use crate::error::VerifyError;

#[derive(Clone)]
pub(super) struct Found {
    caller: Option<Arc<Caller>>,
    refusals: Arc<Refusals>,
}

struct Caller {
    rights: Box<dyn Rights>,
    token: PresentedToken,
}

/// How this service refuses.
#[derive(Clone, Default)]
pub(super) struct Refusals {
    /// Where the metadata is, for challenges.
    pub(super) resource_metadata: Option<Arc<str>>,
    pub(super) render: Option<Arc<dyn Fn(Rejection) -> Response + Send + Sync>>,
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

impl Found {
    pub(super) fn nobody(refusals: Arc<Refusals>) -> Self {
        Self { caller: None, refusals }
    }

    pub(super) fn somebody(
        rights: Box<dyn Rights>,
        token: PresentedToken,
        refusals: Arc<Refusals>,
    ) -> Self {
        Self { caller: Some(Arc::new(Caller { rights, token })), refusals }
    }

    pub(super) fn is_somebody(&self) -> bool {
        self.caller.is_some()
    }

    pub(super) fn caller(&self) -> Result<&dyn Rights, VerifyError> {
        let missing = VerifyError::Credential(CredentialError::Missing);
        self.caller.as_deref().map(|caller| &*caller.rights).ok_or(missing)
    }

    pub(super) fn token(&self) -> Option<&PresentedToken> {
        self.caller.as_deref().map(|caller| &caller.token)
    }

    pub(super) fn refuse(&self, error: VerifyError) -> Rejection {
        Rejection::new(error, Arc::clone(&self.refusals))
    }
}
