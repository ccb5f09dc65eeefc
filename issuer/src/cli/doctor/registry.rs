//! Checks of the clients and resources: whether each row can be understood, and whether their tokens outlive no key.

use super::super::Session;
use super::super::failure::repair;
use super::{Failure, Finding, Outcome};
use crate::config::GatewayRoute;
use crate::gateway::CALLBACK;
use crate::protocol::Identity;
use crate::registry::{Client, ClientId, Generation, InvalidValue, Registry, Resource, fapi2};
use crate::store::Store;

/// Loads the registry exactly as the server does.
pub(super) async fn examine(session: &Session, store: &Store) -> Vec<Finding> {
    let changes = match store.changes_since(Generation::default()).await {
        Ok(changes) => changes,
        Err(error) => return vec![Finding::from_failure("registry", Failure::from(error))],
    };
    let unreadable = changes.unreadable.iter();
    let mut findings: Vec<Finding> =
        unreadable.map(|row| Finding::failed("registry", row).hint(repair(row))).collect();
    let registry = Registry::default().holding_to_fapi2(session.config.fapi2).apply(changes);
    if findings.is_empty() {
        let (clients, resources) = (registry.clients().count(), registry.resources().count());
        let detail = format!("clients: {clients}, resources: {resources}");
        findings.push(Finding::ok("registry", detail));
    }
    findings.extend(registry.unfit().into_iter().map(|(id, rule)| unfit(id, &rule)));
    if session.config.fapi2 {
        let mut weak: Vec<_> =
            registry.resources().filter(|resource| !fapi2::allows(resource.algorithm)).collect();
        weak.sort_by(|a, b| a.identifier.cmp(&b.identifier));
        findings.extend(weak.into_iter().map(|resource| out_of_reach(resource)));
    }
    findings.extend(
        session.config.gateway.iter().flat_map(|(name, route)| gateway(&registry, name, route)),
    );
    let longest = session.config.keys.max_token_lifetime_seconds;
    let mut long: Vec<_> =
        registry.resources().filter(|resource| resource.token_lifetime > longest).collect();
    long.sort_by(|a, b| a.identifier.cmp(&b.identifier));
    findings.extend(long.into_iter().map(|resource| shortened(resource, longest)));
    findings
}

/// A client that does not meet the profile that it is held to gets nothing.
fn unfit(id: &ClientId, rule: &InvalidValue) -> Finding {
    let detail = format!("client {id} gets nothing: {rule}");
    Finding::new("registry", Outcome::Warning, detail)
        .hint(format!("`countersign client update {id}` with what is missing, or disable it"))
}

/// The policy refuses what FAPI 2.0 has no algorithm for.
fn out_of_reach(resource: &Resource) -> Finding {
    let Resource { identifier, algorithm, .. } = resource;
    let name = algorithm.name();
    let detail =
        format!("nobody gets tokens for {identifier}: FAPI 2.0 has not its algorithm {name}");
    Finding::new("registry", Outcome::Warning, detail)
        .hint(format!("`countersign resource update {identifier} --algorithm ES256`"))
}

/// A route behind a gateway names a client and a service, which nothing but this compares with what is registered.
fn gateway(registry: &Registry, name: &str, route: &GatewayRoute) -> Vec<Finding> {
    let client = registry.client(&route.client_id);
    let callback = format!("https://{}{CALLBACK}", route.host);
    let has_callback = |client: &Client| {
        let sign_in = client.sign_in.as_ref();
        sign_in.is_some_and(|sign_in| sign_in.redirect_uri(&callback).is_some())
    };
    let must_push = |client: &Client| {
        let sign_in = client.sign_in.as_ref();
        sign_in.is_some_and(|sign_in| sign_in.require_pushed_authorization_requests)
    };
    let is_for_users = route.identities.contains(&Identity::User);
    let problem = match client {
        None => Some("its client is not registered"),
        Some(client) if client.refused().is_some() => Some("its client gets nothing"),
        Some(client) if is_for_users && !has_callback(client) => {
            Some("its client has not the redirect URI of the host")
        }
        Some(client) if is_for_users && must_push(client) => {
            Some("its client must push its requests, which a browser at a host cannot")
        }
        Some(client) if is_for_users && client.permission(&route.resource).is_none() => {
            Some("its client has no permission at the service")
        }
        Some(_) if registry.resource(&route.resource).is_none() => {
            Some("its service is not registered")
        }
        Some(_) => None,
    };
    let finding = |problem| {
        let detail = format!("[gateway.{name}] lets nobody through: {problem}");
        Finding::new("registry", Outcome::Warning, detail).hint(format!(
            "`countersign client show {}`, and `countersign resource show {}`; redirect URI {callback}",
            route.client_id, route.resource
        ))
    };
    problem.map(finding).into_iter().collect()
}

/// Minting shortens such tokens, for their key would be gone before they end.
fn shortened(resource: &Resource, longest: u32) -> Finding {
    let Resource { identifier, token_lifetime, .. } = resource;
    let detail = format!(
        "{identifier} asks for tokens of {token_lifetime} s, and they live {longest} s, as keys.max_token_lifetime_seconds says"
    );
    Finding::new("registry", Outcome::Warning, detail).hint(format!(
        "raise keys.max_token_lifetime_seconds on every node, or `countersign resource update {identifier} --token-lifetime-seconds {longest}`"
    ))
}
