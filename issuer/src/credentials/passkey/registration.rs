//! Making a passkey (WebAuthn Level 3 §7.1).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;
use webauthn_rs::prelude::{PasskeyRegistration, RegisterPublicKeyCredential};

use super::{PasskeyCeremony, failed, refusal, serialized, set};
use crate::credentials::{Account, CredentialError, Credentials, Refusal, StoredPasskey};
use crate::random;
use crate::registry::parse_name;
use crate::store::{Act, StoreError};

/// The ceremony in tickets.
const REGISTRATION: &str = "passkey registration";

/// Seconds that a person has to make a passkey.
const REGISTRATION_SECONDS: i64 = 900;

#[derive(Serialize, Deserialize)]
struct Registration {
    user_id: Uuid,
    state: PasskeyRegistration,
}

impl Credentials {
    /// Begins to make a passkey for a user.
    pub async fn start_passkey_registration(
        &self,
        account: &Account,
    ) -> Result<PasskeyCeremony, CredentialError> {
        let user = &account.user;
        let known = self.store.passkeys(user.id).await?;
        let known = known.into_iter().map(|passkey| passkey.credential_id).collect();
        // The user handle is the bytes of the user's UUID (WebAuthn §5.4.3 asks for nothing personal in it).
        let (options, state) = self
            .webauthn()?
            .start_passkey_registration(user.id, &user.username, &user.username, Some(known))
            .map_err(|_| failed())?;
        let mut options = serde_json::to_value(options).map_err(|_| failed())?;
        // Discoverable, so that signing in needs no username.
        let selection = "/publicKey/authenticatorSelection";
        set(&mut options, selection, ("residentKey", "required".into()));
        set(&mut options, selection, ("requireResidentKey", true.into()));
        let state = Registration { user_id: user.id, state };
        let ticket = self.ticket(REGISTRATION, state, REGISTRATION_SECONDS)?;
        Ok(PasskeyCeremony { options, ticket })
    }

    /// Finishes with the answer of the authenticator (`PublicKeyCredential.toJSON()`), and keeps the passkey.
    pub async fn finish_passkey_registration(
        &self,
        user_id: Uuid,
        (ticket, answer): (&str, &str),
        name: &str,
        act: &Act,
    ) -> Result<StoredPasskey, CredentialError> {
        let now = self.clock.now();
        let open = self.keyed.open_ticket::<Registration>(REGISTRATION, ticket, now)?;
        if open.state.user_id != user_id {
            return Err(Refusal::Wrong.into());
        }
        let answer: RegisterPublicKeyCredential =
            serde_json::from_str(answer).map_err(|_| Refusal::Assertion)?;
        let passkey = self
            .webauthn()?
            .finish_passkey_registration(&answer, &open.state.state)
            .map_err(|error| refusal(&error))?;
        self.consume(&open).await?;
        let credential = serialized(&passkey)?;
        let stored = StoredPasskey {
            id: random::uuid(),
            credential_id: passkey.cred_id().clone(),
            user_id,
            name: parse_name(name).map_err(StoreError::from)?.to_owned(),
            sign_count: sign_count(&credential),
            credential: credential.to_string(),
            created_at: now,
            last_used_at: None,
        };
        self.store.add_passkey(&stored, act).await?;
        Ok(stored)
    }
}

/// The counter in a passkey as it is kept.
fn sign_count(credential: &Value) -> u32 {
    let counter = credential.pointer("/cred/counter").and_then(Value::as_u64);
    counter.and_then(|counter| u32::try_from(counter).ok()).unwrap_or_default()
}
