//! The stream of what was told, as JetStream keeps it: two calls of its API (`STREAM.MSG.GET`), which every server since 2.9
//! answers, and which need no consumer. For those who write their own receiver; [`NatsFeed`](super::NatsFeed) does it by itself.

use std::time::Duration;

use async_nats::{Client, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::NatsNames;

const PATIENCE: Duration = Duration::from_secs(2);
/// JetStream's error for a message that is not there.
const NOT_FOUND: u64 = 10_037;

/// A message that is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Stored {
    /// Its number in the stream, which is none of the sequence of revocations.
    pub number: u64,
    /// The message. Whoever may publish may have written it.
    pub message: String,
}

/// Why the stream cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoredError {
    /// No answer.
    #[error("the stream does not answer: {0}")]
    Unanswered(String),
    /// A refusal, e.g. because there is no stream.
    #[error("the stream cannot be read: {0}")]
    Refused(String),
    /// Something else than JetStream's answer.
    #[error("the answer is not one of JetStream")]
    Malformed,
}

#[derive(Deserialize)]
struct Answer {
    error: Option<Refusal>,
    message: Option<Kept>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
struct Kept {
    seq: u64,
    #[serde(default)]
    data: String,
}

/// The first message that has this number in the stream, or a higher one.
pub async fn from(
    client: &Client,
    names: &NatsNames,
    number: u64,
) -> Result<Option<Stored>, StoredError> {
    // A purged number is passed over where the subject is said.
    let question = serde_json::json!({"seq": number.max(1), "next_by_subj": names.kept()});
    get(client, names, &question).await
}

/// The newest message.
pub async fn newest(client: &Client, names: &NatsNames) -> Result<Option<Stored>, StoredError> {
    get(client, names, &serde_json::json!({"last_by_subj": names.kept()})).await
}

async fn get(
    client: &Client,
    names: &NatsNames,
    question: &serde_json::Value,
) -> Result<Option<Stored>, StoredError> {
    let request = Request::new().payload(question.to_string().into()).timeout(Some(PATIENCE));
    let answer = client.send_request(names.stored(), request).await;
    let answer = answer.map_err(|error| StoredError::Unanswered(error.to_string()))?;
    read(&answer.payload)
}

fn read(answer: &[u8]) -> Result<Option<Stored>, StoredError> {
    let answer: Answer = serde_json::from_slice(answer).map_err(|_| StoredError::Malformed)?;
    match answer {
        Answer { error: Some(refusal), .. } if refusal.err_code == NOT_FOUND => Ok(None),
        Answer { error: Some(refusal), .. } => Err(StoredError::Refused(refusal.description)),
        Answer { message: Some(Kept { seq: number, data }), .. } => {
            let message = STANDARD.decode(data).ok().and_then(|data| String::from_utf8(data).ok());
            // What is not even text stands there like any other forgery.
            Ok(Some(Stored { number, message: message.unwrap_or_default() }))
        }
        _ => Err(StoredError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_of_jetstream_are_told_apart() {
        let stored = |number, message: &str| Stored { number, message: message.to_owned() };
        for (answer, expected) in [
            (
                r#"{"message":{"subject":"s","seq":7,"data":"YS5iLmM="}}"#,
                Ok(Some(stored(7, "a.b.c"))),
            ),
            (r#"{"message":{"subject":"s","seq":7,"data":"?"}}"#, Ok(Some(stored(7, "")))),
            (r#"{"message":{"subject":"s","seq":7}}"#, Ok(Some(stored(7, "")))),
            (
                r#"{"error":{"code":404,"err_code":10037,"description":"no message found"}}"#,
                Ok(None),
            ),
            (
                r#"{"error":{"code":404,"err_code":10059,"description":"stream not found"}}"#,
                Err(StoredError::Refused("stream not found".to_owned())),
            ),
            ("{}", Err(StoredError::Malformed)),
            ("", Err(StoredError::Malformed)),
        ] {
            assert_eq!(read(answer.as_bytes()), expected, "{answer}");
        }
    }
}
