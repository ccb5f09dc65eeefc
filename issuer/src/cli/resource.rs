//! `countersign resource`: protected APIs, and what tokens for them look like.

use clap::{Args, Subcommand};
use countersign_keys::Algorithm;
use countersign_keys::jwe::ContentEncryption;
use serde_json::{Value, json};

use super::encryption::{parse_enc, read_keys};
use super::output::{fields, or_dash, parse_algorithm, table};
use super::token_size::require_small_tokens_for_resource;
use super::{Failure, Session};
use crate::registry::{
    Encryption, EncryptionKeys, InvalidValue, RequiredBinding, Resource, parse_name,
    parse_scope_tokens,
};
use crate::store::Store;

#[derive(Debug, Subcommand)]
pub(super) enum ResourceCommand {
    /// Register a protected API.
    Create(Create),
    /// List all resources.
    List,
    /// Show one resource.
    Show(Named),
    /// Change a resource.
    Update(Update),
    /// Delete a resource and every permission for it.
    Delete(Named),
}

#[derive(Debug, Args)]
pub(super) struct Named {
    /// Its identifier.
    identifier: String,
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// Its identifier, the `aud` of its tokens: an absolute URI without a fragment.
    identifier: String,
    /// A scope, or several separated by blanks; may be repeated.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    #[command(flatten)]
    shape: Shape,
}

#[derive(Debug, Args)]
pub(super) struct Update {
    /// Its identifier.
    identifier: String,
    /// One more scope; may be repeated.
    #[arg(long, value_name = "SCOPE")]
    add_scope: Vec<String>,
    /// A scope that it no longer has; clients lose it too. May be repeated.
    #[arg(long, value_name = "SCOPE")]
    remove_scope: Vec<String>,
    #[command(flatten)]
    shape: Shape,
    /// Issue tokens for it again.
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// Issue no more tokens for it.
    #[arg(long)]
    disable: bool,
}

/// What its tokens look like.
#[derive(Debug, Args)]
struct Shape {
    /// What its tokens are signed with: one of `keys.algorithms`.
    #[arg(long, value_parser = parse_algorithm)]
    algorithm: Option<Algorithm>,
    /// Seconds that a token lives, 60 to 86400.
    #[arg(long, value_name = "N")]
    token_lifetime_seconds: Option<u32>,
    /// The largest token, 512 to 16384 bytes.
    #[arg(long, value_name = "N")]
    max_token_bytes: Option<u32>,
    /// What its tokens must be bound to: dpop (RFC 9449), certificate (RFC 8705), any of both, or none.
    #[arg(long, value_name = "BINDING", value_parser = parse_binding)]
    required_binding: Option<Demand>,
    /// A JWK set with the keys of the resource whose `use` is `enc`; its tokens are encrypted to the first of them. The file
    /// replaces the set there was.
    #[arg(long = "encryption-jwks-file", value_name = "FILE", value_parser = read_keys)]
    encryption_keys: Option<EncryptionKeys>,
    /// How the content of its tokens is encrypted: A256GCM unless it says otherwise, or A128CBC-HS256.
    #[arg(long, value_name = "ENC", value_parser = parse_enc)]
    encryption_enc: Option<ContentEncryption>,
    /// Encrypt its tokens no more.
    #[arg(long, conflicts_with_all = ["encryption_keys", "encryption_enc"])]
    no_encryption: bool,
    /// Whether its tokens have a place in a token status list, for verifiers that do not follow the feed: a row each.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    status_list: Option<bool>,
    /// A name for people.
    #[arg(long)]
    name: Option<String>,
}

/// What a resource demands from now on.
#[derive(Clone, Copy, Debug)]
struct Demand(Option<RequiredBinding>);

fn parse_binding(name: &str) -> Result<Demand, String> {
    match name {
        "none" => Ok(Demand(None)),
        _ => RequiredBinding::from_name(name)
            .map(|binding| Demand(Some(binding)))
            .ok_or_else(|| "use dpop, certificate, any or none".to_owned()),
    }
}

impl ResourceCommand {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let store = session.store().await?;
        match self {
            Self::Create(create) => create.run(session, &store).await,
            Self::Update(update) => update.run(session, &store).await,
            Self::List => {
                let resources = store.resources().await?;
                session.note_unreadable(&resources.unreadable);
                list(session, &resources.understood);
                Ok(())
            }
            Self::Show(Named { identifier }) => {
                show(session, &store.resource(&identifier).await?);
                Ok(())
            }
            Self::Delete(Named { identifier }) => {
                let clients = store.delete_resource(&identifier, &session.act()).await?;
                let lost = match clients.as_slice() {
                    [] => "No client could use it.".to_owned(),
                    clients => format!("Clients that could use it: {}.", clients.join(", ")),
                };
                let text = format!("Deleted resource {identifier}. {lost}");
                let document = json!({ "deleted": identifier, "clients": clients });
                session.output.result(&document, &text);
                Ok(())
            }
        }
    }
}

impl Create {
    async fn run(self, session: &Session, store: &Store) -> Result<(), Failure> {
        let scopes = parse_scope_tokens(&self.scopes.join(" "))?;
        let mut resource = Resource::new(&self.identifier, scopes)?;
        self.shape.apply(&mut resource)?;
        require_issuable(session, &resource)?;
        store.create_resource(&resource, &session.act()).await?;
        show(session, &resource);
        Ok(())
    }
}

impl Update {
    async fn run(self, session: &Session, store: &Store) -> Result<(), Failure> {
        let mut planned = store.resource(&self.identifier).await?;
        self.apply(&mut planned)?;
        require_issuable(session, &planned)?;
        require_small_tokens_for_resource(session, store, &planned).await?;
        let edit = |resource: &mut Resource| self.apply(resource);
        let updated = store.update_resource(&self.identifier, &session.act(), edit).await?;
        show(session, &updated);
        Ok(())
    }

    fn apply(&self, resource: &mut Resource) -> Result<(), InvalidValue> {
        let removed = parse_scope_tokens(&self.remove_scope.join(" "))?;
        resource.scopes.retain(|scope| !removed.contains(scope));
        for scope in parse_scope_tokens(&self.add_scope.join(" "))? {
            if !resource.scopes.contains(&scope) {
                resource.scopes.push(scope);
            }
        }
        if self.enable || self.disable {
            resource.enabled = self.enable;
        }
        self.shape.apply(resource)
    }
}

impl Shape {
    fn apply(&self, resource: &mut Resource) -> Result<(), InvalidValue> {
        resource.algorithm = self.algorithm.unwrap_or(resource.algorithm);
        resource.token_lifetime = self.token_lifetime_seconds.unwrap_or(resource.token_lifetime);
        resource.max_token_bytes = self.max_token_bytes.unwrap_or(resource.max_token_bytes);
        if let Some(Demand(binding)) = self.required_binding {
            resource.required_binding = binding;
        }
        self.apply_encryption(resource)?;
        resource.status_list = self.status_list.unwrap_or(resource.status_list);
        if let Some(name) = &self.name {
            resource.name = Some(parse_name(name)?.to_owned());
        }
        resource.check()
    }

    fn apply_encryption(&self, resource: &mut Resource) -> Result<(), InvalidValue> {
        if self.no_encryption {
            resource.encryption = None;
        }
        let present = resource.encryption.as_ref();
        let keys = self.encryption_keys.clone().or_else(|| Some(present?.keys.clone()));
        let enc = self.encryption_enc.or_else(|| Some(present?.enc));
        resource.encryption = match (keys, enc) {
            (Some(keys), enc) => {
                Some(Encryption { keys, enc: enc.unwrap_or(ContentEncryption::A256Gcm) })
            }
            (None, Some(enc)) => {
                let rule = "it needs the keys of the resource (--encryption-jwks-file)";
                return Err(InvalidValue::new("content encryption", enc.name(), rule));
            }
            (None, None) => None,
        };
        Ok(())
    }
}

/// A resource asks for nothing that this issuer does not have: a ring of its algorithm, keys that stay long enough.
fn require_issuable(session: &Session, resource: &Resource) -> Result<(), Failure> {
    let keys = &session.config.keys;
    if !keys.algorithms.contains(&resource.algorithm) {
        let problem = format!("no key signs {}", resource.algorithm);
        return Err(Failure::new("algorithm_unavailable", problem)
            .hint(format!("add {} to `keys.algorithms`", resource.algorithm)));
    }
    if resource.token_lifetime > keys.max_token_lifetime_seconds {
        let longest = keys.max_token_lifetime_seconds;
        let problem = format!("tokens live at most {longest} seconds here");
        return Err(Failure::new("token_lifetime", problem)
            .hint("use less, or raise `keys.max_token_lifetime_seconds`"));
    }
    Ok(())
}

fn list(session: &Session, resources: &[Resource]) {
    let rows: Vec<[String; 4]> = resources
        .iter()
        .map(|resource| {
            [
                resource.identifier.clone(),
                state(resource).to_owned(),
                resource.algorithm.to_string(),
                resource.scopes.join(" "),
            ]
        })
        .collect();
    let documents: Vec<Value> = resources.iter().map(document).collect();
    let text = table(["RESOURCE", "STATE", "ALGORITHM", "SCOPES"], &rows);
    session.output.result(&json!({ "resources": documents }), &text);
}

fn show(session: &Session, resource: &Resource) {
    let text = fields(&[
        ("resource", resource.identifier.clone()),
        ("name", or_dash(resource.name.as_deref())),
        ("state", state(resource).to_owned()),
        ("scopes", resource.scopes.join(" ")),
        ("algorithm", resource.algorithm.to_string()),
        ("token lifetime", format!("{} s", resource.token_lifetime)),
        ("largest token", format!("{} bytes", resource.max_token_bytes)),
        ("required binding", or_dash(resource.required_binding.map(RequiredBinding::name))),
        ("status list", if resource.status_list { "yes" } else { "no" }.to_owned()),
        ("encrypted to", or_dash(encrypted_to(resource).as_deref())),
    ]);
    session.output.result(&document(resource), &text);
}

fn document(resource: &Resource) -> Value {
    json!({
        "resource": resource.identifier,
        "name": resource.name,
        "scopes": resource.scopes,
        "algorithm": resource.algorithm.name(),
        "token_lifetime_seconds": resource.token_lifetime,
        "max_token_bytes": resource.max_token_bytes,
        "required_binding": resource.required_binding.map(RequiredBinding::name),
        "encryption_kids": resource.encryption.as_ref().map(|encryption| encryption.keys.kids()),
        "encryption_enc": resource.encryption.as_ref().map(|encryption| encryption.enc.name()),
        "status_list": resource.status_list,
        "enabled": resource.enabled,
    })
}

/// The key that is encrypted to, with its algorithms.
fn encrypted_to(resource: &Resource) -> Option<String> {
    let (key, enc) = resource.encryption.as_ref()?.recipient()?;
    Some(format!("{} ({}, {})", key.kid(), key.algorithm().name(), enc.name()))
}

fn state(resource: &Resource) -> &'static str {
    if resource.enabled { "enabled" } else { "disabled" }
}
