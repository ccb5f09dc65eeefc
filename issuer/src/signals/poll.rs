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
use super::set_error::SetError;
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

impl Wish {
    /// How many signals it takes.
    fn limit(&self) -> i64 {
        self.max_events.unwrap_or(MAX_EVENTS).min(MAX_EVENTS)
    }
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
    if wish.limit() < 0 {
        return Err(OAuthError::invalid_request("maxEvents is negative"));
    }
    settle(app, &stream, &wish).await?;
    // RFC 8936 §2.4.2: who asks for nothing only acknowledges.
    let told = match wish.limit() {
        0 => Told { sets: Sets::default(), more_available: false },
        _ => told(app, (&receiver, &stream), &wish).await?,
    };
    Ok(receiver.told(answer(StatusCode::OK, &told)))
}

/// RFC 8936 §2.4: what the receiver has, and what it refuses for good, is not sent again. What it says of others is its own
/// affair, and fills no log.
async fn settle(app: &App, stream: &SignalStream, wish: &Wish) -> Result<(), OAuthError> {
    let acknowledged: Vec<&str> = wish.ack.iter().map(String::as_str).collect();
    let refused = wish.set_errs.iter().filter(|(_, error)| error.is_final());
    let refused: Vec<&str> = refused.map(|(jti, _)| jti.as_str()).collect();
    let (store, counts) = (&app.store, &app.metrics.signals);
    let acknowledged = store.settle_signals(stream.id, &acknowledged).await?;
    counts.polled(SignalOutcome::Delivered, acknowledged.len());
    let refused = store.settle_signals(stream.id, &refused).await?;
    counts.polled(SignalOutcome::Refused, refused.len());
    for jti in &refused {
        let cause = wish.set_errs.get(jti).map(ToString::to_string);
        let client_id = &stream.client_id;
        tracing::error!(client_id, jti, cause, "a receiver refused a signal");
    }
    Ok(())
}

/// What is there, or comes within a while.
async fn told(
    app: &App,
    (receiver, stream): (&Receiver, &SignalStream),
    wish: &Wish,
) -> Result<Told, OAuthError> {
    let mut pending = pending(app, stream, wish).await?;
    if pending.is_empty() && !wish.return_immediately {
        let waiting = awaited(app, (receiver, stream), wish);
        pending = timeout(PATIENCE, waiting).await.unwrap_or(Ok(Vec::new()))?;
    }
    let limit = usize::try_from(wish.limit()).unwrap_or_default();
    let mut sets = Sets::default();
    for signal in pending.iter().take(limit) {
        sets.0.push((signal.jti.clone(), event::token(app, stream, signal)?));
    }
    Ok(Told { sets, more_available: pending.len() > limit })
}

/// Waits until there is something, or the node stops, or the receiver has no right any more.
async fn awaited(
    app: &App,
    (receiver, stream): (&Receiver, &SignalStream),
    wish: &Wish,
) -> Result<Vec<PendingSignal>, OAuthError> {
    let wakeups = app.store.signals();
    let Some(_place) = wakeups.place(stream.id) else { return Ok(Vec::new()) };
    let mut news = wakeups.poll.subscribe();
    loop {
        let pending = pending(app, stream, wish).await?;
        if !pending.is_empty() || app.is_draining() || !receiver.is_good(app) {
            return Ok(pending);
        }
        // Whatever wakes it, it looks.
        let _ = timeout(LOOK, news.changed()).await;
    }
}

/// One more than are told says whether there are more. What the receiver does not take yet comes with a later answer: it
/// would say the same again at once.
async fn pending(
    app: &App,
    stream: &SignalStream,
    wish: &Wish,
) -> Result<Vec<PendingSignal>, OAuthError> {
    let limits = (app.clock.now(), wish.limit() + 1);
    let mut pending = app.store.pending_signals(stream.id, limits).await?;
    pending.retain(|signal| !wish.set_errs.contains_key(&signal.jti));
    Ok(pending)
}
