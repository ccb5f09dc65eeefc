//! Who changes something and why, for the audit log.

use std::fmt;

use uuid::Uuid;

use crate::signals::Initiator;

/// Who did it: `cli:root@host`, `node:host:4711`, `user:` and a user id, or `client:` and a client id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor(String);

impl Actor {
    /// This process as a node of the issuer.
    pub fn node() -> Self {
        Self(format!("node:{}:{}", host(), std::process::id()))
    }

    /// The person at the command line.
    pub fn command_line() -> Self {
        Self(format!("cli:{}@{}", user(), host()))
    }

    /// A person who changes what is their own.
    pub fn user(user_id: Uuid) -> Self {
        Self(format!("user:{user_id}"))
    }

    /// A client that changes what is its own.
    pub fn client(client_id: &str) -> Self {
        Self(format!("client:{client_id}"))
    }

    /// Who that is to a receiver of signals: nobody by name.
    pub fn initiator(&self) -> Initiator {
        match self.0.split_once(':') {
            Some(("user", _)) => Initiator::User,
            Some(("cli", _)) => Initiator::Admin,
            _ => Initiator::System,
        }
    }

    /// This actor's act at a time, in Unix seconds.
    pub fn at(&self, now: i64) -> Act {
        Act { at: now, actor: self.clone(), reason: None }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who changes something, when and why; every change is given one.
#[derive(Clone, Debug)]
pub struct Act {
    /// Unix seconds.
    pub at: i64,
    /// Who.
    pub actor: Actor,
    /// Why, if it was said.
    pub reason: Option<String>,
}

impl Act {
    /// The same, with a reason for the record.
    #[must_use]
    pub fn because(self, reason: Option<String>) -> Self {
        Self { reason, ..self }
    }
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => "unknown".to_owned(),
        name => name.to_owned(),
    }
}

/// The name of the owner of this process, or the number of one without a name.
#[cfg(unix)]
fn user() -> String {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(process) = std::fs::metadata("/proc/self") else { return "unknown".to_owned() };
    let id = process.uid().to_string();
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let account = accounts.lines().find(|line| line.split(':').nth(2) == Some(&id));
    account.and_then(|line| line.split(':').next()).unwrap_or(&id).to_owned()
}

#[cfg(not(unix))]
fn user() -> String {
    "unknown".to_owned()
}
