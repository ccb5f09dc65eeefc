//! Removes what has expired of sessions and of what was given in them, in small batches, over an index.

use super::{Store, StoreError, answered};

/// One statement a table. The participants of a session go with it.
const DELETES: [&str; 5] = [
    "DELETE FROM one_time_use WHERE (kind, hash) IN \
         (SELECT kind, hash FROM one_time_use WHERE expires_at < $1 LIMIT $2)",
    "DELETE FROM pushed_request WHERE hash IN \
         (SELECT hash FROM pushed_request WHERE expires_at < $1 LIMIT $2)",
    "DELETE FROM device_authorization WHERE id IN \
         (SELECT id FROM device_authorization WHERE expires_at < $1 LIMIT $2)",
    "DELETE FROM refresh_family WHERE id IN \
         (SELECT id FROM refresh_family WHERE expires_at < $1 LIMIT $2)",
    "DELETE FROM session WHERE id IN (SELECT id FROM session WHERE expires_at < $1 LIMIT $2)",
];

impl Store {
    /// Removes rows that expired before `now` (Unix seconds), at most `limit` of each kind, and says how many.
    pub async fn sweep_sign_ins(&self, now: i64, limit: i64) -> Result<u64, StoreError> {
        let mut swept = 0;
        for delete in DELETES {
            swept += answered(async {
                let done = sqlx::query(delete).bind(now).bind(limit).execute(&self.pool).await?;
                Ok(done.rows_affected())
            })
            .await?;
        }
        Ok(swept)
    }
}
