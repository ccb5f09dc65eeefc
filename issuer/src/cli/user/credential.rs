//! `countersign user list-credentials` and `remove-credential`.

use clap::Args;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::output::{date, fields, or_dash, table};
use super::super::{Failure, Session};
use crate::credentials::{CredentialList, StoredPasskey};
use crate::store::Store;

#[derive(Debug, Args)]
pub(in super::super) struct RemoveCredential {
    /// The username, in any spelling.
    username: String,
    /// password, totp, recovery-codes, or the id of a passkey.
    #[arg(value_parser = parse_credential)]
    credential: Named,
}

#[derive(Clone, Copy, Debug)]
enum Named {
    Password,
    Totp,
    RecoveryCodes,
    Passkey(Uuid),
}

fn parse_credential(text: &str) -> Result<Named, String> {
    match text {
        "password" => Ok(Named::Password),
        "totp" => Ok(Named::Totp),
        "recovery-codes" => Ok(Named::RecoveryCodes),
        id => Uuid::parse_str(id)
            .map(Named::Passkey)
            .map_err(|_| "use password, totp, recovery-codes, or the id of a passkey".to_owned()),
    }
}

impl RemoveCredential {
    pub(super) async fn run(self, session: &Session, store: &Store) -> Result<(), Failure> {
        let user = store.user(&self.username).await?;
        let act = session.act();
        let removed = match self.credential {
            Named::Password => {
                store.remove_password(user.id, &act).await.map(|()| "password".to_owned())
            }
            Named::Totp => store.remove_totp(user.id, &act).await.map(|()| "totp".to_owned()),
            Named::RecoveryCodes => store
                .remove_recovery_codes(user.id, &act)
                .await
                .map(|()| "recovery-codes".to_owned()),
            Named::Passkey(id) => {
                store.remove_passkey(user.id, id, &act).await.map(|()| id.to_string())
            }
        };
        let username = user.username;
        let hint = format!("`countersign user list-credentials {username}` shows them");
        let removed = removed.map_err(|error| Failure::from(error).hint(hint))?;
        let text = format!("Removed {removed} of {username}.");
        session.output.result(&json!({ "username": username, "removed": removed }), &text);
        Ok(())
    }
}

pub(super) async fn list(session: &Session, store: &Store, username: &str) -> Result<(), Failure> {
    let user = store.user(username).await?;
    let list = store.credentials(user.id).await?;
    let email_verified = store.account(user.id).await?.is_some_and(|found| found.email_verified);
    let document = json!({
        "user_id": user.id.to_string(),
        "username": user.username,
        "email": user.email,
        "email_verified": email_verified,
        "password": list.password.as_ref().map(|password| {
            json!({ "scheme": password.scheme, "changed_at": password.changed_at })
        }),
        "totp": list.totp.as_ref().map(|totp| {
            json!({ "created_at": totp.created_at, "last_used_at": totp.last_used_at })
        }),
        "recovery_codes": list.recovery_codes,
        "passkeys": list.passkeys.iter().map(passkey).collect::<Vec<_>>(),
    });
    session.output.result(&document, &text(&list, email_verified));
    Ok(())
}

fn passkey(passkey: &StoredPasskey) -> Value {
    json!({
        "id": passkey.id.to_string(),
        "name": passkey.name,
        "created_at": passkey.created_at,
        "last_used_at": passkey.last_used_at,
    })
}

fn text(list: &CredentialList, email_verified: bool) -> String {
    let password = list.password.as_ref();
    let password =
        password.map(|found| format!("{}, set {}", found.scheme, date(found.changed_at)));
    let totp = list.totp.as_ref().map(|totp| format!("since {}", date(totp.created_at)));
    let mut text = fields(&[
        ("e-mail", if email_verified { "verified" } else { "not verified" }.to_owned()),
        ("password", or_dash(password)),
        ("totp", or_dash(totp)),
        ("recovery codes", list.recovery_codes.to_string()),
    ]);
    if !list.passkeys.is_empty() {
        let rows: Vec<[String; 3]> = list
            .passkeys
            .iter()
            .map(|passkey| {
                let used = or_dash(passkey.last_used_at.map(date));
                [passkey.name.clone(), used, passkey.id.to_string()]
            })
            .collect();
        text.push('\n');
        text.push_str(&table(["PASSKEY", "LAST USED", "ID"], &rows));
    }
    text
}
