//! The JSON bodies of the management API and of polls, and how it answers.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::OAuthError;
use crate::token::read_body;

/// Reads the object that a request brings; no body is an object without members.
pub(super) async fn read<T: DeserializeOwned>(body: Body) -> Result<T, OAuthError> {
    let body = read_body(body).await?;
    let text = if body.is_empty() { b"{}".as_slice() } else { &body };
    serde_json::from_slice(text).map_err(|error| {
        OAuthError::because(
            crate::protocol::ErrorCode::InvalidRequest,
            "the request body is not the JSON object that this endpoint takes",
            error.to_string(),
        )
    })
}

/// OpenID Shared Signals Framework 1.0 §8.1: what is said of a stream is not kept by anybody in between.
pub(super) fn answer(status: StatusCode, document: &impl Serialize) -> Response {
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (status, no_store, axum::Json(document)).into_response()
}

/// The same without anything to say.
pub(super) fn done() -> Response {
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (StatusCode::NO_CONTENT, no_store).into_response()
}
