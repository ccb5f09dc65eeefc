//! Passkey ceremonies are finished once.

use super::super::columns::bytes_text;
use super::{Store, StoreError, answered};

impl Store {
    /// Consumes a ceremony; true for exactly one caller on all nodes. The record is kept until `expires_at` (Unix
    /// seconds), when the ceremony is refused by its own date.
    pub async fn consume_ceremony(
        &self,
        digest: &[u8; 32],
        expires_at: i64,
    ) -> Result<bool, StoreError> {
        self.will_expire(expires_at);
        let insert =
            "INSERT INTO ceremony_use (digest, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        answered(async {
            let done = sqlx::query(insert)
                .bind(bytes_text(digest))
                .bind(expires_at)
                .execute(&self.pool)
                .await?;
            Ok(done.rows_affected() == 1)
        })
        .await
    }
}
