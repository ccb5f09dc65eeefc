//! A refusal as an HTTP response: status, challenge, `Retry-After`, and a small JSON body in the form
//! of OAuth errors. The only place of the SDK that makes responses.

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::json;

use super::found::Refusals;
use crate::challenge;
use crate::credential::Scheme;
use crate::error::VerifyError;

/// RFC 9449 §8.1.
pub(super) const DPOP_NONCE: &str = "dpop-nonce";

/// A refusal on its way out. Rendered here unless the layer has a renderer
/// ([`AuthLayer::map_rejection`](super::AuthLayer::map_rejection)).
#[derive(Clone)]
pub struct Rejection {
    /// Why.
    pub error: VerifyError,
    /// How the request presented its token, if it had one.
    presented: Option<Scheme>,
    refusals: Arc<Refusals>,
}

impl Rejection {
    pub(super) fn new(
        error: VerifyError,
        presented: Option<Scheme>,
        refusals: Arc<Refusals>,
    ) -> Self {
        Self { error, presented, refusals }
    }

    /// The response that the SDK makes, to be changed or replaced.
    pub fn standard_response(&self) -> Response {
        let error = &self.error;
        let body = Json(json!({ "error": outward_code(error) }));
        let mut response = (error.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let metadata = self.refusals.resource_metadata.as_deref();
        for challenge in challenge::all(error, &self.refusals.offer(self.presented), metadata) {
            if let Ok(value) = HeaderValue::try_from(challenge) {
                headers.append(WWW_AUTHENTICATE, value);
            }
        }
        if let VerifyError::Binding(error) = error
            && let Some(Ok(nonce)) = error.nonce().map(HeaderValue::try_from)
        {
            headers.insert(DPOP_NONCE, nonce);
        }
        if let Some(wait) = error.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
        }
        response
    }
}

impl std::fmt::Debug for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rejection").field("error", &self.error).finish_non_exhaustive()
    }
}

impl From<VerifyError> for Rejection {
    fn from(error: VerifyError) -> Self {
        Self::new(error, None, Arc::default())
    }
}

impl IntoResponse for VerifyError {
    fn into_response(self) -> Response {
        Rejection::from(self).into_response()
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let error = &self.error;
        // The precise cause is for the log; `code()` has no data of the token.
        tracing::debug!(code = error.code(), status = error.status().as_u16(), "request refused");
        match self.refusals.render.clone() {
            Some(render) => render(self),
            None => self.standard_response(),
        }
    }
}

/// As coarse as the challenge: see `challenge.rs`.
fn outward_code(error: &VerifyError) -> &'static str {
    if matches!(error, VerifyError::InsufficientUserAuthentication { .. }) {
        return error.code();
    }
    if let VerifyError::Binding(error) = error {
        return error.outward_code();
    }
    match error.status().as_u16() {
        400 => "invalid_request",
        401 => "invalid_token",
        403 => "insufficient_scope",
        503 => "temporarily_unavailable",
        _ => "server_error",
    }
}
