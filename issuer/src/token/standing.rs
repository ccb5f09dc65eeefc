//! Whether the user of a grant is still good: asked again each time that a code or a refresh token is used, for every
//! grant in the same way (CVE-2026-43983). A grant looks the user up together with what is its own, and this judges. That
//! the user is enabled is for the policy to say.

use crate::error::OAuthError;
use crate::protocol::ErrorCode;
use crate::registry::{Client, ConsentPolicy, User};
use crate::token::grants::{SignedIn, Subject};

/// The user as it is now; none for a client that speaks for itself.
///
/// # Errors
///
/// `invalid_grant` if the user was deleted, the session ended, or the consent was withdrawn.
pub(super) fn user_of<'s>(
    client: &Client,
    subject: &'s Subject,
) -> Result<Option<&'s User>, OAuthError> {
    let Subject::User(signed_in) = subject else { return Ok(None) };
    let user = signed_in.standing.user.as_ref();
    let user = user.ok_or_else(|| gone("the user was deleted"))?;
    require_session(signed_in)?;
    require_consent(client, signed_in)?;
    Ok(Some(user))
}

/// OpenID Connect Core §11: with `offline_access` a client goes on after the user signed out, without it it does not.
fn require_session(signed_in: &SignedIn) -> Result<(), OAuthError> {
    let is_offline = signed_in.scopes.iter().any(|scope| scope == "offline_access");
    if signed_in.session_id.is_none() || is_offline || signed_in.standing.has_session {
        return Ok(());
    }
    Err(gone("the session has ended"))
}

fn require_consent(client: &Client, signed_in: &SignedIn) -> Result<(), OAuthError> {
    let asks = client.sign_in.as_ref().is_some_and(|sign_in| sign_in.consent == ConsentPolicy::Ask);
    let consented = &signed_in.standing.consented;
    if !asks || signed_in.scopes.iter().all(|scope| consented.contains(scope)) {
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
