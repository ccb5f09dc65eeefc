//! `POST /backchannel-logout`: the issuer says that a session, or all sessions of a user, have ended (OpenID Connect
//! Back-Channel Logout §2.5 to §2.8). Sessions are not looked for: what has ended is remembered, and each request is
//! held against it.

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderValue};
use serde_json::json;

use super::keeping::{issuer_session_name, not_there, subject_name};
use super::{SessionError, Sessions};
use crate::LogoutToken;

const MAX_FORM_BYTES: usize = 32 * 1024;

pub(super) async fn endpoint(State(sessions): State<Sessions>, request: Request) -> Response {
    let (status, body) = match sessions.end_by_token(request).await {
        Ok(()) => (StatusCode::OK, json!({})),
        Err(error) => {
            tracing::warn!(code = error.code(), "a logout of the issuer is refused");
            let transient = error.is_transient();
            // §2.8: 400 for what cannot be done; the issuer may try again after a 503.
            let status =
                if transient { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::BAD_REQUEST };
            let code = if transient { "temporarily_unavailable" } else { "invalid_request" };
            (status, json!({ "error": code }))
        }
    };
    let mut response = (status, axum::Json(body)).into_response();
    // §2.8: the answer must not be kept.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl Sessions {
    async fn end_by_token(&self, request: Request) -> Result<(), SessionError> {
        let bad = || SessionError::BadAnswer("exactly one logout_token is needed");
        let body = to_bytes(request.into_body(), MAX_FORM_BYTES).await.map_err(|_| bad())?;
        let mut tokens =
            url::form_urlencoded::parse(&body).filter(|(name, _)| name == "logout_token");
        let (Some((_, token)), None) = (tokens.next(), tokens.next()) else { return Err(bad()) };
        let logout = self.inner.client.verify_logout_token(&token).await?;
        self.end_all(&logout).await
    }

    /// §2.7: one session if it names one, and all sessions of the user if not.
    async fn end_all(&self, logout: &LogoutToken) -> Result<(), SessionError> {
        let now = self.inner.clock.wall();
        let until = now.saturating_add(self.lifetime_seconds());
        let ended = match (logout.session_id(), logout.subject()) {
            (Some(sid), _) => {
                self.inner.ended.end(&issuer_session_name(sid), i64::MAX, until).await
            }
            // Who signs in again after the logout is not meant.
            (None, Some(subject)) => {
                self.inner.ended.end(&subject_name(subject), logout.issued_at(), until).await
            }
            (None, None) => Ok(()),
        };
        ended.map_err(not_there)
    }
}
