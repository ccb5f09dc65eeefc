//! Accounts that are about to be. One statement consumes a link, in the transaction that makes the user, sets the password
//! and notes the proof of the address: all of it or nothing.

use sqlx::AnyExecutor;
use uuid::Uuid;

use super::super::columns::{bytes_text, flag, list, list_text, optional_text};
use super::{Act, Store, StoreError, answered, number, text};
use crate::credentials::{Registration, StoredPassword};
use crate::registry::{User, email_key};

const COLUMNS: &str = "email, roles, group_names, invited, continuation, expires_at";

/// A user that is about to be made by a registration.
pub struct NewUser<'a> {
    /// The id.
    pub id: Uuid,
    /// The password.
    pub password: &'a StoredPassword,
    /// The user that follows from the registration.
    pub user: &'a (dyn Fn(&Registration) -> User + Sync),
}

impl Store {
    /// Keeps a registration; an earlier one of this address and way is dead from now on. Anybody can ask for one, so this
    /// takes no generation and never adds a second row.
    pub async fn begin_registration(
        &self,
        digest: &[u8; 32],
        registration: &Registration,
    ) -> Result<(), StoreError> {
        let upsert = "INSERT INTO registration (email_key, invited, digest, email, roles, group_names, continuation, \
             expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (email_key, invited) DO UPDATE SET \
             digest = excluded.digest, email = excluded.email, roles = excluded.roles, \
             group_names = excluded.group_names, continuation = excluded.continuation, \
             expires_at = excluded.expires_at";
        self.will_expire(registration.expires_at);
        answered(async {
            sqlx::query(upsert)
                .bind(email_key(&registration.email))
                .bind(i64::from(registration.invited))
                .bind(bytes_text(digest))
                .bind(registration.email.as_str())
                .bind(list_text(&registration.roles))
                .bind(list_text(&registration.groups))
                .bind(registration.continuation.clone())
                .bind(registration.expires_at)
                .execute(&self.pool)
                .await?;
            Ok(())
        })
        .await
    }

    /// Looks at a registration without consuming it.
    pub async fn peek_registration(
        &self,
        digest: &[u8; 32],
        now: i64,
    ) -> Result<Option<Registration>, StoreError> {
        let select =
            format!("SELECT {COLUMNS} FROM registration WHERE digest = $1 AND expires_at > $2");
        answered(one(select, &self.pool, digest, now)).await
    }

    /// Consumes a registration and makes its user, whose address is proved by it. `None` if it is gone; a name or an
    /// address that is another user's by now is a conflict, and the registration stays.
    pub async fn complete_registration(
        &self,
        digest: &[u8; 32],
        new: &NewUser<'_>,
        act: &Act,
    ) -> Result<Option<Registration>, StoreError> {
        let mut change = self.begin(act).await?;
        let take = format!(
            "DELETE FROM registration WHERE digest = $1 AND expires_at > $2 RETURNING {COLUMNS}"
        );
        let Some(taken) = one(take, &mut *change.tx, digest, act.at).await? else {
            return Ok(None);
        };
        change.insert_user(&(new.user)(&taken)).await?;
        change.write_password(new.id, new.password).await?;
        change.prove_email(new.id, &taken.email).await?;
        sqlx::query("DELETE FROM registration WHERE email_key = $1")
            .bind(email_key(&taken.email))
            .execute(&mut *change.tx)
            .await?;
        change.commit().await?;
        Ok(Some(taken))
    }
}

async fn one<'c>(
    statement: String,
    executor: impl AnyExecutor<'c>,
    digest: &[u8; 32],
    now: i64,
) -> Result<Option<Registration>, StoreError> {
    let row = sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(bytes_text(digest))
        .bind(now)
        .fetch_optional(executor)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Registration {
        email: text(&row, "email")?,
        roles: list(&row, "roles")?,
        groups: list(&row, "group_names")?,
        invited: flag(&row, "invited")?,
        continuation: optional_text(&row, "continuation")?,
        expires_at: number(&row, "expires_at")?,
    }))
}
