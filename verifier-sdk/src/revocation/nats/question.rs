//! What is missing, asked of the issuer's nodes. Others may answer too: whoever gets a useless answer asks the same once more,
//! and reads what came since to the same inbox, of which an earlier one may be the issuer's.

use std::time::Duration;

use async_nats::{Client, StatusCode, Subscriber};
use futures_util::StreamExt as _;
use tokio::time::{Instant, timeout_at};

use super::super::feed::FeedError;
use super::{NOT_NOW, NatsNames};

/// A node answers from memory, or from its database.
const PATIENCE: Duration = Duration::from_secs(3);
/// Who asks the same again within this was not helped.
const AGAIN: Duration = Duration::from_millis(500);
/// A node that has lost its database says so, and another is asked.
const NODES: usize = 3;

#[derive(Default)]
pub(super) struct Question(Option<Open>);

struct Open {
    after: u64,
    inbox: Subscriber,
    reply_to: String,
    answered: Instant,
}

impl Question {
    /// An answer that came; none if there is nobody to give one.
    pub(super) async fn ask(
        &mut self,
        client: &Client,
        names: &NatsNames,
        after: u64,
    ) -> Result<Option<String>, FeedError> {
        let open = self.0.take();
        let again = open.filter(|open| open.after == after && open.answered.elapsed() < AGAIN);
        let mut open = match again {
            Some(open) => open,
            None => Open::begin(client, after).await?,
        };
        let end = Instant::now() + PATIENCE;
        for _ in 0..NODES {
            let (subject, number) = (names.ask(), after.to_string());
            let asked = client.publish_with_reply(subject, open.reply_to.clone(), number.into());
            asked.await.map_err(|_| FeedError::Connect)?;
            match timeout_at(end, open.inbox.next()).await {
                Ok(Some(answer)) if answer.status == Some(StatusCode::NO_RESPONDERS) => break,
                Ok(Some(answer)) if answer.payload == NOT_NOW => {}
                Ok(Some(answer)) => {
                    open.answered = Instant::now();
                    self.0 = Some(open);
                    return Ok(Some(String::from_utf8_lossy(&answer.payload).into_owned()));
                }
                Ok(None) => return Err(FeedError::Broken),
                Err(_) => break,
            }
        }
        Ok(None)
    }
}

impl Open {
    async fn begin(client: &Client, after: u64) -> Result<Self, FeedError> {
        let reply_to = client.new_inbox();
        let inbox = client.subscribe(reply_to.clone()).await.map_err(|_| FeedError::Connect)?;
        Ok(Self { after, inbox, reply_to, answered: Instant::now() })
    }
}
