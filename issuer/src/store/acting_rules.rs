//! For whom clients may act: rows beside those of the client, read and written with it.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::columns::{corrupt, flag, list, list_text, text};
use super::{Change, StoreError};
use crate::protocol::Identity;
use crate::registry::{ActingRule, Client, Semantics};

/// The rules of the clients that changed after a generation, or of the one that is named.
pub(super) async fn load(
    connection: &mut AnyConnection,
    after: i64,
    id: &str,
) -> Result<Vec<AnyRow>, StoreError> {
    let select = "SELECT r.client_id, r.audience, r.resource, r.needs, r.scopes, r.identities, r.impersonation \
         FROM client_acting_rule r JOIN client c ON c.id = r.client_id \
         WHERE c.generation > $1 AND ($2 = '' OR c.id = $2) ORDER BY r.audience, r.resource, r.needs";
    Ok(sqlx::query(select).bind(after).bind(id).fetch_all(connection).await?)
}

pub(super) fn rule_row(row: &AnyRow) -> Result<ActingRule, StoreError> {
    let needs = text(row, "needs")?;
    let identity = |idtyp: &String| {
        Identity::from_idtyp(idtyp).ok_or_else(|| corrupt("identities", &"it has an unknown kind"))
    };
    Ok(ActingRule {
        audience: text(row, "audience")?,
        resource: text(row, "resource")?,
        needs: (!needs.is_empty()).then_some(needs),
        scopes: list(row, "scopes")?,
        identities: list(row, "identities")?.iter().map(identity).collect::<Result<_, _>>()?,
        semantics: if flag(row, "impersonation")? {
            Semantics::Impersonation
        } else {
            Semantics::Delegation
        },
    })
}

impl Change<'_> {
    /// Writes the rules of a client, and forgets those it had.
    pub(super) async fn replace_acting_rules(&mut self, client: &Client) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM client_acting_rule WHERE client_id = $1")
            .bind(client.id.as_str())
            .execute(&mut *self.tx)
            .await?;
        for rule in &client.acting_rules {
            let insert = "INSERT INTO client_acting_rule \
                 (client_id, audience, resource, needs, scopes, identities, impersonation) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)";
            let identities: Vec<String> =
                rule.identities.iter().map(|identity| identity.idtyp().to_owned()).collect();
            sqlx::query(insert)
                .bind(client.id.as_str())
                .bind(rule.audience.as_str())
                .bind(rule.resource.as_str())
                .bind(rule.needs.as_deref().unwrap_or_default())
                .bind(list_text(&rule.scopes))
                .bind(list_text(&identities))
                .bind(i64::from(rule.semantics == Semantics::Impersonation))
                .execute(&mut *self.tx)
                .await?;
        }
        Ok(())
    }

    /// Forgets the rules from and to a resource that goes. Nodes that still have them refuse the resource.
    pub(super) async fn delete_acting_rules_for(
        &mut self,
        resource: &str,
    ) -> Result<(), StoreError> {
        let touch = "UPDATE client SET generation = $1 WHERE id IN \
             (SELECT client_id FROM client_acting_rule WHERE resource = $2 OR audience = $2)";
        sqlx::query(touch).bind(self.generation).bind(resource).execute(&mut *self.tx).await?;
        sqlx::query("DELETE FROM client_acting_rule WHERE resource = $1 OR audience = $1")
            .bind(resource)
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }
}
