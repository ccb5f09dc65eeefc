//! Who users are at other OpenID Connect providers: by issuer and subject, and by nothing else (OpenID Connect Core §5.7).
//! An e-mail address is no identity: providers hand the same one to several people, one after the other.

use serde_json::json;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::columns::{number, optional_number, text};
use super::sessions::parse_id;
use super::{Act, Change, Store, StoreError, answered};
use crate::registry::User;

/// Somebody at another provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamIdentity {
    /// The provider: its `iss`.
    pub issuer: String,
    /// `sub`, which means something at that issuer only.
    pub subject: String,
    /// What the provider calls the person, for lists.
    pub label: String,
}

/// One that leads to a user here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedUpstreamIdentity {
    /// Who it is there.
    pub identity: UpstreamIdentity,
    /// Unix seconds.
    pub linked_at: i64,
    /// Unix seconds of the last sign-in with it.
    pub last_used_at: Option<i64>,
}

impl Store {
    /// The user to whom an identity leads, deleted users excepted, with a note that it was used.
    pub async fn use_upstream_identity(
        &self,
        (issuer, subject): (&str, &str),
        now: i64,
    ) -> Result<Option<Uuid>, StoreError> {
        let update = "UPDATE upstream_identity SET last_used_at = $1 WHERE issuer = $2 AND subject = $3 \
             RETURNING user_id";
        answered(async {
            let row = sqlx::query(update)
                .bind(now)
                .bind(issuer)
                .bind(subject)
                .fetch_optional(&self.pool)
                .await?;
            row.map(|row| parse_id(&row, "user_id")).transpose()
        })
        .await
    }

    /// Whether a user has this address, proved or not, in any spelling of its ASCII letters.
    pub async fn has_email(&self, email: &str) -> Result<bool, StoreError> {
        let select = "SELECT u.id FROM user_account u WHERE u.deleted_at IS NULL AND LOWER(u.email) = $1 LIMIT 1";
        answered(async {
            let row = sqlx::query(select)
                .bind(email.to_ascii_lowercase())
                .fetch_optional(&self.pool)
                .await?;
            Ok(row.is_some())
        })
        .await
    }

    /// The identities that lead to a user, the oldest link first.
    pub async fn upstream_identities_of(
        &self,
        user_id: Uuid,
    ) -> Result<Vec<LinkedUpstreamIdentity>, StoreError> {
        let select = "SELECT issuer, subject, label, linked_at, last_used_at FROM upstream_identity \
             WHERE user_id = $1 ORDER BY linked_at, issuer, subject";
        answered(async {
            let rows = sqlx::query(select).bind(user_id.to_string()).fetch_all(&self.pool).await?;
            rows.iter().map(identity_row).collect()
        })
        .await
    }

    /// Lets an identity lead to a user, who proved both. One that leads to another user is a conflict.
    pub async fn link_upstream_identity(
        &self,
        user_id: Uuid,
        identity: &UpstreamIdentity,
        act: &Act,
    ) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        change.require_user(user_id).await?;
        change.link_upstream_identity(user_id, identity).await?;
        change.commit().await
    }

    /// Registers a user to whom an identity leads, both or neither.
    pub async fn register_upstream_user(
        &self,
        user: &User,
        identity: &UpstreamIdentity,
        act: &Act,
    ) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        change.insert_user(user).await?;
        change.link_upstream_identity(user.id, identity).await?;
        change.commit().await
    }

    /// An identity of this user leads nowhere from now on. The last way to sign in is a conflict.
    pub async fn unlink_upstream_identity(
        &self,
        user_id: Uuid,
        (issuer, subject): (&str, &str),
        act: &Act,
    ) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        let delete =
            "DELETE FROM upstream_identity WHERE user_id = $1 AND issuer = $2 AND subject = $3";
        let done = sqlx::query(delete)
            .bind(user_id.to_string())
            .bind(issuer)
            .bind(subject)
            .execute(&mut *change.tx)
            .await?;
        if done.rows_affected() == 0 {
            return Err(StoreError::not_found("upstream identity", subject));
        }
        let left = "SELECT (SELECT COUNT(*) FROM passkey WHERE user_id = $1) \
             + (SELECT COUNT(*) FROM user_password WHERE user_id = $1) \
             + (SELECT COUNT(*) FROM upstream_identity WHERE user_id = $1)";
        let left: i64 =
            sqlx::query_scalar(left).bind(user_id.to_string()).fetch_one(&mut *change.tx).await?;
        if left == 0 {
            return Err(StoreError::Conflict("it is the last way to sign in".to_owned()));
        }
        let detail = json!({ "issuer": issuer, "subject": subject });
        change.record("user.identity.unlink", &user_id.to_string(), &detail).await?;
        change.commit().await
    }
}

impl Change<'_> {
    async fn link_upstream_identity(
        &mut self,
        user_id: Uuid,
        identity: &UpstreamIdentity,
    ) -> Result<(), StoreError> {
        let insert = "INSERT INTO upstream_identity (issuer, subject, user_id, label, linked_at) \
             VALUES ($1, $2, $3, $4, $5)";
        sqlx::query(insert)
            .bind(identity.issuer.as_str())
            .bind(identity.subject.as_str())
            .bind(user_id.to_string())
            .bind(identity.label.as_str())
            .bind(self.act.at)
            .execute(&mut *self.tx)
            .await
            .map_err(|error| match StoreError::from(error) {
                StoreError::Conflict(_) => {
                    StoreError::Conflict("the identity leads to a user already".to_owned())
                }
                other => other,
            })?;
        let detail = json!({ "issuer": identity.issuer, "subject": identity.subject });
        self.record("user.identity.link", &user_id.to_string(), &detail).await
    }
}

fn identity_row(row: &AnyRow) -> Result<LinkedUpstreamIdentity, StoreError> {
    Ok(LinkedUpstreamIdentity {
        identity: UpstreamIdentity {
            issuer: text(row, "issuer")?,
            subject: text(row, "subject")?,
            label: text(row, "label")?,
        },
        linked_at: number(row, "linked_at")?,
        last_used_at: optional_number(row, "last_used_at")?,
    })
}
