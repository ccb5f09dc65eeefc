//! Tells those who listen, verifiers and the bus: at once what is new, and every five seconds that nothing is. A node to which
//! nobody listens signs nothing.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::HEARTBEAT;
use super::message::{self, Message};
use crate::app::App;
use crate::error::OAuthError;

/// That keys changed waits so long for the revocation of the one that went: both are told in one message.
const KEYS_WAIT: Duration = Duration::from_millis(100);

/// Starts the task; it ends with the runtime.
pub(super) fn spawn(app: &Arc<App>) {
    let (head, keys) = (app.revocations.watch(), app.feed.keys_changed_at.subscribe());
    tokio::spawn(publish(Arc::clone(app), head, keys));
}

async fn publish(app: Arc<App>, mut head: watch::Receiver<i64>, mut keys: watch::Receiver<i64>) {
    let mut told = *head.borrow_and_update();
    // When it is to be told, until it was.
    let mut keys_due = None;
    let mut heartbeat = interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeat.reset();
    loop {
        // The senders live as long as the app. Keys first: where both changed, one message says both.
        tokio::select! {
            biased;
            _ = keys.changed() => {
                keys_due.get_or_insert(Instant::now() + KEYS_WAIT);
                continue;
            }
            _ = head.changed() => {}
            () = reached(keys_due) => {}
            _ = heartbeat.tick() => {
                app.feed.pages.forget(app.revocations.head(), app.clock.elapsed()).await;
            }
        }
        heartbeat.reset();
        match tell(&app, told, keys_due.is_some()).await {
            Ok(seq) => (told, keys_due) = (seq, None),
            Err(error) => {
                tracing::error!(cause = error.cause.as_ref(), "verifiers were not told");
                keys_due = keys_due.map(|_| Instant::now() + HEARTBEAT);
            }
        }
    }
}

async fn reached(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
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
