//! Whether the user of a grant is still good: asked again each time that a code or a refresh token is used, for every
//! grant in the same way (CVE-2026-43983). That the user is enabled is for the policy to say.

use uuid::Uuid;

use crate::app::App;
use crate::error::OAuthError;
use crate::issue::Bearer;
use crate::policy::{AccessSubject, Exchange, Granted};
use crate::protocol::{ErrorCode, Identity};
use crate::registry::{AssertedUser, Client, ConsentPolicy, ExternalSubject, User};
use crate::store::{StoreError, Towards};
use crate::token::grants::{Asserted, Exchanged, Named, SignedIn, Subject};
use crate::token::subject_token::{About, SubjectToken};

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
    /// Whoever a token is about that the client was given; with the user, if it is one of this issuer.
    Exchanged(Option<Box<User>>, &'s Exchanged),
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
        Subject::Exchanged(exchanged) => {
            Ok(Standing::Exchanged(user_of(app, &exchanged.token).await?, exchanged))
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
    pub(super) fn access_subject(&self, app: &App) -> AccessSubject<'_> {
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
            Self::Exchanged(user, exchanged) => AccessSubject::Exchanged(Exchange {
                token: &exchanged.token,
                user: user.as_deref(),
                has_actor: exchanged.has_actor,
                max_depth: app.config.token_exchange.max_depth,
                now: app.clock.now(),
            }),
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
            Self::Exchanged(user, exchanged) => {
                Bearer::Exchanged(user.as_deref(), &exchanged.token)
            }
        }
    }
}

async fn user_by_id(app: &App, id: Uuid) -> Result<User, OAuthError> {
    app.store.user_by_id(id).await?.ok_or_else(|| gone("there is no such user"))
}

/// The user of a token that is exchanged: whatever ends a refresh token of the user ends this too.
pub(crate) async fn user_of(
    app: &App,
    token: &SubjectToken,
) -> Result<Option<Box<User>>, OAuthError> {
    let About::User(user_id) = token.about else { return Ok(None) };
    let session = token.sign_in.session_id;
    let towards = Towards {
        user_id,
        session_id: session.unwrap_or_default(),
        client_id: &token.origin_client_id,
    };
    let standing = match app.store.standing(towards, app.clock.now()).await {
        Err(StoreError::NotFound { .. }) => return Err(gone("there is no such user")),
        found => found?,
    };
    if session.is_some() && !standing.has_session {
        return Err(gone("the session has ended"));
    }
    if token.identity == Identity::User && !has_consent(app, token, &standing.consented) {
        return Err(gone("the consent was withdrawn"));
    }
    let user = standing.user.ok_or_else(|| gone("the user was deleted"))?;
    Ok(Some(Box::new(user)))
}

/// The consent was given to the client that the user came through; further on only its being there can be seen.
fn has_consent(app: &App, token: &SubjectToken, consented: &[String]) -> bool {
    let registry = app.registry.load();
    let origin = registry.client(&token.origin_client_id);
    let sign_in = origin.and_then(|client| client.sign_in.as_ref());
    if sign_in.is_none_or(|sign_in| sign_in.consent == ConsentPolicy::Skip) {
        return true;
    }
    let is_first_hand = token.ancestors.is_empty();
    let covers = token.scopes.iter().all(|scope| consented.contains(scope));
    !consented.is_empty() && (covers || !is_first_hand)
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
