//! The stream of JetStream in which the messages are kept, by the calls of its API that are needed: make it, look at it, add
//! to it, and let go of what is told again later in it.

use std::time::Duration;

use async_nats::{Client, HeaderMap, Request};
use bytes::Bytes;
use countersign_verifier::revocation::nats::NatsNames;
use countersign_verifier::revocation::nats::stored::{self, Stored, StoredError};
use serde::Deserialize;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(3);
/// JetStream's error for a stream that is not there.
const NOT_FOUND: u64 = 10_059;
/// Its error for a stream that is there already, made by another node in another way a moment ago.
const IN_USE: u64 = 10_058;
/// For so long a message that comes twice is kept once (nanoseconds): nodes tell the same.
const SAME_NEWS: u64 = 120_000_000_000;

/// Why something is not kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum StreamError {
    #[error("{call}: no answer ({cause}): is JetStream on, and may this issuer do that?")]
    Unanswered { call: String, cause: String },
    #[error("{call}: {description}")]
    Refused { call: String, description: String, code: u64 },
    #[error("{call}: the answer is not one of JetStream")]
    Malformed { call: String },
    #[error(transparent)]
    Unread(#[from] StoredError),
    #[error("no message could be made: {0}")]
    Message(String),
}

/// The stream of one feed.
pub(super) struct Stream<'b> {
    pub(super) client: &'b Client,
    pub(super) names: &'b NatsNames,
}

/// How it is kept where the issuer makes it.
pub(super) struct Keeping {
    pub(super) max_age: Duration,
    pub(super) replicas: u32,
}

#[derive(Deserialize)]
struct Answer {
    error: Option<Refusal>,
    state: Option<State>,
    /// Where a message that was added stands.
    seq: Option<u64>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
struct State {
    messages: u64,
}

impl Stream<'_> {
    /// Makes it unless it is there; returns how many messages it has.
    pub(super) async fn open(&self, keeping: &Keeping) -> Result<u64, StreamError> {
        match self.messages().await {
            Err(StreamError::Refused { code: NOT_FOUND, .. }) => {}
            settled => return settled,
        }
        let config = json!({
            "name": self.names.stream(),
            "subjects": [self.names.kept()],
            "retention": "limits",
            "discard": "old",
            "storage": "file",
            "num_replicas": keeping.replicas,
            "max_age": u64::try_from(keeping.max_age.as_nanos()).unwrap_or_default(),
            "duplicate_window": SAME_NEWS,
        });
        match self.call("CREATE", &config).await {
            Ok(_) => {
                tracing::info!(stream = self.names.stream(), "a stream was made on the bus");
                Ok(0)
            }
            Err(StreamError::Refused { code: IN_USE, .. }) => self.messages().await,
            Err(error) => Err(error),
        }
    }

    /// How many messages it has.
    pub(super) async fn messages(&self) -> Result<u64, StreamError> {
        let answer = self.call("INFO", &json!({})).await?;
        let malformed = || StreamError::Malformed { call: self.names.api("INFO") };
        answer.state.map(|state| state.messages).ok_or_else(malformed)
    }

    /// The first message that has this number, or a higher one.
    pub(super) async fn from(&self, number: u64) -> Result<Option<Stored>, StreamError> {
        Ok(stored::from(self.client, self.names, number).await?)
    }

    pub(super) async fn newest(&self) -> Result<Option<Stored>, StreamError> {
        Ok(stored::newest(self.client, self.names).await?)
    }

    /// Adds a message, once for each `id`.
    pub(super) async fn keep(&self, id: &str, token: Bytes) -> Result<(), StreamError> {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", id);
        headers.insert("Nats-Expected-Stream", self.names.stream());
        let request = Request::new().headers(headers).payload(token);
        let subject = self.names.kept();
        let answer = self.send(subject.clone(), request).await?;
        answer.seq.map(|_| ()).ok_or(StreamError::Malformed { call: subject })
    }

    /// Lets go of all that stands before a message.
    pub(super) async fn forget_before(&self, number: u64) -> Result<(), StreamError> {
        self.call("PURGE", &json!({"seq": number})).await.map(|_| ())
    }

    async fn call(&self, call: &str, argument: &Value) -> Result<Answer, StreamError> {
        let request = Request::new().payload(argument.to_string().into());
        self.send(self.names.api(call), request).await
    }

    async fn send(&self, subject: String, request: Request) -> Result<Answer, StreamError> {
        let request = request.timeout(Some(PATIENCE));
        let answer = self.client.send_request(subject.clone(), request).await;
        let answer = answer.map_err(|error| StreamError::Unanswered {
            call: subject.clone(),
            cause: error.to_string(),
        })?;
        read(subject, &answer.payload)
    }
}

fn read(call: String, answer: &[u8]) -> Result<Answer, StreamError> {
    match serde_json::from_slice(answer) {
        Ok(Answer { error: Some(Refusal { err_code, description }), .. }) => {
            Err(StreamError::Refused { call, description, code: err_code })
        }
        Ok(answer) => Ok(answer),
        Err(_) => Err(StreamError::Malformed { call }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_jetstream_answers_is_told_apart() {
        let read = |answer: &str| read("call".to_owned(), answer.as_bytes());

        let added = read(r#"{"stream":"s","seq":7,"duplicate":true}"#).unwrap();
        let info = read(r#"{"type":"t","config":{},"state":{"messages":3,"bytes":9}}"#).unwrap();
        let refused = read(r#"{"error":{"code":404,"err_code":10059,"description":"no"}}"#);

        assert_eq!((added.seq, info.state.unwrap().messages), (Some(7), 3));
        assert!(matches!(refused, Err(StreamError::Refused { code: NOT_FOUND, .. })));
        assert!(matches!(read("+OK"), Err(StreamError::Malformed { .. })));
    }
}
