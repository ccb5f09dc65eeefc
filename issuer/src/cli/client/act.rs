//! `countersign client allow-act` and `deny-act`: for whom an app may act (RFC 8693), and where.

use clap::Args;

use super::super::token_size::require_small_tokens_of_client;
use super::super::{Failure, Session};
use super::permission::require_scopes;
use super::show::shown;
use crate::protocol::Identity;
use crate::registry::{ActingRule, Client, ClientId, Semantics, parse_scope_tokens};
use crate::store::Store;
use crate::token::grants::TOKEN_EXCHANGE;

#[derive(Debug, Args)]
pub(in super::super) struct AllowAct {
    /// The client id.
    id: ClientId,
    /// The resource that the app runs: it may exchange the tokens that this resource is given.
    #[arg(long = "for", value_name = "URI")]
    audience: String,
    /// The resource that it calls.
    #[arg(long, value_name = "URI")]
    resource: String,
    /// A scope of that resource that it may have; may be repeated.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Only for tokens that carry this scope. One rule for each, so that what may be read there may be read here, and no
    /// more.
    #[arg(long, value_name = "SCOPE")]
    needs_scope: Option<String>,
    /// The kind of identity for which it may act: user, app_asserted or app; may be repeated. Without it, users who signed
    /// in.
    #[arg(long = "identity", value_name = "KIND", value_parser = parse_identity)]
    identities: Vec<Identity>,
    /// The new token does not say that the app acts. Nobody downstream can tell: leave it out unless you must.
    #[arg(long)]
    impersonate: bool,
}

#[derive(Debug, Args)]
pub(in super::super) struct DenyAct {
    /// The client id.
    id: ClientId,
    /// The resource that the app runs.
    #[arg(long = "for", value_name = "URI")]
    audience: String,
    /// The resource that it calls; without it, each.
    #[arg(long, value_name = "URI")]
    resource: Option<String>,
}

fn parse_identity(idtyp: &str) -> Result<Identity, String> {
    Identity::from_idtyp(idtyp).ok_or_else(|| {
        let known = Identity::ALL.map(Identity::idtyp);
        format!("use one of {}", known.join(", "))
    })
}

impl AllowAct {
    pub(super) async fn run(self, session: &Session, store: &Store) -> Result<(), Failure> {
        let client = store.client(&self.id).await?;
        if client.is_public() || !client.grants.iter().any(|grant| grant == TOKEN_EXCHANGE) {
            let problem = format!("client `{}` cannot act for anybody", self.id);
            return Err(Failure::new("grant_missing", problem).hint(format!(
                "create it with `--grant {TOKEN_EXCHANGE}` and a way to authenticate"
            )));
        }
        let rule = self.rule(store).await?;
        let edit = |client: &mut Client| {
            client.acting_rules.retain(|known| !known.is_about_the_same(&rule));
            client.acting_rules.push(rule.clone());
            Ok(())
        };
        let mut planned = client;
        edit(&mut planned)?;
        require_small_tokens_of_client(session, store, &planned, None).await?;
        let client = store.update_client(&self.id, &session.act(), edit).await?;
        let (document, text) = shown(&client);
        session.output.result(&document, &text);
        Ok(())
    }

    async fn rule(&self, store: &Store) -> Result<ActingRule, Failure> {
        let scopes = parse_scope_tokens(&self.scopes.join(" "))?;
        require_scopes(&store.resource(&self.resource).await?, &scopes)?;
        require_scopes(&store.resource(&self.audience).await?, self.needs_scope.as_slice())?;
        let identities = match self.identities.as_slice() {
            [] => vec![Identity::User],
            named => named.to_vec(),
        };
        // An app that is impersonated would have to be the holder of the token: nobody could tell both apart.
        if self.impersonate && identities.contains(&Identity::App) {
            let problem = "an app cannot be impersonated";
            return Err(Failure::new("invalid_value", problem).hint("leave out --impersonate"));
        }
        Ok(ActingRule {
            audience: self.audience.clone(),
            resource: self.resource.clone(),
            needs: self.needs_scope.clone(),
            scopes,
            identities,
            semantics: if self.impersonate {
                Semantics::Impersonation
            } else {
                Semantics::Delegation
            },
        })
    }
}

impl DenyAct {
    pub(super) async fn run(self, session: &Session, store: &Store) -> Result<(), Failure> {
        let is_meant = |rule: &ActingRule| {
            rule.audience == self.audience
                && self.resource.as_ref().is_none_or(|one| *one == rule.resource)
        };
        if !store.client(&self.id).await?.acting_rules.iter().any(is_meant) {
            let problem = format!("no rule lets client `{}` act there", self.id);
            let hint = format!("`countersign client show {}` shows its rules", self.id);
            return Err(Failure::new("not_found", problem).hint(hint));
        }
        let edit = |client: &mut Client| {
            client.acting_rules.retain(|rule| !is_meant(rule));
            Ok(())
        };
        let client = store.update_client(&self.id, &session.act(), edit).await?;
        let (document, text) = shown(&client);
        session.output.result(&document, &text);
        Ok(())
    }
}
