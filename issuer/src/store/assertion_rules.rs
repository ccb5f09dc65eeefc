//! Whom clients may assert: rows beside those of the client, read and written with it.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::columns::{corrupt, flag, list, list_text, number, text};
use super::{Change, StoreError};
use crate::registry::{AssertionRule, Client, Whom};

/// The rules of the clients that changed after a generation, or of the one that is named.
pub(super) async fn load(
    connection: &mut AnyConnection,
    after: i64,
    id: &str,
) -> Result<Vec<AnyRow>, StoreError> {
    let select = "SELECT r.client_id, r.whom, r.name, r.resource, r.scopes, r.lifetime, r.reason_required \
         FROM client_assertion_rule r JOIN client c ON c.id = r.client_id \
         WHERE c.generation > $1 AND ($2 = '' OR c.id = $2) ORDER BY r.resource, r.whom, r.name";
    Ok(sqlx::query(select).bind(after).bind(id).fetch_all(connection).await?)
}

pub(super) fn rule_row(row: &AnyRow) -> Result<AssertionRule, StoreError> {
    let whom = Whom::from_parts(&text(row, "whom")?, &text(row, "name")?);
    let lifetime = u32::try_from(number(row, "lifetime")?);
    Ok(AssertionRule {
        whom: whom.ok_or_else(|| corrupt("whom", &"it names nobody"))?,
        resource: text(row, "resource")?,
        scopes: list(row, "scopes")?,
        lifetime: lifetime.map_err(|error| corrupt("lifetime", &error))?,
        reason_required: flag(row, "reason_required")?,
    })
}

impl Change<'_> {
    /// Writes the rules of a client, and forgets those it had.
    pub(super) async fn replace_assertion_rules(
        &mut self,
        client: &Client,
    ) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM client_assertion_rule WHERE client_id = $1")
            .bind(client.id.as_str())
            .execute(&mut *self.tx)
            .await?;
        for rule in &client.assertion_rules {
            let (whom, name) = rule.whom.parts();
            let insert = "INSERT INTO client_assertion_rule \
                 (client_id, whom, name, resource, scopes, lifetime, reason_required) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)";
            sqlx::query(insert)
                .bind(client.id.as_str())
                .bind(whom)
                .bind(name)
                .bind(rule.resource.as_str())
                .bind(list_text(&rule.scopes))
                .bind(i64::from(rule.lifetime))
                .bind(i64::from(rule.reason_required))
                .execute(&mut *self.tx)
                .await?;
        }
        Ok(())
    }

    /// Forgets the rules for a resource that goes. Nodes that still have them refuse the resource.
    pub(super) async fn delete_assertion_rules_for(
        &mut self,
        resource: &str,
    ) -> Result<(), StoreError> {
        let touch = "UPDATE client SET generation = $1 WHERE id IN \
             (SELECT client_id FROM client_assertion_rule WHERE resource = $2)";
        sqlx::query(touch).bind(self.generation).bind(resource).execute(&mut *self.tx).await?;
        sqlx::query("DELETE FROM client_assertion_rule WHERE resource = $1")
            .bind(resource)
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }
}
