//! What a route can demand of a caller, as one value for all guards.

use std::time::Duration;

use crate::error::VerifyError;
use crate::revocation::Marks;
use crate::{Hops, Verified};

/// A demand; the rules themselves are methods of [`Verified`].
#[derive(Clone, Debug)]
pub(super) enum Requirement {
    AllScopes(Vec<String>),
    AnyScope(Vec<String>),
    AllRoles(Vec<String>),
    AnyRole(Vec<String>),
    MaxAge(Duration),
    Acr(Vec<String>),
    Hops(Hops),
    Binding,
    FreshRevocation(Duration),
}

/// A caller, whatever its own claims are.
pub(super) trait Rights: Send + Sync {
    fn require(&self, requirement: &Requirement) -> Result<(), VerifyError>;

    /// What of the token can be revoked.
    fn marks(&self) -> Marks<'_>;
}

impl<C: Send + Sync> Rights for Verified<C> {
    fn marks(&self) -> Marks<'_> {
        self.marks(None)
    }

    fn require(&self, requirement: &Requirement) -> Result<(), VerifyError> {
        match requirement {
            Requirement::AllScopes(scopes) => self.require_scopes(scopes),
            Requirement::AnyScope(scopes) => self.require_any_scope(scopes),
            Requirement::AllRoles(roles) => self.require_roles(roles),
            Requirement::AnyRole(roles) => self.require_any_role(roles),
            Requirement::MaxAge(max_age) => self.require_max_age(*max_age),
            Requirement::Acr(accepted) => self.require_acr(accepted),
            Requirement::Hops(hops) => self.require_hops(hops),
            Requirement::Binding => self.require_binding(),
            // What is known of revocations is not in the token: see `Caller::require`.
            Requirement::FreshRevocation(_) => Ok(()),
        }
    }
}
