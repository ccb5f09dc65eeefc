//! `countersign client update`: what is named changes, everything else stays.

use clap::Args;
use serde_json::{Value, json};

use super::super::token_size::require_small_tokens_of_client;
use super::super::{Failure, Session};
use super::certificate::{self, CertificateArguments};
use super::create::{KeyArguments, require_confidential, require_keys_to_sign, signs_something};
use super::permission::PermissionArguments;
use super::show::shown;
use super::sign_in::{Optional, SignInArguments};
use crate::registry::{Client, ClientId, ClientKeys, InvalidValue, Permission, parse_name};
use crate::store::Store;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "these are the flags of the command line")]
pub(in super::super) struct Update {
    /// The client id.
    id: ClientId,
    #[command(flatten)]
    permission: PermissionArguments,
    /// A resource that it may no longer use; may be repeated.
    #[arg(long, value_name = "URI")]
    remove_resource: Vec<String>,
    /// A resource that it is: it may ask about tokens for it (RFC 7662); may be repeated.
    #[arg(long, value_name = "URI")]
    introspects: Vec<String>,
    /// One that it no longer is; may be repeated.
    #[arg(long, value_name = "URI")]
    remove_introspects: Vec<String>,
    #[command(flatten)]
    keys: KeyArguments,
    #[command(flatten)]
    certificate: CertificateArguments,
    #[command(flatten)]
    sign_in: SignInArguments,
    /// Something that it no longer has; may be repeated.
    #[arg(long, value_name = "WHAT")]
    clear: Vec<Optional>,
    /// A name for people.
    #[arg(long)]
    name: Option<String>,
    /// Give it tokens again.
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// Give it no more tokens.
    #[arg(long)]
    disable: bool,
    /// Accept the URL of the token endpoint as the audience of its assertions.
    #[arg(long, conflicts_with = "no_token_endpoint_audience")]
    token_endpoint_audience: bool,
    /// Accept nothing but the issuer as the audience of its assertions.
    #[arg(long)]
    no_token_endpoint_audience: bool,
    /// Whether it gets no tokens but those that are bound to a key of its own (RFC 9449).
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    require_dpop: Option<bool>,
    /// Whether it gets no tokens but those that are bound to its certificate (RFC 8705).
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    certificate_bound: Option<bool>,
    /// Whether it gets tokens for itself (RFC 6749 §4.4).
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    client_credentials: Option<bool>,
    /// Whether it is held to the FAPI 2.0 security profile.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    fapi2: Option<bool>,
}

impl Update {
    pub(super) async fn run(self, session: &Session, store: &Store) -> Result<(), Failure> {
        let act = session.act();
        let mut planned = store.client(&self.id).await?;
        let keys = self.keys.read(&session.config.outbound)?;
        let certificate_subject = self.certificate.subject()?;
        if certificate_subject.is_some() {
            certificate::require_fitting(Some(planned.auth), certificate_subject.as_ref())?;
        }
        let signs = planned.auth.uses_keys() || signs_something(&planned.grants);
        if keys.is_some() && !signs {
            let problem = format!("client `{}` has nothing to sign with keys", self.id);
            return Err(Failure::new("keys_unused", problem));
        }
        self.require_known(&planned)?;
        self.require_people(&planned)?;
        self.sign_in.require_reachable(&session.config.outbound)?;
        let resolved = self.permission.resolve(store).await?;
        let (permission, created) = match resolved {
            Some(resolved) => (Some(resolved.permission), resolved.created),
            None => (None, None),
        };
        self.apply(&mut planned, None, permission.clone())?;
        require_one_binding(&planned)?;
        require_confidential(planned.auth, (&planned.grants, &planned.introspects))?;
        store.require_fit(&planned)?;
        let present = Some(&planned.keys).filter(|present| !matches!(present, ClientKeys::None));
        require_keys_to_sign(planned.sign_in.as_ref(), keys.as_ref().or(present))?;
        require_small_tokens_of_client(session, store, &planned, created.as_ref()).await?;
        if let Some(resource) = &created {
            store.create_resource(resource, &act).await?;
            session.output.note(&format!("created resource {}", resource.identifier));
        }
        let edit = |client: &mut Client| self.apply(client, keys, permission);
        let client = store.update_client(&self.id, &act, edit).await?;
        let (mut document, text) = shown(&client);
        if let (Some(resource), Value::Object(members)) = (created, &mut document) {
            members.insert("created_resource".to_owned(), json!(resource.identifier));
        }
        session.output.result(&document, &text);
        Ok(())
    }

    fn require_known(&self, client: &Client) -> Result<(), Failure> {
        let unknown =
            self.remove_resource.iter().find(|resource| client.permission(resource).is_none());
        let Some(resource) = unknown else { return Ok(()) };
        let problem = format!("client `{}` has no permission for `{resource}`", self.id);
        let hint = format!("`countersign client show {}` shows what it has", self.id);
        Err(Failure::new("not_found", problem).hint(hint))
    }

    /// That nothing of signing in is named for a client that speaks for itself only.
    fn require_people(&self, client: &Client) -> Result<(), Failure> {
        if client.sign_in.is_some() {
            return Ok(());
        }
        let scopes = self.permission.identity_scopes();
        self.sign_in.require_unused(&scopes, &self.clear)
    }

    fn apply(
        &self,
        client: &mut Client,
        keys: Option<ClientKeys>,
        permission: Option<Permission>,
    ) -> Result<(), InvalidValue> {
        if let Some(name) = &self.name {
            client.name = Some(parse_name(name)?.to_owned());
        }
        if self.enable || self.disable {
            client.enabled = self.enable;
        }
        if self.token_endpoint_audience || self.no_token_endpoint_audience {
            client.token_endpoint_audience = self.token_endpoint_audience;
        }
        client.dpop_bound_access_tokens =
            self.require_dpop.unwrap_or(client.dpop_bound_access_tokens);
        client.tls_client_certificate_bound_access_tokens =
            self.certificate_bound.unwrap_or(client.tls_client_certificate_bound_access_tokens);
        if let Ok(Some(subject)) = self.certificate.subject() {
            client.certificate_subject = Some(subject);
        }
        if let Some(keys) = keys {
            client.keys = keys;
        }
        if let Some(sign_in) = &mut client.sign_in {
            self.clear.iter().for_each(|optional| optional.clear(sign_in));
            self.sign_in.apply(sign_in, &self.permission.identity_scopes())?;
            sign_in.check()?;
        }
        client.introspects.retain(|known| {
            !self.introspects.contains(known) && !self.remove_introspects.contains(known)
        });
        client.introspects.extend(self.introspects.iter().cloned());
        if let Some(wanted) = self.client_credentials {
            client.grants.retain(|grant| grant != "client_credentials");
            client.grants.extend(wanted.then(|| "client_credentials".to_owned()));
        }
        client.fapi2 = self.fapi2.unwrap_or(client.fapi2);
        client.permissions.retain(|known| !self.remove_resource.contains(&known.resource));
        if let Some(permission) = permission {
            client.permissions.retain(|known| known.resource != permission.resource);
            client.permissions.push(permission);
        }
        Ok(())
    }
}

/// A token is bound to one thing: who were registered for two would get none.
fn require_one_binding(client: &Client) -> Result<(), Failure> {
    if client.dpop_bound_access_tokens && client.tls_client_certificate_bound_access_tokens {
        let problem = "tokens are bound to a key by proofs or to a certificate, not to both";
        return Err(Failure::new("binding_ambiguous", problem)
            .hint("add --require-dpop=false or --certificate-bound=false"));
    }
    Ok(())
}
