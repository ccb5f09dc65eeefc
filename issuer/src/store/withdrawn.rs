//! Keys that were withdrawn in an emergency: gone from the ring at once, and never let in again. Whoever withdraws a
//! key may have lost it to somebody else; a kid is the thumbprint of its key, so it is the same key whatever its file.

use countersign_keys::Kid;
use serde_json::json;

use super::{Change, StoreError};
use crate::revocation::Revoked;

impl Change<'_> {
    /// Removes keys, and remembers that they were withdrawn.
    pub(super) async fn withdraw_keys(&mut self, kids: &[Kid]) -> Result<(), StoreError> {
        for kid in kids {
            sqlx::query("DELETE FROM signing_key WHERE kid = $1")
                .bind(kid.as_ref())
                .execute(&mut *self.tx)
                .await?;
            let remember = "INSERT INTO withdrawn_key (kid, withdrawn_at) VALUES ($1, $2) \
                 ON CONFLICT DO NOTHING";
            sqlx::query(remember)
                .bind(kid.as_ref())
                .bind(self.act.at)
                .execute(&mut *self.tx)
                .await?;
            self.revoke(Revoked::Key(*kid));
            self.record("key.withdraw", kid, &json!({})).await?;
        }
        Ok(())
    }

    /// Refuses a key that was withdrawn. Writers are in a row, so a withdrawal cannot come in between.
    pub(super) async fn require_not_withdrawn(&mut self, kid: &Kid) -> Result<(), StoreError> {
        let select = "SELECT withdrawn_at FROM withdrawn_key WHERE kid = $1";
        let withdrawn: Option<i64> =
            sqlx::query_scalar(select).bind(kid.as_ref()).fetch_optional(&mut *self.tx).await?;
        match withdrawn {
            None => Ok(()),
            Some(at) => Err(StoreError::Withdrawn { kid: kid.to_string(), at }),
        }
    }
}
