//! The status endpoint (OpenID Shared Signals Framework 1.0 §8.1.2): whether signals go out, are held, or are not even kept.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use serde::{Deserialize, Serialize};

use super::body::{self, answer};
use super::receiver::{Receiver, Right};
use super::streams::stream_id;
use super::{STATUS, StreamStatus};
use crate::app::App;
use crate::error::OAuthError;
use crate::protected::refusal;
use crate::protocol::ErrorCode;
use crate::store::SignalStream;

/// No longer reason is kept.
const MAX_REASON: usize = 256;

#[derive(Deserialize)]
struct Wish {
    #[serde(default)]
    stream_id: String,
    status: StreamStatus,
    reason: Option<String>,
}

#[derive(Serialize)]
struct Told<'s> {
    stream_id: String,
    status: StreamStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'s str>,
}

impl<'s> Told<'s> {
    fn of(stream: &'s SignalStream) -> Self {
        let reason = stream.reason.as_deref();
        Self { stream_id: stream.id.to_string(), status: stream.status, reason }
    }
}

/// `GET`.
pub(super) async fn read(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    found(&app, &parts).await.unwrap_or_else(|error| refusal(&app, STATUS, error))
}

/// `POST`.
pub(super) async fn update(State(app): State<Arc<App>>, request: Request) -> Response {
    changed(&app, request).await.unwrap_or_else(|error| refusal(&app, STATUS, error))
}

/// §8.1.2.1.
async fn found(app: &App, parts: &Parts) -> Result<Response, OAuthError> {
    let receiver = Receiver::of(app, parts, (STATUS, Right::Read)).await?;
    let id = stream_id(parts);
    let id = id.ok_or_else(|| OAuthError::invalid_request("stream_id is missing"))?;
    let stream = receiver.stream(app, &id).await?;
    Ok(receiver.told(answer(StatusCode::OK, &Told::of(&stream))))
}

/// §8.1.2.2. A receiver that changes it knows: it is not told by a signal (§8.1.5). What the operator halted it cannot start.
async fn changed(app: &App, request: Request) -> Result<Response, OAuthError> {
    let (parts, body) = request.into_parts();
    let receiver = Receiver::of(app, &parts, (STATUS, Right::Manage)).await?;
    let wish: Wish = body::read(body).await?;
    if wish.reason.as_ref().is_some_and(|reason| reason.chars().count() > MAX_REASON) {
        return Err(OAuthError::invalid_request("reason is too long"));
    }
    let stream = receiver.stream(app, &wish.stream_id).await?;
    let edit = |stream: &mut SignalStream| -> Result<(), OAuthError> {
        if stream.halted {
            let description = "the operator halted the stream";
            return Err(OAuthError::new(ErrorCode::StreamHalted, description));
        }
        (stream.status, stream.reason) = (wish.status, wish.reason.clone());
        Ok(())
    };
    let stream = app.store.update_stream(stream.id, &receiver.act(app)?, edit).await?;
    Ok(receiver.told(answer(StatusCode::OK, &Told::of(&stream))))
}
