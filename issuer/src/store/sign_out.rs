//! How sessions end: with what was given in them, and with a note for each client that has to hear of it.
//!
//! Signing out ends what lives by the session; what a user granted beyond it (`offline_access`, OpenID Connect Core §11)
//! lives on. Whoever signs out everywhere, is signed out by an administrator, is disabled or deleted, loses that too.

use serde_json::json;
use sqlx::AnyConnection;
use uuid::Uuid;

use super::logout_deliveries::{LogoutDelivery, Messenger, enqueue};
use super::sessions::parse_id;
use super::signals::Consequences;
use super::{Act, Change, Store, StoreError, answered, users};
use crate::revocation::Revoked;
use crate::signals::{Initiator, Signal};

/// A session that ended, and who has to hear of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedSession {
    /// Its id.
    pub id: Uuid,
    /// Whose it was.
    pub user_id: Uuid,
    /// The clients that took part.
    pub clients: Vec<String>,
    /// Those that the caller has to tell (OpenID Connect Back-Channel Logout §2.5).
    pub deliveries: Vec<LogoutDelivery>,
}

impl Store {
    /// Ends a session: what was given in it is revoked with it, unless the user granted it beyond the session
    /// (`offline_access`). The caller tells the clients. `None` if it had ended before.
    pub async fn end_session(
        &self,
        id: Uuid,
        now: i64,
    ) -> Result<Option<EndedSession>, StoreError> {
        answered(async {
            let mut tx = self.pool.begin().await?;
            let mut consequences = Consequences::default();
            let ended = end(&mut tx, id, self.at_once(now), &mut consequences).await?;
            self.commit_with(tx, &consequences, now).await?;
            Ok(ended)
        })
        .await
    }

    /// Ends the sessions of a user, but for one that may be kept, and revokes whatever was given to clients outside of it,
    /// `offline_access` or not: somebody wants everybody out. The caller tells the clients.
    pub async fn end_sessions_of(
        &self,
        user_id: Uuid,
        kept: Option<Uuid>,
        now: i64,
    ) -> Result<Vec<EndedSession>, StoreError> {
        answered(async {
            let mut tx = self.pool.begin().await?;
            let mut consequences = Consequences::default();
            let how = self.at_once(now);
            let ended = end_all(&mut tx, (user_id, kept), how, &mut consequences).await?;
            self.commit_with(tx, &consequences, now).await?;
            Ok(ended)
        })
        .await
    }

    /// A session ends on the word of its user, who is there.
    fn at_once(&self, now: i64) -> How<'_> {
        let resource = &self.signals_resource;
        How { messenger: Messenger::Caller, by: Initiator::User, now, resource }
    }

    /// Ends one session of a user, who wants it. The caller tells the clients.
    pub async fn end_own_session(
        &self,
        (user_id, id): (Uuid, Uuid),
        act: &Act,
    ) -> Result<EndedSession, StoreError> {
        let mut change = self.begin(act).await?;
        let select = "SELECT id FROM session WHERE id = $1 AND user_id = $2";
        let own = sqlx::query(select)
            .bind(id.to_string())
            .bind(user_id.to_string())
            .fetch_optional(&mut *change.tx)
            .await?;
        let ended = match own {
            Some(_) => change.end_session(id, Messenger::Caller).await?,
            None => None,
        };
        let ended = ended.ok_or_else(|| StoreError::not_found("session", &id.to_string()))?;
        let detail = json!({ "session_id": id.to_string() });
        change.record("user.session.end", &user_id.to_string(), &detail).await?;
        change.commit().await?;
        Ok(ended)
    }

    /// Signs a user out everywhere, who wants it. The caller tells the clients.
    pub async fn sign_out_everywhere(
        &self,
        user_id: Uuid,
        act: &Act,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let mut change = self.begin(act).await?;
        let ended = change.end_all((user_id, None), Messenger::Caller).await?;
        let detail = json!({ "sessions": ended.len() });
        change.record("user.sign_out", &user_id.to_string(), &detail).await?;
        change.commit().await?;
        Ok(ended)
    }

    /// Signs the user with this name out everywhere, on the word of an administrator; the nodes tell the clients. Returns
    /// how many sessions ended.
    pub async fn sign_out_user(&self, username: &str, act: &Act) -> Result<usize, StoreError> {
        let mut change = self.begin(act).await?;
        let user_id = users::one(&mut change.tx, username).await?.id;
        let ended = change.end_sessions(user_id).await?;
        change.record("user.sign_out", &user_id.to_string(), &json!({ "sessions": ended })).await?;
        change.commit().await?;
        Ok(ended)
    }
}

impl<'a> Change<'a> {
    /// Ends every session of a user who may not go on; returns how many there were.
    pub(super) async fn end_sessions(&mut self, user_id: Uuid) -> Result<usize, StoreError> {
        Ok(self.end_all((user_id, None), Messenger::Queue).await?.len())
    }

    /// Ends one session.
    pub(super) async fn end_session(
        &mut self,
        id: Uuid,
        messenger: Messenger,
    ) -> Result<Option<EndedSession>, StoreError> {
        let how = self.how(messenger);
        end(&mut self.tx, id, how, &mut self.consequences).await
    }

    async fn end_all(
        &mut self,
        whose: (Uuid, Option<Uuid>),
        messenger: Messenger,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let how = self.how(messenger);
        end_all(&mut self.tx, whose, how, &mut self.consequences).await
    }

    fn how(&self, messenger: Messenger) -> How<'a> {
        let (by, now) = (self.act.actor.initiator(), self.act.at);
        How { messenger, by, now, resource: &self.store.signals_resource }
    }

    /// Ends the sessions of a user but one, and revokes whatever was given to clients, also in that one: somebody else may
    /// have had the password. The caller tells the clients.
    pub(super) async fn end_other_sessions(
        &mut self,
        user_id: Uuid,
        kept: Uuid,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let ended = self.end_all((user_id, Some(kept)), Messenger::Caller).await?;
        self.revoke(Revoked::User(user_id.to_string()));
        let revoke =
            "UPDATE refresh_family SET revoked_at = $1 WHERE user_id = $2 AND revoked_at IS NULL";
        sqlx::query(revoke)
            .bind(self.act.at)
            .bind(user_id.to_string())
            .execute(&mut *self.tx)
            .await?;
        Ok(ended)
    }
}

/// How sessions end.
#[derive(Clone, Copy)]
struct How<'h> {
    /// Who tells the clients.
    messenger: Messenger,
    /// On whose word.
    by: Initiator,
    now: i64,
    /// Where receivers of signals have their streams.
    resource: &'h str,
}

/// Ends a session inside a transaction.
async fn end(
    connection: &mut AnyConnection,
    id: Uuid,
    how: How<'_>,
    consequences: &mut Consequences,
) -> Result<Option<EndedSession>, StoreError> {
    // Writes first, so that no two see the same session end. The cookie is a key, and to change it locks the row against
    // whoever is joining the session just now (PostgreSQL): no client takes part that does not hear of the end.
    let close = "UPDATE session SET cookie_hash = 'ended ' || id WHERE id = $1 RETURNING user_id";
    let row = sqlx::query(close).bind(id.to_string()).fetch_optional(&mut *connection).await?;
    let Some(row) = row else { return Ok(None) };
    let user_id = parse_id(&row, "user_id")?;
    consequences.revoked.push(Revoked::Session(id));
    let signal = Signal::SessionRevoked { session: Some(id) };
    let about = (user_id, how.by, how.now);
    consequences.happened(&mut *connection, signal, about, how.resource).await?;
    let revoke = "UPDATE refresh_family SET revoked_at = $1 WHERE session_id = $2 AND revoked_at IS NULL \
         AND scopes NOT LIKE '%\"offline_access\"%'";
    sqlx::query(revoke).bind(how.now).bind(id.to_string()).execute(&mut *connection).await?;
    let deliveries = enqueue(connection, (id, user_id), how.messenger, how.now).await?;
    let select = "SELECT client_id FROM session_client WHERE session_id = $1 ORDER BY client_id";
    let clients =
        sqlx::query_scalar(select).bind(id.to_string()).fetch_all(&mut *connection).await?;
    for delete in
        ["DELETE FROM session_client WHERE session_id = $1", "DELETE FROM session WHERE id = $1"]
    {
        sqlx::query(delete).bind(id.to_string()).execute(&mut *connection).await?;
    }
    Ok(Some(EndedSession { id, user_id, clients, deliveries }))
}

/// Ends the sessions of a user, with all that was given to clients outside of the one that is kept.
async fn end_all(
    connection: &mut AnyConnection,
    (user_id, kept): (Uuid, Option<Uuid>),
    how: How<'_>,
    consequences: &mut Consequences,
) -> Result<Vec<EndedSession>, StoreError> {
    let is_everything = kept.is_none();
    let kept = kept.map(|id| id.to_string()).unwrap_or_default();
    if is_everything {
        consequences.revoked.push(Revoked::User(user_id.to_string()));
        let (signal, about) =
            (Signal::SessionRevoked { session: None }, (user_id, how.by, how.now));
        consequences.happened(&mut *connection, signal, about, how.resource).await?;
    }
    // Of everything one is said, instead of one for each.
    let (mut unsaid, said) = (Consequences::default(), consequences);
    let one_by_one = if is_everything { &mut unsaid } else { said };
    let close = "UPDATE session SET cookie_hash = 'ended ' || id WHERE user_id = $1 AND id <> $2 \
         RETURNING id";
    let rows = sqlx::query(close)
        .bind(user_id.to_string())
        .bind(kept.as_str())
        .fetch_all(&mut *connection)
        .await?;
    let mut all = Vec::with_capacity(rows.len());
    for row in &rows {
        all.extend(end(connection, parse_id(row, "id")?, how, one_by_one).await?);
    }
    let revoke = "UPDATE refresh_family SET revoked_at = $1 WHERE user_id = $2 AND revoked_at IS NULL \
         AND (session_id IS NULL OR session_id <> $3) RETURNING id";
    let query = sqlx::query(revoke).bind(how.now).bind(user_id.to_string()).bind(kept);
    for row in &query.fetch_all(connection).await? {
        one_by_one.revoked.push(Revoked::Grant(parse_id(row, "id")?));
    }
    Ok(all)
}
