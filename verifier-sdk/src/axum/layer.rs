//! The layer: finds the one credential, verifies it, and puts the result where extractors and guards
//! find it. The body is touched only for form credentials, and handed on whole.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use http::Request;
use tower::{Layer, Service};

use super::Rejection;
use crate::credential::{Carriers, CredentialError};
use crate::error::VerifyError;
use crate::resource_metadata::ResourceMetadata;
use crate::{MultiVerifier, Verified};

/// A form that carries a token is read up to this size.
const MAX_FORM_BYTES: usize = 64 * 1024;

/// Authenticates every request below it. Requests without a credential are refused, unless
/// [`optional`](Self::optional); a bad credential is always refused.
pub struct AuthLayer<C = ()> {
    shared: Arc<Shared<C>>,
}

struct Shared<C> {
    verifier: MultiVerifier<C>,
    carriers: Carriers,
    anonymous: Anonymous,
    resource_metadata: Option<Arc<str>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Anonymous {
    Refused,
    Allowed,
}

/// What the layer found: present on every request that passed it. Guards read it; extractors find
/// the caller with its own claims as `Arc<Verified<C>>` beside it.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) caller: Option<Arc<dyn Rights>>,
    pub(super) resource_metadata: Option<Arc<str>>,
}

/// What guards ask of a caller, whatever its own claims are.
pub(super) trait Rights: Send + Sync {
    fn has_scope(&self, scope: &str) -> bool;
    fn has_role(&self, role: &str) -> bool;
}

impl<C: Send + Sync> Rights for Verified<C> {
    fn has_scope(&self, scope: &str) -> bool {
        Verified::has_scope(self, scope)
    }

    fn has_role(&self, role: &str) -> bool {
        Verified::has_role(self, role)
    }
}

impl<C: Send + Sync + 'static> AuthLayer<C> {
    /// With one verifier, or several ([`MultiVerifier`]).
    pub fn new(verifier: impl Into<MultiVerifier<C>>) -> Self {
        let shared = Shared {
            verifier: verifier.into(),
            carriers: Carriers::bearer(),
            anonymous: Anonymous::Refused,
            resource_metadata: None,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Lets requests without a credential pass, as nobody.
    #[must_use]
    pub fn optional(self) -> Self {
        self.change(|shared| shared.anonymous = Anonymous::Allowed)
    }

    /// Also accepts cookies or form fields.
    #[must_use]
    pub fn carriers(self, carriers: Carriers) -> Self {
        self.change(|shared| shared.carriers = carriers)
    }

    /// Names the metadata in challenges (RFC 9728 §5.1).
    #[must_use]
    pub fn resource_metadata(self, metadata: &ResourceMetadata) -> Self {
        self.change(|shared| shared.resource_metadata = Some(metadata.url().into()))
    }

    fn change(self, change: impl FnOnce(&mut Shared<C>)) -> Self {
        let mut shared = Shared {
            verifier: self.shared.verifier.clone(),
            carriers: self.shared.carriers.clone(),
            anonymous: self.shared.anonymous,
            resource_metadata: self.shared.resource_metadata.clone(),
        };
        change(&mut shared);
        Self { shared: Arc::new(shared) }
    }
}

impl<C: Send + Sync + 'static> Shared<C> {
    async fn authenticate(&self, request: Request<Body>) -> Result<Request<Body>, VerifyError> {
        let (mut parts, body) = request.into_parts();
        let (form, body) = if self.carriers.wants_form(&parts) {
            let bytes = axum::body::to_bytes(body, MAX_FORM_BYTES)
                .await
                .map_err(|_| CredentialError::Malformed)?;
            (bytes.clone(), Body::from(bytes))
        } else {
            (Bytes::new(), body)
        };
        let mut caller: Option<Arc<dyn Rights>> = None;
        match self.carriers.find(&parts, Some(&form)) {
            Ok(token) => {
                let verified = Arc::new(self.verifier.verify(&token).await?);
                parts.extensions.insert(Arc::clone(&verified));
                caller = Some(verified);
            }
            Err(CredentialError::Missing) if self.anonymous == Anonymous::Allowed => {}
            Err(error) => return Err(error.into()),
        }
        let resource_metadata = self.resource_metadata.clone();
        parts.extensions.insert(Found { caller, resource_metadata });
        Ok(Request::from_parts(parts, body))
    }
}

impl<C> Clone for AuthLayer<C> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S, C> Layer<S> for AuthLayer<C> {
    type Service = AuthService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        AuthService { inner, shared: Arc::clone(&self.shared) }
    }
}

/// The service that [`AuthLayer`] makes.
pub struct AuthService<S, C = ()> {
    inner: S,
    shared: Arc<Shared<C>>,
}

impl<S: Clone, C> Clone for AuthService<S, C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), shared: Arc::clone(&self.shared) }
    }
}

impl<S, C> Service<Request<Body>> for AuthService<S, C>
where
    S: Service<Request<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
    C: Send + Sync + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        // The service that was polled ready is the one to call.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        Box::pin(async move {
            match shared.authenticate(request).await {
                Ok(request) => Ok(inner.call(request).await?.into_response()),
                Err(error) => {
                    let metadata = shared.resource_metadata.clone();
                    Ok(Rejection::new(error, metadata).into_response())
                }
            }
        })
    }
}
