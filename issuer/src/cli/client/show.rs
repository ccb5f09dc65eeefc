//! How a client is printed: never a digest, never a secret.

use serde_json::{Value, json};

use super::super::output::{date, fields, or_dash, table};
use crate::registry::{
    ActingRule, AssertionRule, Client, ClientKeys, Semantics, StoredSecret, WorkloadRule,
};

/// All clients as a document and as text.
pub(super) fn listed(clients: &[Client]) -> (Value, String) {
    let rows: Vec<[String; 4]> = clients
        .iter()
        .map(|client| {
            let resources: Vec<&str> =
                client.permissions.iter().map(|permission| &*permission.resource).collect();
            [
                client.id.to_string(),
                state(client).to_owned(),
                client.auth.name().to_owned(),
                resources.join(" "),
            ]
        })
        .collect();
    let documents: Vec<Value> = clients.iter().map(document).collect();
    let text = table(["CLIENT", "STATE", "AUTHENTICATION", "RESOURCES"], &rows);
    (json!({ "clients": documents }), text)
}

/// One client as a document and as text.
pub(super) fn shown(client: &Client) -> (Value, String) {
    let mut lines = vec![
        ("client_id", client.id.to_string()),
        ("name", or_dash(client.name.as_deref())),
        ("state", state(client).to_owned()),
        ("grants", client.grants.join(" ")),
        ("authentication", client.auth.name().to_owned()),
    ];
    if client.dpop_bound_access_tokens {
        lines.push(("tokens", "bound to a key of its own (DPoP)".to_owned()));
    }
    if client.tls_client_certificate_bound_access_tokens {
        lines.push(("tokens", "bound to its certificate".to_owned()));
    }
    if let Some(subject) = &client.certificate_subject {
        let (kind, value) = subject.parts();
        lines.push((kind, value));
    }
    if client.fapi2 {
        lines.push(("profile", "FAPI 2.0".to_owned()));
    }
    match &client.keys {
        ClientKeys::None => {}
        ClientKeys::Inline(_) => lines.push(("keys", kids(client).join(" "))),
        ClientKeys::Uri(uri) => lines.push(("jwks_uri", uri.to_string())),
    }
    if let Some(sign_in) = &client.sign_in {
        for uri in &sign_in.redirect_uris {
            lines.push(("redirect_uri", uri.to_string()));
        }
        lines.push(("identity scopes", sign_in.scopes.join(" ")));
        let logouts = [
            ("backchannel_logout_uri", &sign_in.backchannel_logout_uri),
            ("frontchannel_logout_uri", &sign_in.frontchannel_logout_uri),
        ];
        for (name, uri) in logouts {
            lines.extend(uri.as_ref().map(|uri| (name, uri.to_string())));
        }
    }
    for permission in &client.permissions {
        let roles = match permission.roles.as_slice() {
            [] => String::new(),
            roles => format!("  (roles: {})", roles.join(" ")),
        };
        let scopes = permission.scopes.join(" ");
        lines.push(("may use", format!("{}  {scopes}{roles}", permission.resource)));
    }
    lines.extend(client.introspects.iter().map(|resource| ("may ask about", resource.clone())));
    for rule in &client.assertion_rules {
        let reason = if rule.reason_required { ", with a reason" } else { "" };
        let (scopes, lifetime) = (rule.scopes.join(" "), rule.lifetime);
        let about = format!("{} at {}  {scopes}  ({lifetime} s{reason})", rule.whom, rule.resource);
        lines.push(("may assert", about));
    }
    lines.extend(client.acting_rules.iter().map(|rule| ("may act", acting_text(rule))));
    lines.extend(client.workload_rules.iter().map(|rule| ("is workload", workload_text(rule))));
    for secret in &client.secrets {
        let expires = secret.expires_at.map_or_else(|| "never".to_owned(), date);
        let used = secret.last_used_at.map_or_else(|| "never".to_owned(), date);
        let made = date(secret.created_at);
        let about = format!("{}  made {made}, expires {expires}, last used {used}", secret.id);
        lines.push(("secret", about));
    }
    (document(client), fields(&lines))
}

/// One client as scripts read it.
pub(super) fn document(client: &Client) -> Value {
    let permissions: Vec<Value> = client
        .permissions
        .iter()
        .map(|permission| {
            json!({
                "resource": permission.resource,
                "scopes": permission.scopes,
                "roles": permission.roles,
            })
        })
        .collect();
    let jwks_uri = match &client.keys {
        ClientKeys::Uri(uri) => Some(uri.as_str()),
        ClientKeys::None | ClientKeys::Inline(_) => None,
    };
    let mut document = json!({
        "client_id": client.id.as_str(),
        "name": client.name,
        "grants": client.grants,
        "token_endpoint_auth_method": client.auth.name(),
        "token_endpoint_audience": client.token_endpoint_audience,
        "dpop_bound_access_tokens": client.dpop_bound_access_tokens,
        "fapi2": client.fapi2,
        "tls_client_certificate_bound_access_tokens":
            client.tls_client_certificate_bound_access_tokens,
        "jwks_uri": jwks_uri,
        "kids": kids(client),
        "permissions": permissions,
        "assertion_rules": client.assertion_rules.iter().map(rule).collect::<Vec<_>>(),
        "introspects": client.introspects,
        "acting_rules": client.acting_rules.iter().map(acting_rule).collect::<Vec<_>>(),
        "workload_rules": client.workload_rules.iter().map(workload_rule).collect::<Vec<_>>(),
        "sign_in": client.sign_in,
        "enabled": client.enabled,
        "secrets": client.secrets.iter().map(secret).collect::<Vec<_>>(),
    });
    // RFC 8705 §2.1.2: one member, by its own name.
    if let (Some(subject), Value::Object(members)) = (&client.certificate_subject, &mut document) {
        let (kind, value) = subject.parts();
        members.insert(kind.to_owned(), json!(value));
    }
    document
}

fn rule(rule: &AssertionRule) -> Value {
    let (whom, name) = rule.whom.parts();
    json!({
        whom: name,
        "resource": rule.resource,
        "scopes": rule.scopes,
        "lifetime_seconds": rule.lifetime,
        "reason_required": rule.reason_required,
    })
}

fn acting_rule(rule: &ActingRule) -> Value {
    json!({
        "for": rule.audience,
        "resource": rule.resource,
        "needs": rule.needs,
        "scopes": rule.scopes,
        "identities": rule.identities,
        "impersonation": rule.semantics == Semantics::Impersonation,
    })
}

fn acting_text(rule: &ActingRule) -> String {
    let ActingRule { audience, resource, needs, scopes, identities, semantics } = rule;
    let needs = needs.as_ref().map(|scope| format!(" with {scope}")).unwrap_or_default();
    let kinds: Vec<&str> = identities.iter().map(|identity| identity.idtyp()).collect();
    let how = match semantics {
        Semantics::Delegation => "",
        Semantics::Impersonation => ", unseen",
    };
    let (scopes, kinds) = (scopes.join(" "), kinds.join(" "));
    format!("for {audience}{needs} at {resource}  {scopes}  ({kinds}{how})")
}

fn workload_rule(rule: &WorkloadRule) -> Value {
    let claims: Vec<String> = rule.claims.iter().map(ToString::to_string).collect();
    json!({ "issuer": rule.issuer, "subject": rule.subject.as_str(), "claims": claims })
}

fn workload_text(rule: &WorkloadRule) -> String {
    let claims: Vec<String> = rule.claims.iter().map(ToString::to_string).collect();
    format!("{} of {}  {}", rule.subject.as_str(), rule.issuer, claims.join(" "))
}

/// What may be known of a secret.
pub(super) fn secret(secret: &StoredSecret) -> Value {
    json!({
        "id": secret.id,
        "created_at": secret.created_at,
        "expires_at": secret.expires_at,
        "last_used_at": secret.last_used_at,
    })
}

fn kids(client: &Client) -> Vec<String> {
    match &client.keys {
        ClientKeys::Inline(set) => set.iter().map(|key| key.kid().to_string()).collect(),
        ClientKeys::None | ClientKeys::Uri(_) => Vec::new(),
    }
}

fn state(client: &Client) -> &'static str {
    if client.enabled { "enabled" } else { "disabled" }
}
