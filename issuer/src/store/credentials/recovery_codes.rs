//! Recovery codes as keyed hashes; each is consumed by deleting it.

use uuid::Uuid;

use super::super::columns::bytes_text;
use super::{Act, Store, StoreError, answered, enabled};

const REMOVE: &str = "DELETE FROM recovery_code WHERE user_id = $1";

impl Store {
    /// Replaces all recovery codes of a user.
    pub async fn replace_recovery_codes(
        &self,
        user_id: Uuid,
        digests: &[[u8; 32]],
        act: &Act,
    ) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        change.require_user(user_id).await?;
        change.on_user(REMOVE, user_id).await?;
        let insert = "INSERT INTO recovery_code (user_id, digest, created_at) VALUES ($1, $2, $3)";
        for digest in digests {
            sqlx::query(insert)
                .bind(user_id.to_string())
                .bind(bytes_text(digest))
                .bind(act.at)
                .execute(&mut *change.tx)
                .await?;
        }
        change.record_credential("user.credential.add", user_id, "recovery_codes").await?;
        change.commit().await
    }

    /// Consumes a recovery code; true for exactly one caller on all nodes.
    pub async fn use_recovery_code(
        &self,
        user_id: Uuid,
        digest: &[u8; 32],
    ) -> Result<bool, StoreError> {
        let delete = concat!(
            "DELETE FROM recovery_code WHERE user_id = $1 AND digest = $2 AND ",
            enabled!("$1")
        );
        answered(async {
            let done = sqlx::query(delete)
                .bind(user_id.to_string())
                .bind(bytes_text(digest))
                .execute(&self.pool)
                .await?;
            Ok(done.rows_affected() == 1)
        })
        .await
    }

    /// Removes all recovery codes of a user.
    pub async fn remove_recovery_codes(&self, user_id: Uuid, act: &Act) -> Result<(), StoreError> {
        self.remove_of_user((REMOVE, "recovery-codes"), user_id, act).await
    }
}
