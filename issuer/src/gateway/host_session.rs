//! The cookie of a host: which session of the issuer it stands for, and what was granted. Sealed, for this host and this
//! client alone. It says nothing of roles, which are those of the user as it is now.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::config::GatewayRoute;
use crate::error::OAuthError;
use crate::sealer::{Purpose, Sealer};

/// Its name. `__Host-`: no other host can set it, and it is never sent in clear (RFC 6265bis §4.1.3.2).
pub(super) const COOKIE: &str = "__Host-countersign";

/// The most that a browser keeps of a cookie is 4096 bytes (RFC 6265 §6.1), with its name and attributes.
const MAX_BYTES: usize = 3900;

/// What the cookie holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HostSession {
    /// The host that it was given to.
    pub host: String,
    /// Through which client.
    pub client_id: String,
    /// The session of the issuer.
    pub session_id: Uuid,
    /// Whose it was.
    pub user_id: Uuid,
    /// What was granted.
    pub scopes: Vec<String>,
    /// At which resources.
    pub resources: Vec<String>,
}

impl HostSession {
    /// The value of the cookie.
    ///
    /// # Errors
    ///
    /// `server_error` if it would be too long for a browser.
    pub(super) fn seal(&self, sealer: &Sealer) -> Result<String, OAuthError> {
        let text = sealer.seal(Purpose::GatewaySession, self);
        let text = text.map_err(|error| OAuthError::server_error(error.to_string()))?;
        if text.len() <= MAX_BYTES {
            return Ok(text);
        }
        Err(OAuthError::server_error("the client of a gateway has too many scopes for a cookie"))
    }

    /// Opens what was sealed here for this host and this client.
    pub(super) fn open(sealer: &Sealer, text: &str, route: &GatewayRoute) -> Option<Self> {
        let opened: Self = sealer.open(Purpose::GatewaySession, text)?;
        let is_of_the_route = opened.host == route.host && opened.client_id == route.client_id;
        is_of_the_route.then_some(opened)
    }
}
