//! TOTP secrets, sealed for their user, and the step that was accepted last (RFC 6238 §5.2).

use sqlx::any::AnyRow;
use uuid::Uuid;

use super::super::columns::bytes_text;
use super::{Act, Store, StoreError, answered, bytes, enabled, number, optional_number};
use crate::credentials::StoredTotp;
use crate::signals::CredentialType;

const REMOVE: &str = "DELETE FROM user_totp WHERE user_id = $1";

impl Store {
    /// Sets the secret of a user, whose first code was right; it takes the place of an earlier one.
    pub async fn set_totp(
        &self,
        user_id: Uuid,
        totp: &StoredTotp,
        act: &Act,
    ) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        change.require_user(user_id).await?;
        let present = "SELECT user_id FROM user_totp WHERE user_id = $1";
        change.signal_set(present, (user_id, CredentialType::App)).await?;
        let upsert = "INSERT INTO user_totp (user_id, sealed, last_step, created_at, last_used_at) \
             VALUES ($1, $2, $3, $4, NULL) ON CONFLICT (user_id) DO UPDATE SET \
             sealed = excluded.sealed, last_step = excluded.last_step, \
             created_at = excluded.created_at, last_used_at = NULL";
        sqlx::query(upsert)
            .bind(user_id.to_string())
            .bind(bytes_text(&totp.sealed))
            .bind(totp.last_step)
            .bind(totp.created_at)
            .execute(&mut *change.tx)
            .await?;
        change.record_credential("user.credential.add", user_id, "totp").await?;
        change.commit().await
    }

    /// The secret of a user.
    pub async fn totp(&self, user_id: Uuid) -> Result<Option<StoredTotp>, StoreError> {
        load(self, user_id).await
    }

    /// Consumes a step of a user's secret; true for exactly one caller on all nodes, and never for an earlier step.
    pub async fn use_totp_step(
        &self,
        user_id: Uuid,
        totp: &StoredTotp,
        step: i64,
        now: i64,
    ) -> Result<bool, StoreError> {
        // The secret is compared too: a step of a secret that was replaced meanwhile is not one of the new secret.
        let update = concat!(
            "UPDATE user_totp SET last_step = $1, last_used_at = $2 \
             WHERE user_id = $3 AND last_step < $1 AND sealed = $4 AND ",
            enabled!("$3")
        );
        answered(async {
            let done = sqlx::query(update)
                .bind(step)
                .bind(now)
                .bind(user_id.to_string())
                .bind(bytes_text(&totp.sealed))
                .execute(&self.pool)
                .await?;
            Ok(done.rows_affected() == 1)
        })
        .await
    }

    /// Removes the secret of a user.
    pub async fn remove_totp(&self, user_id: Uuid, act: &Act) -> Result<(), StoreError> {
        self.remove_of_user((REMOVE, "totp"), user_id, act).await
    }
}

pub(super) async fn load(store: &Store, user_id: Uuid) -> Result<Option<StoredTotp>, StoreError> {
    let select = "SELECT sealed, last_step, created_at, last_used_at FROM user_totp \
         WHERE user_id = $1";
    answered(async {
        let row = sqlx::query(select).bind(user_id.to_string()).fetch_optional(&store.pool).await?;
        row.as_ref().map(totp_row).transpose()
    })
    .await
}

fn totp_row(row: &AnyRow) -> Result<StoredTotp, StoreError> {
    Ok(StoredTotp {
        sealed: bytes(row, "sealed")?,
        last_step: number(row, "last_step")?,
        created_at: number(row, "created_at")?,
        last_used_at: optional_number(row, "last_used_at")?,
    })
}
