//! `GET /currentuser`: who is signed in, for scripts of the application's own pages.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, VARY};
use serde_json::{Value, json};

use super::{SessionError, Sessions, cookies};

pub(super) async fn endpoint(State(sessions): State<Sessions>, headers: HeaderMap) -> Response {
    current_user(&sessions, &headers).await.unwrap_or_else(|error| sessions.refuse(error))
}

async fn current_user(sessions: &Sessions, headers: &HeaderMap) -> Result<Response, SessionError> {
    let loaded = sessions.load(headers).await?;
    let user = loaded.session.map_or(Value::Null, |session| Value::Object(session.user()));
    let mut response = Json(json!({ "currentUser": user })).into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("cookie"));
    cookies::add(headers, loaded.cookies);
    Ok(response)
}
