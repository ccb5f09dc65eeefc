//! What users granted to clients (OpenID Connect Core §3.1.2.4), as they see it, and how they take it back.

use serde_json::json;
use uuid::Uuid;

use super::columns::{list, number, text};
use super::{Act, Change, Store, StoreError, answered};
use crate::revocation::Revoked;

/// What a user granted to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// To whom.
    pub client_id: String,
    /// What.
    pub scopes: Vec<String>,
    /// Unix seconds.
    pub granted_at: i64,
}

impl Store {
    /// The consents of a user, the newest first.
    pub async fn consents_of(&self, user_id: Uuid) -> Result<Vec<Consent>, StoreError> {
        let select = "SELECT client_id, scopes, granted_at FROM consent WHERE user_id = $1 \
             ORDER BY granted_at DESC, client_id";
        answered(async {
            let rows = sqlx::query(select).bind(user_id.to_string()).fetch_all(&self.pool).await?;
            let consent = |row| {
                Ok(Consent {
                    client_id: text(row, "client_id")?,
                    scopes: list(row, "scopes")?,
                    granted_at: number(row, "granted_at")?,
                })
            };
            rows.iter().map(consent).collect()
        })
        .await
    }

    /// Withdraws a consent, and revokes what follows from it.
    pub async fn withdraw_consent(
        &self,
        user_id: Uuid,
        client_id: &str,
        act: &Act,
    ) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        if change.take_back(user_id, client_id).await? == 0 {
            return Err(StoreError::not_found("consent", client_id));
        }
        let detail = json!({ "client_id": client_id });
        change.record("user.consent.withdraw", &user_id.to_string(), &detail).await?;
        change.commit().await
    }
}

impl Change<'_> {
    /// Takes back what a user gave to a client; returns how much there was.
    pub(super) async fn take_back(
        &mut self,
        user_id: Uuid,
        client_id: &str,
    ) -> Result<u64, StoreError> {
        let revoke = "UPDATE refresh_family SET revoked_at = $3 WHERE user_id = $1 AND client_id = $2 \
             AND revoked_at IS NULL";
        let delete =
            "DELETE FROM consent WHERE user_id = $1 AND client_id = $2 AND granted_at <= $3";
        let mut taken = 0;
        for statement in [revoke, delete] {
            let done = sqlx::query(statement)
                .bind(user_id.to_string())
                .bind(client_id)
                .bind(self.act.at)
                .execute(&mut *self.tx)
                .await?;
            taken += done.rows_affected();
        }
        let client_id = client_id.to_owned();
        self.revoke(Revoked::UserAtClient { user_id, client_id, scope: None });
        Ok(taken)
    }
}
