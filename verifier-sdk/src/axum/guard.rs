//! Guards in one line: `.route_layer(require_scopes(["payments:read"]))`. They refuse before the
//! handler runs, also where the handler forgets to look at the caller.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::Request;
use tower::{Layer, Service};

use super::Rejection;
use super::found::{self, Found};
use super::requirement::Requirement;
use crate::Hops;
use crate::error::VerifyError;

/// Lets only callers pass that hold all of these scopes; others get 403 with a challenge.
pub fn require_scopes(scopes: impl IntoIterator<Item = impl Into<String>>) -> Guard {
    Guard::new(Requirement::AllScopes(texts(scopes)))
}

/// Lets only callers pass that hold at least one of these scopes; others get 403 with a challenge.
pub fn require_any_scope(scopes: impl IntoIterator<Item = impl Into<String>>) -> Guard {
    Guard::new(Requirement::AnyScope(texts(scopes)))
}

/// Lets only callers pass that have all of these roles; others get 403.
pub fn require_roles(roles: impl IntoIterator<Item = impl Into<String>>) -> Guard {
    Guard::new(Requirement::AllRoles(texts(roles)))
}

/// Lets only callers pass that have at least one of these roles; others get 403.
pub fn require_any_role(roles: impl IntoIterator<Item = impl Into<String>>) -> Guard {
    Guard::new(Requirement::AnyRole(texts(roles)))
}

/// Lets only users pass who authenticated at most so long ago; others get 401 with a challenge to do it
/// again (RFC 9470 §3).
pub fn require_max_age(max_age: Duration) -> Guard {
    Guard::new(Requirement::MaxAge(max_age))
}

/// Lets only users pass who authenticated in one of these ways (`acr`), the preferred one first; others
/// get 401 with a challenge that names them (RFC 9470 §3).
pub fn require_acr(accepted: impl IntoIterator<Item = impl Into<String>>) -> Guard {
    Guard::new(Requirement::Acr(texts(accepted)))
}

/// Lets only callers pass whose hops are allowed here (RFC 8693 §4.1); others get 403:
/// `.route_layer(require_hops(Hops::at_most(1).first("gateway")))`.
pub fn require_hops(hops: Hops) -> Guard {
    Guard::new(Requirement::Hops(hops))
}

/// Lets only tokens pass that are bound to a key, of which possession was proved; others get 401 with a challenge
/// (RFC 9449 §7.1).
pub fn require_binding() -> Guard {
    Guard::new(Requirement::Binding)
}

/// Lets callers pass only while it is known what was revoked up to so long ago; else 503, for routes that move money, say,
/// whatever the policy of the verifier: `.route_layer(require_fresh_revocation(Duration::from_secs(5)))`. From the first
/// request on the feed is asked often enough for that.
pub fn require_fresh_revocation(max_lag: Duration) -> Guard {
    Guard::new(Requirement::FreshRevocation(max_lag))
}

fn texts(names: impl IntoIterator<Item = impl Into<String>>) -> Vec<String> {
    names.into_iter().map(Into::into).collect()
}

/// A guard; must be below an [`AuthLayer`](super::AuthLayer).
#[derive(Clone)]
pub struct Guard {
    requirement: Arc<Requirement>,
    when_late: WhenLate,
}

/// What happens where too little is known of revocations.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WhenLate {
    Refused,
    Asked,
}

impl Guard {
    fn new(requirement: Requirement) -> Self {
        Self { requirement: Arc::new(requirement), when_late: WhenLate::Refused }
    }

    /// With [`require_fresh_revocation`]: while the feed is late, asks the issuer about each token (RFC 7662), by the
    /// [`introspection`](crate::VerifierBuilder::introspection) of the verifier, and answers 503 only if that fails too.
    #[must_use]
    pub fn or_introspect(self) -> Self {
        Self { when_late: WhenLate::Asked, ..self }
    }

    fn asks(&self, rejection: &Rejection) -> bool {
        let is_late = matches!(rejection.error, VerifyError::RevocationsLate { .. });
        is_late && self.when_late == WhenLate::Asked
    }

    fn judge(&self, request: &Request<Body>) -> Result<(), Rejection> {
        let Some(found) = request.extensions().get::<Found>() else {
            tracing::error!("a guard has no AuthLayer above it");
            return Err(VerifyError::Misconfigured("no AuthLayer above this guard").into());
        };
        let judged = found.caller().and_then(|caller| caller.require(&self.requirement));
        judged.map_err(|error| found.refuse(error))
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
    S: Service<Request<Body>, Error = Infallible> + Clone + Send + 'static,
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
        match self.guard.judge(&request) {
            Ok(()) => {
                let answer = self.inner.call(request);
                Box::pin(async move { Ok(answer.await?.into_response()) })
            }
            Err(rejection) if self.guard.asks(&rejection) => {
                let ready = self.inner.clone();
                Box::pin(ask_first(std::mem::replace(&mut self.inner, ready), request))
            }
            Err(rejection) => Box::pin(async move { Ok(rejection.into_response()) }),
        }
    }
}

/// The request goes on if the issuer says that its token is good.
async fn ask_first<S>(mut inner: S, request: Request<Body>) -> Result<Response, Infallible>
where
    S: Service<Request<Body>, Error = Infallible>,
    S::Response: IntoResponse,
{
    let found = request.extensions().get::<Found>().cloned();
    let Some(found) = found else {
        return Ok(VerifyError::Misconfigured("no AuthLayer above this guard").into_response());
    };
    let answer = match found.caller() {
        Ok(caller) => found::ask(Arc::clone(caller)).await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(()) => Ok(inner.call(request).await?.into_response()),
        Err(error) => Ok(found.refuse(error).into_response()),
    }
}
