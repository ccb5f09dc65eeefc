//! Refuses what would make a token larger than its resource allows, before it is written: a client that gets more, a
//! resource that allows less, a user with more roles and groups.

use super::{Failure, Session};
use crate::registry::{
    ActingRule, AssertionRule, Client, Permission, Resource, User, largest_asserted_token,
    largest_exchanged_token, largest_token, user_bytes,
};
use crate::store::Store;

/// Refuses a client whose largest token would pass the cap of a resource; `new_resource` is made with it.
pub(super) async fn require_small_tokens_of_client(
    session: &Session,
    store: &Store,
    client: &Client,
    new_resource: Option<&Resource>,
) -> Result<(), Failure> {
    let users = store.largest_user_bytes().await?;
    for permission in &client.permissions {
        let resource = match new_resource.filter(|new| new.identifier == permission.resource) {
            Some(new) => new.clone(),
            None => store.resource(&permission.resource).await?,
        };
        let bytes = largest(session, (client, permission), &resource, users);
        require_small(client, &resource, bytes)?;
    }
    for rule in &client.assertion_rules {
        let resource = store.resource(&rule.resource).await?;
        require_small(client, &resource, largest_asserted(session, client, rule, &resource))?;
    }
    for rule in &client.acting_rules {
        let resource = store.resource(&rule.resource).await?;
        require_small(client, &resource, largest_exchanged(session, client, &resource, users))?;
    }
    Ok(())
}

/// Refuses a cap that a client's tokens could already pass.
pub(super) async fn require_small_tokens_for_resource(
    session: &Session,
    store: &Store,
    resource: &Resource,
) -> Result<(), Failure> {
    let users = store.largest_user_bytes().await?;
    for client in store.clients().await?.understood {
        if let Some(permission) = client.permission(&resource.identifier) {
            let bytes = largest(session, (&client, permission), resource, users);
            require_small(&client, resource, bytes)?;
        }
        let rules = client.assertion_rules.iter();
        for rule in rules.filter(|rule| rule.resource == resource.identifier) {
            require_small(&client, resource, largest_asserted(session, &client, rule, resource))?;
        }
        if client.acting_rules.iter().any(|rule| rule.resource == resource.identifier) {
            let bytes = largest_exchanged(session, &client, resource, users);
            require_small(&client, resource, bytes)?;
        }
    }
    Ok(())
}

/// Refuses roles and groups that would not fit into the tokens of the clients through which people sign in.
pub(super) async fn require_small_tokens_about_user(
    session: &Session,
    store: &Store,
    user: &User,
) -> Result<(), Failure> {
    if user.roles.is_empty() && user.groups.is_empty() {
        return Ok(());
    }
    let resources = store.resources().await?.understood;
    let users = user_bytes(user);
    let find = |identifier: &str| resources.iter().find(|one| one.identifier == identifier);
    for client in &store.clients().await?.understood {
        let permissions = client.permissions.iter().filter(|_| client.sign_in.is_some());
        for permission in permissions {
            if let Some(resource) = find(&permission.resource) {
                let bytes = largest(session, (client, permission), resource, users);
                require_small(client, resource, bytes)?;
            }
        }
        for resource in client.acting_rules.iter().filter_map(|rule| find(&rule.resource)) {
            let bytes = largest_exchanged(session, client, resource, users);
            require_small(client, resource, bytes)?;
        }
    }
    Ok(())
}

fn largest(
    session: &Session,
    (client, permission): (&Client, &Permission),
    resource: &Resource,
    user_bytes: usize,
) -> usize {
    largest_token(session.config.issuer.as_str(), client, permission, resource, user_bytes)
}

fn largest_asserted(
    session: &Session,
    client: &Client,
    rule: &AssertionRule,
    resource: &Resource,
) -> usize {
    largest_asserted_token(session.config.issuer.as_str(), client, rule, resource)
}

fn largest_exchanged(
    session: &Session,
    client: &Client,
    resource: &Resource,
    user_bytes: usize,
) -> usize {
    let rules = client.acting_rules.iter().filter(|rule| rule.resource == resource.identifier);
    let rules: Vec<&ActingRule> = rules.collect();
    let depth = session.config.token_exchange.max_depth;
    let issuer = session.config.issuer.as_str();
    largest_exchanged_token(issuer, (client, &rules), resource, (user_bytes, depth))
}

fn require_small(client: &Client, resource: &Resource, bytes: usize) -> Result<(), Failure> {
    let Resource { identifier, max_token_bytes, .. } = resource;
    if bytes <= *max_token_bytes as usize {
        return Ok(());
    }
    let client = &client.id;
    let problem = format!(
        "a token of client `{client}` for `{identifier}` could have {bytes} bytes; at most {max_token_bytes} are allowed"
    );
    Err(Failure::new("token_too_large", problem).hint(format!(
        "grant fewer scopes, roles and groups, or `countersign resource update {identifier} --max-token-bytes {bytes}`"
    )))
}
