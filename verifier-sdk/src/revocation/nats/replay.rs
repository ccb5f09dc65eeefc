//! The stream, read from its beginning, where no node of the issuer answers. What others wrote into it is refused like
//! anything else; where it stands is believed only to leave out what is known.

use std::time::Duration;

use async_nats::Client;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use tokio::time::Instant;

use super::super::feed::FeedError;
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

/// As much of a payload as says where it stands; nothing of it is verified.
#[derive(Deserialize)]
struct Payload {
    events: Events,
}

#[derive(Deserialize)]
struct Events {
    #[serde(rename = "urn:countersign:event:revocations")]
    told: Told,
}

#[derive(Deserialize)]
struct Told {
    seq: u64,
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
            if seq(&found.message).is_some_and(|seq| seq > after) {
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

fn seq(message: &str) -> Option<u64> {
    let payload = URL_SAFE_NO_PAD.decode(message.split('.').nth(1)?).ok()?;
    let payload: Payload = serde_json::from_slice(&payload).ok()?;
    Some(payload.events.told.seq)
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::testing::TestIssuer;

    #[test]
    fn where_a_message_stands_is_read_of_ours_alone() {
        let issuer = TestIssuer::new("https://issuer.example");
        issuer.revoke_jti("t1");
        issuer.revoke_jti("t2");

        assert_eq!(seq(&issuer.feed_message(0).mint()), Some(2));

        let other = format!("e30.{}.e30", URL_SAFE_NO_PAD.encode(r#"{"events":{}}"#));
        for message in ["", "a.b.c", "e30.e30.e30", &other] {
            assert_eq!(seq(message), None, "{message}");
        }
    }
}
