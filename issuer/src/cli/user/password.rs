//! `countersign user set-password` and `import-hash`.

use std::io::Read as _;

use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use super::super::{Failure, Session};
use crate::credentials::{CredentialError, Password};

/// More than any password or hash has.
const MAX_INPUT_BYTES: u64 = 4_096;

#[derive(Debug, Args)]
pub(in super::super) struct SetPassword {
    /// The username, in any spelling.
    username: String,
    /// Read the password from standard input, which is the only way.
    #[arg(long)]
    password_stdin: bool,
}

impl SetPassword {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let password = from_stdin()?;
        let opened = session.open().await?;
        let user = opened.store.user(&self.username).await?;
        let account = opened.credentials.account(user.id).await?;
        opened.credentials.set_password(&account, password, &session.act()).await?;
        let text = format!("Set the password of {}, and ended every session.", user.username);
        session.output.result(&json!({ "password_set": user.username }), &text);
        Ok(())
    }
}

pub(super) async fn import(session: &Session, username: &str) -> Result<(), Failure> {
    let hash = line_from_stdin()?;
    let opened = session.open().await?;
    let user = opened.store.user(username).await?;
    let act = session.act();
    let scheme = opened.credentials.import_password_hash(user.id, hash.trim(), &act).await?;
    let text = format!("Imported a {scheme} hash for {}, and ended every session.", user.username);
    let document = json!({ "imported": user.username, "scheme": scheme });
    session.output.result(&document, &text);
    Ok(())
}

/// The password on standard input, without the end of its line.
pub(super) fn from_stdin() -> Result<Password, Failure> {
    let line = line_from_stdin()?;
    let password = Password::typed(&line).map_err(CredentialError::from)?;
    Ok(password)
}

fn line_from_stdin() -> Result<Zeroizing<String>, Failure> {
    let failed = |error: std::io::Error| Failure::new("standard_input", error);
    let mut text = Zeroizing::new(String::with_capacity(4_096));
    std::io::stdin().take(MAX_INPUT_BYTES).read_to_string(&mut text).map_err(failed)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = Zeroizing::new(line.strip_suffix('\r').unwrap_or(line).to_owned());
    if line.contains('\n') {
        return Err(Failure::new("standard_input", "standard input has more than one line"));
    }
    Ok(line)
}
