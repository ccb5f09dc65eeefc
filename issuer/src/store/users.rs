//! Users: rows for now. Deleting leaves a tombstone: the name is free again, the id never.

use serde_json::{Value, json};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::columns::{corrupt, flag, list, list_text, optional_text, text};
use super::{Act, Change, Store, StoreError};
use crate::registry::{InvalidValue, User, username_key};

impl Store {
    /// Registers a user. A username that exists in any spelling is a conflict.
    pub async fn create_user(&self, user: &User, act: &Act) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        let insert = "INSERT INTO user_account (id, username, username_key, roles, group_names, enabled, \
             created_at, generation) VALUES ($1, $2, $3, '[]', '[]', 1, $4, $5)";
        sqlx::query(insert)
            .bind(user.id.to_string())
            .bind(user.username.as_str())
            .bind(username_key(&user.username))
            .bind(act.at)
            .bind(change.generation)
            .execute(&mut *change.tx)
            .await
            .map_err(|error| taken(error, &user.username))?;
        change.write_user(user).await?;
        change.record("user.create", &user.id.to_string(), &description(user)).await?;
        change.commit().await
    }

    /// Edits the user with this name inside the transaction.
    pub async fn update_user(
        &self,
        username: &str,
        act: &Act,
        edit: impl FnOnce(&mut User) -> Result<(), InvalidValue> + Send,
    ) -> Result<User, StoreError> {
        let mut change = self.begin(act).await?;
        let mut user = one(&mut change.tx, username).await?;
        let id = user.id;
        edit(&mut user)?;
        user.id = id;
        change.write_user(&user).await?;
        change.record("user.update", &id.to_string(), &description(&user)).await?;
        change.commit().await?;
        Ok(user)
    }

    /// Deletes the user with this name.
    pub async fn delete_user(&self, username: &str, act: &Act) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        let id = one(&mut change.tx, username).await?.id.to_string();
        let update = "UPDATE user_account SET username_key = NULL, email = NULL, deleted_at = $1, \
             generation = $2 WHERE id = $3";
        sqlx::query(update)
            .bind(act.at)
            .bind(change.generation)
            .bind(id.as_str())
            .execute(&mut *change.tx)
            .await?;
        change.record("user.delete", &id, &json!({})).await?;
        change.commit().await
    }

    /// The user with this name, in any spelling.
    pub async fn user(&self, username: &str) -> Result<User, StoreError> {
        one(&mut *self.pool.acquire().await?, username).await
    }

    /// All users, by name.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        let select = "SELECT id, username, email, roles, group_names, enabled FROM user_account \
             WHERE deleted_at IS NULL ORDER BY username_key";
        let rows = sqlx::query(select).fetch_all(&self.pool).await?;
        rows.iter().map(user_row).collect()
    }
}

impl Change<'_> {
    async fn write_user(&mut self, user: &User) -> Result<(), StoreError> {
        let update = "UPDATE user_account SET username = $1, username_key = $2, email = $3, roles = $4, \
             group_names = $5, enabled = $6, generation = $7 WHERE id = $8";
        sqlx::query(update)
            .bind(user.username.as_str())
            .bind(username_key(&user.username))
            .bind(user.email.clone())
            .bind(list_text(&user.roles))
            .bind(list_text(&user.groups))
            .bind(i64::from(user.enabled))
            .bind(self.generation)
            .bind(user.id.to_string())
            .execute(&mut *self.tx)
            .await
            .map_err(|error| taken(error, &user.username))?;
        Ok(())
    }
}

fn taken(error: sqlx::Error, username: &str) -> StoreError {
    match StoreError::from(error) {
        StoreError::Conflict(_) => StoreError::Conflict(format!(
            "user `{username}` exists already, in this or another spelling"
        )),
        other => other,
    }
}

fn description(user: &User) -> Value {
    json!({
        "username": user.username,
        "roles": user.roles,
        "groups": user.groups,
        "enabled": user.enabled,
    })
}

async fn one(connection: &mut AnyConnection, username: &str) -> Result<User, StoreError> {
    let select = "SELECT id, username, email, roles, group_names, enabled FROM user_account \
         WHERE username_key = $1";
    let row = sqlx::query(select).bind(username_key(username)).fetch_optional(connection).await?;
    user_row(&row.ok_or_else(|| StoreError::not_found("user", username))?)
}

fn user_row(row: &AnyRow) -> Result<User, StoreError> {
    Ok(User {
        id: Uuid::parse_str(&text(row, "id")?).map_err(|error| corrupt("id", &error))?,
        username: text(row, "username")?,
        email: optional_text(row, "email")?,
        roles: list(row, "roles")?,
        groups: list(row, "group_names")?,
        enabled: flag(row, "enabled")?,
    })
}
