//! Hands on to the bus what the node tells those who listen, as it happens, and every five seconds that nothing is new. Nobody
//! says whether it arrived, and nothing waits for it: who missed something sees it by the next message, and asks.

use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::timeout;

use super::Sides;
use crate::feed::HEARTBEAT;
use crate::feed::message::Message;

/// A connection that takes nothing for so long is as good as none.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn tell(sides: Sides) {
    let mut link = sides.bus.link();
    loop {
        sides.bus.is_seen(sides.client.connection_state() == State::Connected);
        if timeout(HEARTBEAT, link.wait_for(|link| link.is_up)).await.is_err() {
            continue;
        }
        // The node stops.
        let Some(messages) = sides.app.feed.listen() else { return };
        // Verifiers that come back with the connection ask for what they missed.
        tokio::select! {
            () = hand_on(&sides, messages) => {}
            _ = link.wait_for(|link| !link.is_up) => {}
        }
    }
}

async fn hand_on(sides: &Sides, mut messages: Receiver<Arc<Message>>) {
    loop {
        let message = match messages.recv().await {
            Ok(message) => message,
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        let sent = sides.client.publish(sides.names.live(), message.token.clone());
        if let Ok(Ok(())) = timeout(PATIENCE, sent).await {
            sides.app.metrics.bus.told();
        } else {
            tracing::error!("verifiers were not told on the bus: it takes nothing");
        }
    }
}
