//! What a verifier is missing, for those who ask on the bus: one node answers each question, with a message that begins after
//! the number that it has. Who may ask is for the bus to say.

use std::str;
use std::time::Duration;

use async_nats::Message as Question;
use bytes::Bytes;
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
    let message = message_after(sides, after).await;
    // Nothing is an answer too: another node is asked then.
    let payload = message.unwrap_or_default();
    // Whoever gets no answer asks again.
    let _ = sides.client.publish(reply_to, payload).await;
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
