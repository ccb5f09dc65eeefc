//! `countersign user`: people, and how they prove who they are. Passwords and hashes come from standard input, where no
//! list of processes shows them.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::{fields, or_dash, table};
use super::token_size::require_small_tokens_about_user;
use super::{Failure, Session};
use crate::registry::{InvalidValue, User, parse_email, parse_role};
use crate::store::Store;

mod create;
mod credential;
mod invite;
mod link;
mod password;

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Register a person.
    Create(create::Create),
    /// List all users.
    List,
    /// Show one user.
    Show(Named),
    /// Change a user; roles and groups that are named replace those there were.
    Update(Update),
    /// Delete a user; the name is free again, the id never.
    Delete(Named),
    /// Sign a user out of everything: all sessions end, all refresh tokens are revoked.
    SignOut(Named),
    /// Set the password, which is read from standard input.
    SetPassword(password::SetPassword),
    /// Take over a password hash of another system, which is read from standard input.
    ImportHash(Named),
    /// List the password, authenticator app, recovery codes and passkeys of a user.
    ListCredentials(Named),
    /// Remove one of them.
    RemoveCredential(credential::RemoveCredential),
    /// Make a link with which the user chooses a new password, and print it once.
    ResetLink(link::ResetLink),
    /// Invite somebody to make an account: a link goes to an address, or is printed where there is no mail.
    Invite(invite::Invite),
    /// Send the user a link that proves the e-mail address, or print it where there is no mail.
    VerifyEmail(invite::VerifyEmail),
}

#[derive(Debug, Args)]
pub(super) struct Named {
    /// The username, in any spelling.
    username: String,
}

#[derive(Debug, Args)]
pub(super) struct Update {
    /// The username, in any spelling.
    username: String,
    #[command(flatten)]
    attributes: Attributes,
    /// Let the user in again.
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// Keep the user out.
    #[arg(long)]
    disable: bool,
}

#[derive(Debug, Args)]
struct Attributes {
    /// The e-mail address; unverified.
    #[arg(long)]
    email: Option<String>,
    /// A role; may be repeated.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// A group; may be repeated.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// What is known of the person, by the claim's name, as in `name=Ada Lovelace` or `address.country=UK`; nothing after
    /// the sign forgets it; may be repeated.
    #[arg(long = "claim", value_name = "CLAIM=VALUE", value_parser = parse_claim)]
    claims: Vec<(String, String)>,
}

impl UserCommand {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(session).await,
            Self::SetPassword(set) => set.run(session).await,
            Self::ImportHash(Named { username }) => password::import(session, &username).await,
            Self::ResetLink(link) => link.run(session).await,
            Self::Invite(invite) => invite.run(session).await,
            Self::VerifyEmail(verify) => verify.run(session).await,
            other => other.run_without_keys(session, &session.store().await?).await,
        }
    }

    /// The commands that go on although a key does not open.
    async fn run_without_keys(self, session: &Session, store: &Store) -> Result<(), Failure> {
        match self {
            Self::Create(_)
            | Self::SetPassword(_)
            | Self::ImportHash(_)
            | Self::ResetLink(_)
            | Self::Invite(_)
            | Self::VerifyEmail(_) => Ok(()),
            Self::Update(update) => update.run(session, store).await,
            Self::List => {
                list(session, &store.users().await?);
                Ok(())
            }
            Self::Show(Named { username }) => {
                show(session, &store.user(&username).await?);
                Ok(())
            }
            Self::Delete(Named { username }) => {
                store.delete_user(&username, &session.act()).await?;
                let text = format!("Deleted user {username}.");
                session.output.result(&json!({ "deleted": username }), &text);
                Ok(())
            }
            Self::SignOut(Named { username }) => {
                let ended = store.sign_out_user(&username, &session.act()).await?;
                let text = format!("Signed {username} out; sessions that ended: {ended}.");
                let document = json!({ "signed_out": username, "sessions": ended });
                session.output.result(&document, &text);
                Ok(())
            }
            Self::ListCredentials(Named { username }) => {
                credential::list(session, store, &username).await
            }
            Self::RemoveCredential(remove) => remove.run(session, store).await,
        }
    }
}

impl Update {
    async fn run(self, session: &Session, store: &Store) -> Result<(), Failure> {
        let edit = |user: &mut User| {
            if self.enable || self.disable {
                user.enabled = self.enable;
            }
            self.attributes.apply(user)
        };
        let mut planned = store.user(&self.username).await?;
        edit(&mut planned)?;
        require_small_tokens_about_user(session, store, &planned).await?;
        let user = store.update_user(&self.username, &session.act(), edit).await?;
        show(session, &user);
        Ok(())
    }
}

fn parse_claim(argument: &str) -> Result<(String, String), String> {
    let (claim, value) = argument.split_once('=').ok_or("write it as CLAIM=VALUE")?;
    Ok((claim.to_owned(), value.to_owned()))
}

impl Attributes {
    fn apply(&self, user: &mut User) -> Result<(), InvalidValue> {
        if let Some(email) = &self.email {
            user.email = Some(parse_email(email)?.to_owned());
        }
        for (claim, value) in &self.claims {
            user.profile.set(claim, Some(value.as_str()).filter(|value| !value.is_empty()))?;
        }
        for name in self.roles.iter().chain(&self.groups) {
            parse_role(name)?;
        }
        if !self.roles.is_empty() {
            user.roles.clone_from(&self.roles);
        }
        if !self.groups.is_empty() {
            user.groups.clone_from(&self.groups);
        }
        Ok(())
    }
}

fn list(session: &Session, users: &[User]) {
    let rows: Vec<[String; 4]> = users
        .iter()
        .map(|user| {
            let email = or_dash(user.email.as_deref());
            [user.username.clone(), state(user).to_owned(), email, user.id.to_string()]
        })
        .collect();
    let documents: Vec<Value> = users.iter().map(document).collect();
    let text = table(["USER", "STATE", "E-MAIL", "ID"], &rows);
    session.output.result(&json!({ "users": documents }), &text);
}

fn show(session: &Session, user: &User) {
    let text = fields(&[
        ("id", user.id.to_string()),
        ("username", user.username.clone()),
        ("e-mail", or_dash(user.email.as_deref())),
        ("state", state(user).to_owned()),
        ("roles", user.roles.join(" ")),
        ("groups", user.groups.join(" ")),
        ("claims", serde_json::to_string(&user.profile).unwrap_or_default()),
    ]);
    session.output.result(&document(user), &text);
}

fn document(user: &User) -> Value {
    json!({
        "id": user.id.to_string(),
        "username": user.username,
        "email": user.email,
        "roles": user.roles,
        "groups": user.groups,
        "email_verified": user.email_verified,
        "claims": user.profile,
        "enabled": user.enabled,
    })
}

fn state(user: &User) -> &'static str {
    if user.enabled { "enabled" } else { "disabled" }
}
