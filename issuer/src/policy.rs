//! The one function that answers, for every grant: may this client have this resource and these scopes, for this user,
//! this way? Default deny (RFC 6749 §3.3, RFC 8707 §2). Pure: registry in, decision out.

use std::borrow::Cow;
use std::sync::Arc;

use crate::error::OAuthError;
use crate::protocol::{ErrorCode, scope};
use crate::registry::{
    AssertedUser, AssertionRule, Client, IDENTITY_SCOPES, MAX_ASSERTED_LIFETIME, Permission,
    Registry, Resource, User,
};

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
}

/// Decides a request.
///
/// # Errors
///
/// `unauthorized_client`, `invalid_target`, `invalid_scope` or `invalid_grant`, with the rule that refused in the cause.
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
    match request.subject {
        AccessSubject::Client => for_the_client(registry, client, request),
        AccessSubject::User { user, granted } => {
            for_a_user(registry, client, request, (Some(user), granted))
        }
        AccessSubject::Anybody(granted) => {
            for_a_user(registry, client, request, (None, Some(granted)))
        }
        AccessSubject::Asserted { user, has_reason } => {
            for_an_asserted_user(registry, client, request, (user, has_reason))
        }
    }
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

fn for_the_client(
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
    })
}

fn for_a_user(
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
            })
        }
    }
}

/// The rules say whom, where and what; a permission of the client's own adds nothing. Such a token has no roles: what a
/// user may do by signing in, an app does not get by naming the user.
fn for_an_asserted_user(
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
                });
            }
            Err(error) => {
                refusal.get_or_insert(error);
            }
        }
    }
    Err(refusal.unwrap_or_else(name_one))
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

fn only_permission(permissions: &[Permission]) -> Result<&Permission, OAuthError> {
    match permissions {
        [only] => Ok(only),
        [] => Err(invalid_target("the client has no permission for any resource")),
        _ => Err(name_one()),
    }
}

fn permission<'c>(client: &'c Client, identifier: &str) -> Result<&'c Permission, OAuthError> {
    client
        .permission(identifier)
        .ok_or_else(|| invalid_target("the client has no permission for the resource"))
}

fn enabled_resource<'g>(
    registry: &'g Registry,
    identifier: &str,
) -> Result<&'g Arc<Resource>, OAuthError> {
    let resource = registry.resource(identifier).filter(|resource| resource.enabled);
    resource.ok_or_else(|| invalid_target("the resource is disabled or deleted"))
}

fn name_one() -> OAuthError {
    OAuthError::new(
        ErrorCode::InvalidTarget,
        "the client may use several resources: name one with the resource parameter",
    )
}

/// RFC 8707 §2.2: a token for several resources could be replayed from one at another.
fn several_resources() -> OAuthError {
    OAuthError::new(
        ErrorCode::InvalidTarget,
        "a token is for one resource: ask for each with a request of its own",
    )
}

/// Unknown, disabled and foreign resources look alike to the caller.
fn invalid_target(cause: &'static str) -> OAuthError {
    OAuthError::because(
        ErrorCode::InvalidTarget,
        "the resource is unknown, or the client may not use it",
        cause,
    )
}

fn invalid_scope(cause: &'static str) -> OAuthError {
    OAuthError::because(
        ErrorCode::InvalidScope,
        "a requested scope is unknown, or the client may not have it",
        cause,
    )
}

/// All that the client may have if it asks for nothing in particular (RFC 6749 §3.3), else exactly
/// what it asks for.
fn granted_scope(
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
