//! Polling (RFC 8936): a receiver asks for what it has not acknowledged, acknowledges what it has, and may wait for what comes.
//! What it refuses is not sent again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use tokio::time::timeout;

use super::POLL;
use super::body::{self, answer};
use super::event;
use super::receiver::{Receiver, Right};
use crate::app::App;
use crate::error::OAuthError;
use crate::protected::refusal;
use crate::protocol::ErrorCode;
use crate::store::{PendingSignal, SignalStream};
use crate::telemetry::SignalOutcome;

/// So many stand in one answer at most.
const MAX_EVENTS: i64 = 100;

/// For so long an answer waits for something to say: proxies forgive it.
const PATIENCE: Duration = Duration::from_secs(25);

/// What happens on other nodes is looked for so often while somebody waits.
const LOOK: Duration = Duration::from_secs(1);

/// RFC 8936 §2.2.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wish {
    max_events: Option<i64>,
    #[serde(default)]
    return_immediately: bool,
    #[serde(default)]
    ack: Vec<String>,
    #[serde(default)]
    set_errs: HashMap<String, SetError>,
}

/// RFC 8936 §2.6.
#[derive(Deserialize)]
struct SetError {
    #[serde(default)]
    err: String,
    #[serde(default)]
    description: String,
}

/// RFC 8936 §2.3.
#[derive(Serialize)]
struct Told {
    sets: Sets,
    #[serde(rename = "moreAvailable", skip_serializing_if = "std::ops::Not::not")]
    more_available: bool,
}

/// By their `jti`, in their order.
#[derive(Default)]
struct Sets(Vec<(String, String)>);

impl Serialize for Sets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (jti, token) in &self.0 {
            map.serialize_entry(jti, token)?;
        }
        map.end()
    }
}

/// The handler.
pub(super) async fn endpoint(
    State(app): State<Arc<App>>,
    Path(stream_id): Path<String>,
    request: Request,
) -> Response {
    polled(&app, &stream_id, request).await.unwrap_or_else(|error| refusal(&app, POLL, error))
}

async fn polled(app: &App, stream_id: &str, request: Request) -> Result<Response, OAuthError> {
    let (parts, body) = request.into_parts();
    let path = format!("{POLL}/{stream_id}");
    let receiver = Receiver::of(app, &parts, (&path, Right::Read)).await?;
    let wish: Wish = body::read(body).await?;
    let stream = receiver.stream(app, stream_id).await?;
    if stream.push.is_some() {
        return Err(OAuthError::new(ErrorCode::NotFound, "the stream is not polled"));
    }
    settle(app, &stream, &wish).await?;
    let limit = wish.max_events.unwrap_or(MAX_EVENTS);
    if limit < 0 {
        return Err(OAuthError::invalid_request("maxEvents is negative"));
    }
    // RFC 8936 §2.4.2: who asks for nothing only acknowledges.
    let told = match limit.min(MAX_EVENTS) {
        0 => Told { sets: Sets::default(), more_available: false },
        limit => told(app, (&receiver, &stream), (limit, wish.return_immediately)).await?,
    };
    Ok(receiver.told(answer(StatusCode::OK, &told)))
}

/// RFC 8936 §2.4: what the receiver has, and what it refuses, is not sent again.
async fn settle(app: &App, stream: &SignalStream, wish: &Wish) -> Result<(), OAuthError> {
    for (jti, error) in &wish.set_errs {
        let (err, description) = (error.err.as_str(), error.description.as_str());
        let client_id = &stream.client_id;
        tracing::error!(client_id, jti, err, description, "a receiver refused a signal");
    }
    let acknowledged: Vec<&str> = wish.ack.iter().map(String::as_str).collect();
    let refused: Vec<&str> = wish.set_errs.keys().map(String::as_str).collect();
    let settled = [(acknowledged, SignalOutcome::Delivered), (refused, SignalOutcome::Refused)];
    for (jtis, outcome) in settled {
        let count = app.store.settle_signals(stream.id, &jtis).await?;
        app.metrics.signals.polled(outcome, count);
    }
    Ok(())
}

/// What is there, or comes within a while.
async fn told(
    app: &App,
    (receiver, stream): (&Receiver, &SignalStream),
    (limit, is_immediate): (i64, bool),
) -> Result<Told, OAuthError> {
    let mut pending = pending(app, stream, limit).await?;
    if pending.is_empty() && !is_immediate {
        let waiting = awaited(app, (receiver, stream), limit);
        pending = timeout(PATIENCE, waiting).await.unwrap_or(Ok(Vec::new()))?;
    }
    let has_more = i64::try_from(pending.len()).is_ok_and(|count| count > limit);
    let mut sets = Sets::default();
    for signal in pending.iter().take(usize::try_from(limit).unwrap_or_default()) {
        sets.0.push((signal.jti.clone(), event::token(app, stream, signal)?));
    }
    Ok(Told { sets, more_available: has_more })
}

/// Waits until there is something, or the node stops, or the receiver has no right any more.
async fn awaited(
    app: &App,
    (receiver, stream): (&Receiver, &SignalStream),
    limit: i64,
) -> Result<Vec<PendingSignal>, OAuthError> {
    let wakeups = app.store.signals();
    let Ok(_place) = wakeups.waiting.try_acquire() else { return Ok(Vec::new()) };
    let mut news = wakeups.poll.subscribe();
    loop {
        let pending = pending(app, stream, limit).await?;
        if !pending.is_empty() || app.is_draining() || !receiver.is_good(app) {
            return Ok(pending);
        }
        // Whatever wakes it, it looks.
        let _ = timeout(LOOK, news.changed()).await;
    }
}

/// One more than are told says whether there are more.
async fn pending(
    app: &App,
    stream: &SignalStream,
    limit: i64,
) -> Result<Vec<PendingSignal>, OAuthError> {
    Ok(app.store.pending_signals(stream.id, (app.clock.now(), limit + 1)).await?)
}
