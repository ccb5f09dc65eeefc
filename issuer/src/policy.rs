//! The one function that answers, for every grant: may this client have this resource and these
//! scopes, this way? Default deny (RFC 6749 §3.3, RFC 8707 §2). Pure: registry in, decision out.

use std::sync::Arc;

use crate::error::OAuthError;
use crate::protocol::{ErrorCode, scope};
use crate::registry::{Client, Permission, Registry, Resource};

/// What a request asks for, as the client wrote it.
#[derive(Clone, Copy, Debug)]
pub struct AccessRequest<'r> {
    /// The wire name of the grant.
    pub grant: &'r str,
    /// The `resource` parameters (RFC 8707), in order.
    pub resources: &'r [&'r str],
    /// The `scope` parameter.
    pub scope: Option<&'r str>,
}

/// What the client may have: the only value from which a token can be made.
#[derive(Clone, Debug)]
pub struct Permitted {
    /// The resource that the token is for.
    pub resource: Arc<Resource>,
    /// The granted scopes, separated by spaces; never wider than the client's permission.
    pub scope: String,
    /// The client's roles at the resource.
    pub roles: Vec<String>,
}

/// Decides a request.
///
/// # Errors
///
/// `unauthorized_client`, `invalid_target` or `invalid_scope`, with the rule that refused in the cause.
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
    let permission = permission(client, request.resources)?;
    let resource = registry.resource(&permission.resource).filter(|resource| resource.enabled);
    let resource = resource.ok_or_else(|| invalid_target("the resource is disabled or deleted"))?;
    Ok(Permitted {
        scope: granted_scope(permission, resource, request.scope)?,
        roles: permission.roles.clone(),
        resource: Arc::clone(resource),
    })
}

/// The client's permission for the one resource that the request names, or for the only one it has.
fn permission<'c>(client: &'c Client, resources: &[&str]) -> Result<&'c Permission, OAuthError> {
    match resources {
        [] => match client.permissions.as_slice() {
            [only] => Ok(only),
            [] => Err(invalid_target("the client has no permission for any resource")),
            _ => Err(OAuthError::new(
                ErrorCode::InvalidTarget,
                "the client may use several resources: name one with the resource parameter",
            )),
        },
        [resource] => client
            .permissions
            .iter()
            .find(|permission| permission.resource == *resource)
            .ok_or_else(|| invalid_target("the client has no permission for the resource")),
        // RFC 8707 §2.2: a token for several resources could be replayed from one at another.
        _ => Err(OAuthError::new(
            ErrorCode::InvalidTarget,
            "a token is for one resource: ask for each with a request of its own",
        )),
    }
}

/// Unknown, disabled and foreign resources look alike to the caller.
fn invalid_target(cause: &'static str) -> OAuthError {
    OAuthError::because(
        ErrorCode::InvalidTarget,
        "the resource is unknown, or the client may not use it",
        cause,
    )
}

/// All that the client may have if it asks for nothing in particular (RFC 6749 §3.3), else exactly
/// what it asks for.
fn granted_scope(
    permission: &Permission,
    resource: &Resource,
    requested: Option<&str>,
) -> Result<String, OAuthError> {
    let holds = |scopes: &[String], token: &str| scopes.iter().any(|scope| scope == token);
    // A scope that the resource no longer has is gone, whatever the permission still says.
    let allowed = |token: &str| holds(&permission.scopes, token) && holds(&resource.scopes, token);
    let Some(requested) = requested else {
        let granted = permission.scopes.iter().map(String::as_str).filter(|token| allowed(token));
        return Ok(granted.collect::<Vec<_>>().join(" "));
    };
    let tokens = scope::parse(requested).ok_or_else(|| {
        OAuthError::new(ErrorCode::InvalidScope, "the scope parameter is malformed")
    })?;
    if tokens.iter().all(|token| allowed(token)) {
        return Ok(tokens.join(" "));
    }
    Err(OAuthError::because(
        ErrorCode::InvalidScope,
        "a requested scope is unknown, or the client may not have it",
        "a requested scope is not in the client's permission or no longer in the resource",
    ))
}
