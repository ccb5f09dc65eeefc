//! The layer of an application's own routes: finds the session of a request, guards it against other sites, and sets
//! the cookies of a renewed session with the answer.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::Request;
use tower::{Layer, Service};

use super::record::Session;
use super::{SessionError, Sessions, cookies};
use crate::credential::is_same_site;

/// Made by [`Sessions::layer`].
#[derive(Clone)]
pub struct SessionLayer {
    pub(super) sessions: Sessions,
}

/// What the layer found: present on every request that passed it.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) session: Result<Option<Session>, SessionError>,
    /// Where to sign in.
    pub(super) login_path: String,
}

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService { inner, sessions: self.sessions.clone() }
    }
}

/// The service that [`SessionLayer`] makes.
#[derive(Clone)]
pub struct SessionService<S> {
    inner: S,
    sessions: Sessions,
}

impl<S> Service<Request<Body>> for SessionService<S>
where
    S: Service<Request<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let sessions = self.sessions.clone();
        // The service that was polled ready is the one to call.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let has_cookie = sessions.inner.cookie.is_there(&parts.headers);
            // An unsafe request that a cookie authenticates must come from our own pages.
            if has_cookie && !is_same_site(&parts, std::slice::from_ref(&sessions.inner.origin)) {
                return Ok(sessions.refuse(SessionError::CrossSite));
            }
            let (session, set) = match sessions.load(&parts.headers).await {
                Ok(loaded) => (Ok(loaded.session), loaded.cookies),
                Err(error) => (Err(error), Vec::new()),
            };
            let login_path = format!("{}/login", sessions.inner.base_path);
            parts.extensions.insert(Found { session, login_path });
            let answer = inner.call(Request::from_parts(parts, body)).await?;
            let mut response = answer.into_response();
            // A route that began or ended a session has the last word.
            if !sessions.inner.cookie.is_set(response.headers()) {
                cookies::add(response.headers_mut(), set);
            }
            Ok(response)
        })
    }
}
