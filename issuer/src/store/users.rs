//! Users. Deleting takes the credentials along and leaves a tombstone: the name is free again, the id never.

use serde_json::{Value, json};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::columns::{corrupt, flag, list, list_text, number, optional_text, text};
use super::{Act, Change, Store, StoreError};
use crate::registry::{InvalidValue, Profile, User, email_key, username_key};
use crate::signals::Signal;

/// What [`user_row`] reads, of `user_account u`.
pub(super) const COLUMNS: &str = "u.id, u.username, u.email, u.profile, u.updated_at, u.roles, u.group_names, u.enabled, \
     (SELECT verified.email_key FROM verified_email verified WHERE verified.user_id = u.id) AS proved_email_key";

impl Store {
    /// Registers a user. A username that exists in any spelling is a conflict.
    pub async fn create_user(&self, user: &User, act: &Act) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        change.insert_user(user).await?;
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
        let (id, was_enabled) = (user.id, user.enabled);
        edit(&mut user)?;
        user.id = id;
        change.write_user(&user).await?;
        match (was_enabled, user.enabled) {
            (true, false) => {
                change.signal(id, Signal::AccountDisabled).await?;
                change.end_sessions(id).await?;
            }
            (false, true) => change.signal(id, Signal::AccountEnabled).await?,
            _ => {}
        }
        change.record("user.update", &id.to_string(), &description(&user)).await?;
        change.commit().await?;
        Ok(user)
    }

    /// Edits what a user says about themselves.
    pub async fn update_profile(
        &self,
        user_id: Uuid,
        act: &Act,
        edit: impl FnOnce(&mut Profile) + Send,
    ) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        let mut user = change.user(user_id).await?;
        edit(&mut user.profile);
        change.write_user(&user).await?;
        change.record("user.profile.update", &user_id.to_string(), &json!({})).await?;
        change.commit().await
    }

    /// Deletes the user with this name.
    pub async fn delete_user(&self, username: &str, act: &Act) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        let user_id = one(&mut change.tx, username).await?.id;
        change.delete_user(user_id).await?;
        change.commit().await
    }

    /// Deletes the user with this id, who wants it.
    pub async fn delete_account(&self, user_id: Uuid, act: &Act) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        change.user(user_id).await?;
        change.delete_user(user_id).await?;
        change.commit().await
    }

    /// The user with this name, in any spelling.
    pub async fn user(&self, username: &str) -> Result<User, StoreError> {
        one(&mut *self.pool.acquire().await?, username).await
    }

    /// The most bytes that the roles and groups of one user take, written as they stand in tokens. Reads every user: for
    /// commands.
    pub async fn largest_user_bytes(&self) -> Result<usize, StoreError> {
        let select = "SELECT CAST(COALESCE(MAX(OCTET_LENGTH(roles) + OCTET_LENGTH(group_names)), 0) AS BIGINT) AS largest \
             FROM user_account WHERE deleted_at IS NULL";
        let row = sqlx::query(select).fetch_one(&self.pool).await?;
        Ok(usize::try_from(number(&row, "largest")?).unwrap_or_default())
    }

    /// All users, by name.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        let select = format!(
            "SELECT {COLUMNS} FROM user_account u WHERE u.deleted_at IS NULL ORDER BY u.username_key"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(select)).fetch_all(&self.pool).await?;
        rows.iter().map(user_row).collect()
    }
}

impl Change<'_> {
    /// The user with this id, who stays as they are until the change is made.
    async fn user(&mut self, user_id: Uuid) -> Result<User, StoreError> {
        let select = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM user_account u WHERE u.id = $1 AND u.deleted_at IS NULL"
        ));
        let row =
            sqlx::query(select).bind(user_id.to_string()).fetch_optional(&mut *self.tx).await?;
        user_row(&row.ok_or_else(|| StoreError::not_found("user", &user_id.to_string()))?)
    }

    /// Leaves a tombstone: the id, and when it came and went.
    async fn delete_user(&mut self, user_id: Uuid) -> Result<(), StoreError> {
        let id = user_id.to_string();
        self.signal(user_id, Signal::AccountPurged).await?;
        self.end_sessions(user_id).await?;
        self.delete_credentials(user_id).await?;
        for delete in [
            "DELETE FROM consent WHERE user_id = $1",
            "DELETE FROM refresh_family WHERE user_id = $1",
        ] {
            sqlx::query(delete).bind(id.as_str()).execute(&mut *self.tx).await?;
        }
        let update = "UPDATE user_account SET username = '', username_key = NULL, email = NULL, profile = '{}', \
             roles = '[]', group_names = '[]', deleted_at = $1, generation = $2 WHERE id = $3";
        sqlx::query(update)
            .bind(self.act.at)
            .bind(self.generation)
            .bind(id.as_str())
            .execute(&mut *self.tx)
            .await?;
        self.record("user.delete", &id, &json!({})).await
    }

    pub(super) async fn insert_user(&mut self, user: &User) -> Result<(), StoreError> {
        let insert = "INSERT INTO user_account (id, username, username_key, roles, group_names, enabled, \
             created_at, generation) VALUES ($1, $2, $3, '[]', '[]', 1, $4, $5)";
        sqlx::query(insert)
            .bind(user.id.to_string())
            .bind(user.username.as_str())
            .bind(username_key(&user.username))
            .bind(self.act.at)
            .bind(self.generation)
            .execute(&mut *self.tx)
            .await
            .map_err(|error| taken(error, &user.username))?;
        self.write_user(user).await?;
        self.record("user.create", &user.id.to_string(), &description(user)).await
    }

    async fn write_user(&mut self, user: &User) -> Result<(), StoreError> {
        let update = "UPDATE user_account SET username = $1, username_key = $2, email = $3, profile = $4, \
             updated_at = $5, roles = $6, group_names = $7, enabled = $8, generation = $9 WHERE id = $10";
        let profile = serde_json::to_string(&user.profile)
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        sqlx::query(update)
            .bind(user.username.as_str())
            .bind(username_key(&user.username))
            .bind(user.email.clone())
            .bind(profile)
            .bind(self.act.at)
            .bind(list_text(&user.roles))
            .bind(list_text(&user.groups))
            .bind(i64::from(user.enabled))
            .bind(self.generation)
            .bind(user.id.to_string())
            .execute(&mut *self.tx)
            .await
            .map_err(|error| taken(error, &user.username))?;
        self.forget_email_other_than(user.id, user.email.as_deref()).await
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

pub(super) async fn one(
    connection: &mut AnyConnection,
    username: &str,
) -> Result<User, StoreError> {
    let select = format!("SELECT {COLUMNS} FROM user_account u WHERE u.username_key = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(select))
        .bind(username_key(username))
        .fetch_optional(connection)
        .await?;
    user_row(&row.ok_or_else(|| StoreError::not_found("user", username))?)
}

pub(super) fn user_row(row: &AnyRow) -> Result<User, StoreError> {
    let email = optional_text(row, "email")?;
    let proved = optional_text(row, "proved_email_key")?;
    let profile = serde_json::from_str(&text(row, "profile")?);
    Ok(User {
        id: Uuid::parse_str(&text(row, "id")?).map_err(|error| corrupt("id", &error))?,
        username: text(row, "username")?,
        // What was proved is an address, not a user: another address is not proved by it.
        email_verified: email.as_deref().is_some_and(|email| proved == Some(email_key(email))),
        email,
        profile: profile.map_err(|error| corrupt("profile", &error))?,
        updated_at: number(row, "updated_at")?,
        roles: list(row, "roles")?,
        groups: list(row, "group_names")?,
        enabled: flag(row, "enabled")?,
    })
}
