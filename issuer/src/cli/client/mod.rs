//! `countersign client`: apps and what they may ask for. Secrets are made here, shown once and kept as keyed hashes.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Failure, Session};
use crate::bootstrap::Opened;
use crate::random;
use crate::registry::{ClientId, StoredSecret};
use crate::store::{Store, StoreError};

mod act;
mod assert;
mod certificate;
mod create;
mod permission;
mod show;
mod sign_in;
mod update;
mod workload;

use show::{listed, shown};

#[derive(Debug, Subcommand)]
pub(super) enum ClientCommand {
    /// Register an app.
    Create(Box<create::Create>),
    /// List all apps.
    List,
    /// Show one app.
    Show(Named),
    /// Change an app: its permission for a resource, its keys, its state.
    Update(Box<update::Update>),
    /// Let an app name a user who did not sign in (RFC 7523); nobody may without.
    AllowAssert(assert::AllowAssert),
    /// Take that back; tokens that were issued end by themselves.
    DenyAssert(assert::DenyAssert),
    /// Let an app act for the users of the tokens that it is given (RFC 8693); none may without.
    AllowAct(act::AllowAct),
    /// Take that back; tokens that were issued end by themselves.
    DenyAct(act::DenyAct),
    /// Let a workload of an issuer outside be an app, without a secret (RFC 7523); none is without.
    AllowWorkload(workload::AllowWorkload),
    /// Take that back; tokens that were issued end by themselves.
    DenyWorkload(workload::DenyWorkload),
    /// Delete an app for ever; its id is never given to another.
    Delete(Named),
    /// Change the secrets of an app; two can be in force at a time.
    #[command(subcommand)]
    Secret(SecretCommand),
}

#[derive(Debug, Args)]
pub(super) struct Named {
    /// The client id.
    id: ClientId,
}

#[derive(Debug, Subcommand)]
pub(super) enum SecretCommand {
    /// Make one more secret and show it once.
    Add(AddSecret),
    /// Remove a secret; it is refused within a second.
    Remove(RemoveSecret),
}

#[derive(Debug, Args)]
pub(super) struct AddSecret {
    /// The client id.
    id: ClientId,
    /// Seconds after which it is refused; without it, never.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    expires_in_seconds: Option<u32>,
}

#[derive(Debug, Args)]
pub(super) struct RemoveSecret {
    /// The client id.
    id: ClientId,
    /// The id of the secret, as `client show` lists it.
    #[arg(allow_hyphen_values = true)]
    secret_id: String,
}

impl ClientCommand {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(session, &session.open().await?).await,
            Self::Secret(SecretCommand::Add(add)) => add.run(session, &session.open().await?).await,
            other => other.run_without_keys(session, &session.store().await?).await,
        }
    }

    /// The commands that go on although a key does not open.
    async fn run_without_keys(self, session: &Session, store: &Store) -> Result<(), Failure> {
        match self {
            Self::Create(_) | Self::Secret(SecretCommand::Add(_)) => Ok(()),
            Self::Update(update) => update.run(session, store).await,
            Self::AllowAssert(allow) => allow.run(session, store).await,
            Self::DenyAssert(deny) => deny.run(session, store).await,
            Self::AllowAct(allow) => allow.run(session, store).await,
            Self::DenyAct(deny) => deny.run(session, store).await,
            Self::AllowWorkload(allow) => allow.run(session, store).await,
            Self::DenyWorkload(deny) => deny.run(session, store).await,
            Self::List => {
                let clients = store.clients().await?;
                session.note_unreadable(&clients.unreadable);
                let (document, text) = listed(&clients.understood);
                session.output.result(&document, &text);
                Ok(())
            }
            Self::Show(Named { id }) => {
                let (document, text) = shown(&store.client(&id).await?);
                session.output.result(&document, &text);
                Ok(())
            }
            Self::Delete(Named { id }) => {
                store.delete_client(&id, &session.act()).await?;
                let text = format!("Deleted client {id}. Its tokens are revoked.");
                session.output.result(&json!({ "deleted": id.as_str() }), &text);
                Ok(())
            }
            Self::Secret(SecretCommand::Remove(RemoveSecret { id, secret_id })) => {
                let removed = store.remove_secret(&id, &secret_id, &session.act()).await;
                removed.map_err(|error| match error {
                    StoreError::NotFound { what: "secret", .. } => Failure::from(error)
                        .hint(format!("`countersign client show {id}` shows them")),
                    other => other.into(),
                })?;
                let text = format!("Removed secret {secret_id} of client {id}.");
                let document = json!({ "client_id": id.as_str(), "removed": secret_id });
                session.output.result(&document, &text);
                Ok(())
            }
        }
    }
}

impl AddSecret {
    async fn run(self, session: &Session, opened: &Opened) -> Result<(), Failure> {
        let act = session.act();
        let (secret, stored) = new_secret(opened, &self.id, act.at, self.expires_in_seconds);
        opened.store.add_secret(&self.id, &stored, &act).await?;
        let document = json!({
            "client_id": self.id.as_str(),
            "client_secret": secret.as_str(),
            "secret": show::secret(&stored),
        });
        let text = format!(
            "client_id      {}\nclient_secret  {}\n\nThe secret is shown this once. Its id is {}.",
            self.id, *secret, stored.id
        );
        session.output.result(&document, &text);
        Ok(())
    }
}

/// A new secret: in clear for the one time that it is shown, and as it is stored.
fn new_secret(
    opened: &Opened,
    client_id: &ClientId,
    now: i64,
    expires_in_seconds: Option<u32>,
) -> (zeroize::Zeroizing<String>, StoredSecret) {
    let secret = random::client_secret();
    let stored = StoredSecret {
        // A UUIDv7, so that secrets of the same second are listed in the order of their making.
        id: random::uuid().to_string(),
        digest: opened.secret_hasher.digest(client_id.as_str(), &secret).to_bytes(),
        created_at: now,
        expires_at: expires_in_seconds.map(|seconds| now.saturating_add(seconds.into())),
        last_used_at: None,
    };
    (secret, stored)
}
