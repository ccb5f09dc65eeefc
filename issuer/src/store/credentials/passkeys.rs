//! Passkeys, and the counters by which a copied one is noticed (WebAuthn §6.1.1).

use serde_json::{Value, json};
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::super::columns::{bytes_text, corrupt};
use super::{
    Act, Change, Store, StoreError, answered, bytes, enabled, number, optional_number, text, uuid,
};
use crate::credentials::StoredPasskey;
use crate::signals::{ChangeType, CredentialType, Signal};

/// More passkeys than this a user does not need.
const MAX_PASSKEYS: i64 = 32;

const COLUMNS: &str = "id, credential_id, user_id, name, credential, sign_count, created_at, \
     last_used_at";

impl Store {
    /// Adds a passkey. One that is known already, to whomever, is a conflict (WebAuthn §7.1 step 26).
    pub async fn add_passkey(&self, passkey: &StoredPasskey, act: &Act) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        change.require_user(passkey.user_id).await?;
        let count = "SELECT COUNT(*) FROM passkey WHERE user_id = $1";
        let known: i64 = sqlx::query_scalar(count)
            .bind(passkey.user_id.to_string())
            .fetch_one(&mut *change.tx)
            .await?;
        if known >= MAX_PASSKEYS {
            return Err(StoreError::Conflict(format!("the user has {known} passkeys already")));
        }
        let insert = "INSERT INTO passkey (id, credential_id, user_id, name, credential, sign_count, \
             created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
        sqlx::query(insert)
            .bind(passkey.id.to_string())
            .bind(bytes_text(&passkey.credential_id))
            .bind(passkey.user_id.to_string())
            .bind(passkey.name.as_str())
            .bind(passkey.credential.as_str())
            .bind(i64::from(passkey.sign_count))
            .bind(passkey.created_at)
            .execute(&mut *change.tx)
            .await
            .map_err(|error| match StoreError::from(error) {
                StoreError::Conflict(_) => {
                    StoreError::Conflict("this passkey is registered already".to_owned())
                }
                other => other,
            })?;
        let credential = passkey_type(&passkey.credential);
        let signal = Signal::CredentialChange { credential, change: ChangeType::Create };
        change.signal(passkey.user_id, signal).await?;
        let detail = json!({ "credential": "passkey", "passkey_id": passkey.id.to_string() });
        change.record("user.credential.add", &passkey.user_id.to_string(), &detail).await?;
        change.commit().await
    }

    /// The passkeys of a user, oldest first.
    pub async fn passkeys(&self, user_id: Uuid) -> Result<Vec<StoredPasskey>, StoreError> {
        load(self, user_id).await
    }

    /// The passkey with an authenticator's credential id.
    pub async fn passkey(&self, credential_id: &[u8]) -> Result<Option<StoredPasskey>, StoreError> {
        let select = format!("SELECT {COLUMNS} FROM passkey WHERE credential_id = $1");
        answered(async {
            let row = sqlx::query(sqlx::AssertSqlSafe(select))
                .bind(bytes_text(credential_id))
                .fetch_optional(&self.pool)
                .await?;
            row.as_ref().map(passkey_row).transpose()
        })
        .await
    }

    /// Notes a use of a passkey. False when the counter did not grow, as WebAuthn §7.2 step 22 wants of one that
    /// counts, or when the passkey or its user is gone.
    pub async fn use_passkey(&self, used: &StoredPasskey, now: i64) -> Result<bool, StoreError> {
        let update = concat!(
            "UPDATE passkey SET credential = $1, sign_count = $2, last_used_at = $3 \
             WHERE id = $4 AND (sign_count < $2 OR (sign_count = 0 AND $2 = 0)) AND ",
            enabled!("passkey.user_id")
        );
        answered(async {
            let done = sqlx::query(update)
                .bind(used.credential.as_str())
                .bind(i64::from(used.sign_count))
                .bind(now)
                .bind(used.id.to_string())
                .execute(&self.pool)
                .await?;
            Ok(done.rows_affected() == 1)
        })
        .await
    }

    /// Gives a passkey of a user another name.
    pub async fn rename_passkey(
        &self,
        (user_id, id): (Uuid, Uuid),
        name: &str,
        act: &Act,
    ) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        let done = sqlx::query("UPDATE passkey SET name = $1 WHERE id = $2 AND user_id = $3")
            .bind(name)
            .bind(id.to_string())
            .bind(user_id.to_string())
            .execute(&mut *change.tx)
            .await?;
        if done.rows_affected() == 0 {
            return Err(StoreError::not_found("passkey", &id.to_string()));
        }
        let detail = json!({ "credential": "passkey", "passkey_id": id.to_string() });
        change.record("user.credential.rename", &user_id.to_string(), &detail).await?;
        change.commit().await
    }

    /// Removes a passkey of a user, on the word of an administrator.
    pub async fn remove_passkey(
        &self,
        user_id: Uuid,
        id: Uuid,
        act: &Act,
    ) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        change.remove_passkey(user_id, id).await?;
        change.commit().await
    }

    /// Removes a passkey on the word of its user; a conflict if nothing else is left to sign in with. Writers are in a row,
    /// so that two of two cannot go at once.
    pub async fn remove_own_passkey(
        &self,
        user_id: Uuid,
        id: Uuid,
        act: &Act,
    ) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        change.remove_passkey(user_id, id).await?;
        let left = "SELECT (SELECT COUNT(*) FROM passkey WHERE user_id = $1) \
             + (SELECT COUNT(*) FROM user_password WHERE user_id = $1)";
        let left: i64 =
            sqlx::query_scalar(left).bind(user_id.to_string()).fetch_one(&mut *change.tx).await?;
        if left == 0 {
            return Err(StoreError::Conflict("it is the last way to sign in".to_owned()));
        }
        change.commit().await
    }
}

impl Change<'_> {
    async fn remove_passkey(&mut self, user_id: Uuid, id: Uuid) -> Result<(), StoreError> {
        let delete = "DELETE FROM passkey WHERE id = $1 AND user_id = $2 RETURNING credential";
        let query = sqlx::query(delete).bind(id.to_string()).bind(user_id.to_string());
        let row = query.fetch_optional(&mut *self.tx).await?;
        let row = row.ok_or_else(|| StoreError::not_found("passkey", &id.to_string()))?;
        self.signal_removed(user_id, passkey_type(&text(&row, "credential")?)).await?;
        let detail = json!({ "credential": "passkey", "passkey_id": id.to_string() });
        self.record("user.credential.remove", &user_id.to_string(), &detail).await
    }
}

/// Whether it stays in the device that made it (WebAuthn §5.8.4), as `webauthn-rs` wrote it down.
fn passkey_type(credential: &str) -> CredentialType {
    let credential: Value = serde_json::from_str(credential).unwrap_or_default();
    let transports = credential.pointer("/cred/transports").and_then(Value::as_array);
    let is_internal = |transport: &Value| transport == "internal";
    match transports {
        Some(transports) if transports.iter().any(is_internal) => CredentialType::Platform,
        _ => CredentialType::Roaming,
    }
}

pub(super) async fn load(store: &Store, user_id: Uuid) -> Result<Vec<StoredPasskey>, StoreError> {
    let select =
        format!("SELECT {COLUMNS} FROM passkey WHERE user_id = $1 ORDER BY created_at, id");
    answered(async {
        let rows = sqlx::query(sqlx::AssertSqlSafe(select))
            .bind(user_id.to_string())
            .fetch_all(&store.pool)
            .await?;
        rows.iter().map(passkey_row).collect()
    })
    .await
}

fn passkey_row(row: &AnyRow) -> Result<StoredPasskey, StoreError> {
    let sign_count = number(row, "sign_count")?;
    Ok(StoredPasskey {
        id: uuid(row, "id")?,
        credential_id: bytes(row, "credential_id")?,
        user_id: uuid(row, "user_id")?,
        name: text(row, "name")?,
        credential: text(row, "credential")?,
        sign_count: u32::try_from(sign_count).map_err(|error| corrupt("sign_count", &error))?,
        created_at: number(row, "created_at")?,
        last_used_at: optional_number(row, "last_used_at")?,
    })
}
