//! Clients: a row, its secrets and its permissions. Deleting leaves a tombstone, so that an id is never reused.

use countersign_keys::jwk::{JwkSet, PublicJwk, VerifyingKey};
use serde_json::{Value, json};
use sqlx::AnyConnection;

use super::client_rows::{Selection, load};
use super::columns::{Rows, list_text};
use super::{Act, Change, Store, StoreError};
use crate::registry::{
    ActingRule, AssertionRule, CertificateSubject, Client, ClientId, ClientKeys, InvalidValue,
    Resource, Semantics, WorkloadRule, fapi2,
};
use crate::revocation::Revoked;

impl Store {
    /// Registers a client with its secrets and permissions. An id that was ever used is a conflict.
    pub async fn create_client(&self, client: &Client, act: &Act) -> Result<(), StoreError> {
        self.create_client_with(client, None, act).await
    }

    /// The same, together with the resource that the client is for: both are made or none.
    pub async fn create_client_with(
        &self,
        client: &Client,
        resource: Option<&Resource>,
        act: &Act,
    ) -> Result<(), StoreError> {
        self.require_fit(client)?;
        let mut change = self.begin(act).await?;
        if let Some(resource) = resource {
            change.create_resource(resource).await?;
        }
        change.check_permissions(client).await?;
        change.insert_client(client).await?;
        for secret in &client.secrets {
            change.insert_secret(&client.id, secret).await?;
        }
        change.replace_permissions(client).await?;
        change.replace_assertion_rules(client).await?;
        change.replace_acting_rules(client).await?;
        change.replace_workload_rules(client).await?;
        change.record("client.create", client.id.as_str(), &description(client)).await?;
        change.commit().await
    }

    /// No write forgets a profile: a client that is held to FAPI 2.0, by its registration or with all others, meets it. One
    /// that is disabled may break what all are held to, so that it can be put away.
    ///
    /// # Errors
    ///
    /// The first rule that it breaks.
    pub fn require_fit(&self, client: &Client) -> Result<(), InvalidValue> {
        if self.holds_to_fapi2 && client.enabled {
            return fapi2::require(client);
        }
        fapi2::check(client)
    }

    /// Edits a client inside the transaction, so that no edit of another is lost. Secrets have acts of their own.
    pub async fn update_client(
        &self,
        id: &ClientId,
        act: &Act,
        edit: impl FnOnce(&mut Client) -> Result<(), InvalidValue> + Send,
    ) -> Result<Client, StoreError> {
        let mut change = self.begin(act).await?;
        let mut client = change.client(id).await?;
        let was_enabled = client.enabled;
        edit(&mut client)?;
        client.id = id.clone();
        self.require_fit(&client)?;
        if was_enabled && !client.enabled {
            change.revoke(Revoked::Client(id.to_string()));
        }
        change.check_permissions(&client).await?;
        change.write_client(&client).await?;
        change.replace_permissions(&client).await?;
        change.replace_assertion_rules(&client).await?;
        change.replace_acting_rules(&client).await?;
        change.replace_workload_rules(&client).await?;
        change.resume_streams_of(id.as_str()).await?;
        change.record("client.update", id.as_str(), &description(&client)).await?;
        change.commit().await?;
        Ok(client)
    }

    /// Deletes a client for ever, with its secrets and permissions; also one whose row cannot be understood.
    pub async fn delete_client(&self, id: &ClientId, act: &Act) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        change.require_client(id).await?;
        for delete in [
            "DELETE FROM client_secret WHERE client_id = $1",
            "DELETE FROM client_permission WHERE client_id = $1",
            "DELETE FROM client_assertion_rule WHERE client_id = $1",
            "DELETE FROM client_acting_rule WHERE client_id = $1",
            "DELETE FROM client_workload_rule WHERE client_id = $1",
        ] {
            sqlx::query(delete).bind(id.as_str()).execute(&mut *change.tx).await?;
        }
        sqlx::query("UPDATE client SET deleted_at = $1, generation = $2 WHERE id = $3")
            .bind(change.act.at)
            .bind(change.generation)
            .bind(id.as_str())
            .execute(&mut *change.tx)
            .await?;
        change.delete_streams_of(id.as_str()).await?;
        change.revoke(Revoked::Client(id.to_string()));
        change.record("client.delete", id.as_str(), &json!({})).await?;
        change.commit().await
    }

    /// One client.
    pub async fn client(&self, id: &ClientId) -> Result<Client, StoreError> {
        one(&mut *self.pool.acquire().await?, id).await
    }

    /// All clients, by id.
    pub async fn clients(&self) -> Result<Rows<Client>, StoreError> {
        load(&mut *self.pool.acquire().await?, Selection::After(-1)).await
    }
}

impl Change<'_> {
    /// The client as it is in this transaction.
    pub(super) async fn client(&mut self, id: &ClientId) -> Result<Client, StoreError> {
        one(&mut self.tx, id).await
    }

    /// That the client is there; its row need not be understood.
    async fn require_client(&mut self, id: &ClientId) -> Result<(), StoreError> {
        let select = "SELECT id FROM client WHERE id = $1 AND deleted_at IS NULL";
        let row = sqlx::query(select).bind(id.as_str()).fetch_optional(&mut *self.tx).await?;
        row.map(|_| ()).ok_or_else(|| StoreError::not_found("client", id.as_str()))
    }

    /// Nodes load a client anew when its row has a new generation.
    pub(super) async fn touch_client(&mut self, id: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE client SET generation = $1 WHERE id = $2")
            .bind(self.generation)
            .bind(id)
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }

    async fn insert_client(&mut self, client: &Client) -> Result<(), StoreError> {
        let insert = "INSERT INTO client (id, name, grants, auth, token_endpoint_audience, enabled, \
             created_at, generation) VALUES ($1, NULL, '[]', '', 0, 1, $2, $3) ON CONFLICT DO NOTHING";
        let done = sqlx::query(insert)
            .bind(client.id.as_str())
            .bind(self.act.at)
            .bind(self.generation)
            .execute(&mut *self.tx)
            .await?;
        if done.rows_affected() == 0 {
            let problem = format!(
                "client `{}` exists, or did once; ids are never reused, so that old tokens and logs stay unambiguous",
                client.id
            );
            return Err(StoreError::Conflict(problem));
        }
        self.write_client(client).await
    }

    async fn write_client(&mut self, client: &Client) -> Result<(), StoreError> {
        let (jwks, jwks_uri) = match &client.keys {
            ClientKeys::None => (None, None),
            ClientKeys::Inline(set) => (Some(jwks_text(set)?), None),
            ClientKeys::Uri(uri) => (None, Some(uri.to_string())),
        };
        let update = "UPDATE client SET name = $1, grants = $2, auth = $3, jwks = $4, jwks_uri = $5, \
             token_endpoint_audience = $6, sign_in = $7, enabled = $8, generation = $9, \
             dpop_bound_access_tokens = $11, tls_subject_kind = $12, tls_subject = $13, \
             tls_client_certificate_bound_access_tokens = $14, fapi2 = $15, introspects = $16 WHERE id = $10";
        let sign_in = client.sign_in.as_ref().map(serde_json::to_string).transpose();
        let sign_in = sign_in.map_err(|error| StoreError::Failed(error.to_string()))?;
        let subject = client.certificate_subject.as_ref().map(CertificateSubject::parts);
        let (subject_kind, subject) = subject.unzip();
        sqlx::query(update)
            .bind(client.name.clone())
            .bind(list_text(&client.grants))
            .bind(client.auth.name())
            .bind(jwks)
            .bind(jwks_uri)
            .bind(i64::from(client.token_endpoint_audience))
            .bind(sign_in)
            .bind(i64::from(client.enabled))
            .bind(self.generation)
            .bind(client.id.as_str())
            .bind(i64::from(client.dpop_bound_access_tokens))
            .bind(subject_kind)
            .bind(subject)
            .bind(i64::from(client.tls_client_certificate_bound_access_tokens))
            .bind(i64::from(client.fapi2))
            .bind(list_text(&client.introspects))
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }

    async fn replace_permissions(&mut self, client: &Client) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM client_permission WHERE client_id = $1")
            .bind(client.id.as_str())
            .execute(&mut *self.tx)
            .await?;
        for permission in &client.permissions {
            let insert = "INSERT INTO client_permission (client_id, resource, scopes, roles) \
                 VALUES ($1, $2, $3, $4)";
            sqlx::query(insert)
                .bind(client.id.as_str())
                .bind(permission.resource.as_str())
                .bind(list_text(&permission.scopes))
                .bind(list_text(&permission.roles))
                .execute(&mut *self.tx)
                .await?;
        }
        Ok(())
    }

    /// Permissions and rules name resources and scopes that exist.
    async fn check_permissions(&mut self, client: &Client) -> Result<(), StoreError> {
        let permissions =
            client.permissions.iter().map(|one| (&one.resource, one.scopes.as_slice()));
        let asserting =
            client.assertion_rules.iter().map(|rule| (&rule.resource, rule.scopes.as_slice()));
        let acting = client.acting_rules.iter();
        let acting = acting
            .clone()
            .map(|rule| (&rule.resource, rule.scopes.as_slice()))
            .chain(acting.map(|rule| (&rule.audience, rule.needs.as_slice())));
        let asking = client.introspects.iter().map(|resource| (resource, [].as_slice()));
        for (resource, scopes) in permissions.chain(asserting).chain(acting).chain(asking) {
            let resource = self.resource(resource).await?;
            if let Some(unknown) = scopes.iter().find(|scope| !resource.scopes.contains(scope)) {
                let problem =
                    format!("resource `{}` has no scope `{unknown}`", resource.identifier);
                return Err(StoreError::Conflict(problem));
            }
        }
        Ok(())
    }
}

async fn one(connection: &mut AnyConnection, id: &ClientId) -> Result<Client, StoreError> {
    let mut rows = load(connection, Selection::One(id)).await?;
    match (rows.understood.pop(), rows.unreadable.pop()) {
        (Some(client), _) => Ok(client),
        (None, Some(row)) => Err(StoreError::Unreadable(row)),
        (None, None) => Err(StoreError::not_found("client", id.as_str())),
    }
}

fn description(client: &Client) -> Value {
    let permissions = client.permissions.iter().map(|permission| {
        json!({
            "resource": permission.resource, "scopes": permission.scopes, "roles": permission.roles
        })
    });
    json!({
        "grants": client.grants,
        "token_endpoint_auth_method": client.auth.name(),
        "dpop_bound_access_tokens": client.dpop_bound_access_tokens,
        "fapi2": client.fapi2,
        "certificate_subject": client.certificate_subject.as_ref().map(CertificateSubject::parts),
        "tls_client_certificate_bound_access_tokens":
            client.tls_client_certificate_bound_access_tokens,
        "permissions": permissions.collect::<Vec<_>>(),
        "assertion_rules": client.assertion_rules.iter().map(rule).collect::<Vec<_>>(),
        "acting_rules": client.acting_rules.iter().map(acting_rule).collect::<Vec<_>>(),
        "introspects": client.introspects,
        "workload_rules": client.workload_rules.iter().map(workload_rule).collect::<Vec<_>>(),
        "sign_in": client.sign_in,
        "enabled": client.enabled,
    })
}

fn rule(rule: &AssertionRule) -> Value {
    let (whom, name) = rule.whom.parts();
    json!({
        whom: name, "resource": rule.resource, "scopes": rule.scopes, "lifetime": rule.lifetime,
        "reason_required": rule.reason_required,
    })
}

fn acting_rule(rule: &ActingRule) -> Value {
    json!({
        "audience": rule.audience, "resource": rule.resource, "needs": rule.needs,
        "scopes": rule.scopes, "identities": rule.identities,
        "impersonation": rule.semantics == Semantics::Impersonation,
    })
}

fn workload_rule(rule: &WorkloadRule) -> Value {
    let claims: Vec<String> = rule.claims.iter().map(ToString::to_string).collect();
    json!({ "issuer": rule.issuer, "subject": rule.subject.as_str(), "claims": claims })
}

fn jwks_text(set: &JwkSet) -> Result<String, StoreError> {
    let keys: Vec<PublicJwk> = set.iter().map(VerifyingKey::to_jwk).collect();
    serde_json::to_string(&json!({ "keys": keys }))
        .map_err(|error| StoreError::Failed(error.to_string()))
}
