//! What a client may have for a user whom it named (RFC 7523): what its rules say.

use std::sync::Arc;

use super::bounds::{enabled_resource, granted_scope, invalid_target, name_one, several_resources};
use super::{AccessRequest, Permitted};
use crate::error::OAuthError;
use crate::protocol::ErrorCode;
use crate::registry::{AssertedUser, AssertionRule, Client, MAX_ASSERTED_LIFETIME, Registry};

/// The rules say whom, where and what; a permission of the client's own adds nothing. Such a token has no roles: what a
/// user may do by signing in, an app does not get by naming the user.
pub(super) fn decide(
    registry: &Registry,
    client: &Client,
    request: &AccessRequest<'_>,
    (user, has_reason): (AssertedUser<'_>, bool),
) -> Result<Permitted, OAuthError> {
    if client.is_public() {
        return Err(OAuthError::new(
            ErrorCode::UnauthorizedClient,
            "a public client cannot assert anybody",
        ));
    }
    let may_not = |cause: &'static str| {
        let description = "the client may not assert this user";
        Err(OAuthError::because(ErrorCode::InvalidGrant, description, cause))
    };
    if matches!(user, AssertedUser::Local(user) if !user.enabled) {
        return may_not("the user is disabled");
    }
    let rules: Vec<&AssertionRule> =
        client.assertion_rules.iter().filter(|rule| rule.whom.includes(user)).collect();
    let Some(first) = rules.first() else { return may_not("no rule of the client is about them") };
    let identifier = match request.resources {
        [] if rules.iter().all(|rule| rule.resource == first.resource) => first.resource.as_str(),
        [] => return Err(name_one()),
        [one] => one.as_ref(),
        _ => return Err(several_resources()),
    };
    let mut fitting = rules.iter().filter(|rule| rule.resource == identifier).peekable();
    if fitting.peek().is_none() {
        return Err(invalid_target("no rule lets the client assert the user at the resource"));
    }
    let resource = enabled_resource(registry, identifier)?;
    // Several rules may be about one user; the first that has all of the scopes serves.
    let mut refusal = None;
    for rule in fitting {
        match granted_scope(&rule.scopes, resource, request.scope) {
            Ok(_) if rule.reason_required && !has_reason => {
                refusal.get_or_insert(OAuthError::new(
                    ErrorCode::InvalidGrant,
                    "the assertion must say why in its claim `reason`",
                ));
            }
            Ok(scope) => {
                return Ok(Permitted {
                    scope,
                    roles: Vec::new(),
                    lifetime: resource.token_lifetime.min(rule.lifetime).min(MAX_ASSERTED_LIFETIME),
                    resource: Arc::clone(resource),
                    impersonates: false,
                    status: None,
                });
            }
            Err(error) => {
                refusal.get_or_insert(error);
            }
        }
    }
    Err(refusal.unwrap_or_else(name_one))
}
