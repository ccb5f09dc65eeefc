//! What a client may have for a user who signed in: within what the client may use and what the user granted.

use std::borrow::Cow;
use std::sync::Arc;

use super::bounds::{
    enabled_resource, granted_scope, invalid_scope, invalid_target, name_one, permission,
    several_resources,
};
use super::{AccessRequest, Granted, Permitted};
use crate::error::OAuthError;
use crate::protocol::{ErrorCode, scope};
use crate::registry::{Client, IDENTITY_SCOPES, Permission, Registry, Resource, User};

pub(super) fn decide(
    registry: &Registry,
    client: &Client,
    request: &AccessRequest<'_>,
    (user, granted): (Option<&User>, Option<Granted<'_>>),
) -> Result<Permitted, OAuthError> {
    if user.is_some_and(|user| !user.enabled) {
        return Err(OAuthError::because(
            ErrorCode::InvalidGrant,
            "the grant is no longer valid",
            "the user is disabled",
        ));
    }
    let asked = asked_scopes(request.scope, granted)?;
    let (identity, api): (Vec<&str>, Vec<&str>) =
        asked.iter().copied().partition(|token| IDENTITY_SCOPES.contains(token));
    let sign_in = client.sign_in.as_ref();
    if identity.iter().any(|token| !sign_in.is_some_and(|sign_in| sign_in.allows(token))) {
        return Err(invalid_scope("an identity scope is not in the client's registration"));
    }
    let own = registry.own_resource();
    let target = target(client, request.resources, granted, &api, own)?;
    match target {
        // The issuer itself: its UserInfo endpoint (OpenID Connect Core §5.3).
        None => Ok(Permitted {
            resource: Arc::clone(own),
            impersonates: false,
            status: None,
            scope: identity.join(" "),
            roles: Vec::new(),
            lifetime: own.token_lifetime,
        }),
        Some(permission) => {
            let resource = enabled_resource(registry, &permission.resource)?;
            let requested = (!api.is_empty()).then(|| api.join(" "));
            // A grant for several resources has scopes of each; a token carries those of its own.
            let requested = match (granted, requested) {
                (Some(_), Some(_)) => Some(known_to(resource, &api)),
                (_, requested) => requested,
            };
            Ok(Permitted {
                scope: granted_scope(&permission.scopes, resource, requested.as_deref())?,
                roles: user.map(|user| user.roles.clone()).unwrap_or_default(),
                lifetime: resource.token_lifetime,
                resource: Arc::clone(resource),
                impersonates: false,
                status: None,
            })
        }
    }
}

fn known_to(resource: &Resource, tokens: &[&str]) -> String {
    let known = tokens.iter().filter(|token| resource.scopes.iter().any(|scope| scope == *token));
    known.copied().collect::<Vec<_>>().join(" ")
}

/// The scopes that a request is about: those that it names, which must have been granted, or all that were.
fn asked_scopes<'r>(
    requested: Option<&'r str>,
    granted: Option<Granted<'r>>,
) -> Result<Vec<&'r str>, OAuthError> {
    let Some(requested) = requested else {
        let all = granted.map(|granted| granted.scopes.iter().map(String::as_str).collect());
        return Ok(all.unwrap_or_default());
    };
    let tokens = scope::parse(requested).ok_or_else(|| {
        OAuthError::new(ErrorCode::InvalidScope, "the scope parameter is malformed")
    })?;
    // RFC 6749 §6: never a scope that the user did not grant.
    let is_granted = |token: &&str| {
        granted.is_none_or(|granted| granted.scopes.iter().any(|scope| scope == token))
    };
    if tokens.iter().all(is_granted) {
        return Ok(tokens);
    }
    Err(invalid_scope("a requested scope was not granted by the user"))
}

/// The client's permission for the resource of a token; none for the issuer itself.
fn target<'c>(
    client: &'c Client,
    resources: &[Cow<'_, str>],
    granted: Option<Granted<'_>>,
    api: &[&str],
    own: &Resource,
) -> Result<Option<&'c Permission>, OAuthError> {
    let granted_resources = granted.map(|granted| granted.resources).unwrap_or_default();
    let named = match resources {
        [] => granted_resources.first().map(String::as_str),
        [one] => Some(one.as_ref()),
        _ => return Err(several_resources()),
    };
    match named {
        Some(identifier) => {
            // RFC 8707 §2.2: one of those that were named when the user granted, if any was.
            let is_granted = granted_resources.is_empty()
                || granted_resources.iter().any(|resource| resource == identifier)
                || identifier == own.identifier;
            if !is_granted {
                return Err(invalid_target(
                    "the resource was not named in the authorization request",
                ));
            }
            if identifier == own.identifier {
                return Ok(None);
            }
            permission(client, identifier).map(Some)
        }
        None if api.is_empty() => Ok(None),
        None => {
            let holds = |permission: &&Permission| {
                api.iter().all(|token| permission.scopes.iter().any(|scope| scope == token))
            };
            let mut fitting = client.permissions.iter().filter(holds);
            match (fitting.next(), fitting.next()) {
                (Some(only), None) => Ok(Some(only)),
                (None, _) => Err(invalid_scope("no resource of the client has all the scopes")),
                (Some(_), Some(_)) => Err(name_one()),
            }
        }
    }
}
