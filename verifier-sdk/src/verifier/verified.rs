//! A token that passed every check: who calls, and what they may do.

use std::fmt;

use crate::caller::{Caller, Kind};
use crate::claims::{Claim, StandardClaims};
use crate::error::VerifyError;

/// The result of verification. There is no other way to get one.
#[derive(Clone)]
pub struct Verified<C = ()> {
    pub(super) claims: StandardClaims,
    pub(super) kind: Kind,
    pub(super) client: Claim,
    pub(super) scope: Claim,
    pub(super) extra: C,
}

impl<C> Verified<C> {
    /// Who calls.
    pub fn caller(&self) -> Caller<'_> {
        match self.kind {
            Kind::App => Caller::App { client_id: self.client_id() },
            Kind::User => Caller::User { subject: self.subject(), client_id: self.client_id() },
            Kind::AppAsserted => Caller::AppAsserted {
                subject: self.subject(),
                asserted_by: self.claims.actor().unwrap_or_default(),
            },
        }
    }

    /// `sub`. For an app this is the client itself.
    pub fn subject(&self) -> &str {
        self.claims.subject().unwrap_or_default()
    }

    /// The client that the token was issued to.
    pub fn client_id(&self) -> &str {
        self.claims.text(self.client).unwrap_or_default()
    }

    /// The scopes that were granted.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.claims.list(self.scope)
    }

    /// The roles of the caller.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.claims.list(Claim::Roles)
    }

    /// Whether this scope was granted.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|granted| granted == scope)
    }

    /// Whether the caller has this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles().any(|held| held == role)
    }

    /// All of these scopes, or 403 with a challenge that names them (RFC 6750 §3.1).
    pub fn require_scopes(&self, scopes: &[&str]) -> Result<(), VerifyError> {
        if scopes.iter().all(|scope| self.has_scope(scope)) {
            Ok(())
        } else {
            Err(VerifyError::InsufficientScope { needed: scopes.join(" ") })
        }
    }

    /// At least one of these roles, or 403.
    pub fn require_any_role(&self, roles: &[&str]) -> Result<(), VerifyError> {
        if roles.iter().any(|role| self.has_role(role)) {
            Ok(())
        } else {
            Err(VerifyError::InsufficientRole)
        }
    }

    /// `exp`, Unix seconds.
    pub fn expires_at(&self) -> i64 {
        self.claims.expires_at().unwrap_or_default()
    }

    /// The registered claims.
    pub fn claims(&self) -> &StandardClaims {
        &self.claims
    }

    /// The application's own claims.
    pub fn extra(&self) -> &C {
        &self.extra
    }
}

/// Prints the kind of caller and the expiry; no identifiers, so that it may end up in a log.
impl<C> fmt::Debug for Verified<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("kind", &self.kind)
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}
