//! Logout tokens (OpenID Connect Back-Channel Logout §2.4): the issuer tells a client that a session, or all sessions
//! of a user, have ended. Used once; that is `RelyingParty::verify_logout_token`.

use std::fmt;

use crate::claims::{Claim, ClaimError, StandardClaims};
use crate::profile::HeaderType;
use crate::validation::{Expectations, validate};

/// §2.4: explicitly typed, so that nothing else is ever taken for one.
pub(crate) const HEADER_TYPE: HeaderType = HeaderType::Required(&["logout+jwt"]);
pub(crate) const REQUIRED: &[Claim] = &[Claim::Iat, Claim::Jti];
/// §2.4: the member of `events` that makes it a logout token.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// §2.4 prefers two minutes. What lives for longer than this is a mistake, and would have to be remembered.
const MAX_LIFETIME_SECONDS: i64 = 3600;

/// A verified logout token. Made only by [`RelyingParty`](crate::RelyingParty).
#[derive(Clone)]
pub struct LogoutToken {
    claims: StandardClaims,
}

impl LogoutToken {
    /// §2.6, all but the replay.
    pub(crate) fn judge(
        claims: StandardClaims,
        expected: &Expectations<'_>,
        now: i64,
    ) -> Result<Self, ClaimError> {
        let max_lifetime = expected.max_lifetime.min(MAX_LIFETIME_SECONDS);
        validate(&claims, &Expectations { max_lifetime, ..*expected }, now)?;
        // Items 5 to 7: who, that it is a logout, and that it cannot pass for an ID token.
        let is_named = |claim| claims.text(claim).is_some_and(|name| !name.is_empty());
        if !is_named(Claim::Sub) && !is_named(Claim::Sid) {
            return Err(ClaimError::NobodyNamed);
        }
        check_events(&claims)?;
        if claims.has(Claim::Nonce) {
            return Err(ClaimError::NonceNotAllowed);
        }
        Ok(Self { claims })
    }

    /// `sub`: whose sessions have ended; all of them if there is no `sid`.
    pub fn subject(&self) -> Option<&str> {
        self.claims.subject().filter(|subject| !subject.is_empty())
    }

    /// `sid`: the session that has ended.
    pub fn session_id(&self) -> Option<&str> {
        self.claims.text(Claim::Sid).filter(|sid| !sid.is_empty())
    }

    /// `jti`: the name of this token.
    pub fn token_id(&self) -> &str {
        self.claims.token_id().unwrap_or_default()
    }

    /// `iat`, Unix seconds: sessions that began later are not meant.
    pub fn issued_at(&self) -> i64 {
        self.claims.issued_at().unwrap_or_default()
    }

    /// `exp`, Unix seconds.
    pub fn expires_at(&self) -> i64 {
        self.claims.expires_at().unwrap_or_default()
    }
}

/// §2.6 item 6: `events` is an object with this member, whose value is an object.
fn check_events(claims: &StandardClaims) -> Result<(), ClaimError> {
    let events = claims.object(Claim::Events).ok_or(ClaimError::Missing(Claim::Events))?;
    let events: serde_json::Value =
        serde_json::from_str(events).map_err(|_| ClaimError::WrongType(Claim::Events))?;
    match events.get(EVENT) {
        Some(serde_json::Value::Object(_)) => Ok(()),
        _ => Err(ClaimError::WrongEvents),
    }
}

/// Prints the expiry; no identifiers, so that it may end up in a log.
impl fmt::Debug for LogoutToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogoutToken")
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}
