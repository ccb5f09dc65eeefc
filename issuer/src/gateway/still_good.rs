//! Whether a token or a session is still good although it once was: the one place of this room that asks, for every kind of
//! caller. Whatever ends a refresh token of the user ends both.

use super::host_session::HostSession;
use super::presented::invalid;
use crate::app::App;
use crate::error::OAuthError;
use crate::policy;
use crate::registry::{ConsentPolicy, User};
use crate::store::Session;
use crate::token::{subject_token::SubjectToken, user_of_token};

/// Seconds after which a use of a session is noted again.
const TOUCH_SECONDS: i64 = 60;

/// The user of a token that was verified, if it is about one of this issuer.
///
/// # Errors
///
/// `invalid_token` if the user, the session, the consent or a client of the chain is gone; `temporarily_unavailable` if the
/// store cannot say.
pub(super) async fn token(
    app: &App,
    token: &SubjectToken,
) -> Result<Option<Box<User>>, OAuthError> {
    let ended = |error: OAuthError| {
        if error.code.row().status.is_server_error() { error } else { invalid(error.cause) }
    };
    let user = user_of_token(app, token).await.map_err(ended)?;
    policy::require_good_standing(&app.registry.load(), token, user.as_deref()).map_err(ended)?;
    Ok(user)
}

/// The session of a cookie as it is now, and its user.
///
/// # Errors
///
/// `temporarily_unavailable` if the store cannot say.
pub(super) async fn session(
    app: &App,
    granted: &HostSession,
) -> Result<Option<(Session, User)>, OAuthError> {
    let registry = app.registry.load();
    let Some(client) = registry.client(&granted.client_id) else { return Ok(None) };
    let Some(sign_in) = client.sign_in.as_ref().filter(|_| client.refused().is_none()) else {
        return Ok(None);
    };
    let Some((session, user)) = app.store.session_with_user(granted.session_id).await? else {
        return Ok(None);
    };
    let now = app.clock.now();
    let idle = now - session.last_seen_at;
    let is_over = now >= session.expires_at || idle > i64::from(app.config.sessions.idle_seconds);
    if is_over || !user.enabled || user.id != granted.user_id {
        return Ok(None);
    }
    if sign_in.consent == ConsentPolicy::Ask {
        let consented = app.store.consented_scopes(user.id, client.id.as_str()).await?;
        if !granted.scopes.iter().all(|scope| consented.contains(scope)) {
            return Ok(None);
        }
    }
    if idle >= TOUCH_SECONDS {
        app.store.touch_session(session.id, now).await?;
    }
    Ok(Some((session, user)))
}
