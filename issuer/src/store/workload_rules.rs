//! Which workloads are clients: rows beside those of the client, read and written with it.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::columns::{corrupt, list, list_text, text};
use super::{Change, StoreError};
use crate::registry::{Client, RequiredClaim, SubjectPattern, WorkloadRule};

/// The rules of the clients that changed after a generation, or of the one that is named.
pub(super) async fn load(
    connection: &mut AnyConnection,
    after: i64,
    id: &str,
) -> Result<Vec<AnyRow>, StoreError> {
    let select = "SELECT r.client_id, r.issuer, r.subject, r.claims \
         FROM client_workload_rule r JOIN client c ON c.id = r.client_id \
         WHERE c.generation > $1 AND ($2 = '' OR c.id = $2) ORDER BY r.issuer, r.subject, r.claims";
    Ok(sqlx::query(select).bind(after).bind(id).fetch_all(connection).await?)
}

pub(super) fn rule_row(row: &AnyRow) -> Result<WorkloadRule, StoreError> {
    let subject = SubjectPattern::parse(&text(row, "subject")?);
    let claims = list(row, "claims")?;
    let claims = claims.iter().map(|claim| RequiredClaim::parse(claim)).collect::<Result<_, _>>();
    Ok(WorkloadRule {
        issuer: text(row, "issuer")?,
        subject: subject.map_err(|error| corrupt("subject", &error))?,
        claims: claims.map_err(|error| corrupt("claims", &error))?,
    })
}

impl Change<'_> {
    /// Writes the rules of a client, and forgets those it had.
    pub(super) async fn replace_workload_rules(
        &mut self,
        client: &Client,
    ) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM client_workload_rule WHERE client_id = $1")
            .bind(client.id.as_str())
            .execute(&mut *self.tx)
            .await?;
        for rule in &client.workload_rules {
            let claims: Vec<String> = rule.claims.iter().map(ToString::to_string).collect();
            let insert = "INSERT INTO client_workload_rule (client_id, issuer, subject, claims) \
                 VALUES ($1, $2, $3, $4)";
            sqlx::query(insert)
                .bind(client.id.as_str())
                .bind(rule.issuer.as_str())
                .bind(rule.subject.as_str())
                .bind(list_text(&claims))
                .execute(&mut *self.tx)
                .await?;
        }
        Ok(())
    }
}
