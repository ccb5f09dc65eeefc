//! Password hashes, sealed for their user. A change of the password ends every link that could set another.

use uuid::Uuid;

use super::super::columns::bytes_text;
use super::{Act, Change, EndedSession, Store, StoreError, answered};
use crate::credentials::{EmailProof, StoredPassword};
use crate::registry::User;
use crate::signals::CredentialType;

impl Store {
    /// Registers a user together with a first password and the proof of the address, all or nothing.
    pub async fn register_user(
        &self,
        user: &User,
        password: Option<&StoredPassword>,
        email: EmailProof,
        act: &Act,
    ) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        change.insert_user(user).await?;
        if let Some(password) = password {
            change.write_password(user.id, password).await?;
        }
        if let (EmailProof::Proved, Some(email)) = (email, &user.email) {
            change.prove_email(user.id, email).await?;
        }
        change.commit().await
    }

    /// Sets the password of a user, ends every session, since somebody else may have had the old password, and the links that
    /// could have set one.
    pub async fn set_password(
        &self,
        user_id: Uuid,
        password: &StoredPassword,
        act: &Act,
    ) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        change.require_user(user_id).await?;
        change.write_password(user_id, password).await?;
        change.end_sessions(user_id).await?;
        change.commit().await
    }

    /// Sets the password that a user chose in one of their sessions: every other session ends, and whatever was given to
    /// clients is revoked, since somebody else may have had the old password. The caller tells the clients.
    pub async fn change_password(
        &self,
        (user_id, session_id): (Uuid, Uuid),
        password: &StoredPassword,
        act: &Act,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let mut change = self.begin(act).await?;
        change.require_user(user_id).await?;
        change.write_password(user_id, password).await?;
        let ended = change.end_other_sessions(user_id, session_id).await?;
        change.commit().await?;
        Ok(ended)
    }

    /// Replaces a hash by a better one of the same password, if it is still the one that was verified.
    pub async fn upgrade_password(
        &self,
        user_id: Uuid,
        verified: &StoredPassword,
        better: &StoredPassword,
    ) -> Result<bool, StoreError> {
        let update = "UPDATE user_password SET scheme = $1, sealed = $2 \
             WHERE user_id = $3 AND sealed = $4";
        answered(async {
            let done = sqlx::query(update)
                .bind(better.scheme.as_str())
                .bind(bytes_text(&better.sealed))
                .bind(user_id.to_string())
                .bind(bytes_text(&verified.sealed))
                .execute(&self.pool)
                .await?;
            Ok(done.rows_affected() == 1)
        })
        .await
    }

    /// Removes the password of a user, and the links that could set one.
    pub async fn remove_password(&self, user_id: Uuid, act: &Act) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        if change.on_user("DELETE FROM user_password WHERE user_id = $1", user_id).await? == 0 {
            return Err(StoreError::not_found("credential", "password"));
        }
        change.end_password_links(user_id).await?;
        change.signal_removed(user_id, CredentialType::Password).await?;
        change.record_credential("user.credential.remove", user_id, "password").await?;
        change.commit().await
    }
}

impl Change<'_> {
    /// Writes the password and ends the links that could have set one.
    pub(super) async fn write_password(
        &mut self,
        user_id: Uuid,
        password: &StoredPassword,
    ) -> Result<(), StoreError> {
        let present = "SELECT user_id FROM user_password WHERE user_id = $1";
        self.signal_set(present, (user_id, CredentialType::Password)).await?;
        let upsert = "INSERT INTO user_password (user_id, scheme, sealed, changed_at) \
             VALUES ($1, $2, $3, $4) ON CONFLICT (user_id) DO UPDATE SET \
             scheme = excluded.scheme, sealed = excluded.sealed, changed_at = excluded.changed_at";
        sqlx::query(upsert)
            .bind(user_id.to_string())
            .bind(password.scheme.as_str())
            .bind(bytes_text(&password.sealed))
            .bind(password.changed_at)
            .execute(&mut *self.tx)
            .await?;
        self.end_password_links(user_id).await?;
        self.record_credential("user.password.set", user_id, &password.scheme).await
    }

    async fn end_password_links(&mut self, user_id: Uuid) -> Result<(), StoreError> {
        let delete = "DELETE FROM one_time_link WHERE user_id = $1 \
             AND purpose IN ('password_reset', 'invite')";
        self.on_user(delete, user_id).await?;
        Ok(())
    }
}
