//! `countersign client allow-workload` and `deny-workload`: which workloads of issuers outside are an app (RFC 7523).

use clap::Args;

use super::super::{Failure, Session};
use super::show::shown;
use crate::registry::{
    Client, ClientAuthentication, ClientId, InvalidValue, RequiredClaim, SubjectPattern,
    WorkloadRule,
};
use crate::store::Store;

#[derive(Debug, Args)]
pub(in super::super) struct AllowWorkload {
    /// The client id.
    id: ClientId,
    /// The issuer of the workload's tokens, which stands in a section `[workload.NAME]` of the configuration.
    #[arg(long, value_name = "URI")]
    issuer: String,
    /// The subject there: `system:serviceaccount:shop:orders`. A `*` at the end, after a `:` or `/`, stands for anything.
    #[arg(long, value_name = "SUBJECT", value_parser = SubjectPattern::parse)]
    subject: SubjectPattern,
    /// A claim that its tokens must have besides: `environment=production`, or `/kubernetes.io/pod/name=x` for one
    /// within another; may be repeated.
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = RequiredClaim::parse)]
    claims: Vec<RequiredClaim>,
}

#[derive(Debug, Args)]
pub(in super::super) struct DenyWorkload {
    /// The client id.
    id: ClientId,
    /// The issuer of the workload's tokens.
    #[arg(long, value_name = "URI")]
    issuer: String,
    /// The subject, as it was allowed; without it, each.
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
}

impl AllowWorkload {
    pub(super) async fn run(self, session: &Session, store: &Store) -> Result<(), Failure> {
        let client = store.client(&self.id).await?;
        if client.auth != ClientAuthentication::WorkloadIdentity {
            let problem = format!("client `{}` authenticates by {}", self.id, client.auth.name());
            return Err(Failure::new("authentication_unfit", problem)
                .hint("create it with `--auth workload_identity`"));
        }
        if !session.config.workload.values().any(|trusted| trusted.issuer == self.issuer) {
            let problem =
                format!("`{}` is not an issuer that the configuration trusts", self.issuer);
            return Err(Failure::new("issuer_unknown", problem)
                .hint("add it in a section `[workload.NAME]`, on every node"));
        }
        let rule = WorkloadRule { issuer: self.issuer, subject: self.subject, claims: self.claims };
        let edit = |client: &mut Client| {
            client.workload_rules.retain(|known| *known != rule);
            client.workload_rules.push(rule);
            Ok(())
        };
        change(session, store, &self.id, edit).await
    }
}

impl DenyWorkload {
    pub(super) async fn run(self, session: &Session, store: &Store) -> Result<(), Failure> {
        let is_meant = |rule: &WorkloadRule| {
            rule.issuer == self.issuer
                && self.subject.as_ref().is_none_or(|subject| subject == rule.subject.as_str())
        };
        if !store.client(&self.id).await?.workload_rules.iter().any(is_meant) {
            let problem = format!("no such workload is client `{}`", self.id);
            let hint = format!("`countersign client show {}` shows its rules", self.id);
            return Err(Failure::new("not_found", problem).hint(hint));
        }
        let edit = |client: &mut Client| {
            client.workload_rules.retain(|rule| !is_meant(rule));
            Ok(())
        };
        change(session, store, &self.id, edit).await
    }
}

async fn change(
    session: &Session,
    store: &Store,
    id: &ClientId,
    edit: impl FnOnce(&mut Client) -> Result<(), InvalidValue> + Send,
) -> Result<(), Failure> {
    let client = store.update_client(id, &session.act(), edit).await?;
    let (document, text) = shown(&client);
    session.output.result(&document, &text);
    Ok(())
}
