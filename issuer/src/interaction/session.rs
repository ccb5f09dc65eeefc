//! The session of a browser (design: one sign-in of one user in one browser): from its cookie, and how it begins, rises and
//! ends. The cookie holds 256 random bits; the store their keyed hash. It changes whenever the user proves something
//! (CVE-2024-28197).

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::cookies;
use super::visit::Visit;
use crate::error::OAuthError;
use crate::logout::tell_clients;
use crate::random;
use crate::registry::User;
use crate::sealer::Purpose;
use crate::store::Session;

/// Seconds after which a use of a session is noted again.
const TOUCH_SECONDS: i64 = 60;

/// A session that is good, and its user.
#[derive(Clone, Debug)]
pub struct CurrentSession {
    /// The session.
    pub session: Session,
    /// Whose it is; enabled.
    pub user: User,
    cookie_hash: String,
}

impl CurrentSession {
    /// The session that the cookie of a browser names.
    pub(super) async fn of(visit: &Visit<'_>) -> Result<Option<Self>, OAuthError> {
        let app = visit.app;
        let Some(cookie) = visit.cookie(cookies::SESSION) else { return Ok(None) };
        let cookie_hash = hash(visit, cookie);
        let found = app.store.session_of_cookie(&cookie_hash).await?;
        let Some((session, user)) = found else { return Ok(None) };
        let now = app.clock.now();
        let idle = now - session.last_seen_at;
        let is_over =
            now >= session.expires_at || idle > i64::from(app.config.sessions.idle_seconds);
        if is_over || !user.enabled {
            return Ok(None);
        }
        if idle >= TOUCH_SECONDS {
            app.store.touch_session(session.id, now).await?;
        }
        Ok(Some(Self { session, user, cookie_hash }))
    }
}

/// The user proved who it is: the session of the browser rises if it is the same user's, else a new one begins. Returns
/// the cookie.
pub(super) async fn sign_in(
    visit: &Visit<'_>,
    user_id: Uuid,
    (amr, auth_time): (Vec<String>, i64),
) -> Result<String, OAuthError> {
    let app = visit.app;
    let now = app.clock.now();
    let cookie = URL_SAFE_NO_PAD.encode(random::bytes::<32>());
    let new_hash = hash(visit, &cookie);
    let current = CurrentSession::of(visit).await?;
    if let Some(current) = current {
        if current.user.id == user_id {
            let risen = Session { auth_time, amr, last_seen_at: now, ..current.session };
            if app.store.raise_session(&risen, (&current.cookie_hash, &new_hash)).await? {
                return Ok(cookie);
            }
            return Err(OAuthError::unavailable("the session changed meanwhile"));
        }
        let ended = app.store.end_session(current.session.id, now).await?;
        tell_clients(app, ended).await;
    }
    let session = Session {
        id: random::uuid(),
        user_id,
        auth_time,
        amr,
        created_at: now,
        last_seen_at: now,
        expires_at: now + i64::from(app.config.sessions.absolute_seconds),
        user_agent: visit.user_agent(),
        address: Some(visit.origin.address.to_string()),
    };
    app.store.create_session(&session, &new_hash).await?;
    Ok(cookie)
}

/// Another cookie for the session as it is: whoever had taken the old one over is out.
pub(crate) async fn renew_cookie(
    visit: &Visit<'_>,
    current: &CurrentSession,
) -> Result<String, OAuthError> {
    let cookie = URL_SAFE_NO_PAD.encode(random::bytes::<32>());
    let hashes = (current.cookie_hash.as_str(), &*hash(visit, &cookie));
    if visit.app.store.raise_session(&current.session, hashes).await? {
        return Ok(cookie);
    }
    Err(OAuthError::unavailable("the session changed meanwhile"))
}

/// Hands out the cookie of a session.
pub(crate) fn give(response: &mut Response, cookie: &str) {
    cookies::set(response, cookies::SESSION, cookie, None);
}

/// Takes the cookie of a session back.
pub fn forget(response: &mut Response) {
    cookies::clear(response, cookies::SESSION);
}

fn hash(visit: &Visit<'_>, cookie: &str) -> String {
    visit.app.sealer.mac_text(Purpose::SessionCookie, &[cookie.as_bytes()])
}
