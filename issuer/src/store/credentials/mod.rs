//! The credentials of people. Changes of a credential are recorded like every change; what signing in writes (a step, a
//! counter, an upgraded hash, a count of guesses) takes no generation, because no node follows it.

use serde_json::json;
use uuid::Uuid;

use super::columns::{bytes, corrupt, number, optional_number, text};
use super::{Act, Change, EndedSession, Store, StoreError, answered, users};
use crate::signals::{ChangeType, CredentialType, Initiator, Signal};

mod accounts;
mod ceremonies;
mod guesses;
mod links;
mod passkeys;
mod passwords;
mod recovery_codes;
mod registrations;
mod reseal;
mod totp;

pub use registrations::NewUser;
pub use reseal::SealedCredential;

/// A condition on `$user`: a disabled or deleted user has no credential that counts.
macro_rules! enabled {
    ($user:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM user_account u WHERE u.id = ",
            $user,
            " AND u.enabled = 1 AND u.deleted_at IS NULL)"
        )
    };
}
use enabled;

impl Change<'_> {
    /// The user must be there while the change is made; the generation keeps it there.
    pub(super) async fn require_user(&mut self, user_id: Uuid) -> Result<(), StoreError> {
        let select = "SELECT id FROM user_account WHERE id = $1 AND deleted_at IS NULL";
        let found = sqlx::query(select).bind(user_id.to_string());
        match found.fetch_optional(&mut *self.tx).await? {
            Some(_) => Ok(()),
            None => Err(StoreError::not_found("user", &user_id.to_string())),
        }
    }

    /// Runs a statement whose only parameter is the user.
    async fn on_user(&mut self, statement: &'static str, user_id: Uuid) -> Result<u64, StoreError> {
        let done = sqlx::query(statement).bind(user_id.to_string()).execute(&mut *self.tx).await?;
        Ok(done.rows_affected())
    }

    /// Removes every credential of a user who is deleted.
    pub(super) async fn delete_credentials(&mut self, user_id: Uuid) -> Result<(), StoreError> {
        for delete in [
            "DELETE FROM user_password WHERE user_id = $1",
            "DELETE FROM user_totp WHERE user_id = $1",
            "DELETE FROM recovery_code WHERE user_id = $1",
            "DELETE FROM passkey WHERE user_id = $1",
            "DELETE FROM one_time_link WHERE user_id = $1",
            "DELETE FROM verified_email WHERE user_id = $1",
            "DELETE FROM guess_count WHERE user_id = $1",
            "DELETE FROM upstream_identity WHERE user_id = $1",
        ] {
            self.on_user(delete, user_id).await?;
        }
        Ok(())
    }

    /// Receivers of signals hear of a credential that was set; whether there was one says `$present`, by the user.
    async fn signal_set(
        &mut self,
        present: &'static str,
        (user_id, credential): (Uuid, CredentialType),
    ) -> Result<(), StoreError> {
        let found = sqlx::query(present).bind(user_id.to_string()).fetch_optional(&mut *self.tx);
        let change = if found.await?.is_some() { ChangeType::Update } else { ChangeType::Create };
        self.signal(user_id, Signal::CredentialChange { credential, change }).await
    }

    /// They hear of one that was removed: by its user, or by somebody else.
    async fn signal_removed(
        &mut self,
        user_id: Uuid,
        credential: CredentialType,
    ) -> Result<(), StoreError> {
        let change = match self.act.actor.initiator() {
            Initiator::User => ChangeType::Delete,
            Initiator::Admin | Initiator::System => ChangeType::Revoke,
        };
        self.signal(user_id, Signal::CredentialChange { credential, change }).await
    }

    /// Records what was done to a user's credential.
    async fn record_credential(
        &mut self,
        action: &str,
        user_id: Uuid,
        what: &str,
    ) -> Result<(), StoreError> {
        self.record(action, &user_id.to_string(), &json!({ "credential": what })).await
    }
}

impl Store {
    /// A change that removes a credential of a user.
    async fn remove_of_user(
        &self,
        (delete, what): (&'static str, &'static str),
        user_id: Uuid,
        act: &Act,
    ) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        if change.on_user(delete, user_id).await? == 0 {
            return Err(StoreError::not_found("credential", what));
        }
        // Recovery codes are no type of credential that receivers know.
        if what == "totp" {
            change.signal_removed(user_id, CredentialType::App).await?;
        }
        change.record_credential("user.credential.remove", user_id, what).await?;
        change.commit().await
    }
}

fn uuid(row: &sqlx::any::AnyRow, column: &'static str) -> Result<Uuid, StoreError> {
    Uuid::parse_str(&text(row, column)?).map_err(|error| corrupt(column, &error))
}
