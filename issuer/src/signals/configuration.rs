//! The configuration of a stream (OpenID Shared Signals Framework 1.0 §8.1.1), as a receiver wishes it and as it is told of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::delivery::{self, Delivery, Wished};
use super::signal::SUPPORTED;
use crate::app::App;
use crate::error::OAuthError;
use crate::store::{MIN_VERIFICATION_INTERVAL, SignalStream};

/// No longer text is kept for people.
const MAX_DESCRIPTION: usize = 256;

/// No receiver asks for more event types, or longer ones.
const MAX_EVENTS: usize = 64;
const MAX_EVENT_TYPE: usize = 256;

/// What only the transmitter says; a receiver may repeat it.
const TRANSMITTER_SUPPLIED: [&str; 5] =
    ["iss", "aud", "events_supported", "events_delivered", "min_verification_interval"];

/// What a receiver wishes; a member that is not there stays as it is (PATCH), or is taken away (PUT).
#[derive(Clone, Deserialize)]
pub(super) struct Wish {
    pub(super) stream_id: Option<String>,
    events_requested: Option<Vec<String>>,
    delivery: Option<Wished>,
    description: Option<String>,
    /// What is repeated, and what nobody knows.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// How a stream is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// §8.1.1.3: what is named.
    Update,
    /// §8.1.1.4: all that a receiver says.
    Replace,
}

impl Wish {
    /// Applies the wish to a stream.
    ///
    /// # Errors
    ///
    /// `invalid_request` if it breaks a rule.
    pub(super) fn apply(
        self,
        app: &App,
        stream: &mut SignalStream,
        manner: Manner,
    ) -> Result<(), OAuthError> {
        let is_all = manner == Manner::Replace;
        if is_all || self.delivery.is_some() {
            let wished = self.delivery.unwrap_or_default();
            stream.push = delivery::judged(app, stream, wished)?;
        }
        if is_all || self.events_requested.is_some() {
            stream.events_requested = requested(self.events_requested.unwrap_or_default())?;
        }
        if is_all || self.description.is_some() {
            // §8.1.1: it may be cut.
            let text = self.description.map(|text| text.chars().take(MAX_DESCRIPTION).collect());
            stream.description = text;
        }
        Ok(())
    }

    /// §8.1.1.3: what the transmitter says may be repeated, as it was before the change, and not otherwise.
    ///
    /// # Errors
    ///
    /// `invalid_request` if it is another.
    pub(super) fn require_repeated(
        &self,
        app: &App,
        stream: &SignalStream,
    ) -> Result<(), OAuthError> {
        let told = serde_json::to_value(told(app, stream)).unwrap_or_default();
        let differs = |name: &str| {
            self.rest.get(name).is_some_and(|repeated| Some(repeated) != told.get(name))
        };
        if TRANSMITTER_SUPPLIED.into_iter().any(differs) {
            let description = "a property that the transmitter supplies is not what it is";
            return Err(OAuthError::invalid_request(description));
        }
        Ok(())
    }
}

fn requested(types: Vec<String>) -> Result<Vec<String>, OAuthError> {
    let fits = |one: &String| one.len() <= MAX_EVENT_TYPE && !one.chars().any(char::is_control);
    if types.len() > MAX_EVENTS || !types.iter().all(fits) {
        return Err(OAuthError::invalid_request("events_requested is too long"));
    }
    Ok(types)
}

/// A stream, as its receiver sees it. The header that it is called with is not repeated to anybody.
#[derive(Serialize)]
pub(super) struct Told<'s> {
    stream_id: String,
    iss: &'s str,
    aud: &'s str,
    delivery: Delivery,
    events_supported: [&'static str; 5],
    events_requested: &'s [String],
    events_delivered: Vec<&'static str>,
    min_verification_interval: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'s str>,
}

/// What a receiver is told of its stream.
pub(super) fn told<'s>(app: &'s App, stream: &'s SignalStream) -> Told<'s> {
    // §8.1.1: of what it asks for, what there is.
    let is_requested = |one: &&str| stream.events_requested.iter().any(|asked| asked == one);
    Told {
        stream_id: stream.id.to_string(),
        iss: app.config.issuer.as_str(),
        aud: &stream.client_id,
        delivery: Delivery::of(app, stream),
        events_supported: SUPPORTED,
        events_requested: &stream.events_requested,
        events_delivered: SUPPORTED.into_iter().filter(is_requested).collect(),
        min_verification_interval: MIN_VERIFICATION_INTERVAL,
        description: stream.description.as_deref(),
    }
}
