//! Hands on to the bus what the node tells those who listen, as it happens, and every five seconds that nothing is new. News that
//! another node has told are not told again (`turns`). Nobody says whether it arrived, and nothing waits for it: who missed
//! something sees it by the next message, and asks.

use std::future::pending;
use std::str;
use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Message as Heard, Subscriber};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::{sleep, timeout};

use super::Sides;
use super::position::Position;
use super::turns::Turns;
use crate::feed::HEARTBEAT;
use crate::feed::message::Message;

/// A connection that takes nothing for so long is as good as none.
const PATIENCE: Duration = Duration::from_secs(2);
/// So long a node waits for the one whose turn it is.
const TURN: Duration = Duration::from_millis(50);
const PAUSE: Duration = Duration::from_secs(1);

struct Teller {
    sides: Sides,
    /// What is told on the bus, but for what this node tells.
    others: Subscriber,
    turns: Turns,
}

pub(super) async fn tell(sides: Sides) {
    let mut link = sides.bus.link();
    let mut teller = Teller::new(&sides).await;
    loop {
        sides.bus.is_seen(sides.client.connection_state() == State::Connected);
        if timeout(HEARTBEAT, link.wait_for(|link| link.is_up)).await.is_err() {
            continue;
        }
        // The node stops.
        let Some(messages) = sides.app.feed.listen() else { return };
        // Verifiers that come back with the connection ask for what they missed.
        tokio::select! {
            () = teller.hand_on(messages) => {}
            _ = link.wait_for(|link| !link.is_up) => {}
        }
    }
}

impl Teller {
    async fn new(sides: &Sides) -> Self {
        loop {
            // It outlives the connection.
            match sides.client.subscribe(sides.names.live()).await {
                Ok(others) => return Self { sides: sides.clone(), others, turns: Turns::new() },
                Err(error) => sides.bus.says(error.to_string()),
            }
            sleep(PAUSE).await;
        }
    }

    async fn hand_on(&mut self, mut messages: Receiver<Arc<Message>>) {
        loop {
            tokio::select! {
                message = messages.recv() => match message {
                    Ok(message) => self.tell(&message).await,
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                Some(heard) = self.others.next() => self.hear(&heard),
            }
        }
    }

    async fn tell(&mut self, message: &Message) {
        let Message { after, seq, jwks_changed, .. } = *message;
        let issued_at = self.sides.app.clock.now();
        let position = Position { after, seq, issued_at, jwks_changed };
        if message.is_news() && self.is_told(&position).await {
            return;
        }
        let sent = self.sides.client.publish(self.sides.names.live(), message.token.clone());
        if let Ok(Ok(())) = timeout(PATIENCE, sent).await {
            self.sides.app.metrics.bus.told();
        } else {
            tracing::error!("verifiers were not told on the bus: it takes nothing");
        }
        if message.is_news() {
            self.turns.told(position, message.token.clone());
        }
    }

    /// Whether another node tells it; waits for that a little, unless it is this one's turn.
    async fn is_told(&mut self, position: &Position) -> bool {
        let is_ours = self.sides.app.revocations.has_revoked_after(position.after);
        let waits = !is_ours && !self.turns.is_first();
        let told = async {
            while !self.turns.gives_way(position) {
                let Some(heard) = self.others.next().await else { return pending().await };
                self.hear(&heard);
            }
        };
        if waits { timeout(TURN, told).await.is_ok() } else { told.now_or_never().is_some() }
    }

    fn hear(&mut self, heard: &Heard) {
        let token = str::from_utf8(&heard.payload).ok();
        if let Some(position) = token.and_then(|token| Position::of(&self.sides.app, token)) {
            self.turns.hear(position, &heard.payload);
        }
    }
}
