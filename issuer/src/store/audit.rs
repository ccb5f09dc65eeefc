//! The audit log of changes: appended in the transaction of the change, never altered (triggers refuse it).
//! Issued and refused tokens are in the file of `crate::audit`, because no token writes a row.

use serde_json::Value;
use sqlx::any::AnyRow;

use super::columns::{number, text};
use super::{Change, Store, StoreError};

/// One change as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// The change, in the order of all changes.
    pub generation: i64,
    /// Unix seconds.
    pub at: i64,
    /// Who did it.
    pub actor: String,
    /// What was done, such as `client.create`.
    pub action: String,
    /// To which object.
    pub object: String,
    /// The new values; never a secret.
    pub detail: Value,
}

impl Change<'_> {
    pub(super) async fn record(
        &mut self,
        action: &str,
        object: &str,
        detail: &Value,
    ) -> Result<(), StoreError> {
        let insert = "INSERT INTO audit_event (generation, ordinal, at, actor, action, object, detail) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)";
        sqlx::query(insert)
            .bind(self.generation)
            .bind(self.recorded)
            .bind(self.act.at)
            .bind(self.act.actor.to_string())
            .bind(action)
            .bind(object)
            .bind(self.with_reason(detail).to_string())
            .execute(&mut *self.tx)
            .await?;
        self.recorded += 1;
        Ok(())
    }

    fn with_reason(&self, detail: &Value) -> Value {
        let mut detail = detail.clone();
        if let (Some(reason), Value::Object(members)) = (&self.act.reason, &mut detail) {
            members.insert("reason".to_owned(), reason.as_str().into());
        }
        detail
    }
}

impl Store {
    /// The newest changes first, at most `limit`.
    pub async fn audit_events(&self, limit: u32) -> Result<Vec<AuditRecord>, StoreError> {
        let select = "SELECT generation, at, actor, action, object, detail FROM audit_event \
             ORDER BY generation DESC, ordinal DESC LIMIT $1";
        let rows = sqlx::query(select).bind(i64::from(limit)).fetch_all(&self.pool).await?;
        rows.iter().map(record_row).collect()
    }
}

pub(super) fn record_row(row: &AnyRow) -> Result<AuditRecord, StoreError> {
    Ok(AuditRecord {
        generation: number(row, "generation")?,
        at: number(row, "at")?,
        actor: text(row, "actor")?,
        action: text(row, "action")?,
        object: text(row, "object")?,
        detail: text(row, "detail")?.parse().unwrap_or_default(),
    })
}
