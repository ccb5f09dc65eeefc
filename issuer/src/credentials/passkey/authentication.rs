//! Proving to hold a passkey (WebAuthn Level 3 §7.2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;
use webauthn_rs::prelude::{DiscoverableAuthentication, Passkey, PublicKeyCredential};

use super::{PasskeyCeremony, failed, refusal, serialized, set};
use crate::credentials::{Account, CredentialError, Credentials, Method, Refusal, StoredPasskey};

/// The ceremony in tickets.
const AUTHENTICATION: &str = "passkey authentication";

/// Seconds for which a sign-in page offers passkeys: it may stand open for a while.
const AUTHENTICATION_SECONDS: i64 = 3_600;

/// A user who proved to hold a passkey.
#[derive(Clone, Debug)]
pub struct PasskeySignIn {
    /// Who.
    pub account: Account,
    /// How, for `amr`.
    pub method: Method,
    /// With which passkey.
    pub passkey_id: Uuid,
}

#[derive(Serialize, Deserialize)]
struct Authentication {
    /// The user who must answer, if one is known.
    user_id: Option<Uuid>,
    state: DiscoverableAuthentication,
}

impl Credentials {
    /// Begins to sign in with whichever passkey the browser offers; for `mediation: "conditional"`, or without it for a
    /// button. Reads and writes nothing.
    pub fn start_passkey_sign_in(&self) -> Result<PasskeyCeremony, CredentialError> {
        self.start_authentication(None, &[])
    }

    /// Begins to ask a known user for a passkey: as a second factor, or again.
    pub async fn start_passkey_check(
        &self,
        user_id: Uuid,
    ) -> Result<PasskeyCeremony, CredentialError> {
        let passkeys = self.store.passkeys(user_id).await?;
        if passkeys.is_empty() {
            return Err(Refusal::NoCredential.into());
        }
        self.start_authentication(Some(user_id), &passkeys)
    }

    /// Finishes either with the answer of the authenticator (`PublicKeyCredential.toJSON()`). If a user was asked for, it
    /// is that user.
    pub async fn finish_passkey(
        &self,
        ticket: &str,
        answer: &str,
    ) -> Result<PasskeySignIn, CredentialError> {
        let now = self.clock.now();
        let open = self.keyed.open_ticket::<Authentication>(AUTHENTICATION, ticket, now)?;
        let answer: PublicKeyCredential =
            serde_json::from_str(answer).map_err(|_| Refusal::Assertion)?;
        let mut stored =
            self.store.passkey(answer.get_credential_id()).await?.ok_or(Refusal::NoCredential)?;
        // WebAuthn §7.2 step 6: the user handle, which a discoverable passkey always gives, and the user who was asked
        // for own the passkey.
        let handle = answer.get_user_unique_id().map(|handle| handle == stored.user_id.as_bytes());
        let owns = match open.state.user_id {
            Some(user_id) => user_id == stored.user_id && handle != Some(false),
            None => handle == Some(true),
        };
        if !owns {
            return Err(Refusal::Assertion.into());
        }
        let mut passkey: Passkey = serde_json::from_str(&stored.credential)
            .map_err(|_| CredentialError::Failed("a stored passkey cannot be read"))?;
        let result = self
            .webauthn()?
            .finish_discoverable_authentication_v2(&answer, open.state.state.clone(), &passkey)
            .map_err(|error| refusal(&error))?;
        self.consume(&open).await?;
        passkey.update_credential(&result);
        stored.credential = serialized(&passkey)?.to_string();
        stored.sign_count = result.counter();
        // WebAuthn §7.2 step 22, once more in the statement: of two parallel uses of a copied passkey one fails.
        if !self.store.use_passkey(&stored, now).await? {
            let account = self.account(stored.user_id).await?;
            let cause = if account.user.enabled { Refusal::Copied } else { Refusal::Disabled };
            return Err(cause.into());
        }
        let synced = result.backup_eligible();
        Ok(PasskeySignIn {
            account: self.account(stored.user_id).await?,
            method: if synced { Method::SyncedPasskey } else { Method::DevicePasskey },
            passkey_id: stored.id,
        })
    }

    fn start_authentication(
        &self,
        user_id: Option<Uuid>,
        allowed: &[StoredPasskey],
    ) -> Result<PasskeyCeremony, CredentialError> {
        let (options, state) =
            self.webauthn()?.start_discoverable_authentication().map_err(|_| failed())?;
        let mut options = serde_json::to_value(options).map_err(|_| failed())?;
        if user_id.is_some() {
            let descriptor = |passkey: &StoredPasskey| {
                let id = URL_SAFE_NO_PAD.encode(&passkey.credential_id);
                json!({ "type": "public-key", "id": id })
            };
            let allowed = allowed.iter().map(descriptor).collect::<Vec<_>>();
            set(&mut options, "/publicKey", ("allowCredentials", allowed.into()));
            if let Some(options) = options.as_object_mut() {
                options.remove("mediation");
            }
        }
        let state = Authentication { user_id, state };
        let ticket = self.ticket(AUTHENTICATION, state, AUTHENTICATION_SECONDS)?;
        Ok(PasskeyCeremony { options, ticket })
    }
}
