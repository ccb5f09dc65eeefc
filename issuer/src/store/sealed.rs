//! Secrets of the issuer itself, sealed under the master key: made once, by whichever node is first.

use sqlx::Row as _;

use super::columns::{bytes, bytes_text};
use super::{Store, StoreError};

impl Store {
    /// The sealed secret with this name; `fresh` becomes it if there is none, and then every node gets the same one.
    pub async fn load_or_create_sealed_secret(
        &self,
        name: &str,
        fresh: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        if let Some(sealed) = self.sealed_secret(name).await? {
            return Ok(sealed);
        }
        sqlx::query(
            "INSERT INTO sealed_secret (name, sealed) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        )
        .bind(name)
        .bind(bytes_text(fresh))
        .execute(&self.pool)
        .await?;
        let sealed = self.sealed_secret(name).await?;
        sealed.ok_or_else(|| StoreError::Corrupt(format!("the sealed secret {name} vanished")))
    }

    /// Replaces a sealed secret by the same one sealed anew, if it is still what the caller opened.
    pub async fn reseal_secret(
        &self,
        name: &str,
        opened: &[u8],
        sealed: &[u8],
    ) -> Result<bool, StoreError> {
        let done =
            sqlx::query("UPDATE sealed_secret SET sealed = $1 WHERE name = $2 AND sealed = $3")
                .bind(bytes_text(sealed))
                .bind(name)
                .bind(bytes_text(opened))
                .execute(&self.pool)
                .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Whether anything here needs a master key, so that none may be made up.
    pub async fn holds_sealed_rows(&self) -> Result<bool, StoreError> {
        let count =
            "SELECT (SELECT COUNT(*) FROM signing_key) + (SELECT COUNT(*) FROM sealed_secret)";
        let row = sqlx::query(count).fetch_one(&self.pool).await?;
        Ok(row.try_get::<i64, _>(0)? > 0)
    }

    async fn sealed_secret(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let row = sqlx::query("SELECT sealed FROM sealed_secret WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.pool)
            .await?;
        // What cannot be decoded opens under no master key, and is reported then.
        Ok(row.map(|row| bytes(&row, "sealed").unwrap_or_default()))
    }
}
