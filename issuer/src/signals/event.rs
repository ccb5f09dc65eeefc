//! What a receiver is told (OpenID Shared Signals Framework 1.0 §4, OpenID CAEP 1.0): one security event token for each signal, made
//! when it is delivered. It says the same each time, by the key that signs then. The user has the name that the receiver knows.

use serde_json::{Value, json};
use uuid::Uuid;

use super::resource;
use super::signal::{Happened, Initiator, Signal};
use crate::app::App;
use crate::error::OAuthError;
use crate::issue::subject_identifier;
use crate::registry::Client;
use crate::signing::TokenType;
use crate::store::{PendingSignal, SignalStream};

/// The token of a signal.
///
/// # Errors
///
/// `temporarily_unavailable` if this node has not heard yet what the database says of the client; `server_error` without a key.
pub(super) fn token(
    app: &App,
    stream: &SignalStream,
    pending: &PendingSignal,
) -> Result<String, OAuthError> {
    let registry = app.registry.load();
    let address = resource(&app.config.issuer);
    let client = registry.client(&stream.client_id).filter(|client| client.refused().is_none());
    let behind =
        || OAuthError::unavailable("the client of the stream is not good as far as is known here");
    let client = client.ok_or_else(behind)?;
    let happened = &pending.happened;
    // RFC 8417 §2.2; §4.1.2 and §4.1.7 leave out `sub` and `exp`, so that it is taken for nothing else.
    let claims = json!({
        "iss": app.config.issuer.as_str(),
        "jti": pending.jti,
        "iat": happened.at,
        "aud": stream.client_id,
        "txn": happened.txn,
        "sub_id": subject(app, client, (stream.id, happened)),
        "events": { happened.signal.event_type(): event(happened) },
    });
    // As the operator chose for the resource: receivers of other vendors often know RS256 alone.
    let algorithm = registry.resource(&address).map(|resource| resource.algorithm);
    let algorithm = algorithm.unwrap_or_else(|| registry.own_resource().algorithm);
    let payload = claims.to_string();
    app.keychain.live().sign(TokenType::SecurityEvent, algorithm, payload.as_bytes())
}

/// `sub_id` (RFC 9493): a user, with a session if there is one, or the stream (§8.1.4.1).
fn subject(app: &App, client: &Client, (stream_id, happened): (Uuid, &Happened)) -> Value {
    let Some(user_id) = happened.user_id else {
        return json!({ "format": "opaque", "id": stream_id.to_string() });
    };
    let sub = match &client.sign_in {
        Some(sign_in) => subject_identifier(&app.sealer, sign_in, user_id),
        None => user_id.to_string(),
    };
    let user = json!({ "format": "iss_sub", "iss": app.config.issuer.as_str(), "sub": sub });
    match &happened.signal {
        Signal::SessionRevoked { session: Some(session) } => json!({
            "format": "complex",
            "user": user,
            "session": { "format": "opaque", "id": session.to_string() },
        }),
        _ => user,
    }
}

fn event(happened: &Happened) -> Value {
    match &happened.signal {
        Signal::SessionRevoked { session } => {
            let reason = match (session, happened.by) {
                (Some(_), Initiator::User) => "The user ended the session.",
                (Some(_), Initiator::Admin) => "An administrator ended the session.",
                (Some(_), Initiator::System) => "The issuer ended the session.",
                (None, Initiator::User) => "The user ended every session.",
                (None, Initiator::Admin) => "An administrator ended every session.",
                (None, Initiator::System) => "The issuer ended every session.",
            };
            caep(happened, reason, json!({}))
        }
        Signal::CredentialChange { credential, change } => {
            let reason = match happened.by {
                Initiator::User => "The user changed a credential.",
                Initiator::Admin => "An administrator changed a credential of the user.",
                Initiator::System => "A credential of the user was changed.",
            };
            let own = json!({ "credential_type": credential, "change_type": change });
            caep(happened, reason, own)
        }
        Signal::AccountDisabled
        | Signal::AccountEnabled
        | Signal::AccountPurged
        | Signal::Verification { state: None } => json!({}),
        Signal::Verification { state: Some(state) } => json!({ "state": state }),
        Signal::StreamUpdated { status, reason: None } => json!({ "status": status }),
        Signal::StreamUpdated { status, reason } => json!({ "status": status, "reason": reason }),
    }
}

/// OpenID CAEP 1.0 §2. The reason is one for all: what an administrator wrote down is for the record.
fn caep(happened: &Happened, reason: &str, own: Value) -> Value {
    let mut event = own;
    if let Value::Object(members) = &mut event {
        members.insert("event_timestamp".to_owned(), json!(happened.at));
        members.insert("initiating_entity".to_owned(), json!(happened.by));
        members.insert("reason_admin".to_owned(), json!({ "en": reason }));
    }
    event
}
