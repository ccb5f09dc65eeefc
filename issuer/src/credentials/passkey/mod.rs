//! Passkeys (WebAuthn Level 3): registration, and authentication with or without knowing the user first. Every passkey is
//! discoverable, so that the username field can offer it, and verifies its user, so that it counts as two factors. An
//! unfinished ceremony leaves no row: its state is a ticket in the page, consumed once it was answered.

mod authentication;
mod registration;

pub use authentication::PasskeySignIn;

use serde::Serialize;
use serde_json::Value;
use webauthn_rs::Webauthn;
use webauthn_rs::prelude::{Passkey, WebauthnBuilder, WebauthnError};

use super::keyed_hash::OpenTicket;
use super::{CredentialError, Credentials, Refusal};
use crate::config::IssuerUrl;

/// What a ceremony needs in the page.
#[derive(Clone, Debug)]
pub struct PasskeyCeremony {
    /// The argument of `navigator.credentials.create` or `get`, with binary values in base64url
    /// (`PublicKeyCredential.parse…OptionsFromJSON` takes its `publicKey`).
    pub options: Value,
    /// To be sent back with the answer of the authenticator.
    pub ticket: String,
}

/// The issuer as a relying party: its host is the RP ID, its origin the only one (WebAuthn §5.1.3). `None` for an address,
/// which cannot be an RP ID.
pub(super) fn relying_party(issuer: &IssuerUrl) -> Option<Webauthn> {
    let host = issuer.url().domain()?;
    WebauthnBuilder::new(host, issuer.url()).ok()?.rp_name(host).build().ok()
}

impl Credentials {
    fn ticket(
        &self,
        ceremony: &str,
        state: impl Serialize,
        seconds: i64,
    ) -> Result<String, CredentialError> {
        let expires_at = self.clock.now().saturating_add(seconds);
        let ticket = self.keyed.ticket(ceremony, state, expires_at);
        ticket.ok_or_else(failed)
    }

    /// A ceremony is finished once.
    async fn consume<T: Sync>(&self, open: &OpenTicket<T>) -> Result<(), CredentialError> {
        if !self.store.consume_ceremony(&open.digest, open.expires_at).await? {
            return Err(Refusal::Used.into());
        }
        Ok(())
    }

    fn webauthn(&self) -> Result<&Webauthn, CredentialError> {
        self.webauthn.as_ref().ok_or(CredentialError::NoPasskeys)
    }
}

fn failed() -> CredentialError {
    CredentialError::Failed("the passkey ceremony could not begin")
}

fn refusal(error: &WebauthnError) -> Refusal {
    match error {
        WebauthnError::CredentialPossibleCompromise => Refusal::Copied,
        error => {
            tracing::debug!(%error, "the answer of an authenticator does not hold");
            Refusal::Assertion
        }
    }
}

/// Sets a member of the object at `pointer`.
fn set(options: &mut Value, pointer: &str, (name, value): (&str, Value)) {
    if let Some(object) = options.pointer_mut(pointer).and_then(Value::as_object_mut) {
        object.insert(name.to_owned(), value);
    }
}

fn serialized(passkey: &Passkey) -> Result<Value, CredentialError> {
    serde_json::to_value(passkey).map_err(|_| CredentialError::Failed("a passkey cannot be kept"))
}
