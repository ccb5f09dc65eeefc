//! Sign-outs that a person asks for on the account page. They end sessions as `sessions` does, and are recorded as changes of
//! that person. The caller tells the clients.

use serde_json::json;
use uuid::Uuid;

use super::sessions::{end, end_all};
use super::{Act, Change, EndedSession, Store, StoreError};

impl Store {
    /// Ends one session of a user.
    pub async fn end_own_session(
        &self,
        (user_id, id): (Uuid, Uuid),
        act: &Act,
    ) -> Result<EndedSession, StoreError> {
        let mut change = self.begin(act).await?;
        let select = "SELECT id FROM session WHERE id = $1 AND user_id = $2";
        let found = sqlx::query(select)
            .bind(id.to_string())
            .bind(user_id.to_string())
            .fetch_optional(&mut *change.tx)
            .await?;
        let ended = match found {
            Some(_) => end(&mut change.tx, id, act.at).await?,
            None => None,
        };
        let ended = ended.ok_or_else(|| StoreError::not_found("session", &id.to_string()))?;
        let detail = json!({ "session_id": id.to_string() });
        change.record("user.session.end", &user_id.to_string(), &detail).await?;
        change.commit().await?;
        Ok(ended)
    }

    /// Ends all sessions of a user, and revokes whatever was given to clients.
    pub async fn sign_out_everywhere(
        &self,
        user_id: Uuid,
        act: &Act,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let mut change = self.begin(act).await?;
        let ended = end_all(&mut change.tx, user_id, act.at).await?;
        let detail = json!({ "sessions": ended.len() });
        change.record("user.sign_out", &user_id.to_string(), &detail).await?;
        change.commit().await?;
        Ok(ended)
    }
}

impl Change<'_> {
    /// Ends the sessions of a user but one, and revokes whatever was given to clients, in that one too.
    pub(super) async fn end_other_sessions(
        &mut self,
        user_id: Uuid,
        kept: Uuid,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let select = "SELECT id FROM session WHERE user_id = $1 AND id <> $2";
        let rows: Vec<String> = sqlx::query_scalar(select).bind(user_id.to_string()).bind(kept.to_string()).fetch_all(&mut *self.tx).await?;
        let mut ended = Vec::new();
        for row in rows { ended.extend(end(&mut self.tx, Uuid::parse_str(&row).unwrap_or_default(), self.act.at).await?); }
        let revoke =
            "UPDATE refresh_family SET revoked_at = $1 WHERE user_id = $2 AND revoked_at IS NULL";
        sqlx::query(revoke)
            .bind(self.act.at)
            .bind(user_id.to_string())
            .execute(&mut *self.tx)
            .await?;
        Ok(ended)
    }
}
