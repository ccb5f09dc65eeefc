//! Extractors for what `AuthLayer` found. Without the layer they fail with 500, never with a caller.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::Rejection;
use super::layer::Found;
use crate::Verified;
use crate::credential::CredentialError;
use crate::error::VerifyError;

/// The caller, verified: `async fn handler(auth: Auth) …`. Derefs to [`Verified`].
#[derive(Clone, Debug)]
pub struct Auth<C = ()>(Arc<Verified<C>>);

/// The caller, or nobody, below an [`AuthLayer`](super::AuthLayer) that is `optional`.
#[derive(Clone, Debug)]
pub struct OptionalAuth<C = ()>(pub Option<Auth<C>>);

impl<C> Deref for Auth<C> {
    type Target = Verified<C>;

    fn deref(&self) -> &Verified<C> {
        &self.0
    }
}

impl<C: Send + Sync + 'static, S: Sync> FromRequestParts<S> for Auth<C> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let (caller, found) = find(parts)?;
        caller.ok_or_else(|| {
            let missing = VerifyError::Credential(CredentialError::Missing);
            Rejection::new(missing, found.resource_metadata.clone())
        })
    }
}

impl<C: Send + Sync + 'static, S: Sync> FromRequestParts<S> for OptionalAuth<C> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        Ok(Self(find(parts)?.0))
    }
}

fn find<C: Send + Sync + 'static>(parts: &Parts) -> Result<(Option<Auth<C>>, &Found), Rejection> {
    let found = parts.extensions.get::<Found>();
    let caller = parts.extensions.get::<Arc<Verified<C>>>().cloned().map(Auth);
    match found {
        // A caller was found, but with another claims struct: the route and the layer disagree.
        Some(found) if found.caller.is_some() == caller.is_some() => Ok((caller, found)),
        _ => {
            tracing::error!("a route needs a caller and has no AuthLayer with its claims above it");
            Err(VerifyError::Misconfigured("no AuthLayer with these claims above the route").into())
        }
    }
}
