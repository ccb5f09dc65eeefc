//! `countersign client allow-assert` and `deny-assert`: whom an app may name in an assertion (RFC 7523), and where.

use clap::Args;

use super::super::token_size::require_small_tokens_of_client;
use super::super::{Failure, Session};
use super::permission::require_scopes;
use super::show::shown;
use crate::registry::{
    AssertionRule, Client, ClientId, MAX_ASSERTED_LIFETIME, Whom, parse_namespace, parse_role,
    parse_scope_tokens,
};
use crate::store::Store;
use crate::token::grants::{JWT_BEARER, TOKEN_EXCHANGE};

/// The grants without which a rule is of no use.
const GRANTS: [&str; 2] = [JWT_BEARER, TOKEN_EXCHANGE];

#[derive(Debug, Args)]
pub(in super::super) struct AllowAssert {
    /// The client id.
    id: ClientId,
    #[command(flatten)]
    whom: WhomArguments,
    /// The resource at which the app may be about that user.
    #[arg(long, value_name = "URI")]
    resource: String,
    /// A scope that such a token may carry; may be repeated.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Seconds that such a token lives: at most 600.
    #[arg(long, value_name = "N", default_value_t = 300,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_ASSERTED_LIFETIME)))]
    lifetime_seconds: u32,
    /// The assertion must say why, in its claim `reason`; it stands in the audit log.
    #[arg(long)]
    require_reason: bool,
}

#[derive(Debug, Args)]
pub(in super::super) struct DenyAssert {
    /// The client id.
    id: ClientId,
    #[command(flatten)]
    whom: WhomArguments,
    /// The resource; without it, at each.
    #[arg(long, value_name = "URI")]
    resource: Option<String>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct WhomArguments {
    /// One user, by name.
    #[arg(long, value_name = "USERNAME")]
    user: Option<String>,
    /// The users in a group.
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Everybody in a namespace of the app's own: `crm` for the subjects `crm:…`, who are not users of this issuer.
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
}

impl WhomArguments {
    async fn resolve(&self, store: &Store) -> Result<Whom, Failure> {
        if let Some(username) = &self.user {
            return Ok(Whom::User(store.user(username).await?.id));
        }
        if let Some(group) = &self.group {
            return Ok(Whom::Group(parse_role(group)?.to_owned()));
        }
        let namespace = self.namespace.as_deref().unwrap_or_default();
        Ok(Whom::Namespace(parse_namespace(namespace)?.to_owned()))
    }
}

impl AllowAssert {
    pub(super) async fn run(self, session: &Session, store: &Store) -> Result<(), Failure> {
        let client = store.client(&self.id).await?;
        if !client.grants.iter().any(|grant| GRANTS.contains(&grant.as_str())) {
            let problem =
                format!("client `{}` cannot assert anybody: it has not the grant", self.id);
            return Err(Failure::new("grant_missing", problem)
                .hint(format!("create it with `--grant {JWT_BEARER}`")));
        }
        let scopes = parse_scope_tokens(&self.scopes.join(" "))?;
        require_scopes(&store.resource(&self.resource).await?, &scopes)?;
        let rule = AssertionRule {
            whom: self.whom.resolve(store).await?,
            resource: self.resource,
            scopes,
            lifetime: self.lifetime_seconds,
            reason_required: self.require_reason,
        };
        let mut planned = client;
        planned.assertion_rules.push(rule.clone());
        require_small_tokens_of_client(session, store, &planned, None).await?;
        let edit = |client: &mut Client| {
            let same =
                |known: &AssertionRule| known.whom == rule.whom && known.resource == rule.resource;
            client.assertion_rules.retain(|known| !same(known));
            client.assertion_rules.push(rule);
            Ok(())
        };
        let client = store.update_client(&self.id, &session.act(), edit).await?;
        let (document, text) = shown(&client);
        session.output.result(&document, &text);
        Ok(())
    }
}

impl DenyAssert {
    pub(super) async fn run(self, session: &Session, store: &Store) -> Result<(), Failure> {
        let whom = self.whom.resolve(store).await?;
        let is_meant = |rule: &AssertionRule| {
            rule.whom == whom && self.resource.as_ref().is_none_or(|one| *one == rule.resource)
        };
        if !store.client(&self.id).await?.assertion_rules.iter().any(is_meant) {
            let problem = format!("no rule lets client `{}` assert {whom} there", self.id);
            let hint = format!("`countersign client show {}` shows its rules", self.id);
            return Err(Failure::new("not_found", problem).hint(hint));
        }
        let edit = |client: &mut Client| {
            client.assertion_rules.retain(|rule| !is_meant(rule));
            Ok(())
        };
        let client = store.update_client(&self.id, &session.act(), edit).await?;
        let (document, text) = shown(&client);
        session.output.result(&document, &text);
        Ok(())
    }
}
