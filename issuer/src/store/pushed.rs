//! Pushed authorization requests (RFC 9126): kept for a minute, by the hash of their `request_uri`, and good for one code.

use super::columns::text;
use super::{Store, StoreError, answered};

impl Store {
    /// Keeps the parameters of a request.
    pub async fn push_request(
        &self,
        hash: &str,
        client_id: &str,
        parameters: &str,
        expires_at: i64,
    ) -> Result<(), StoreError> {
        self.will_expire(expires_at);
        let insert = "INSERT INTO pushed_request (hash, client_id, parameters, expires_at) VALUES ($1, $2, $3, $4)";
        answered(async {
            sqlx::query(insert)
                .bind(hash)
                .bind(client_id)
                .bind(parameters)
                .bind(expires_at)
                .execute(&self.pool)
                .await?;
            Ok(())
        })
        .await
    }

    /// The parameters of a request of this client that has not become a code.
    pub async fn pushed_request(
        &self,
        hash: &str,
        client_id: &str,
        now: i64,
    ) -> Result<Option<String>, StoreError> {
        let select = "SELECT parameters FROM pushed_request WHERE hash = $1 AND client_id = $2 AND expires_at > $3";
        answered(async {
            let row = sqlx::query(select)
                .bind(hash)
                .bind(client_id)
                .bind(now)
                .fetch_optional(&self.pool)
                .await?;
            row.map(|row| text(&row, "parameters")).transpose()
        })
        .await
    }

    /// Uses a request up, when it becomes a code: true for exactly one caller on all nodes (RFC 9126 §7.3), also among those
    /// who loaded it before. Remembered until `expires_at`.
    pub async fn use_pushed_request(
        &self,
        hash: &str,
        expires_at: i64,
    ) -> Result<bool, StoreError> {
        self.will_expire(expires_at);
        let insert = "INSERT INTO one_time_use (kind, hash, expires_at) VALUES ('pushed', $1, $2) \
             ON CONFLICT DO NOTHING";
        let delete = "DELETE FROM pushed_request WHERE hash = $1";
        answered(async {
            let mut tx = self.pool.begin().await?;
            let done = sqlx::query(insert).bind(hash).bind(expires_at).execute(&mut *tx).await?;
            sqlx::query(delete).bind(hash).execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(done.rows_affected() == 1)
        })
        .await
    }
}
