//! Client assertions are accepted once (RFC 7523 §3, RFC 7519 §4.1.7): one conditional statement decides.

use super::columns::bytes_text;
use super::{Store, StoreError, answered};
use crate::registry::ClientId;

impl Store {
    /// Consumes the `jti` of a client's assertion; true for exactly one caller on all nodes. The record is kept until
    /// `expires_at` (Unix seconds), when the assertion is refused by its `exp`.
    pub async fn consume_assertion_jti(
        &self,
        client_id: &ClientId,
        jti_hash: &[u8],
        expires_at: i64,
    ) -> Result<bool, StoreError> {
        let insert = "INSERT INTO assertion_use (client_id, jti_hash, expires_at) \
             VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        answered(async {
            let done = sqlx::query(insert)
                .bind(client_id.as_str())
                .bind(bytes_text(jti_hash))
                .bind(expires_at)
                .execute(&self.pool)
                .await?;
            Ok(done.rows_affected() == 1)
        })
        .await
    }

    /// Removes records that expired before `now` (Unix seconds), at most `limit`, and says how many.
    pub async fn sweep_expired(&self, now: i64, limit: i64) -> Result<u64, StoreError> {
        let delete = "DELETE FROM assertion_use WHERE (client_id, jti_hash) IN \
             (SELECT client_id, jti_hash FROM assertion_use WHERE expires_at < $1 LIMIT $2)";
        answered(async {
            let done = sqlx::query(delete).bind(now).bind(limit).execute(&self.pool).await?;
            Ok(done.rows_affected())
        })
        .await
    }
}
