//! The layer: finds the one credential, verifies it, and puts the result where extractors and guards
//! find it. The body is touched only for form credentials, and handed on whole.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::OriginalUri;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, Request};
use tower::{Layer, Service};
use tracing::Instrument as _;

use super::Rejection;
use super::found::{Caller, Found, PresentedToken, Refusals};
use super::rejection::DPOP_NONCE;
use crate::binding::Presentation;
use crate::credential::{Carriers, CredentialError, Scheme};
use crate::error::VerifyError;
use crate::resource_metadata::ResourceMetadata;
use crate::{MultiVerifier, Verifier};

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
    refusals: Arc<Refusals>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Anonymous {
    Refused,
    Allowed,
}

impl<C: Send + Sync + 'static> AuthLayer<C> {
    /// With one verifier, or several ([`MultiVerifier`]).
    pub fn new(verifier: impl Into<MultiVerifier<C>>) -> Self {
        let verifier = verifier.into();
        // Challenges are those of the first that takes bound tokens.
        let offers = verifier.verifiers().iter().map(Verifier::offer);
        let offer = offers.into_iter().find(|offer| offer.algorithms.is_some()).unwrap_or_default();
        let refusals = Refusals {
            algorithms: offer.algorithms.map(Into::into),
            is_binding_required: offer.is_required,
            ..Refusals::default()
        };
        let shared = Shared {
            verifier,
            carriers: Carriers::bearer(),
            anonymous: Anonymous::Refused,
            refusals: Arc::new(refusals),
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
        let url = metadata.url().into();
        self.refusing(|refusals| refusals.resource_metadata = Some(url))
    }

    /// Renders refusals of the layer, its guards and its extractors in another way, e.g. as a page. Begin
    /// with [`Rejection::standard_response`] to keep status and challenge.
    #[must_use]
    pub fn map_rejection(
        self,
        render: impl Fn(Rejection) -> Response + Send + Sync + 'static,
    ) -> Self {
        self.refusing(|refusals| refusals.render = Some(Arc::new(render)))
    }

    fn refusing(self, change: impl FnOnce(&mut Refusals)) -> Self {
        self.change(|shared| change(Arc::make_mut(&mut shared.refusals)))
    }

    fn change(self, change: impl FnOnce(&mut Shared<C>)) -> Self {
        let mut shared = Shared {
            verifier: self.shared.verifier.clone(),
            carriers: self.shared.carriers.clone(),
            anonymous: self.shared.anonymous,
            refusals: Arc::clone(&self.shared.refusals),
        };
        change(&mut shared);
        Self { shared: Arc::new(shared) }
    }
}

impl<C: Send + Sync + 'static> Shared<C> {
    /// Traced as one span, which holds no data of the request.
    async fn authenticate(&self, request: Request<Body>) -> Result<Authenticated, Rejection> {
        let span = tracing::debug_span!("authenticate", outcome = tracing::field::Empty);
        let mut presented = None;
        let result = self.find_caller(request, &mut presented).instrument(span.clone()).await;
        span.record("outcome", result.as_ref().map_or_else(VerifyError::code, |_| "passed"));
        result.map_err(|error| Rejection::new(error, presented, Arc::clone(&self.refusals)))
    }

    async fn find_caller(
        &self,
        request: Request<Body>,
        scheme: &mut Option<Scheme>,
    ) -> Result<Authenticated, VerifyError> {
        let (mut parts, body) = request.into_parts();
        let (form, body) = if self.carriers.wants_form(&parts) {
            let bytes = axum::body::to_bytes(body, MAX_FORM_BYTES)
                .await
                .map_err(|_| CredentialError::Malformed)?;
            (bytes.clone(), Body::from(bytes))
        } else {
            (Bytes::new(), body)
        };
        let refusals = Arc::clone(&self.refusals);
        let mut next_nonce = None;
        let found = match self.carriers.find(&parts, Some(&form)) {
            Ok(credential) => {
                *scheme = Some(credential.scheme);
                let verifier = self.verifier.choose(&credential.token)?;
                let presented =
                    verifier.verify_presented(&credential, presentation(&parts)).await?;
                next_nonce = presented.next_nonce;
                parts.extensions.insert(presented.verified.clone());
                let caller = Caller {
                    rights: Box::new(presented.verified),
                    token: PresentedToken::new(credential.token),
                    scheme: credential.scheme,
                    standing: verifier.standing().cloned(),
                };
                Found::somebody(caller, refusals)
            }
            Err(CredentialError::Missing) if self.anonymous == Anonymous::Allowed => {
                Found::nobody(refusals)
            }
            Err(error) => return Err(error.into()),
        };
        parts.extensions.insert(found);
        Ok(Authenticated { request: Request::from_parts(parts, body), next_nonce })
    }
}

/// A request that may go on, and what its answer carries.
struct Authenticated {
    request: Request<Body>,
    /// For the header `DPoP-Nonce`.
    next_nonce: Option<String>,
}

/// The request as the client made it: nested routers see only the rest of the path.
fn presentation(parts: &Parts) -> Presentation<'_> {
    let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
    Presentation {
        method: parts.method.as_str(),
        path: uri.path(),
        headers: &parts.headers,
        extensions: &parts.extensions,
    }
}

/// RFC 9449 §8.2: a new nonce may come with any answer.
fn with_nonce(mut response: Response, nonce: Option<String>) -> Response {
    if let Some(Ok(nonce)) = nonce.map(HeaderValue::try_from) {
        response.headers_mut().insert(DPOP_NONCE, nonce);
    }
    response
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
                Ok(Authenticated { request, next_nonce }) => {
                    Ok(with_nonce(inner.call(request).await?.into_response(), next_nonce))
                }
                Err(rejection) => Ok(rejection.into_response()),
            }
        })
    }
}
