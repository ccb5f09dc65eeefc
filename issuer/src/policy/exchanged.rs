//! What a client may have for the subject of a token that it was given (RFC 8693): what its rules say for tokens of that
//! resource, never wider than the token, never longer, and never in a circle.

use std::borrow::Cow;
use std::sync::Arc;

use super::bounds::{
    enabled_resource, granted_scope, invalid_scope, invalid_target, name_one, several_resources,
};
use super::{AccessRequest, Exchange, Permitted};
use crate::error::OAuthError;
use crate::protocol::{ErrorCode, Identity};
use crate::registry::{
    ActingRule, AssertedUser, Client, MAX_ASSERTED_LIFETIME, Registry, Resource, Semantics, User,
};
use crate::token::subject_token::{About, MayAct, SubjectToken};

/// The rules say for whose tokens, where and what; a permission of the client's own adds nothing.
pub(super) fn decide(
    registry: &Registry,
    client: &Client,
    request: &AccessRequest<'_>,
    exchange: Exchange<'_>,
) -> Result<Permitted, OAuthError> {
    let token = exchange.token;
    // Nothing else proves who acts.
    if client.is_public() {
        return Err(OAuthError::new(
            ErrorCode::UnauthorizedClient,
            "a public client cannot act for anybody",
        ));
    }
    require_good_standing(registry, token, exchange.user)?;
    require_room_in_the_chain(client, exchange)?;
    let rules = rules_about(client, token)?;
    let (source, resource) = resources(registry, &rules, request.resources, &token.audience)?;
    let fits = |rule: &&&ActingRule| {
        let has = |scope: &String| token.scopes.contains(scope);
        rule.resource == resource.identifier && rule.needs.iter().all(has)
    };
    let rules: Vec<&ActingRule> = rules.iter().filter(fits).copied().collect();
    if rules.is_empty() {
        return Err(invalid_scope("the subject token lacks the scope that each rule needs"));
    }
    let permitted = scopes_of(&rules, source, token);
    let is_unseen = |rule: &&ActingRule| rule.semantics == Semantics::Impersonation;
    Ok(Permitted {
        scope: granted_scope(&permitted, resource, request.scope)?,
        roles: match (token.identity, exchange.user) {
            (Identity::User, Some(user)) => user.roles.clone(),
            // What a user may do by signing in, an app does not get by naming the user.
            _ => Vec::new(),
        },
        lifetime: lifetime(resource, exchange)?,
        // An app that is impersonated would have to be the holder of the token: nobody could tell both apart.
        impersonates: token.identity != Identity::App
            && !exchange.has_actor
            && rules.iter().all(is_unseen),
        status: None,
        resource: Arc::clone(resource),
    })
}

/// Whoever stands behind a token still does: its user, and each client through whose hands it went.
///
/// # Errors
///
/// `invalid_grant`.
pub fn require_good_standing(
    registry: &Registry,
    token: &SubjectToken,
    user: Option<&User>,
) -> Result<(), OAuthError> {
    if user.is_some_and(|user| !user.enabled) {
        return Err(ended("the user is disabled"));
    }
    let app = match &token.about {
        About::App(app) => Some(app),
        About::User(_) | About::External(_) => None,
    };
    let holders = [&token.client_id, &token.origin_client_id];
    let mut clients = holders.into_iter().chain(&token.actors).chain(app);
    let is_good =
        |id: &String| registry.client(id).is_some_and(|client| client.refused().is_none());
    if !clients.all(is_good) {
        return Err(ended("a client of the chain is disabled or deleted"));
    }
    // A withdrawn rule ends at once what the word of the client began.
    let Some(asserting) = token.asserted_by().and_then(|id| registry.client(id)) else {
        return Ok(());
    };
    let user = match (&token.about, user) {
        (About::External(subject), _) => AssertedUser::External(subject),
        (_, Some(user)) => AssertedUser::Local(user),
        (_, None) => return Err(ended("the user is not known")),
    };
    if asserting.assertion_rules.iter().any(|rule| rule.whom.includes(user)) {
        return Ok(());
    }
    Err(ended("the client that named the user no longer may"))
}

fn require_room_in_the_chain(client: &Client, exchange: Exchange<'_>) -> Result<(), OAuthError> {
    let (token, id) = (exchange.token, client.id.as_str());
    match &token.may_act {
        MayAct::Anybody => {}
        MayAct::Only(party) if party == id => {}
        // RFC 8693 §4.4.
        MayAct::Only(_) | MayAct::Nobody => {
            return Err(unacceptable("its may_act names another"));
        }
    }
    let is_itself = matches!(&token.about, About::App(app) if app == id);
    // Also one who acted unseen is in the chain, as the holder of what came of it.
    let held = !token.ancestors.is_empty() && token.client_id == id;
    if is_itself || held || token.actors.iter().any(|actor| actor == id) {
        return Err(unacceptable("the client is in the chain already"));
    }
    if token.ancestors.len() >= exchange.max_depth as usize {
        return Err(unacceptable("the chain is as long as token_exchange.max_depth allows"));
    }
    Ok(())
}

/// The rules for tokens of this resource and this kind of identity.
fn rules_about<'c>(
    client: &'c Client,
    token: &SubjectToken,
) -> Result<Vec<&'c ActingRule>, OAuthError> {
    let of_audience = |rule: &&ActingRule| rule.audience == token.audience;
    // A token for somebody else's resource was not given to this client.
    if !client.acting_rules.iter().any(|rule| of_audience(&rule)) {
        return Err(unacceptable("no rule of the client is about tokens for this audience"));
    }
    let rules = client.acting_rules.iter().filter(of_audience);
    let rules: Vec<&ActingRule> =
        rules.filter(|rule| rule.identities.contains(&token.identity)).collect();
    if rules.is_empty() {
        return Err(unacceptable("no rule of the client is about this kind of identity"));
    }
    Ok(rules)
}

/// The resource that the token is for, and the one that is asked for.
fn resources<'g>(
    registry: &'g Registry,
    rules: &[&ActingRule],
    requested: &[Cow<'_, str>],
    audience: &str,
) -> Result<(&'g Arc<Resource>, &'g Arc<Resource>), OAuthError> {
    let source = registry.resource(audience).filter(|resource| resource.enabled);
    let source = source.ok_or_else(|| ended("the resource of the token is disabled"))?;
    let mut targets = rules.iter().map(|rule| rule.resource.as_str());
    let identifier = match requested {
        [] => {
            let first = targets.next().unwrap_or_default();
            if targets.any(|other| other != first) {
                return Err(name_one());
            }
            first
        }
        [one] => targets
            .find(|target| target == one)
            .ok_or_else(|| invalid_target("no rule lets the client act at the resource"))?,
        _ => return Err(several_resources()),
    };
    Ok((source, enabled_resource(registry, identifier)?))
}

/// The scopes of all these rules, each once. One that both resources know means the same at both: the token must have it.
fn scopes_of(rules: &[&ActingRule], source: &Resource, token: &SubjectToken) -> Vec<String> {
    let narrows =
        |scope: &&String| !source.scopes.contains(*scope) || token.scopes.contains(*scope);
    let mut scopes: Vec<String> = Vec::new();
    for scope in rules.iter().flat_map(|rule| &rule.scopes).filter(narrows) {
        if !scopes.contains(scope) {
            scopes.push(scope.clone());
        }
    }
    scopes
}

/// Never longer than the token, so that revoking what began a chain reaches its end.
fn lifetime(resource: &Resource, exchange: Exchange<'_>) -> Result<u32, OAuthError> {
    let left = u32::try_from(exchange.token.expires_at - exchange.now).unwrap_or_default();
    if left == 0 {
        return Err(unacceptable("it has expired"));
    }
    let longest = match exchange.token.identity {
        Identity::AppAsserted => MAX_ASSERTED_LIFETIME,
        Identity::App | Identity::User => u32::MAX,
    };
    Ok(resource.token_lifetime.min(longest).min(left))
}

/// RFC 8693 §2.2.2: a token that the policy does not take makes the request invalid.
fn unacceptable(cause: &'static str) -> OAuthError {
    let description = "the client may not exchange this subject_token";
    OAuthError::because(ErrorCode::InvalidRequest, description, cause)
}

/// What the token stood for is over.
fn ended(cause: &'static str) -> OAuthError {
    let description = "the subject_token is of somebody who may no longer have tokens";
    OAuthError::because(ErrorCode::InvalidGrant, description, cause)
}
