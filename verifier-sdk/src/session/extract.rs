//! Extractors for what `SessionLayer` found. Without the layer they fail with 500, never with a session.

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::Method;
use http::header::{HeaderMap, HeaderName};
use http::request::Parts;

use super::SessionError;
use super::layer::Found;
use super::login::redirect_to;
use super::record::Session;

/// The session, or nobody's.
#[derive(Clone, Debug)]
pub struct OptionalSession(pub Option<Session>);

/// Why there is no session for a route that needs one. A browser that wants to see a page is sent to sign in; anything
/// else is answered 401.
#[derive(Clone, Debug)]
pub struct SessionRejection {
    /// Why.
    pub error: SessionError,
    sign_in: Option<String>,
}

impl IntoResponse for SessionRejection {
    fn into_response(self) -> Response {
        match self.sign_in {
            Some(location) => redirect_to(&location, Vec::new()),
            None => self.error.into_response(),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, SessionRejection> {
        let found = find(parts)?;
        match found.session.clone() {
            Ok(Some(session)) => Ok(session),
            Ok(None) => {
                let sign_in = wants_page(parts).then(|| sign_in_location(parts, &found.login_path));
                Err(SessionRejection { error: SessionError::SignedOut, sign_in })
            }
            Err(error) => Err(SessionRejection { error, sign_in: None }),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for OptionalSession {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, SessionRejection> {
        let found = find(parts)?;
        let session = found.session.clone();
        session.map(Self).map_err(|error| SessionRejection { error, sign_in: None })
    }
}

fn find(parts: &Parts) -> Result<&Found, SessionRejection> {
    parts.extensions.get().ok_or_else(|| {
        tracing::error!("a route needs a session and has no SessionLayer above it");
        let error = SessionError::Misconfigured("no SessionLayer above the route");
        SessionRejection { error, sign_in: None }
    })
}

/// Whether a person is waiting for a page (Fetch Metadata; `Accept` of older browsers).
fn wants_page(parts: &Parts) -> bool {
    let mode = HeaderName::from_static("sec-fetch-mode");
    let text = |headers: &HeaderMap, name: HeaderName| {
        headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let navigates = match text(&parts.headers, mode) {
        Some(mode) => mode == "navigate",
        None => text(&parts.headers, http::header::ACCEPT).is_some_and(|a| a.contains("text/html")),
    };
    parts.method == Method::GET && navigates
}

fn sign_in_location(parts: &Parts, login_path: &str) -> String {
    let here = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("return_to", here)
        .finish();
    format!("{login_path}?{query}")
}
