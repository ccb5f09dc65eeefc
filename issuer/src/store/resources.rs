//! Resources. Whatever a resource loses, its clients lose in the same transaction: no permission outlives its scope.

use countersign_keys::Algorithm;
use countersign_keys::jwe::ContentEncryption;
use serde_json::{Value, json};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::columns::{
    Rows, corrupt, flag, list, list_text, number, optional_text, text, unreadable,
};
use super::{Act, Change, Store, StoreError};
use crate::registry::{
    Encryption, EncryptionKeys, InvalidValue, RequiredBinding, Resource, RowKind,
};

impl Store {
    /// Registers a resource. The identifier of a deleted one may be used again: it begins without any client.
    pub async fn create_resource(&self, resource: &Resource, act: &Act) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        change.create_resource(resource).await?;
        change.commit().await
    }

    /// Edits a resource inside the transaction. Clients lose the scopes that it loses.
    pub async fn update_resource(
        &self,
        identifier: &str,
        act: &Act,
        edit: impl FnOnce(&mut Resource) -> Result<(), InvalidValue> + Send,
    ) -> Result<Resource, StoreError> {
        let mut change = self.begin(act).await?;
        let mut resource = change.resource(identifier).await?;
        edit(&mut resource)?;
        identifier.clone_into(&mut resource.identifier);
        resource.check()?;
        change.write_resource(&resource).await?;
        change.prune_permissions(&resource).await?;
        change.record("resource.update", identifier, &description(&resource)).await?;
        change.commit().await?;
        Ok(resource)
    }

    /// Deletes a resource, also one whose row cannot be understood, and every permission for it; returns the ids of the clients that lost one.
    pub async fn delete_resource(
        &self,
        identifier: &str,
        act: &Act,
    ) -> Result<Vec<String>, StoreError> {
        let mut change = self.begin(act).await?;
        change.require_resource(identifier).await?;
        let clients = change.clients_of(identifier).await?;
        for client in &clients {
            change.touch_client(client).await?;
        }
        sqlx::query("DELETE FROM client_permission WHERE resource = $1")
            .bind(identifier)
            .execute(&mut *change.tx)
            .await?;
        change.delete_assertion_rules_for(identifier).await?;
        change.delete_acting_rules_for(identifier).await?;
        sqlx::query("UPDATE resource SET deleted_at = $1, generation = $2 WHERE identifier = $3")
            .bind(act.at)
            .bind(change.generation)
            .bind(identifier)
            .execute(&mut *change.tx)
            .await?;
        change.record("resource.delete", identifier, &json!({ "clients": clients })).await?;
        change.commit().await?;
        Ok(clients)
    }

    /// One resource.
    pub async fn resource(&self, identifier: &str) -> Result<Resource, StoreError> {
        one(&mut *self.pool.acquire().await?, identifier).await
    }

    /// All resources, by identifier.
    pub async fn resources(&self) -> Result<Rows<Resource>, StoreError> {
        changed_after(&mut *self.pool.acquire().await?, -1).await
    }
}

impl Change<'_> {
    /// The resource as it is in this transaction.
    pub(super) async fn resource(&mut self, identifier: &str) -> Result<Resource, StoreError> {
        one(&mut self.tx, identifier).await
    }

    pub(super) async fn create_resource(&mut self, resource: &Resource) -> Result<(), StoreError> {
        resource.check()?;
        let insert = "INSERT INTO resource (identifier, name, scopes, algorithm, token_lifetime, \
             max_token_bytes, enabled, created_at, generation) \
             VALUES ($1, NULL, '[]', '', 0, 0, 1, $2, $3) \
             ON CONFLICT (identifier) DO UPDATE \
             SET created_at = excluded.created_at, deleted_at = NULL \
             WHERE resource.deleted_at IS NOT NULL";
        let done = sqlx::query(insert)
            .bind(resource.identifier.as_str())
            .bind(self.act.at)
            .bind(self.generation)
            .execute(&mut *self.tx)
            .await?;
        if done.rows_affected() == 0 {
            let problem = format!("resource `{}` exists already", resource.identifier);
            return Err(StoreError::Conflict(problem));
        }
        self.write_resource(resource).await?;
        self.record("resource.create", &resource.identifier, &description(resource)).await
    }

    async fn write_resource(&mut self, resource: &Resource) -> Result<(), StoreError> {
        let update = "UPDATE resource SET name = $1, scopes = $2, algorithm = $3, token_lifetime = $4, \
             max_token_bytes = $5, enabled = $6, generation = $7, required_binding = $9, \
             encryption_jwks = $10, encryption_enc = $11, status_list = $12 WHERE identifier = $8";
        sqlx::query(update)
            .bind(resource.name.clone())
            .bind(list_text(&resource.scopes))
            .bind(resource.algorithm.name())
            .bind(i64::from(resource.token_lifetime))
            .bind(i64::from(resource.max_token_bytes))
            .bind(i64::from(resource.enabled))
            .bind(self.generation)
            .bind(resource.identifier.as_str())
            .bind(resource.required_binding.map(RequiredBinding::name))
            .bind(resource.encryption.as_ref().map(|encryption| encryption.keys.jwks().to_owned()))
            .bind(resource.encryption.as_ref().map(|encryption| encryption.enc.name()))
            .bind(i64::from(resource.status_list))
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }

    /// Takes from every client the scopes that the resource no longer has.
    async fn prune_permissions(&mut self, resource: &Resource) -> Result<(), StoreError> {
        for (client, scopes) in self.permissions_for(&resource.identifier).await? {
            let kept: Vec<String> =
                scopes.iter().filter(|scope| resource.scopes.contains(scope)).cloned().collect();
            if kept.len() == scopes.len() {
                continue;
            }
            sqlx::query(
                "UPDATE client_permission SET scopes = $1 WHERE client_id = $2 AND resource = $3",
            )
            .bind(list_text(&kept))
            .bind(client.as_str())
            .bind(resource.identifier.as_str())
            .execute(&mut *self.tx)
            .await?;
            self.touch_client(&client).await?;
        }
        Ok(())
    }

    /// That the resource is there; its row need not be understood.
    async fn require_resource(&mut self, identifier: &str) -> Result<(), StoreError> {
        let select = "SELECT identifier FROM resource WHERE identifier = $1 AND deleted_at IS NULL";
        let row = sqlx::query(select).bind(identifier).fetch_optional(&mut *self.tx).await?;
        row.map(|_| ()).ok_or_else(|| StoreError::not_found("resource", identifier))
    }

    /// Which clients may use a resource.
    async fn clients_of(&mut self, identifier: &str) -> Result<Vec<String>, StoreError> {
        let select =
            "SELECT client_id FROM client_permission WHERE resource = $1 ORDER BY client_id";
        Ok(sqlx::query_scalar(select).bind(identifier).fetch_all(&mut *self.tx).await?)
    }

    /// Which clients may use a resource, with which scopes. A permission that cannot be understood is none.
    async fn permissions_for(
        &mut self,
        identifier: &str,
    ) -> Result<Vec<(String, Vec<String>)>, StoreError> {
        let select = "SELECT client_id, scopes FROM client_permission WHERE resource = $1 \
             ORDER BY client_id";
        let rows = sqlx::query(select).bind(identifier).fetch_all(&mut *self.tx).await?;
        let permission = |row: &AnyRow| Ok((text(row, "client_id")?, list(row, "scopes")?));
        Ok(Rows::read(&rows, (RowKind::Client, "client_id"), permission).understood)
    }
}

fn description(resource: &Resource) -> Value {
    json!({
        "scopes": resource.scopes,
        "algorithm": resource.algorithm.name(),
        "token_lifetime": resource.token_lifetime,
        "max_token_bytes": resource.max_token_bytes,
        "required_binding": resource.required_binding.map(RequiredBinding::name),
        "encryption_kids": resource.encryption.as_ref().map(|encryption| encryption.keys.kids()),
        "status_list": resource.status_list,
        "enabled": resource.enabled,
    })
}

async fn one(connection: &mut AnyConnection, identifier: &str) -> Result<Resource, StoreError> {
    let select = "SELECT identifier, name, scopes, algorithm, token_lifetime, max_token_bytes, enabled, \
         required_binding, encryption_jwks, encryption_enc, status_list FROM resource WHERE deleted_at IS NULL AND identifier = $1";
    let row = sqlx::query(select).bind(identifier).fetch_optional(connection).await?;
    let row = row.ok_or_else(|| StoreError::not_found("resource", identifier))?;
    resource_row(&row).map_err(|error| {
        let id = identifier.to_owned();
        StoreError::Unreadable(unreadable(RowKind::Resource, id, &error))
    })
}

/// The resources that changed after a generation; tombstones never.
pub(super) async fn changed_after(
    connection: &mut AnyConnection,
    generation: i64,
) -> Result<Rows<Resource>, StoreError> {
    let select = "SELECT identifier, name, scopes, algorithm, token_lifetime, max_token_bytes, enabled, \
         required_binding, encryption_jwks, encryption_enc, status_list FROM resource WHERE deleted_at IS NULL AND generation > $1 ORDER BY identifier";
    let rows = sqlx::query(select).bind(generation).fetch_all(connection).await?;
    Ok(Rows::read(&rows, (RowKind::Resource, "identifier"), resource_row))
}

fn resource_row(row: &AnyRow) -> Result<Resource, StoreError> {
    let algorithm = text(row, "algorithm")?;
    let small =
        |column| u32::try_from(number(row, column)?).map_err(|error| corrupt(column, &error));
    Ok(Resource {
        identifier: text(row, "identifier")?,
        name: optional_text(row, "name")?,
        scopes: list(row, "scopes")?,
        algorithm: Algorithm::from_name(&algorithm)
            .ok_or_else(|| corrupt("algorithm", &algorithm))?,
        token_lifetime: small("token_lifetime")?,
        max_token_bytes: small("max_token_bytes")?,
        required_binding: optional_text(row, "required_binding")?
            .map(|name| {
                RequiredBinding::from_name(&name).ok_or_else(|| corrupt("required_binding", &name))
            })
            .transpose()?,
        encryption: encryption(row)?,
        status_list: flag(row, "status_list")?,
        enabled: flag(row, "enabled")?,
    })
}

/// A resource whose keys cannot be understood is unreadable: its tokens must not go out in clear.
fn encryption(row: &AnyRow) -> Result<Option<Encryption>, StoreError> {
    let Some(jwks) = optional_text(row, "encryption_jwks")? else { return Ok(None) };
    let keys = EncryptionKeys::parse(&jwks).map_err(|error| corrupt("encryption_jwks", &error))?;
    let enc = text(row, "encryption_enc")?;
    let enc = ContentEncryption::from_name(&enc).ok_or_else(|| corrupt("encryption_enc", &enc))?;
    Ok(Some(Encryption { keys, enc }))
}
