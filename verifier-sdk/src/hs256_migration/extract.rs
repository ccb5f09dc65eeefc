//! `Incoming` in an axum handler: the token of `Authorization`, verified by the `Migration` in the state.

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;

use super::{Incoming, Migration};
use crate::axum::Rejection;
use crate::credential::{Carriers, CredentialError, Scheme};
use crate::error::VerifyError;

impl<C, S> FromRequestParts<S> for Incoming<C>
where
    C: Send + Sync + 'static,
    S: Send + Sync,
    Migration<C>: FromRef<S>,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let credential = Carriers::bearer().find(parts, None).map_err(VerifyError::from)?;
        if credential.scheme != Scheme::Bearer {
            return Err(VerifyError::from(CredentialError::Malformed).into());
        }
        Ok(Migration::from_ref(state).verify(&credential.token).await?)
    }
}
