//! Authorization codes (RFC 6749 §4.1.2): everything that the token endpoint must know, sealed. A code has no row until
//! it is used, so that requests that go nowhere leave nothing behind.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::protocol::ClaimsRequest;
use crate::protocol::pkce::CodeChallenge;
use crate::sealer::{Purpose, SealFailed, Sealer};

/// Seconds for which a code is good (RFC 9700 §2.1.1: as short as can be).
pub const CODE_LIFETIME_SECONDS: i64 = 60;

/// What a code stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationCode {
    /// Unique; also the id of the refresh tokens that may follow.
    pub id: Uuid,
    /// To whom it is issued.
    pub client_id: String,
    /// Where it was sent.
    pub redirect_uri: String,
    /// In whose name.
    pub user_id: Uuid,
    /// The session in which it was issued.
    pub session_id: Uuid,
    /// Unix seconds at which the user signed in.
    pub auth_time: i64,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// The scopes that were granted.
    pub scopes: Vec<String>,
    /// The resources that were named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// The `nonce` of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The challenge of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_challenge: Option<CodeChallenge>,
    /// The thumbprint of the key that it is bound to (RFC 9449 §10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_jkt: Option<String>,
    /// The claims that were asked for.
    #[serde(default, skip_serializing_if = "ClaimsRequest::is_empty")]
    pub claims: ClaimsRequest,
    /// Unix seconds.
    pub expires_at: i64,
}

impl AuthorizationCode {
    /// The code as it travels.
    ///
    /// # Errors
    ///
    /// If it cannot be sealed.
    pub fn seal(&self, sealer: &Sealer) -> Result<String, SealFailed> {
        sealer.seal(Purpose::AuthorizationCode, self)
    }

    /// Opens a code that was made here.
    pub fn open(sealer: &Sealer, text: &str) -> Option<Self> {
        sealer.open(Purpose::AuthorizationCode, text)
    }

    /// Under which its use is recorded.
    pub fn hash(&self, sealer: &Sealer) -> String {
        sealer.mac_text(Purpose::OneTime, &[b"code", self.id.as_bytes()])
    }
}
