//! `countersign user`: people. Signing in comes later; rows, roles and groups are here now.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::{fields, or_dash, table};
use super::{Failure, Session};
use crate::random;
use crate::registry::{InvalidValue, User, parse_email, parse_role, parse_username};
use crate::store::Store;

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Register a person.
    Create(Create),
    /// List all users.
    List,
    /// Show one user.
    Show(Named),
    /// Change a user; roles and groups that are named replace those there were.
    Update(Update),
    /// Delete a user; the name is free again, the id never.
    Delete(Named),
}

#[derive(Debug, Args)]
pub(super) struct Named {
    /// The username, in any spelling.
    username: String,
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// The username, unique without regard to case.
    username: String,
    #[command(flatten)]
    attributes: Attributes,
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
}

impl UserCommand {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let store = session.store().await?;
        match self {
            Self::Create(create) => create.run(session, &store).await,
            Self::Update(update) => update.run(session, &store).await,
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
        }
    }
}

impl Create {
    async fn run(self, session: &Session, store: &Store) -> Result<(), Failure> {
        let mut user = User {
            id: random::uuid(),
            username: parse_username(&self.username)?.to_owned(),
            email: None,
            roles: Vec::new(),
            groups: Vec::new(),
            enabled: true,
        };
        self.attributes.apply(&mut user)?;
        store.create_user(&user, &session.act()).await?;
        show(session, &user);
        Ok(())
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
        let user = store.update_user(&self.username, &session.act(), edit).await?;
        show(session, &user);
        Ok(())
    }
}

impl Attributes {
    fn apply(&self, user: &mut User) -> Result<(), InvalidValue> {
        if let Some(email) = &self.email {
            user.email = Some(parse_email(email)?.to_owned());
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
        "enabled": user.enabled,
    })
}

fn state(user: &User) -> &'static str {
    if user.enabled { "enabled" } else { "disabled" }
}
