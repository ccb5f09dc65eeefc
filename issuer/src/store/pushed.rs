//! Pushed authorization requests (RFC 9126): kept for a minute, by the hash of their `request_uri`, taken once.

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

    /// Takes the parameters of a request of this client: some for exactly one caller on all nodes (RFC 9126 §7.3).
    pub async fn take_pushed_request(
        &self,
        hash: &str,
        client_id: &str,
        now: i64,
    ) -> Result<Option<String>, StoreError> {
        let delete = "DELETE FROM pushed_request WHERE hash = $1 AND client_id = $2 AND expires_at > $3 \
             RETURNING parameters";
        answered(async {
            let row = sqlx::query(delete)
                .bind(hash)
                .bind(client_id)
                .bind(now)
                .fetch_optional(&self.pool)
                .await?;
            row.map(|row| text(&row, "parameters")).transpose()
        })
        .await
    }
}
