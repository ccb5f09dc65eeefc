//! The one function that answers, for every grant: may this client have this resource and these scopes, for this user,
//! this way? Default deny (RFC 6749 §3.3, RFC 8707 §2). Pure: registry in, decision out. One file for each kind of subject.

mod asserted;
mod bounds;
mod client;
mod exchanged;
mod user;

pub use exchanged::require_good_standing;

use std::borrow::Cow;
use std::sync::Arc;

use crate::error::OAuthError;
use crate::protocol::ErrorCode;
use crate::registry::{AssertedUser, Client, Registry, Resource, User, fapi2};
use crate::status_list::Place;
use crate::token::subject_token::SubjectToken;

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub struct AccessRequest<'r> {
    /// The wire name of the grant.
    pub grant: &'r str,
    /// The `resource` parameters (RFC 8707), in order.
    pub resources: &'r [Cow<'r, str>],
    /// The `scope` parameter.
    pub scope: Option<&'r str>,
    /// For whom.
    pub subject: AccessSubject<'r>,
}

/// For whom a client asks.
#[derive(Clone, Copy, Debug)]
pub enum AccessSubject<'r> {
    /// For itself.
    Client,
    /// For a user who signed in.
    User {
        /// The user as it is now.
        user: &'r User,
        /// What was granted before, when a code or a refresh token is used: never wider than that.
        granted: Option<Granted<'r>>,
    },
    /// For whoever will sign in, and to whom this would be shown: what nobody could be given is refused before.
    Anybody(Granted<'r>),
    /// For a user who did not sign in, and whom the client named.
    Asserted {
        /// Who that is.
        user: AssertedUser<'r>,
        /// The client said why.
        has_reason: bool,
    },
    /// For whoever a token is about that was given to a resource of the client's.
    Exchanged(Exchange<'r>),
}

/// A token that a client brings (RFC 8693).
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'r> {
    /// It.
    pub token: &'r SubjectToken,
    /// Its user as it is now, if it is about one of this issuer.
    pub user: Option<&'r User>,
    /// The client wants to be named in the new token.
    pub has_actor: bool,
    /// How often a token may be exchanged.
    pub max_depth: u32,
    /// Unix seconds.
    pub now: i64,
}

/// What a user granted.
#[derive(Clone, Copy, Debug)]
pub struct Granted<'r> {
    /// The scopes.
    pub scopes: &'r [String],
    /// The resources that were named; empty if none was.
    pub resources: &'r [String],
}

/// What the client may have: the only value from which a token can be made.
#[derive(Clone, Debug)]
pub struct Permitted {
    /// The resource that the token is for.
    pub resource: Arc<Resource>,
    /// The scopes of the token, separated by spaces; never wider than the client's permission.
    pub scope: String,
    /// The roles at the resource: the client's, or the user's.
    pub roles: Vec<String>,
    /// Seconds that the token may live at the most.
    pub lifetime: u32,
    /// The token does not say that the client acts for its subject.
    pub impersonates: bool,
    /// Its place in a status list, once it has one.
    pub status: Option<Place>,
}

/// Decides a request.
///
/// # Errors
///
/// `unauthorized_client`, `invalid_target`, `invalid_scope`, `invalid_grant` or `invalid_request`, with the rule that refused in the cause.
pub fn decide(
    registry: &Registry,
    client: &Client,
    request: &AccessRequest<'_>,
) -> Result<Permitted, OAuthError> {
    if !client.grants.iter().any(|grant| grant == request.grant) {
        return Err(OAuthError::new(
            ErrorCode::UnauthorizedClient,
            "the client is not registered for this grant_type",
        ));
    }
    let permitted = match request.subject {
        AccessSubject::Client => client::decide(registry, client, request),
        AccessSubject::User { user, granted } => {
            user::decide(registry, client, request, (Some(user), granted))
        }
        AccessSubject::Anybody(granted) => {
            user::decide(registry, client, request, (None, Some(granted)))
        }
        AccessSubject::Asserted { user, has_reason } => {
            asserted::decide(registry, client, request, (user, has_reason))
        }
        AccessSubject::Exchanged(exchange) => {
            exchanged::decide(registry, client, request, exchange)
        }
    }?;
    // FAPI 2.0 §5.4.1.
    if client.fapi2 && !fapi2::allows(permitted.resource.algorithm) {
        let cause = "FAPI 2.0 has not the algorithm of the tokens of the resource";
        return Err(bounds::invalid_target(cause));
    }
    Ok(permitted)
}

/// Decides about all that a user is asked to grant, each resource by itself.
///
/// # Errors
///
/// As [`decide`].
pub fn decide_each(
    registry: &Registry,
    client: &Client,
    grant: &str,
    (user, granted): (Option<&User>, Granted<'_>),
) -> Result<(), OAuthError> {
    let subject = match user {
        Some(user) => AccessSubject::User { user, granted: Some(granted) },
        None => AccessSubject::Anybody(granted),
    };
    let one = |resources: &[Cow<'_, str>]| {
        let access = AccessRequest { grant, resources, scope: None, subject };
        decide(registry, client, &access).map(drop)
    };
    if granted.scopes.is_empty() && granted.resources.is_empty() {
        return Err(OAuthError::new(ErrorCode::InvalidScope, "the request asks for nothing"));
    }
    if granted.resources.is_empty() {
        return one(&[]);
    }
    granted.resources.iter().try_for_each(|resource| one(&[Cow::Borrowed(resource.as_str())]))
}

#[cfg(test)]
mod tests;
