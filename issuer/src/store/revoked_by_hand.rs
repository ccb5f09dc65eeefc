//! What an administrator revokes: tokens at once, and what would give new ones.

use serde_json::json;
use uuid::Uuid;

use super::columns::{list, list_text, text};
use super::logout_deliveries::Messenger;
use super::{Act, Change, Store, StoreError, users};
use crate::registry::{ClientId, ExternalSubject, IDENTITY_SCOPES};
use crate::revocation::Revoked;

/// What is to be revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ByHand {
    /// One token, and what came from it.
    Token(String),
    /// A session, with what was given in it.
    Session(Uuid),
    /// All that a user has: every session ends.
    User(String),
    /// What apps were given for somebody in a namespace of theirs.
    External(ExternalSubject),
    /// What a user gave to a client.
    Consent(String, ClientId),
    /// A scope of what a user gave to a client.
    Scope(String, ClientId, String),
    /// All that a client has, its refresh tokens too.
    Client(ClientId),
}

impl Store {
    /// Revokes something, with a record of it.
    pub async fn revoke_by_hand(&self, what: &ByHand, act: &Act) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        match what {
            ByHand::Token(jti) => {
                let expires_at = act.at.saturating_add(self.longest_token);
                change.revoke(Revoked::Token { jti: jti.clone(), expires_at });
                change.record("token.revoke", jti, &json!({})).await?;
            }
            ByHand::Session(id) => change.revoke_session(*id).await?,
            ByHand::User(username) => {
                let id = users::one(&mut change.tx, username).await?.id;
                let sessions = change.end_sessions(id).await?;
                let detail = json!({ "sessions": sessions });
                change.record("user.revoke", &id.to_string(), &detail).await?;
            }
            ByHand::External(subject) => {
                change.revoke(Revoked::User(subject.as_str().to_owned()));
                change.record("user.revoke", subject.as_str(), &json!({})).await?;
            }
            ByHand::Consent(username, client) => {
                let id = users::one(&mut change.tx, username).await?.id;
                change.client(client).await?;
                change.take_back(id, client.as_str()).await?;
                let detail = json!({ "client_id": client.as_str() });
                change.record("user.revoke", &id.to_string(), &detail).await?;
            }
            ByHand::Scope(username, client, scope) => {
                let id = users::one(&mut change.tx, username).await?.id;
                change.client(client).await?;
                change.revoke_scope((id, client.as_str()), scope).await?;
            }
            ByHand::Client(client) => change.revoke_client(client).await?,
        }
        change.commit().await
    }
}

impl Change<'_> {
    /// A session that has ended already may have left tokens behind.
    async fn revoke_session(&mut self, id: Uuid) -> Result<(), StoreError> {
        let ended = self.end_session(id, Messenger::Queue).await?;
        if ended.is_none() {
            self.revoke(Revoked::Session(id));
        }
        let detail = json!({ "ended": ended.is_some() });
        self.record("session.revoke", &id.to_string(), &detail).await
    }

    async fn revoke_client(&mut self, client: &ClientId) -> Result<(), StoreError> {
        self.client(client).await?;
        let revoke =
            "UPDATE refresh_family SET revoked_at = $1 WHERE client_id = $2 AND revoked_at IS NULL";
        let query = sqlx::query(revoke).bind(self.act.at).bind(client.as_str());
        let families = query.execute(&mut *self.tx).await?.rows_affected();
        self.revoke(Revoked::Client(client.to_string()));
        let detail = json!({ "refresh_token_families": families });
        self.record("client.revoke", client.as_str(), &detail).await
    }

    /// The consent and the refresh tokens go on without the scope.
    async fn revoke_scope(
        &mut self,
        (user_id, client_id): (Uuid, &str),
        scope: &str,
    ) -> Result<(), StoreError> {
        self.narrow_families((user_id, client_id), scope).await?;
        self.narrow_consent((user_id, client_id), scope).await?;
        let detail = json!({ "client_id": client_id, "scope": scope });
        let (client_id, scope) = (client_id.to_owned(), Some(scope.to_owned()));
        self.revoke(Revoked::UserAtClient { user_id, client_id, scope });
        self.record("user.revoke", &user_id.to_string(), &detail).await
    }

    async fn narrow_families(
        &mut self,
        (user_id, client_id): (Uuid, &str),
        scope: &str,
    ) -> Result<(), StoreError> {
        let select = "SELECT id, scopes, resources FROM refresh_family \
             WHERE user_id = $1 AND client_id = $2 AND revoked_at IS NULL";
        let query = sqlx::query(select).bind(user_id.to_string()).bind(client_id.to_owned());
        for row in &query.fetch_all(&mut *self.tx).await? {
            let mut scopes = list(row, "scopes")?;
            scopes.retain(|kept| kept != scope);
            let is_of_api = |scope: &String| !IDENTITY_SCOPES.contains(&scope.as_str());
            // Without a scope of its resources it would stand for all that the client may have there.
            let is_over = !scopes.iter().any(is_of_api) && !list(row, "resources")?.is_empty();
            sqlx::query("UPDATE refresh_family SET scopes = $1, revoked_at = $2 WHERE id = $3")
                .bind(list_text(&scopes))
                .bind(is_over.then_some(self.act.at))
                .bind(text(row, "id")?)
                .execute(&mut *self.tx)
                .await?;
        }
        Ok(())
    }

    async fn narrow_consent(
        &mut self,
        (user_id, client_id): (Uuid, &str),
        scope: &str,
    ) -> Result<(), StoreError> {
        let select = "SELECT scopes FROM consent WHERE user_id = $1 AND client_id = $2";
        let query = sqlx::query(select).bind(user_id.to_string()).bind(client_id.to_owned());
        let Some(row) = query.fetch_optional(&mut *self.tx).await? else { return Ok(()) };
        let mut scopes = list(&row, "scopes")?;
        scopes.retain(|kept| kept != scope);
        sqlx::query("UPDATE consent SET scopes = $1 WHERE user_id = $2 AND client_id = $3")
            .bind(list_text(&scopes))
            .bind(user_id.to_string())
            .bind(client_id.to_owned())
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }
}
