//! One-time links as keyed hashes. One statement consumes a link, and only of an enabled user; a newer link of the same
//! purpose takes the place of the older.

use serde_json::json;
use sqlx::AnyExecutor;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::super::columns::{bytes_text, optional_text};
use super::{Act, Store, StoreError, answered, enabled, number, uuid};
use crate::credentials::{LinkPurpose, StoredLink, StoredPassword};
use crate::registry::email_key;

const TAKE: &str = concat!(
    "DELETE FROM one_time_link WHERE digest = $1 AND purpose = $2 AND expires_at > $3 AND ",
    enabled!("one_time_link.user_id"),
    " RETURNING user_id, email, expires_at"
);

impl Store {
    /// Keeps a link; an earlier one of this user and purpose is dead from now on. Anybody can ask for a link, so this
    /// takes no generation and never adds a second row.
    pub async fn issue_link(
        &self,
        purpose: LinkPurpose,
        digest: &[u8; 32],
        link: &StoredLink,
    ) -> Result<(), StoreError> {
        let upsert = "INSERT INTO one_time_link (user_id, purpose, digest, email, expires_at) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id, purpose) DO UPDATE SET \
             digest = excluded.digest, email = excluded.email, expires_at = excluded.expires_at";
        self.will_expire(link.expires_at);
        answered(async {
            sqlx::query(upsert)
                .bind(link.user_id.to_string())
                .bind(purpose.name())
                .bind(bytes_text(digest))
                .bind(link.email.clone())
                .bind(link.expires_at)
                .execute(&self.pool)
                .await?;
            Ok(())
        })
        .await
    }

    /// Looks at a link without consuming it.
    pub async fn peek_link(
        &self,
        purpose: LinkPurpose,
        digest: &[u8; 32],
        now: i64,
    ) -> Result<Option<StoredLink>, StoreError> {
        let select = concat!(
            "SELECT user_id, email, expires_at FROM one_time_link \
             WHERE digest = $1 AND purpose = $2 AND expires_at > $3 AND ",
            enabled!("one_time_link.user_id")
        );
        answered(link(select, &self.pool, (purpose, digest), now)).await
    }

    /// Consumes a link; `Some` for exactly one caller on all nodes.
    pub async fn redeem_link(
        &self,
        purpose: LinkPurpose,
        digest: &[u8; 32],
        now: i64,
    ) -> Result<Option<StoredLink>, StoreError> {
        answered(link(TAKE, &self.pool, (purpose, digest), now)).await
    }

    /// Consumes a link, sets the password of its user, and ends whatever began with the old one: all of it or nothing.
    pub async fn redeem_link_with_password(
        &self,
        purpose: LinkPurpose,
        digest: &[u8; 32],
        password: &StoredPassword,
        act: &Act,
    ) -> Result<Option<StoredLink>, StoreError> {
        let mut change = self.begin(act).await?;
        let taken = link(TAKE, &mut *change.tx, (purpose, digest), act.at).await?;
        let Some(taken) = taken else { return Ok(None) };
        change.write_password(taken.user_id, password).await?;
        change.end_sessions(taken.user_id).await?;
        change.commit().await?;
        Ok(Some(taken))
    }

    /// Consumes a link that proves an address, and notes the proof. `None` also if the user has another address by now;
    /// an address that another user proved is a conflict, and the link stays.
    pub async fn redeem_email_link(
        &self,
        digest: &[u8; 32],
        act: &Act,
    ) -> Result<Option<StoredLink>, StoreError> {
        let mut change = self.begin(act).await?;
        let purpose = LinkPurpose::EmailVerification;
        let taken = link(TAKE, &mut *change.tx, (purpose, digest), act.at).await?;
        let Some(taken) = taken else { return Ok(None) };
        let Some(email) = taken.email.clone() else { return Ok(None) };
        if !change.prove_email(taken.user_id, &email).await? {
            return Ok(None);
        }
        change.commit().await?;
        Ok(Some(taken))
    }

    /// Notes that the present address of a user is proved, on the word of an administrator.
    pub async fn verify_email(&self, user_id: Uuid, act: &Act) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        let select = "SELECT email FROM user_account WHERE id = $1 AND deleted_at IS NULL";
        let email: Option<Option<String>> = sqlx::query_scalar(select)
            .bind(user_id.to_string())
            .fetch_optional(&mut *change.tx)
            .await?;
        let email = email.ok_or_else(|| StoreError::not_found("user", &user_id.to_string()))?;
        let Some(email) = email else {
            return Err(StoreError::Conflict("the user has no e-mail address".to_owned()));
        };
        change.prove_email(user_id, &email).await?;
        change.commit().await
    }
}

impl super::Change<'_> {
    /// Notes the proof of an address, if it is the user's.
    pub(super) async fn prove_email(
        &mut self,
        user_id: Uuid,
        email: &str,
    ) -> Result<bool, StoreError> {
        let select = "SELECT email FROM user_account WHERE id = $1 AND deleted_at IS NULL";
        let present: Option<Option<String>> = sqlx::query_scalar(select)
            .bind(user_id.to_string())
            .fetch_optional(&mut *self.tx)
            .await?;
        let key = email_key(email);
        if present.flatten().is_none_or(|present| email_key(&present) != key) {
            return Ok(false);
        }
        let upsert = "INSERT INTO verified_email (user_id, email_key, verified_at) \
             VALUES ($1, $2, $3) ON CONFLICT (user_id) DO UPDATE SET \
             email_key = excluded.email_key, verified_at = excluded.verified_at";
        sqlx::query(upsert)
            .bind(user_id.to_string())
            .bind(key)
            .bind(self.act.at)
            .execute(&mut *self.tx)
            .await
            .map_err(|error| match StoreError::from(error) {
                StoreError::Conflict(_) => {
                    StoreError::Conflict("the e-mail address is another user's".to_owned())
                }
                other => other,
            })?;
        self.record("user.email.verify", &user_id.to_string(), &json!({})).await?;
        Ok(true)
    }

    /// Forgets the proof of an address that is no longer the user's.
    pub(in super::super) async fn forget_email_other_than(
        &mut self,
        user_id: Uuid,
        email: Option<&str>,
    ) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM verified_email WHERE user_id = $1 AND email_key <> $2")
            .bind(user_id.to_string())
            .bind(email.map(email_key).unwrap_or_default())
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }
}

async fn link<'c>(
    statement: &'static str,
    executor: impl AnyExecutor<'c>,
    (purpose, digest): (LinkPurpose, &[u8; 32]),
    now: i64,
) -> Result<Option<StoredLink>, StoreError> {
    let row = sqlx::query(statement)
        .bind(bytes_text(digest))
        .bind(purpose.name())
        .bind(now)
        .fetch_optional(executor)
        .await?;
    row.as_ref().map(link_row).transpose()
}

fn link_row(row: &AnyRow) -> Result<StoredLink, StoreError> {
    Ok(StoredLink {
        user_id: uuid(row, "user_id")?,
        email: optional_text(row, "email")?,
        expires_at: number(row, "expires_at")?,
    })
}
