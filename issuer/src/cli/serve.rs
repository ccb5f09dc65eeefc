//! `countersign serve`, also the command when none is given: the server, from start to stop.

use std::sync::Arc;
use std::time::Duration;

use super::output::Output;
use super::welcome::{WelcomeError, welcome};
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::server::{self, RunError, Running, Signals, StopRequest, Unfinished};
use crate::telemetry::{self, TelemetryError};

/// Why the server ended without having been asked to.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServeError {
    /// Logging could not begin.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The server did not start.
    #[error(transparent)]
    Run(#[from] RunError),
    /// What a first start offers could not be made.
    #[error(transparent)]
    Welcome(#[from] WelcomeError),
    /// The runtime or a signal handler could not be had.
    #[error(transparent)]
    Os(#[from] std::io::Error),
    /// Somebody did not want to wait for the requests in flight.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
}

/// Serves until a signal asks to stop, then finishes what is in flight.
///
/// # Errors
///
/// If the server does not start: nothing was destroyed, and the error says what is in the way.
pub(super) fn run(config: Config, output: &Output) -> Result<(), ServeError> {
    let guard = telemetry::init(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(serve(config, output));
    if matches!(served, Err(ServeError::Unfinished(_))) {
        // At once: nobody waits for threads, nor for an exporter of traces.
        runtime.shutdown_background();
        return served;
    }
    runtime.shutdown_timeout(Duration::from_secs(1));
    guard.shutdown();
    served
}

async fn serve(config: Config, output: &Output) -> Result<(), ServeError> {
    let is_development = config.is_development();
    let running = Box::pin(server::start(config, Clock::system())).await?;
    let mut signals = Signals::listen()?;
    announce(&running);
    if is_development {
        output.text(&welcome(&running.app).await?);
    }
    let request = signals.stop_requested(&running.app).await;
    tracing::info!(?request, "stopping; the same again stops at once");
    let (app, unfinished) = (Arc::clone(&running.app), running.unfinished());
    tokio::select! {
        () = stop(running, request) => Ok(()),
        _ = signals.stop_requested(&app) => Err(unfinished().into()),
    }
}

/// Finishes what is in flight.
async fn stop(running: Running, request: StopRequest) {
    let (drain, grace) = patience(&running.app, request);
    running.app.drain();
    tokio::time::sleep(grace).await;
    if running.stop(drain).await {
        tracing::info!("stopped; every request was answered");
    } else {
        tracing::warn!("stopped; some requests took too long and were cut off");
    }
}

fn announce(running: &Running) {
    let config = &running.app.config;
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    for (client_id, rule) in running.app.registry.load().unfit() {
        tracing::warn!(%client_id, "a client gets nothing: {rule}");
    }
    for address in &running.addresses {
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        tracing::info!(issuer = %config.issuer, "listening on {scheme}://{address}");
    }
    for address in &running.management {
        tracing::info!("management on http://{address}");
    }
}

/// How long requests in flight may take, and how long new ones are still accepted before: a person
/// at the terminal does not wait for load balancers.
fn patience(app: &App, request: StopRequest) -> (Duration, Duration) {
    let shutdown = &app.config.shutdown;
    let grace = match request {
        StopRequest::Terminate => Duration::from_secs(shutdown.grace_seconds.into()),
        StopRequest::Interrupt => Duration::ZERO,
    };
    (Duration::from_secs(shutdown.drain_seconds.into()), grace)
}
