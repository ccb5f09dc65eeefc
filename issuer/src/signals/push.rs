//! Pushing (RFC 8935): each signal is posted to its receiver, in the order of the stream, by one node at a time. A receiver that is
//! away is asked again after growing waits, and then gets all that it missed; what it refuses for good is not sent again.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use tokio::task::JoinSet;
use url::Url;

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

/// RFC 8935 §2.4: what is wrong with the request, and not with the signal: it may be mended at the receiver.
const PASSING: [&str; 2] = ["authentication_failed", "access_denied"];

/// What came of an attempt.
enum Attempt {
    /// The receiver has it.
    Taken,
    /// It will never take it.
    Refused(String),
    /// It did not take it yet.
    Failed(String),
}

/// RFC 8935 §2.3.
#[derive(Deserialize)]
struct Failure {
    err: String,
    #[serde(default)]
    description: String,
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
    match app.outbound.post(&url, token, headers).await {
        // RFC 8935 §2.2: 202; frameworks make others of it.
        Ok((status, _)) if status.is_success() => Attempt::Taken,
        Ok((StatusCode::BAD_REQUEST, body)) => refused(&body),
        Ok((status, _)) => Attempt::Failed(format!("it answers {status}")),
        Err(error) => Attempt::Failed(error.to_string()),
    }
}

/// RFC 8935 §2.3: whoever says what is wrong with a signal does not want it again.
fn refused(body: &[u8]) -> Attempt {
    match serde_json::from_slice::<Failure>(body) {
        Ok(failure) if PASSING.contains(&failure.err.as_str()) => Attempt::Failed(failure.err),
        Ok(Failure { err, description }) => Attempt::Refused(format!("{err}: {description}")),
        Err(_) => Attempt::Failed("it answers 400, and does not say why".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_says_what_is_wrong_with_a_signal_does_not_get_it_again() {
        let is_final = |body: &str| matches!(refused(body.as_bytes()), Attempt::Refused(_));

        assert!(is_final(r#"{"err":"invalid_audience","description":"not me"}"#));
        assert!(is_final(r#"{"err":"invalid_request"}"#));
        for passing in ["", "no", "{}", r#"{"err":"authentication_failed"}"#] {
            assert!(!is_final(passing), "{passing}");
        }
    }
}
