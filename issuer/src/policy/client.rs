//! What a client may have for itself (RFC 6749 §4.4): what its permissions say.

use std::sync::Arc;

use super::bounds::{
    enabled_resource, granted_scope, invalid_target, name_one, permission, several_resources,
};
use super::{AccessRequest, Permitted};
use crate::error::OAuthError;
use crate::protocol::ErrorCode;
use crate::registry::{Client, Permission, Registry};

pub(super) fn decide(
    registry: &Registry,
    client: &Client,
    request: &AccessRequest<'_>,
) -> Result<Permitted, OAuthError> {
    // RFC 6749 §4.4: only confidential clients, since nothing else proves who asks.
    if client.is_public() {
        return Err(OAuthError::new(
            ErrorCode::UnauthorizedClient,
            "a public client cannot speak for itself",
        ));
    }
    let permission = match request.resources {
        [] => only_permission(&client.permissions)?,
        [resource] => permission(client, resource)?,
        _ => return Err(several_resources()),
    };
    let resource = enabled_resource(registry, &permission.resource)?;
    Ok(Permitted {
        scope: granted_scope(&permission.scopes, resource, request.scope)?,
        roles: permission.roles.clone(),
        lifetime: resource.token_lifetime,
        resource: Arc::clone(resource),
        impersonates: false,
        status: None,
    })
}

fn only_permission(permissions: &[Permission]) -> Result<&Permission, OAuthError> {
    match permissions {
        [only] => Ok(only),
        [] => Err(invalid_target("the client has no permission for any resource")),
        _ => Err(name_one()),
    }
}
