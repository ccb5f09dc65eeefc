//! The configuration endpoint (OpenID Shared Signals Framework 1.0 §8.1.1): a receiver makes its streams, reads, changes and
//! deletes them.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;

use super::body::{self, answer, done};
use super::configuration::{Manner, Wish, told};
use super::receiver::{Receiver, Right};
use super::{STREAMS, StreamStatus};
use crate::app::App;
use crate::error::OAuthError;
use crate::protected::refusal;
use crate::protocol::ErrorCode;
use crate::random;
use crate::store::{SignalStream, StoreError};

/// `POST`.
pub(super) async fn create(State(app): State<Arc<App>>, request: Request) -> Response {
    created(&app, request).await.unwrap_or_else(|error| refusal(&app, STREAMS, error))
}

/// `GET`.
pub(super) async fn read(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    found(&app, &parts).await.unwrap_or_else(|error| refusal(&app, STREAMS, error))
}

/// `PATCH`.
pub(super) async fn update(State(app): State<Arc<App>>, request: Request) -> Response {
    let changed = changed(&app, request, Manner::Update).await;
    changed.unwrap_or_else(|error| refusal(&app, STREAMS, error))
}

/// `PUT`.
pub(super) async fn replace(State(app): State<Arc<App>>, request: Request) -> Response {
    let changed = changed(&app, request, Manner::Replace).await;
    changed.unwrap_or_else(|error| refusal(&app, STREAMS, error))
}

/// `DELETE`.
pub(super) async fn delete(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    deleted(&app, &parts).await.unwrap_or_else(|error| refusal(&app, STREAMS, error))
}

/// §8.1.1.1.
async fn created(app: &App, request: Request) -> Result<Response, OAuthError> {
    let (parts, body) = request.into_parts();
    let receiver = Receiver::of(app, &parts, (STREAMS, Right::Manage)).await?;
    let wish: Wish = body::read(body).await?;
    let mut stream = SignalStream {
        id: random::uuid(),
        client_id: receiver.client_id.clone(),
        push: None,
        events_requested: Vec::new(),
        description: None,
        status: StreamStatus::Enabled,
        reason: None,
        halted: false,
        failures: 0,
        created_at: app.clock.now(),
    };
    wish.apply(app, &mut stream, Manner::Replace)?;
    let made = app.store.create_stream(&stream, &receiver.act(app)?).await;
    made.map_err(|error| match error {
        StoreError::Conflict(cause) => {
            let description = "there are as many streams as a receiver may have";
            OAuthError::because(ErrorCode::TooManyStreams, description, cause)
        }
        other => other.into(),
    })?;
    Ok(receiver.told(answer(StatusCode::CREATED, &told(app, &stream))))
}

/// §8.1.1.2: one, or all that the receiver has.
async fn found(app: &App, parts: &Parts) -> Result<Response, OAuthError> {
    let receiver = Receiver::of(app, parts, (STREAMS, Right::Read)).await?;
    let response = if let Some(id) = stream_id(parts) {
        let stream = receiver.stream(app, &id).await?;
        answer(StatusCode::OK, &told(app, &stream))
    } else {
        let streams = app.store.streams(Some(&receiver.client_id)).await?;
        let all: Vec<_> = streams.iter().map(|stream| told(app, stream)).collect();
        answer(StatusCode::OK, &all)
    };
    Ok(receiver.told(response))
}

/// §8.1.1.3, §8.1.1.4.
async fn changed(app: &App, request: Request, manner: Manner) -> Result<Response, OAuthError> {
    let (parts, body) = request.into_parts();
    let receiver = Receiver::of(app, &parts, (STREAMS, Right::Manage)).await?;
    let wish: Wish = body::read(body).await?;
    let id = wish.stream_id.as_deref().unwrap_or_default();
    if id.is_empty() {
        return Err(OAuthError::invalid_request("stream_id is missing"));
    }
    let stream = receiver.stream(app, id).await?;
    let edit = |stream: &mut SignalStream| {
        wish.require_repeated(app, stream)?;
        wish.clone().apply(app, stream, manner)
    };
    let stream = app.store.update_stream(stream.id, &receiver.act(app)?, edit).await?;
    Ok(receiver.told(answer(StatusCode::OK, &told(app, &stream))))
}

/// §8.1.1.5.
async fn deleted(app: &App, parts: &Parts) -> Result<Response, OAuthError> {
    let receiver = Receiver::of(app, parts, (STREAMS, Right::Manage)).await?;
    let id = stream_id(parts);
    let id = id.ok_or_else(|| OAuthError::invalid_request("stream_id is missing"))?;
    let stream = receiver.stream(app, &id).await?;
    app.store.delete_stream(stream.id, &receiver.act(app)?).await?;
    Ok(receiver.told(done()))
}

/// The parameter of the query.
pub(super) fn stream_id(parts: &Parts) -> Option<String> {
    let query = parts.uri.query().unwrap_or_default();
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let found = parameters.find(|(name, value)| name == "stream_id" && !value.is_empty());
    found.map(|(_, value)| value.into_owned())
}
