//! Extractors for what `AuthLayer` found. Without the layer they fail with 500, never with a caller.

use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::found::{Found, PresentedToken};
use super::{Rejection, ScopeMarker};
use crate::Verified;
use crate::credential::CredentialError;
use crate::error::VerifyError;

/// The caller, verified: `async fn handler(auth: Auth) …`. Derefs to [`Verified`].
#[derive(Clone, Debug)]
pub struct Auth<C = ()> {
    verified: Verified<C>,
    token: PresentedToken,
}

/// The caller, or nobody, below an [`AuthLayer`](super::AuthLayer) that is `optional`.
#[derive(Clone, Debug)]
pub struct OptionalAuth<C = ()>(pub Option<Auth<C>>);

/// The caller, who holds the scopes of `S`: `async fn pay(caller: Scoped<PaymentsWrite>) …`, with `S` made by
/// [`scope!`](crate::scope). Others get 403 with a challenge. Derefs to [`Verified`].
///
/// The signature of a function says what its caller may do, and a handler cannot forget to ask.
#[derive(Clone, Debug)]
pub struct Scoped<S, C = ()> {
    auth: Auth<C>,
    scopes: PhantomData<fn() -> S>,
}

impl<C> Auth<C> {
    /// The token as it was presented, to be handed on.
    pub fn token(&self) -> &PresentedToken {
        &self.token
    }

    /// The verdict alone.
    pub fn into_verified(self) -> Verified<C> {
        self.verified
    }
}

impl<S, C> Scoped<S, C> {
    /// The caller without what is known of its scopes.
    pub fn into_auth(self) -> Auth<C> {
        self.auth
    }
}

impl<C> Deref for Auth<C> {
    type Target = Verified<C>;

    fn deref(&self) -> &Verified<C> {
        &self.verified
    }
}

impl<S, C> Deref for Scoped<S, C> {
    type Target = Verified<C>;

    fn deref(&self) -> &Verified<C> {
        &self.auth
    }
}

impl<C: Send + Sync + 'static, S: Sync> FromRequestParts<S> for Auth<C> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let (caller, found) = find(parts)?;
        caller.ok_or_else(|| found.refuse(CredentialError::Missing.into()))
    }
}

impl<C: Send + Sync + 'static, S: Sync> FromRequestParts<S> for OptionalAuth<C> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        Ok(Self(find(parts)?.0))
    }
}

impl<M: ScopeMarker, C: Send + Sync + 'static, S: Sync> FromRequestParts<S> for Scoped<M, C> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let (caller, found) = find(parts)?;
        let auth: Auth<C> = caller.ok_or_else(|| found.refuse(CredentialError::Missing.into()))?;
        auth.require_scopes(M::SCOPES).map_err(|error| found.refuse(error))?;
        Ok(Self { auth, scopes: PhantomData })
    }
}

fn find<C: Send + Sync + 'static>(parts: &Parts) -> Result<(Option<Auth<C>>, &Found), Rejection> {
    let found = parts.extensions.get::<Found>();
    let verified = parts.extensions.get::<Verified<C>>().cloned();
    match found {
        // A caller was found, but with another claims struct: the route and the layer disagree.
        Some(found) if found.is_somebody() == verified.is_some() => {
            let both = verified.zip(found.token().cloned());
            Ok((both.map(|(verified, token)| Auth { verified, token }), found))
        }
        _ => {
            tracing::error!("a route needs a caller and has no AuthLayer with its claims above it");
            Err(VerifyError::Misconfigured("no AuthLayer with these claims above the route").into())
        }
    }
}
