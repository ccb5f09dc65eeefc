//! What happened, as it is kept for those who have to hear of it: who it is about, what, when, and on whose word. What a
//! receiver is told of it is made when it is delivered (`event`).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Something that receivers hear of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    /// What.
    pub signal: Signal,
    /// To whom; nobody, if it is about the stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Uuid>,
    /// On whose word.
    pub by: Initiator,
    /// Unix seconds.
    pub at: i64,
    /// The same for all that follows from one cause (OpenID Shared Signals Framework 1.0 §4.1.9).
    pub txn: String,
}

/// What receivers hear of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Signal {
    /// A session has ended; without one named, every session of the user.
    SessionRevoked {
        /// Its id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<Uuid>,
    },
    /// The user can sign in by other means than before.
    CredentialChange {
        /// By which.
        credential: CredentialType,
        /// How so.
        change: ChangeType,
    },
    /// The user can no longer sign in.
    AccountDisabled,
    /// The user can sign in again.
    AccountEnabled,
    /// The user is gone.
    AccountPurged,
    /// The receiver asked whether the stream works.
    Verification {
        /// What it will know the answer by.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state: Option<String>,
    },
    /// The operator changed the status of the stream.
    StreamUpdated {
        /// The new one.
        status: StreamStatus,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

const SESSION_REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const CREDENTIAL_CHANGE: &str =
    "https://schemas.openid.net/secevent/caep/event-type/credential-change";
const ACCOUNT_DISABLED: &str =
    "https://schemas.openid.net/secevent/risc/event-type/account-disabled";
const ACCOUNT_ENABLED: &str = "https://schemas.openid.net/secevent/risc/event-type/account-enabled";
const ACCOUNT_PURGED: &str = "https://schemas.openid.net/secevent/risc/event-type/account-purged";

/// `events_supported` (OpenID Shared Signals Framework 1.0 §8.1.1): what is told of users. What is told of a stream needs not
/// be asked for.
pub const SUPPORTED: [&str; 5] =
    [SESSION_REVOKED, CREDENTIAL_CHANGE, ACCOUNT_DISABLED, ACCOUNT_ENABLED, ACCOUNT_PURGED];

impl Signal {
    /// The event type.
    pub fn event_type(&self) -> &'static str {
        match self {
            Self::SessionRevoked { .. } => SESSION_REVOKED,
            Self::CredentialChange { .. } => CREDENTIAL_CHANGE,
            Self::AccountDisabled => ACCOUNT_DISABLED,
            Self::AccountEnabled => ACCOUNT_ENABLED,
            Self::AccountPurged => ACCOUNT_PURGED,
            Self::Verification { .. } => {
                "https://schemas.openid.net/secevent/ssf/event-type/verification"
            }
            Self::StreamUpdated { .. } => {
                "https://schemas.openid.net/secevent/ssf/event-type/stream-updated"
            }
        }
    }

    /// Whether it goes out whatever the status of the stream is.
    pub fn ignores_status(&self) -> bool {
        matches!(self, Self::StreamUpdated { .. })
    }
}

/// `initiating_entity` (OpenID CAEP 1.0 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Initiator {
    /// An administrator.
    Admin,
    /// The user.
    User,
    /// The issuer.
    System,
}

/// `credential_type` (OpenID CAEP 1.0 §3.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CredentialType {
    /// A password.
    #[serde(rename = "password")]
    Password,
    /// An authenticator app.
    #[serde(rename = "app")]
    App,
    /// A passkey of the device.
    #[serde(rename = "fido2-platform")]
    Platform,
    /// A passkey that is carried along.
    #[serde(rename = "fido2-roaming")]
    Roaming,
}

/// `change_type` (OpenID CAEP 1.0 §3.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeType {
    /// There was none.
    Create,
    /// It took the place of another.
    Update,
    /// Somebody else took it away.
    Revoke,
    /// The user removed it.
    Delete,
}

/// `status` (OpenID Shared Signals Framework 1.0 §8.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamStatus {
    /// Signals go out.
    Enabled,
    /// They are held.
    Paused,
    /// They are not even kept.
    Disabled,
}

impl StreamStatus {
    const ALL: [Self; 3] = [Self::Enabled, Self::Paused, Self::Disabled];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
        }
    }

    /// The status with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}
