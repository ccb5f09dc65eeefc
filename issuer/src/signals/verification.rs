//! The verification endpoint (OpenID Shared Signals Framework 1.0 §8.1.4): a receiver asks for a signal, to see whether the stream
//! works.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use serde::Deserialize;

use super::body::{self, done};
use super::receiver::{Receiver, Right};
use super::{StreamStatus, VERIFICATION};
use crate::app::App;
use crate::error::OAuthError;
use crate::protected::refusal;
use crate::protocol::ErrorCode;
use crate::store::MIN_VERIFICATION_INTERVAL;

/// No receiver needs more to know its question by.
const MAX_STATE: usize = 1_024;

#[derive(Deserialize)]
struct Wish {
    #[serde(default)]
    stream_id: String,
    state: Option<String>,
}

/// The handler.
pub(super) async fn endpoint(State(app): State<Arc<App>>, request: Request) -> Response {
    verified(&app, request).await.unwrap_or_else(|error| refusal(&app, VERIFICATION, error))
}

/// §8.1.4.2.
async fn verified(app: &App, request: Request) -> Result<Response, OAuthError> {
    let (parts, body) = request.into_parts();
    let receiver = Receiver::of(app, &parts, (VERIFICATION, Right::Manage)).await?;
    let wish: Wish = body::read(body).await?;
    if wish.state.as_ref().is_some_and(|state| state.len() > MAX_STATE) {
        return Err(OAuthError::invalid_request("state is too long"));
    }
    let stream = receiver.stream(app, &wish.stream_id).await?;
    if stream.status == StreamStatus::Disabled {
        return Err(OAuthError::invalid_request("the stream is disabled: nothing goes out"));
    }
    if app.store.verify_stream(stream.id, wish.state, app.clock.now()).await? {
        return Ok(receiver.told(done()));
    }
    let description = "the stream was verified a moment ago";
    let error = OAuthError::new(ErrorCode::TooManyRequests, description);
    let seconds = u32::try_from(MIN_VERIFICATION_INTERVAL).unwrap_or(u32::MAX);
    Err(OAuthError { retry_after: Some(seconds), ..error })
}
