//! Passkey ceremonies are finished once; what has expired is removed in small batches, over an index.

use super::super::columns::bytes_text;
use super::{Store, StoreError, answered};

/// Counts of guesses that nobody added to for this long decide nothing.
const GUESSES_KEPT_SECONDS: i64 = 7 * 86_400;

impl Store {
    /// Consumes a ceremony; true for exactly one caller on all nodes. The record is kept until `expires_at` (Unix
    /// seconds), when the ceremony is refused by its own date.
    pub async fn consume_ceremony(
        &self,
        digest: &[u8; 32],
        expires_at: i64,
    ) -> Result<bool, StoreError> {
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

    /// Removes what expired before `now` (Unix seconds), at most `limit` of each kind, and says how many.
    pub async fn sweep_credentials(&self, now: i64, limit: i64) -> Result<u64, StoreError> {
        let ceremonies = "DELETE FROM ceremony_use WHERE digest IN \
             (SELECT digest FROM ceremony_use WHERE expires_at < $1 LIMIT $2)";
        let links = "DELETE FROM one_time_link WHERE digest IN \
             (SELECT digest FROM one_time_link WHERE expires_at < $1 LIMIT $2)";
        let guesses = "DELETE FROM guess_count WHERE (user_id, lane) IN \
             (SELECT user_id, lane FROM guess_count WHERE last_at < $1 LIMIT $2)";
        let registrations = "DELETE FROM registration WHERE digest IN \
             (SELECT digest FROM registration WHERE expires_at < $1 LIMIT $2)";
        let batches = [
            (ceremonies, now),
            (links, now),
            (registrations, now),
            (guesses, now - GUESSES_KEPT_SECONDS),
        ];
        let mut swept = 0;
        for (delete, before) in batches {
            swept += answered(async {
                let query = sqlx::query(delete).bind(before).bind(limit);
                Ok(query.execute(&self.pool).await?.rows_affected())
            })
            .await?;
        }
        Ok(swept)
    }
}
