//! `countersign revoke`: what is named is no longer good, at every node and verifier within a second.

use clap::Args;
use serde_json::json;
use uuid::Uuid;

use super::{Failure, Session, keys};
use crate::registry::{ClientId, ExternalSubject, parse_scope_token};
use crate::store::ByHand;

/// No reason is longer, in characters.
const MAX_REASON: usize = 200;

#[derive(Debug, Args)]
#[group(id = "what", required = true, multiple = true, args = ["jti", "sid", "kid", "user", "client"])]
pub(super) struct Revoke {
    /// A token, by its id; what was exchanged for it ends too.
    #[arg(long, allow_hyphen_values = true, conflicts_with_all = ["sid", "kid", "user", "client", "scope"])]
    jti: Option<String>,
    /// A session, with what was given in it.
    #[arg(long, conflicts_with_all = ["kid", "user", "client", "scope"])]
    sid: Option<Uuid>,
    /// What a signing key signed; the key is withdrawn.
    #[arg(long, allow_hyphen_values = true, conflicts_with_all = ["user", "client", "scope"])]
    kid: Option<String>,
    /// All that a user has, or gave to the client that is named too; also somebody whom apps name, as in `crm:42`.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// All that a client has, or got from the user who is named too.
    #[arg(long, value_name = "ID")]
    client: Option<ClientId>,
    /// Only this scope of what the user gave to the client.
    #[arg(long, requires_all = ["user", "client"])]
    scope: Option<String>,
    /// Why, for the record.
    #[arg(long, value_parser = parse_reason)]
    reason: Option<String>,
}

fn parse_reason(text: &str) -> Result<String, String> {
    let length = text.chars().count();
    if (1..=MAX_REASON).contains(&length) && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(format!("use 1 to {MAX_REASON} characters of one line"))
}

impl Revoke {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let act = session.act().because(self.reason.clone());
        if let Some(kid) = &self.kid {
            return keys::withdraw(session, (kid, &act)).await;
        }
        let (what, text) = self.what()?;
        session.store().await?.revoke_by_hand(&what, &act).await?;
        session.output.result(&json!({ "revoked": text }), &format!("Revoked {text}."));
        Ok(())
    }

    /// What is revoked, and how that is said.
    fn what(self) -> Result<(ByHand, String), Failure> {
        if let Some(scope) = &self.scope {
            parse_scope_token(scope)?;
        }
        Ok(match (self.jti, self.sid, self.user, self.client, self.scope) {
            (Some(jti), ..) => (ByHand::Token(jti.clone()), format!("token {jti}")),
            (_, Some(sid), ..) => (ByHand::Session(sid), format!("session {sid}")),
            (_, _, Some(user), Some(client), Some(scope)) => {
                let text = format!("scope {scope} of user {user} at client {client}");
                (ByHand::Scope(user, client, scope), text)
            }
            (_, _, Some(user), Some(client), None) => {
                let text = format!("what user {user} gave to client {client}");
                (ByHand::Consent(user, client), text)
            }
            (_, _, Some(user), None, _) => {
                let text = format!("all that user {user} has");
                let external = ExternalSubject::parse(&user);
                (external.map_or(ByHand::User(user), ByHand::External), text)
            }
            (_, _, None, Some(client), _) => {
                let text = format!("all that client {client} has");
                (ByHand::Client(client), text)
            }
            (_, _, None, None, _) => {
                return Err(Failure::new("nothing_named", "nothing is named to be revoked"));
            }
        })
    }
}
