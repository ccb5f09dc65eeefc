//! Tells on the bus what is new, as it happens, and every five seconds that nothing is. Nobody says whether it arrived, and
//! nothing waits for it: who missed something sees it by the next message, and asks.

use std::time::Duration;

use async_nats::connection::State;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Sides;
use crate::error::OAuthError;
use crate::feed::HEARTBEAT;
use crate::feed::message::{self, Message};

/// A connection that takes nothing for so long is as good as none.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn tell(sides: Sides) {
    let Sides { app, bus, .. } = &sides;
    let (mut head, mut keys, mut link) =
        (app.revocations.watch(), app.feed.keys_changed_at.subscribe(), bus.link());
    let mut told = *head.borrow_and_update();
    // Until it was told.
    let mut keys_changed = false;
    let mut heartbeat = interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // The senders live as long as the app.
        tokio::select! {
            _ = head.changed() => {}
            _ = keys.changed() => keys_changed = true,
            _ = link.changed() => {}
            _ = heartbeat.tick() => {}
        }
        heartbeat.reset();
        bus.is_seen(sides.client.connection_state() == State::Connected);
        if !link.borrow_and_update().is_up {
            // Verifiers that come back ask.
            told = app.revocations.head();
            continue;
        }
        match tell_since(&sides, told, keys_changed).await {
            Ok(seq) => (told, keys_changed) = (seq, false),
            Err(error) => {
                tracing::error!(cause = error.cause.as_ref(), "verifiers were not told on the bus");
            }
        }
    }
}

/// Tells what is new since a number; returns up to which it was told.
async fn tell_since(sides: &Sides, told: i64, keys_changed: bool) -> Result<i64, OAuthError> {
    let mut after = told;
    loop {
        let message = message::after(&sides.app, after, keys_changed).await?;
        let Message { seq, head, token, .. } = message;
        let sent = timeout(PATIENCE, sides.client.publish(sides.names.live(), token)).await;
        if !matches!(sent, Ok(Ok(()))) {
            return Err(OAuthError::unavailable("the bus takes nothing"));
        }
        sides.app.metrics.bus.told();
        after = seq;
        if seq >= head {
            return Ok(after);
        }
    }
}
