//! What a verifier is missing, for those who ask on the bus: one node answers each question, with a message that begins after
//! the number that it has. Who may ask is for the bus to say.

use std::str;
use std::time::Duration;

use async_nats::Message as Question;
use bytes::Bytes;
use countersign_verifier::revocation::nats::NOT_NOW;
use futures_util::StreamExt as _;
use tokio::time::sleep;

use super::Sides;
use crate::feed::message;

/// The nodes take turns.
const GROUP: &str = "countersign";
/// So many are answered at a time.
const AT_A_TIME: usize = 4;
const PAUSE: Duration = Duration::from_secs(1);

pub(super) async fn answer(sides: Sides) {
    loop {
        // It outlives the connection.
        match sides.client.queue_subscribe(sides.names.ask(), GROUP.to_owned()).await {
            Ok(questions) => {
                questions.for_each_concurrent(AT_A_TIME, |question| reply(&sides, question)).await;
            }
            Err(error) => sides.bus.says(error.to_string()),
        }
        sleep(PAUSE).await;
    }
}

async fn reply(sides: &Sides, question: Question) {
    let number = str::from_utf8(&question.payload).ok().and_then(|number| number.parse().ok());
    let (Some(reply_to), Some(after)) = (question.reply, number) else { return };
    if !is_inbox(&reply_to) {
        sides.bus.says("a question wants its answer where no inbox is".to_owned());
        return;
    }
    let message = message_after(sides, after).await;
    // Another node is asked then.
    let message = message.unwrap_or(Bytes::from_static(NOT_NOW.as_bytes()));
    // Whoever gets no answer asks again.
    let _ = sides.client.publish(reply_to, message).await;
}

/// Whoever asks must not have this issuer say something where somebody listens for something else, such as the API of JetStream
/// or a service for its commands. Inboxes are called so by every client of NATS, and a question from another account of the
/// server comes with a name that the server made. An answer is never empty either, since to JetStream an empty request is one.
fn is_inbox(reply_to: &str) -> bool {
    ["_INBOX", "_R_."].iter().any(|prefix| reply_to.starts_with(prefix))
}

async fn message_after(sides: &Sides, after: i64) -> Option<Bytes> {
    let app = &sides.app;
    // A node that has lost the database leaves it to one that has not.
    if after < 0 || !app.freshness.is_fresh(app.clock.elapsed()) {
        return None;
    }
    match message::shared(app, after).await {
        Ok(message) => {
            app.metrics.bus.answered();
            Some(message.token.clone())
        }
        Err(error) => {
            let cause = error.cause.as_ref();
            tracing::warn!(cause, "a verifier on the bus was not told what it missed");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_inbox;

    #[test]
    fn answers_go_to_inboxes_and_nowhere_else() {
        for inbox in ["_INBOX.a.b", "_INBOX_payments.x", "_R_.a.b"] {
            assert!(is_inbox(inbox), "{inbox}");
        }
        for place in [
            "$JS.API.STREAM.DELETE.countersign-a",
            "$SYS.REQ",
            "countersign.a.kept",
            "orders.commands",
            "orders._INBOX.a",
        ] {
            assert!(!is_inbox(place), "{place}");
        }
    }
}
