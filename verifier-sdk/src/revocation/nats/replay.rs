//! The stream, read from its beginning, where no node of the issuer answers. What others wrote into it is refused like
//! anything else; where it stands is believed only to leave out what is known.

use std::time::Duration;

use async_nats::Client;
use tokio::time::Instant;

use super::super::feed::FeedError;
use super::super::message::Unverified;
use super::{NatsNames, stored};

/// A question comes back within ten seconds; what is not read then is read with the next.
const PATIENCE: Duration = Duration::from_secs(5);

/// How far the stream was read.
#[derive(Default)]
pub(super) struct Replay {
    /// The number in the stream from which on it was not.
    from: u64,
    /// What was asked for last.
    after: u64,
}

impl Replay {
    /// The next message that says something about what comes after a number.
    pub(super) async fn next(
        &mut self,
        client: &Client,
        names: &NatsNames,
        after: u64,
    ) -> Result<String, FeedError> {
        if after < self.after {
            self.from = 0;
        }
        self.after = after;
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let found = stored::from(client, names, self.from).await;
            let found = found.map_err(|_| FeedError::Unanswered)?;
            let Some(found) = found else {
                self.look_back(client, names).await;
                return Err(FeedError::Unanswered);
            };
            self.from = found.number.saturating_add(1);
            let says = Unverified::read(&found.message);
            if says.is_some_and(|says| says.position.seq > after) {
                return Ok(found.message);
            }
        }
        Err(FeedError::Unanswered)
    }

    /// A stream that was made anew is read anew, the next time.
    async fn look_back(&mut self, client: &Client, names: &NatsNames) {
        if let Ok(newest) = stored::newest(client, names).await {
            let is_same = newest.is_some_and(|newest| newest.number.saturating_add(1) >= self.from);
            self.from = if is_same { self.from } else { 0 };
        }
    }
}
