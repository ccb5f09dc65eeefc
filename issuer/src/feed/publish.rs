//! Tells those who listen, verifiers and the bus: at once what is new, and every five seconds that nothing is. A node to which
//! nobody listens signs nothing.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::HEARTBEAT;
use super::message::{self, Message};
use crate::app::App;
use crate::error::OAuthError;

/// Starts the task; it ends with the runtime.
pub(super) fn spawn(app: &Arc<App>) {
    tokio::spawn(publish(Arc::clone(app), app.revocations.watch()));
}

async fn publish(app: Arc<App>, mut head: watch::Receiver<i64>) {
    let mut told = *head.borrow_and_update();
    let mut keys = app.feed.keys_changed_at.subscribe();
    // Until it was told.
    let mut keys_changed = false;
    let mut heartbeat = interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeat.reset();
    loop {
        // The senders live as long as the app.
        tokio::select! {
            _ = head.changed() => {}
            _ = keys.changed() => keys_changed = true,
            _ = heartbeat.tick() => {
                app.feed.pages.forget(app.revocations.head(), app.clock.elapsed()).await;
            }
        }
        heartbeat.reset();
        match tell(&app, told, keys_changed).await {
            Ok(seq) => (told, keys_changed) = (seq, false),
            Err(error) => {
                tracing::error!(cause = error.cause.as_ref(), "verifiers were not told");
            }
        }
    }
}

/// Tells everybody what is new since a number; returns up to which they know it now.
async fn tell(app: &App, told: i64, keys_changed: bool) -> Result<i64, OAuthError> {
    let mut after = told;
    loop {
        if !app.feed.is_heard() {
            return Ok(app.revocations.head());
        }
        let message = message::after(app, after, keys_changed).await?;
        after = message.seq;
        let is_last = message.seq >= message.head;
        send(app, message);
        if is_last {
            return Ok(after);
        }
    }
}

fn send(app: &App, message: Message) {
    app.metrics.feed.told();
    if let Some(live) = &*app.feed.live() {
        // Whoever listened may have gone meanwhile.
        let _ = live.send(Arc::new(message));
    }
}
