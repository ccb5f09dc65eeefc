//! The secrets of clients, as keyed hashes: at most two in force, so that one can be changed without a pause.

use serde_json::json;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::columns::{bytes, bytes_text, corrupt, number, optional_number, text};
use super::{Act, Change, Store, StoreError, answered};
use crate::registry::{ClientId, MAX_LIVE_SECRETS, StoredSecret};

/// A use of a secret, written in batches.
#[derive(Clone, Debug)]
pub struct SecretUse {
    /// The client.
    pub client_id: ClientId,
    /// Which of its secrets.
    pub secret_id: String,
    /// Unix seconds.
    pub used_at: i64,
}

impl Store {
    /// Adds a secret. Expired ones are removed; a third one in force is a conflict.
    pub async fn add_secret(
        &self,
        id: &ClientId,
        secret: &StoredSecret,
        act: &Act,
    ) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        let client = change.client(id).await?;
        if !client.auth.uses_secret() {
            let problem = format!(
                "client `{id}` authenticates with {}, not with a secret",
                client.auth.name()
            );
            return Err(StoreError::Conflict(problem));
        }
        let (live, expired): (Vec<_>, Vec<_>) =
            client.secrets.iter().partition(|known| known.is_live(act.at));
        if live.len() >= MAX_LIVE_SECRETS {
            let ids: Vec<&str> = live.iter().map(|known| known.id.as_str()).collect();
            let problem = format!(
                "client `{id}` has two secrets in force ({}); remove one first with `countersign client secret remove {id} SECRET_ID`",
                ids.join(", ")
            );
            return Err(StoreError::Conflict(problem));
        }
        for known in expired {
            change.delete_secret(id, &known.id).await?;
        }
        change.insert_secret(id, secret).await?;
        change.touch_client(id.as_str()).await?;
        let detail = json!({ "secret_id": secret.id, "expires_at": secret.expires_at });
        change.record("client.secret.add", id.as_str(), &detail).await?;
        change.commit().await
    }

    /// Removes a secret; it is refused on every node within a second.
    pub async fn remove_secret(
        &self,
        id: &ClientId,
        secret_id: &str,
        act: &Act,
    ) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        let client = change.client(id).await?;
        if !client.secrets.iter().any(|known| known.id == secret_id) {
            return Err(StoreError::not_found("secret", secret_id));
        }
        change.delete_secret(id, secret_id).await?;
        change.touch_client(id.as_str()).await?;
        let detail = json!({ "secret_id": secret_id });
        change.record("client.secret.remove", id.as_str(), &detail).await?;
        change.commit().await
    }

    /// Notes when secrets were last used. No node needs to follow this, so it takes no generation.
    pub async fn record_secret_use(&self, uses: &[SecretUse]) -> Result<(), StoreError> {
        // Always in the same order, so that two nodes never wait for each other.
        let mut uses: Vec<&SecretUse> = uses.iter().collect();
        uses.sort_by(|a, b| (&a.client_id, &a.secret_id).cmp(&(&b.client_id, &b.secret_id)));
        answered(async {
            let mut tx = self.pool.begin().await?;
            let update = "UPDATE client_secret SET last_used_at = $1 \
                 WHERE client_id = $2 AND id = $3 AND (last_used_at IS NULL OR last_used_at < $1)";
            for noted in uses {
                sqlx::query(update)
                    .bind(noted.used_at)
                    .bind(noted.client_id.as_str())
                    .bind(noted.secret_id.as_str())
                    .execute(&mut *tx)
                    .await?;
            }
            Ok(tx.commit().await?)
        })
        .await
    }
}

impl Change<'_> {
    pub(super) async fn insert_secret(
        &mut self,
        id: &ClientId,
        secret: &StoredSecret,
    ) -> Result<(), StoreError> {
        let insert = "INSERT INTO client_secret (client_id, id, digest, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5)";
        sqlx::query(insert)
            .bind(id.as_str())
            .bind(secret.id.as_str())
            .bind(bytes_text(&secret.digest))
            .bind(secret.created_at)
            .bind(secret.expires_at)
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }

    async fn delete_secret(&mut self, id: &ClientId, secret_id: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM client_secret WHERE client_id = $1 AND id = $2")
            .bind(id.as_str())
            .bind(secret_id)
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }
}

/// The rows of the secrets of the clients changed after a generation, or of one, oldest first.
pub(super) async fn load(
    connection: &mut AnyConnection,
    after: i64,
    id: &str,
) -> Result<Vec<AnyRow>, StoreError> {
    let select = "SELECT s.client_id, s.id, s.digest, s.created_at, s.expires_at, s.last_used_at \
         FROM client_secret s JOIN client c ON c.id = s.client_id \
         WHERE c.generation > $1 AND ($2 = '' OR c.id = $2) ORDER BY s.created_at, s.id";
    Ok(sqlx::query(select).bind(after).bind(id).fetch_all(connection).await?)
}

pub(super) fn secret_row(row: &AnyRow) -> Result<StoredSecret, StoreError> {
    let digest = bytes(row, "digest")?;
    Ok(StoredSecret {
        id: text(row, "id")?,
        digest: digest.try_into().map_err(|_| corrupt("digest", &"not 32 bytes"))?,
        created_at: number(row, "created_at")?,
        expires_at: optional_number(row, "expires_at")?,
        last_used_at: optional_number(row, "last_used_at")?,
    })
}
