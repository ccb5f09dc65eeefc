//! What bounds every decision: the resource is there, the scopes are its own, and the words with which more is refused.

use std::sync::Arc;

use crate::error::OAuthError;
use crate::protocol::{ErrorCode, scope};
use crate::registry::{Client, Permission, Registry, Resource};

pub(super) fn permission<'c>(
    client: &'c Client,
    identifier: &str,
) -> Result<&'c Permission, OAuthError> {
    client
        .permission(identifier)
        .ok_or_else(|| invalid_target("the client has no permission for the resource"))
}

pub(super) fn enabled_resource<'g>(
    registry: &'g Registry,
    identifier: &str,
) -> Result<&'g Arc<Resource>, OAuthError> {
    let resource = registry.resource(identifier).filter(|resource| resource.enabled);
    resource.ok_or_else(|| invalid_target("the resource is disabled or deleted"))
}

pub(super) fn name_one() -> OAuthError {
    OAuthError::new(
        ErrorCode::InvalidTarget,
        "the client may use several resources: name one with the resource parameter",
    )
}

/// RFC 8707 §2.2: a token for several resources could be replayed from one at another.
pub(super) fn several_resources() -> OAuthError {
    OAuthError::new(
        ErrorCode::InvalidTarget,
        "a token is for one resource: ask for each with a request of its own",
    )
}

/// Unknown, disabled and foreign resources look alike to the caller.
pub(super) fn invalid_target(cause: &'static str) -> OAuthError {
    OAuthError::because(
        ErrorCode::InvalidTarget,
        "the resource is unknown, or the client may not use it",
        cause,
    )
}

pub(super) fn invalid_scope(cause: &'static str) -> OAuthError {
    OAuthError::because(
        ErrorCode::InvalidScope,
        "a requested scope is unknown, or the client may not have it",
        cause,
    )
}

/// All that the client may have if it asks for nothing in particular (RFC 6749 §3.3), else exactly
/// what it asks for.
pub(super) fn granted_scope(
    permitted: &[String],
    resource: &Resource,
    requested: Option<&str>,
) -> Result<String, OAuthError> {
    let holds = |scopes: &[String], token: &str| scopes.iter().any(|scope| scope == token);
    // A scope that the resource no longer has is gone, whatever the permission still says.
    let allowed = |token: &str| holds(permitted, token) && holds(&resource.scopes, token);
    let Some(requested) = requested else {
        let granted = permitted.iter().map(String::as_str).filter(|token| allowed(token));
        return Ok(granted.collect::<Vec<_>>().join(" "));
    };
    if requested.is_empty() {
        return Ok(String::new());
    }
    let tokens = scope::parse(requested).ok_or_else(|| {
        OAuthError::new(ErrorCode::InvalidScope, "the scope parameter is malformed")
    })?;
    if tokens.iter().all(|token| allowed(token)) {
        return Ok(tokens.join(" "));
    }
    Err(invalid_scope(
        "a requested scope is not in the client's permission or no longer in the resource",
    ))
}
