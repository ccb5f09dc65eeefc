//! A token that passed every check: who calls, how they authenticated, and what they may do.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use countersign_keys::Kid;

use crate::binding::{Binding, Confirmation, ProofError};
use crate::caller::{Caller, Kind};
use crate::claims::{Claim, StandardClaims};
use crate::error::VerifyError;
use crate::hops::{Actor, By, Hops};
use crate::profile::{Identity, Profile};
use crate::revocation::Marks;

/// The result of verification. There is no other way to get one. Cheap to clone.
pub struct Verified<C = ()> {
    facts: Arc<Facts<C>>,
    /// When the verdict was given, Unix seconds.
    at: i64,
}

/// What the token says. Never changes, so a remembered verdict shares it.
pub(super) struct Facts<C> {
    pub(super) claims: StandardClaims,
    pub(super) kind: Kind,
    /// Which claim names the client in this token.
    pub(super) client: Claim,
    pub(super) profile: Profile,
    /// What the token is bound to.
    pub(super) bound_to: Option<Confirmation>,
    pub(super) extra: C,
}

impl<C> Verified<C> {
    pub(super) fn new(facts: Facts<C>, at: i64) -> Self {
        Self { facts: Arc::new(facts), at }
    }

    /// The same verdict, given again now.
    pub(super) fn at(self, now: i64) -> Self {
        Self { at: now, ..self }
    }

    /// Who calls.
    pub fn caller(&self) -> Caller<'_> {
        match self.facts.kind {
            // For whom others act is the subject; where nobody does, some profiles spell it otherwise.
            Kind::App => match (self.facts.profile.identity, self.acting_for()) {
                (Identity::Idtyp, Some(app)) => Caller::App { client_id: app },
                _ => Caller::App { client_id: self.client_id() },
            },
            Kind::User => Caller::User { subject: self.subject(), client_id: self.client_id() },
            Kind::AppAsserted => Caller::AppAsserted {
                subject: self.subject(),
                asserted_by: self.claims().actors().last().unwrap_or_default(),
            },
        }
    }

    /// `sub`. For an app this is the client itself.
    pub fn subject(&self) -> &str {
        self.claims().subject().unwrap_or_default()
    }

    /// The client that the token was issued to.
    pub fn client_id(&self) -> &str {
        self.claims().text(self.facts.client).unwrap_or_default()
    }

    /// For whom the client acts (RFC 8693 §1.1): the subject, if the token says that somebody acts.
    pub fn acting_for(&self) -> Option<&str> {
        self.claims().actor().and_then(|_| self.claims().subject())
    }

    /// All that act for the subject, the first hop first: the last one called this service.
    pub fn actors(&self) -> Vec<Actor<'_>> {
        let mut actors: Vec<Actor<'_>> =
            self.claims().actors().map(|client_id| Actor { client_id, by: By::Exchange }).collect();
        actors.reverse();
        if let (Kind::AppAsserted, Some(first)) = (self.facts.kind, actors.first_mut()) {
            first.by = By::Assertion;
        }
        actors
    }

    /// The client that the subject came through at first, before any service acted.
    pub fn origin_client_id(&self) -> &str {
        self.claims().text(Claim::OriginClientId).unwrap_or_else(|| self.client_id())
    }

    /// Only these hops, or 403: `verified.require_hops(&Hops::at_most(1).first("gateway"))`.
    pub fn require_hops(&self, hops: &Hops) -> Result<(), VerifyError> {
        if hops.allow(self.claims()) { Ok(()) } else { Err(VerifyError::UnacceptableActor) }
    }

    /// The tenant of the caller, where the issuer has tenants.
    pub fn tenant(&self) -> Option<&str> {
        self.claims().text(self.facts.profile.tenant)
    }

    /// The session in which the user signed in (`sid`).
    pub fn session_id(&self) -> Option<&str> {
        self.claims().text(Claim::Sid)
    }

    /// The scopes that were granted.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.claims().list(self.facts.profile.scope)
    }

    /// The roles of the caller.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.claims().list(Claim::Roles)
    }

    /// The groups of the caller.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.claims().list(Claim::Groups)
    }

    /// Whether this scope was granted.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|granted| granted == scope)
    }

    /// Whether the caller has this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles().any(|held| held == role)
    }

    /// The key that the token is bound to; whoever presented it has proved possession. None for a bearer token.
    pub fn binding(&self) -> Option<Binding<'_>> {
        self.facts.bound_to.as_ref().map(Confirmation::as_binding)
    }

    /// When the user authenticated, Unix seconds (`auth_time`); never of an app.
    pub fn authenticated_at(&self) -> Option<i64> {
        self.claims().date(Claim::AuthTime)
    }

    /// How well the user authenticated (`acr`).
    pub fn acr(&self) -> Option<&str> {
        self.claims().text(Claim::Acr)
    }

    /// With what the user authenticated (`amr`, RFC 8176).
    pub fn amr(&self) -> impl Iterator<Item = &str> {
        self.claims().list(Claim::Amr)
    }

    /// All of these scopes, or 403 with a challenge that names them (RFC 6750 §3.1).
    pub fn require_scopes(&self, scopes: &[impl AsRef<str>]) -> Result<(), VerifyError> {
        let holds = scopes.iter().all(|scope| self.has_scope(scope.as_ref()));
        if holds { Ok(()) } else { Err(insufficient_scope(scopes)) }
    }

    /// At least one of these scopes, or 403 with a challenge that names them all.
    pub fn require_any_scope(&self, scopes: &[impl AsRef<str>]) -> Result<(), VerifyError> {
        let holds = scopes.iter().any(|scope| self.has_scope(scope.as_ref()));
        if holds { Ok(()) } else { Err(insufficient_scope(scopes)) }
    }

    /// All of these roles, or 403.
    pub fn require_roles(&self, roles: &[impl AsRef<str>]) -> Result<(), VerifyError> {
        let holds = roles.iter().all(|role| self.has_role(role.as_ref()));
        if holds { Ok(()) } else { Err(VerifyError::InsufficientRole) }
    }

    /// At least one of these roles, or 403.
    pub fn require_any_role(&self, roles: &[impl AsRef<str>]) -> Result<(), VerifyError> {
        let holds = roles.iter().any(|role| self.has_role(role.as_ref()));
        if holds { Ok(()) } else { Err(VerifyError::InsufficientRole) }
    }

    /// What of it can be revoked.
    pub(crate) fn marks<'v>(&'v self, kid: Option<&'v Kid>) -> Marks<'v> {
        Marks {
            claims: self.claims(),
            client: self.claims().text(self.facts.client),
            scope: self.facts.profile.scope,
            kid,
        }
    }

    pub(super) fn jkt(&self) -> Option<&str> {
        match self.binding()? {
            Binding::Dpop { jkt } => Some(jkt),
            Binding::Certificate { .. } => None,
        }
    }

    /// The token is bound to a key, or 401: whoever steals it can do nothing here.
    pub fn require_binding(&self) -> Result<(), VerifyError> {
        self.binding().map(|_| ()).ok_or(VerifyError::Binding(ProofError::BindingNeeded))
    }

    /// The user authenticated at most so long ago, or 401 with a challenge to do it again (RFC 9470 §3).
    /// An app, and a user who was only named, never authenticated as a user: they fail.
    pub fn require_max_age(&self, max_age: Duration) -> Result<(), VerifyError> {
        let seconds = max_age.as_secs();
        // Unix seconds, none for a time that lies ahead: the token passed the check of `iat`, so that is
        // a second or two of clock at most.
        let age = self.authenticated_at().map(|at| u64::try_from(self.at - at).unwrap_or_default());
        if age.is_some_and(|age| age <= seconds) {
            Ok(())
        } else {
            Err(VerifyError::InsufficientUserAuthentication {
                acr_values: None,
                max_age: Some(seconds),
            })
        }
    }

    /// The user authenticated in one of these ways (`acr`), or 401 with a challenge that names them, the
    /// preferred one first (RFC 9470 §3).
    pub fn require_acr(&self, accepted: &[impl AsRef<str>]) -> Result<(), VerifyError> {
        if accepted.iter().any(|acr| self.acr() == Some(acr.as_ref())) {
            Ok(())
        } else {
            let acr_values = Some(joined(accepted));
            Err(VerifyError::InsufficientUserAuthentication { acr_values, max_age: None })
        }
    }

    /// `exp`, Unix seconds.
    pub fn expires_at(&self) -> i64 {
        self.claims().expires_at().unwrap_or_default()
    }

    /// The registered claims.
    pub fn claims(&self) -> &StandardClaims {
        &self.facts.claims
    }

    /// The application's own claims.
    pub fn extra(&self) -> &C {
        &self.facts.extra
    }
}

fn insufficient_scope(scopes: &[impl AsRef<str>]) -> VerifyError {
    VerifyError::InsufficientScope { needed: joined(scopes) }
}

fn joined(names: &[impl AsRef<str>]) -> String {
    names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(" ")
}

impl<C> Clone for Verified<C> {
    fn clone(&self) -> Self {
        Self { facts: Arc::clone(&self.facts), at: self.at }
    }
}

/// Prints the kind of caller and the expiry; no identifiers, so that it may end up in a log.
impl<C> fmt::Debug for Verified<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("kind", &self.facts.kind)
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}
