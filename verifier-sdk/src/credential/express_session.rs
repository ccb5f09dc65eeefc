//! The session of an Express application with `cookie-session`: a cookie with base64 of a JSON object, and in a member of it
//! the token. Its signature (`session.sig`) needs a secret of that application and is not asked for: whatever the cookie
//! holds, the token in it is verified.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use countersign_keys::json;
use serde_json::Value;

use super::CredentialError;

/// Browsers keep no longer cookie.
const MAX_BYTES: usize = 8 * 1024;

/// The cookie and the member, by name.
#[derive(Clone, Debug)]
pub(super) struct ExpressSession {
    pub(super) cookie: String,
    pub(super) member: String,
}

impl ExpressSession {
    /// The token of a session; none in a session of nobody.
    pub(super) fn token(&self, value: &[u8]) -> Result<Option<String>, CredentialError> {
        if value.len() > MAX_BYTES {
            return Err(CredentialError::Malformed);
        }
        // Node writes padding, and reads it or not.
        let config =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let session = GeneralPurpose::new(&STANDARD, config).decode(value);
        let session = session.ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let session = session.ok_or(CredentialError::Malformed)?;
        // RFC 8725 §2.6: a member that is there twice would be read differently by each.
        json::check(&session).map_err(|_| CredentialError::Malformed)?;
        let session: Value =
            serde_json::from_str(&session).map_err(|_| CredentialError::Malformed)?;
        match session.get(&self.member) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(token)) => Ok(Some(token.clone())),
            Some(_) => Err(CredentialError::Malformed),
        }
    }
}
