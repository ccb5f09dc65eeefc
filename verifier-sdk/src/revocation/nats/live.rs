//! What the issuer's nodes tell, as it comes. A bus does not repeat what was told while the connection was lost, so that a
//! new connection is the end of this: whoever listens asks first, and listens again.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_nats::{Client, Subscriber};
use futures_util::StreamExt as _;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::super::feed::{FeedError, Messages};
use super::NatsNames;
use crate::key_source::BoxFuture;

/// How often it is looked whether the connection is another.
const LOOK: Duration = Duration::from_secs(1);

pub(super) struct Live {
    client: Client,
    messages: Subscriber,
    /// How often the client had connected when this began.
    connects: u64,
    look: Interval,
    alive: Arc<()>,
}

impl Live {
    pub(super) async fn begin(client: &Client, names: &NatsNames) -> Result<Self, FeedError> {
        let connects = connects(client);
        let messages = client.subscribe(names.live()).await.map_err(|_| FeedError::Connect)?;
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { client: client.clone(), messages, connects, look, alive: Arc::default() })
    }

    /// Whether somebody holds this.
    pub(super) fn alive(&self) -> Weak<()> {
        Arc::downgrade(&self.alive)
    }

    async fn message(&mut self) -> Result<String, FeedError> {
        loop {
            tokio::select! {
                message = self.messages.next() => {
                    let message = message.ok_or(FeedError::Broken)?;
                    return Ok(String::from_utf8_lossy(&message.payload).into_owned());
                }
                _ = self.look.tick() => {
                    if connects(&self.client) != self.connects {
                        return Err(FeedError::Broken);
                    }
                }
            }
        }
    }
}

impl Messages for Live {
    fn next(&mut self) -> BoxFuture<'_, Result<String, FeedError>> {
        Box::pin(self.message())
    }
}

fn connects(client: &Client) -> u64 {
    client.statistics().connects.load(Ordering::Relaxed)
}
