//! Moves what is sealed under an older master key to the first one. The key's fingerprint is the start of what is sealed,
//! so that the database finds the rows.

use uuid::Uuid;

use super::super::columns::bytes_text;
use super::{Store, StoreError, answered, bytes, uuid};

/// A sealed credential, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedCredential {
    /// A password hash.
    Password,
    /// A TOTP secret.
    Totp,
}

impl SealedCredential {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Password, Self::Totp];

    fn table(self) -> &'static str {
        match self {
            Self::Password => "user_password",
            Self::Totp => "user_totp",
        }
    }
}

impl Store {
    /// Users after `after` whose credential does not start with `prefix`, at most `limit`, in the order of their ids.
    pub async fn sealed_otherwise(
        &self,
        kind: SealedCredential,
        prefix: &[u8; 9],
        (after, limit): (Uuid, i64),
    ) -> Result<Vec<(Uuid, Vec<u8>)>, StoreError> {
        let select = format!(
            "SELECT user_id, sealed FROM {} WHERE user_id > $1 AND substr(sealed, 1, 12) <> $2 \
             ORDER BY user_id LIMIT $3",
            kind.table()
        );
        answered(async {
            let rows = sqlx::query(sqlx::AssertSqlSafe(select))
                .bind(after.to_string())
                .bind(bytes_text(prefix))
                .bind(limit)
                .fetch_all(&self.pool)
                .await?;
            // What cannot be decoded opens under no master key, and is reported then.
            let read = |row| Ok((uuid(row, "user_id")?, bytes(row, "sealed").unwrap_or_default()));
            rows.iter().map(read).collect()
        })
        .await
    }

    /// Replaces a sealed credential by the same one sealed anew, if it is still what the caller opened.
    pub async fn reseal_credential(
        &self,
        (kind, user_id): (SealedCredential, Uuid),
        opened: &[u8],
        sealed: &[u8],
    ) -> Result<bool, StoreError> {
        let update =
            format!("UPDATE {} SET sealed = $1 WHERE user_id = $2 AND sealed = $3", kind.table());
        answered(async {
            let done = sqlx::query(sqlx::AssertSqlSafe(update))
                .bind(bytes_text(sealed))
                .bind(user_id.to_string())
                .bind(bytes_text(opened))
                .execute(&self.pool)
                .await?;
            Ok(done.rows_affected() == 1)
        })
        .await
    }
}
