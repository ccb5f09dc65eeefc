//! Guards in one line: `.route_layer(require_scopes(["payments:read"]))`. They refuse before the
//! handler runs, also where the handler forgets to look at the caller.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::Request;
use tower::{Layer, Service};

use super::Rejection;
use super::layer::{Found, Rights};
use crate::credential::CredentialError;
use crate::error::VerifyError;

/// Lets only callers pass that hold all of these scopes; others get 403 with a challenge.
pub fn require_scopes(scopes: impl IntoIterator<Item = impl Into<String>>) -> Guard {
    Guard::new(Rule::AllScopes(scopes.into_iter().map(Into::into).collect()))
}

/// Lets only callers pass that have at least one of these roles; others get 403.
pub fn require_any_role(roles: impl IntoIterator<Item = impl Into<String>>) -> Guard {
    Guard::new(Rule::AnyRole(roles.into_iter().map(Into::into).collect()))
}

enum Rule {
    AllScopes(Vec<String>),
    AnyRole(Vec<String>),
}

/// A guard; must be below an [`AuthLayer`](super::AuthLayer).
#[derive(Clone)]
pub struct Guard {
    rule: Arc<Rule>,
}

impl Guard {
    fn new(rule: Rule) -> Self {
        Self { rule: Arc::new(rule) }
    }
}

impl Rule {
    fn check(&self, caller: &dyn Rights) -> Result<(), VerifyError> {
        match self {
            Self::AllScopes(scopes) if scopes.iter().all(|scope| caller.has_scope(scope)) => Ok(()),
            Self::AllScopes(scopes) => {
                Err(VerifyError::InsufficientScope { needed: scopes.join(" ") })
            }
            Self::AnyRole(roles) if roles.iter().any(|role| caller.has_role(role)) => Ok(()),
            Self::AnyRole(_) => Err(VerifyError::InsufficientRole),
        }
    }

    fn judge(&self, request: &Request<Body>) -> Result<(), Rejection> {
        let Some(found) = request.extensions().get::<Found>() else {
            tracing::error!("a guard has no AuthLayer above it");
            return Err(VerifyError::Misconfigured("no AuthLayer above this guard").into());
        };
        let missing = VerifyError::Credential(CredentialError::Missing);
        found
            .caller
            .as_deref()
            .ok_or(missing)
            .and_then(|caller| self.check(caller))
            .map_err(|error| Rejection::new(error, found.resource_metadata.clone()))
    }
}

impl<S> Layer<S> for Guard {
    type Service = GuardService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        GuardService { inner, guard: self.clone() }
    }
}

/// The service that [`Guard`] makes.
#[derive(Clone)]
pub struct GuardService<S> {
    inner: S,
    guard: Guard,
}

impl<S> Service<Request<Body>> for GuardService<S>
where
    S: Service<Request<Body>, Error = Infallible>,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self.guard.rule.judge(&request) {
            Ok(()) => {
                let answer = self.inner.call(request);
                Box::pin(async move { Ok(answer.await?.into_response()) })
            }
            Err(rejection) => Box::pin(async move { Ok(rejection.into_response()) }),
        }
    }
}
