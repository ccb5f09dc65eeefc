//! Whether the user of a grant is still good: asked again each time that a code or a refresh token is used, for every
//! grant in the same way (CVE-2026-43983). That the user is enabled is for the policy to say.

use crate::app::App;
use crate::error::OAuthError;
use crate::protocol::ErrorCode;
use crate::registry::{Client, ConsentPolicy, User};
use crate::token::grants::{SignedIn, Subject};

/// The user as it is now; none for a client that speaks for itself.
///
/// # Errors
///
/// `invalid_grant` if the user was deleted, the session ended, or the consent was withdrawn.
pub(super) async fn user_of(
    app: &App,
    client: &Client,
    subject: &Subject,
) -> Result<Option<User>, OAuthError> {
    let Subject::User(signed_in) = subject else { return Ok(None) };
    let user = app.store.user_by_id(signed_in.user_id).await?;
    let user = user.ok_or_else(|| gone("the user was deleted"))?;
    require_session(app, signed_in).await?;
    require_consent(app, client, signed_in).await?;
    Ok(Some(user))
}

/// OpenID Connect Core §11: with `offline_access` a client goes on after the user signed out, without it it does not.
async fn require_session(app: &App, signed_in: &SignedIn) -> Result<(), OAuthError> {
    let is_offline = signed_in.scopes.iter().any(|scope| scope == "offline_access");
    let Some(session_id) = signed_in.session_id.filter(|_| !is_offline) else { return Ok(()) };
    if app.store.session_exists(session_id, app.clock.now()).await? {
        return Ok(());
    }
    Err(gone("the session has ended"))
}

async fn require_consent(
    app: &App,
    client: &Client,
    signed_in: &SignedIn,
) -> Result<(), OAuthError> {
    let asks = client.sign_in.as_ref().is_some_and(|sign_in| sign_in.consent == ConsentPolicy::Ask);
    if !asks {
        return Ok(());
    }
    let consented = app.store.consented_scopes(signed_in.user_id, client.id.as_str()).await?;
    if signed_in.scopes.iter().all(|scope| consented.contains(scope)) {
        return Ok(());
    }
    Err(gone("the consent was withdrawn"))
}

fn gone(cause: &'static str) -> OAuthError {
    OAuthError::because(
        ErrorCode::InvalidGrant,
        "the grant is invalid, expired, revoked, or was issued to another client",
        cause,
    )
}
