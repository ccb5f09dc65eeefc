//! What a route demands: a kind of identity, roles, scopes. Roles and scopes of a token are those that it has; of a session,
//! what the policy would give the client for the user now.

use std::borrow::Cow;

use super::asked::Asked;
use super::caller::Caller;
use crate::app::App;
use crate::error::OAuthError;
use crate::policy::{self, AccessRequest, AccessSubject, Granted, Permitted};
use crate::protocol::{ErrorCode, Identity};
use crate::registry::Client;

/// The grant by which the client of a gateway has what it has.
pub(super) const GRANT: &str = "authorization_code";

/// A caller whom the route lets through.
pub(super) struct Allowed<'c> {
    /// Who it is.
    pub caller: &'c Caller,
    /// Scopes at the resource, separated by spaces.
    pub scope: String,
    /// Roles.
    pub roles: Cow<'c, [String]>,
    /// For a session: what the client may have for its user.
    pub permitted: Option<Permitted>,
}

impl<'c> Allowed<'c> {
    /// Decides.
    ///
    /// # Errors
    ///
    /// `insufficient_scope`, whatever it is that is missing.
    pub(super) fn decide(
        app: &App,
        asked: &Asked<'_>,
        caller: &'c Caller,
    ) -> Result<Self, OAuthError> {
        let route = asked.route;
        if !route.identities.contains(&caller.identity()) {
            return Err(missing("the route is not for this kind of identity"));
        }
        let allowed = match caller {
            Caller::Token(of) => Self {
                caller,
                scope: of.token.scopes.join(" "),
                roles: Cow::Borrowed(&of.roles),
                permitted: None,
            },
            Caller::Session(of) => {
                let registry = app.registry.load();
                let client = client_of(&registry, asked)?;
                let granted =
                    Granted { scopes: &of.granted.scopes, resources: &of.granted.resources };
                let request = AccessRequest {
                    grant: GRANT,
                    resources: &[Cow::Borrowed(route.resource.as_str())],
                    scope: None,
                    subject: AccessSubject::User { user: &of.user, granted: Some(granted) },
                };
                let permitted = policy::decide(&registry, client, &request).map_err(refused)?;
                Self {
                    caller,
                    scope: permitted.scope.clone(),
                    roles: Cow::Owned(permitted.roles.clone()),
                    permitted: Some(permitted),
                }
            }
        };
        if !route.roles.iter().all(|role| allowed.roles.contains(role)) {
            return Err(missing("the caller has not the role that the route demands"));
        }
        let has = |scope: &String| allowed.scope.split(' ').any(|one| one == scope);
        if !route.scopes.iter().all(has) {
            return Err(missing("the caller has not the scope that the route demands"));
        }
        Ok(allowed)
    }
}

impl Caller {
    /// Whose identity it is.
    pub(super) fn identity(&self) -> Identity {
        match self {
            Self::Token(of) => of.token.identity,
            Self::Session(_) => Identity::User,
        }
    }
}

/// The client of the gateway.
pub(super) fn client_of<'g>(
    registry: &'g crate::registry::Registry,
    asked: &Asked<'_>,
) -> Result<&'g std::sync::Arc<Client>, OAuthError> {
    let client = registry.client(&asked.route.client_id);
    let client = client.filter(|client| client.refused().is_none());
    client.ok_or_else(|| missing("the client of the gateway is unknown or disabled"))
}

/// RFC 6750 §3.1 has one code for all that a caller may lack.
pub(super) fn missing(cause: impl Into<Cow<'static, str>>) -> OAuthError {
    let description = "the route demands more than the caller may";
    OAuthError::because(ErrorCode::InsufficientScope, description, cause)
}

/// What the policy refuses.
pub(super) fn refused(error: OAuthError) -> OAuthError {
    if error.code.row().status.is_server_error() { error } else { missing(error.cause) }
}
