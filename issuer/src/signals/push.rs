//! Pushing (RFC 8935): each signal is posted to its receiver, in the order of the stream, by one node at a time. A receiver that is
//! away is asked again after growing waits, and then gets all that it missed; what it refuses for good is not sent again.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::task::JoinSet;
use url::Url;

use super::set_error::SetError;
use super::{delivery, event};
use crate::app::App;
use crate::retry::wait_after;
use crate::store::{LEASE_SECONDS, LeasedStream, PendingSignal, Push, SignalStream, StoreError};
use crate::telemetry::SignalOutcome;

/// For so long a receiver may take to answer.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// To so many receivers a node delivers at a time.
const STREAMS: usize = 16;

/// Seconds for which a stream that took its time gives way to others.
const PAUSE_SECONDS: i64 = 2;

/// What came of an attempt.
enum Attempt {
    /// The receiver has it.
    Taken,
    /// It will never take it.
    Refused(String),
    /// It did not take it yet.
    Failed(String),
}

/// Starts the task; it ends with the runtime.
pub fn spawn(app: &Arc<App>) {
    let app = Arc::clone(app);
    tokio::spawn(async move {
        loop {
            app.store.signals().push.notified().await;
            if let Err(error) = deliver_due(&app).await {
                tracing::warn!(%error, "receivers are not told of signals");
            }
        }
    });
}

/// Delivers whatever is due, until nothing is; returns how many attempts were made. Each stream has a task of its own, so that
/// no receiver waits for another.
///
/// # Errors
///
/// If the database does not answer.
pub async fn deliver_due(app: &Arc<App>) -> Result<usize, StoreError> {
    let mut under_way = JoinSet::new();
    let mut attempts = 0;
    loop {
        let leased = due(app, STREAMS.saturating_sub(under_way.len())).await;
        // What is under way goes on.
        for leased in leased.inspect_err(|_| under_way.detach_all())? {
            under_way.spawn(deliver(Arc::clone(app), leased));
        }
        tokio::select! {
            ended = under_way.join_next() => match ended {
                Some(ended) => attempts += ended.unwrap_or_default(),
                None => return Ok(attempts),
            },
            () = app.store.signals().push.notified(), if !under_way.is_empty() => {}
        }
    }
}

/// Takes as many streams as there is room for.
async fn due(app: &App, room: usize) -> Result<Vec<LeasedStream>, StoreError> {
    if room == 0 || !app.freshness.is_fresh(app.clock.elapsed()) {
        return Ok(Vec::new());
    }
    let limit = i64::try_from(room).unwrap_or(i64::MAX);
    app.store.lease_due_streams(app.clock.now(), limit).await
}

/// Delivers to one stream; returns how many attempts were made.
async fn deliver(app: Arc<App>, leased: LeasedStream) -> usize {
    let mut attempts = 0;
    if let Err(error) = delivered(&app, &leased, &mut attempts).await {
        let client_id = &leased.stream.client_id;
        tracing::warn!(%error, client_id, "a delivery was cut off: it goes on when its lease is over");
    }
    attempts
}

/// Delivers what a stream holds, in order, as long as the receiver takes it and the stream is this node's.
async fn delivered(
    app: &App,
    leased: &LeasedStream,
    attempts: &mut usize,
) -> Result<(), StoreError> {
    // Nothing is begun that may last longer than the lease.
    let time = Duration::from_secs(LEASE_SECONDS.unsigned_abs()).saturating_sub(ATTEMPT_TIMEOUT);
    let until = app.clock.elapsed() + time;
    loop {
        let now = app.clock.now();
        let Some(signal) = app.store.next_signal(leased, now).await? else {
            return app.store.release_stream(leased, now).await;
        };
        let elapsed = app.clock.elapsed();
        if elapsed >= until || !app.freshness.is_fresh(elapsed) {
            return app.store.leave_stream(leased, now + PAUSE_SECONDS).await;
        }
        *attempts += 1;
        if attempt(app, &leased.stream, &signal).await == SignalOutcome::Failed {
            let until = app.clock.now() + wait_after(leased.stream.failures);
            return app.store.put_off_stream(leased, until).await;
        }
        app.store.settle_pushed(leased, &signal.jti).await?;
    }
}

/// One attempt, and what came of it.
async fn attempt(app: &App, stream: &SignalStream, signal: &PendingSignal) -> SignalOutcome {
    let (client_id, jti) = (&stream.client_id, &signal.jti);
    let outcome = match told(app, stream, signal).await {
        Attempt::Taken => SignalOutcome::Delivered,
        Attempt::Refused(cause) => {
            tracing::error!(client_id, jti, cause, "a receiver refused a signal");
            SignalOutcome::Refused
        }
        Attempt::Failed(cause) => {
            tracing::warn!(client_id, cause, "a receiver does not take a signal yet");
            SignalOutcome::Failed
        }
    };
    app.metrics.signals.pushed(outcome);
    outcome
}

async fn told(app: &App, stream: &SignalStream, signal: &PendingSignal) -> Attempt {
    let Some(push) = &stream.push else { return Attempt::Failed("it polls by now".to_owned()) };
    let token = match event::token(app, stream, signal) {
        Ok(token) => token,
        Err(error) => return Attempt::Failed(error.cause.into_owned()),
    };
    let posting = post(app, stream, (push, token));
    let answer = tokio::time::timeout(ATTEMPT_TIMEOUT, posting).await;
    answer.unwrap_or_else(|_| Attempt::Failed("it does not answer".to_owned()))
}

/// RFC 8935 §2.1.
async fn post(app: &App, stream: &SignalStream, (push, token): (&Push, String)) -> Attempt {
    let Ok(url) = Url::parse(&push.endpoint_url) else {
        return Attempt::Failed("its address is damaged".to_owned());
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/secevent+jwt"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    match delivery::authorization(app, stream.id, push) {
        Ok(None) => {}
        Ok(Some(authorization)) => {
            headers.insert(AUTHORIZATION, authorization);
        }
        Err(cause) => return Attempt::Failed(cause),
    }
    let answer = match app.outbound.post(&url, token, headers).await {
        Ok(answer) => answer,
        Err(error) => return Attempt::Failed(error.to_string()),
    };
    match answer.status() {
        // RFC 8935 §2.2: 202; frameworks make others of it, and add a body.
        status if status.is_success() => Attempt::Taken,
        StatusCode::BAD_REQUEST => match answer.body().await {
            Ok(body) => refused(&body),
            Err(error) => Attempt::Failed(error.to_string()),
        },
        status => Attempt::Failed(format!("it answers {status}")),
    }
}

/// RFC 8935 §2.3.
fn refused(body: &[u8]) -> Attempt {
    match serde_json::from_slice::<SetError>(body) {
        Ok(error) if error.is_final() => Attempt::Refused(error.to_string()),
        Ok(error) => Attempt::Failed(error.to_string()),
        Err(_) => Attempt::Failed("it answers 400, and does not say why".to_owned()),
    }
}
