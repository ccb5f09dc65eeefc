//! Whether the user of a grant is still good: asked again each time that a code or a refresh token is used, for every
//! grant in the same way (CVE-2026-43983). That the user is enabled is for the policy to say.

use uuid::Uuid;

use crate::app::App;
use crate::error::OAuthError;
use crate::issue::Bearer;
use crate::policy::{AccessSubject, Granted};
use crate::protocol::ErrorCode;
use crate::registry::{AssertedUser, Client, ConsentPolicy, ExternalSubject, User};
use crate::store::StoreError;
use crate::token::grants::{Asserted, Named, SignedIn, Subject};

/// For whom a token will be, as they are now.
pub(super) enum Standing<'s> {
    /// The client itself.
    Client,
    /// A user who signed in.
    User(&'s User, &'s SignedIn),
    /// A user of this issuer whom the client named.
    Asserted(Box<User>, &'s Asserted),
    /// Somebody in a namespace of the client's.
    External(&'s ExternalSubject, &'s Asserted),
}

/// Looks again at the user of a grant.
///
/// # Errors
///
/// `invalid_grant` if the user was deleted, the session ended, or the consent was withdrawn.
pub(super) async fn of<'s>(
    app: &App,
    client: &Client,
    subject: &'s Subject,
) -> Result<Standing<'s>, OAuthError> {
    match subject {
        Subject::Client => Ok(Standing::Client),
        Subject::User(signed_in) => {
            // The grant looked the user up together with what is its own.
            let user = signed_in.standing.user.as_ref();
            let user = user.ok_or_else(|| gone("the user was deleted"))?;
            require_session(signed_in)?;
            require_consent(client, signed_in)?;
            Ok(Standing::User(user, signed_in))
        }
        Subject::Asserted(asserted) => match &asserted.named {
            Named::External(subject) => Ok(Standing::External(subject, asserted)),
            Named::Id(id) => {
                Ok(Standing::Asserted(Box::new(user_by_id(app, *id).await?), asserted))
            }
            Named::Username(name) => match app.store.user(name).await {
                Ok(user) => Ok(Standing::Asserted(Box::new(user), asserted)),
                Err(StoreError::NotFound { .. }) => Err(gone("no user has this name")),
                Err(error) => Err(error.into()),
            },
        },
    }
}

impl Standing<'_> {
    /// For whom the policy decides.
    pub(super) fn access_subject(&self) -> AccessSubject<'_> {
        match self {
            Self::Client => AccessSubject::Client,
            Self::User(user, signed_in) => {
                let granted =
                    Granted { scopes: &signed_in.scopes, resources: &signed_in.resources };
                AccessSubject::User { user, granted: Some(granted) }
            }
            Self::Asserted(user, asserted) => {
                let has_reason = asserted.reason.is_some();
                AccessSubject::Asserted { user: AssertedUser::Local(user), has_reason }
            }
            Self::External(subject, asserted) => {
                let has_reason = asserted.reason.is_some();
                AccessSubject::Asserted { user: AssertedUser::External(subject), has_reason }
            }
        }
    }

    /// Whose identity the token carries.
    pub(super) fn bearer(&self) -> Bearer<'_> {
        match self {
            Self::Client => Bearer::Client,
            Self::User(user, signed_in) => Bearer::User(user, signed_in),
            Self::Asserted(user, asserted) => Bearer::Asserted(AssertedUser::Local(user), asserted),
            Self::External(subject, asserted) => {
                Bearer::Asserted(AssertedUser::External(subject), asserted)
            }
        }
    }
}

async fn user_by_id(app: &App, id: Uuid) -> Result<User, OAuthError> {
    app.store.user_by_id(id).await?.ok_or_else(|| gone("there is no such user"))
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
