//! `/livez`, `/readyz` and `/metrics`: what an orchestrator and a monitor ask.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use crate::app::App;
use crate::tasks::sweep_lags;

/// `GET /livez`: the process answers.
pub async fn live() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the process can issue tokens. 503 says in one line why it cannot.
pub async fn ready(State(app): State<Arc<App>>) -> Response {
    match unready(&app) {
        // A bus that is away keeps nobody from getting tokens.
        None => match app.feed.bus_trouble() {
            None => "ready\n".into_response(),
            Some(trouble) => format!("ready, but {trouble}\n").into_response(),
        },
        Some(reason) => {
            let retry = [(header::RETRY_AFTER, HeaderValue::from_static("2"))];
            (StatusCode::SERVICE_UNAVAILABLE, retry, reason).into_response()
        }
    }
}

fn unready(app: &App) -> Option<&'static str> {
    if app.is_draining() {
        Some("draining: the process is about to stop\n")
    } else if !app.freshness.is_fresh(app.clock.elapsed()) {
        Some("database: not followed for more than 5 seconds; the log says why\n")
    } else if !app.keychain.live().is_complete() {
        Some("keys: an algorithm has no active signing key\n")
    } else if app.audit.refuses() {
        Some(
            "audit log: it cannot be written, and nothing is issued without it; the log says why\n",
        )
    } else {
        None
    }
}

/// `GET /metrics`, in the text format of Prometheus.
pub async fn metrics(State(app): State<Arc<App>>) -> Response {
    let published = app.keychain.live().rings().iter().map(|ring| ring.keys.len()).sum();
    app.metrics.rows_refused(app.registry.load().rows_refused());
    app.metrics.passwords_hashed(app.credentials.passwords_hashed());
    // Nobody waits for a database that is lost; the lags stay what they were.
    if app.freshness.is_fresh(app.clock.elapsed())
        && let (Ok(lags), Ok(held)) = tokio::join!(sweep_lags(&app), app.store.signals_held())
    {
        app.metrics.sweep.lags(&lags);
        app.metrics.signals.held(held);
    }
    let counts = (app.revocations.len(), app.feed.subscribers());
    app.metrics.feed.stands(app.revocations.head(), counts);
    app.metrics.bus.stands(app.feed.bus_trouble().is_some());
    let text = app.metrics.render(app.freshness.age(app.clock.elapsed()), published);
    let media_type =
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    ([(header::CONTENT_TYPE, media_type)], text).into_response()
}
