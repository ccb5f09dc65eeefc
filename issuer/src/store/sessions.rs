//! Sessions: one sign-in of one user in one browser. No change of a session takes the generation: nodes hold none of them
//! in memory. How they end is `sign_out`.

use sqlx::any::AnyRow;
use uuid::Uuid;

use super::columns::{corrupt, list, list_text, number, optional_text, text};
use super::users::{self, user_row};
use super::{Store, StoreError, answered};
use crate::registry::User;

/// A session as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id: the `sid` of tokens. It says nothing that lets anybody in.
    pub id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// Unix seconds of the last time that the user proved who it is.
    pub auth_time: i64,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds, exact to a minute.
    pub last_seen_at: i64,
    /// Unix seconds after which it is over, whatever happens.
    pub expires_at: i64,
    /// The browser's own word.
    pub user_agent: Option<String>,
    /// From where it began.
    pub address: Option<String>,
}

const COLUMNS: &str = "s.id AS sid, s.user_id, s.auth_time, s.amr, s.created_at AS session_created_at, \
     s.last_seen_at, s.expires_at, s.user_agent, s.address";

impl Store {
    /// Begins a session.
    pub async fn create_session(
        &self,
        session: &Session,
        cookie_hash: &str,
    ) -> Result<(), StoreError> {
        let insert = "INSERT INTO session (id, cookie_hash, user_id, auth_time, amr, created_at, last_seen_at, \
             expires_at, user_agent, address) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        self.will_expire(session.expires_at);
        answered(async {
            sqlx::query(insert)
                .bind(session.id.to_string())
                .bind(cookie_hash)
                .bind(session.user_id.to_string())
                .bind(session.auth_time)
                .bind(list_text(&session.amr))
                .bind(session.created_at)
                .bind(session.last_seen_at)
                .bind(session.expires_at)
                .bind(session.user_agent.clone())
                .bind(session.address.clone())
                .execute(&self.pool)
                .await?;
            Ok(())
        })
        .await
    }

    /// The user of a session proved once more who it is: a new cookie for the same session. False if the cookie was
    /// changed meanwhile.
    pub async fn raise_session(
        &self,
        session: &Session,
        (old_hash, new_hash): (&str, &str),
    ) -> Result<bool, StoreError> {
        let update = "UPDATE session SET cookie_hash = $1, auth_time = $2, amr = $3, last_seen_at = $4 \
             WHERE id = $5 AND cookie_hash = $6";
        answered(async {
            let done = sqlx::query(update)
                .bind(new_hash)
                .bind(session.auth_time)
                .bind(list_text(&session.amr))
                .bind(session.last_seen_at)
                .bind(session.id.to_string())
                .bind(old_hash)
                .execute(&self.pool)
                .await?;
            Ok(done.rows_affected() == 1)
        })
        .await
    }

    /// The session of a cookie, with its user, deleted users excepted. Whether it is still good is not judged here.
    pub async fn session_of_cookie(
        &self,
        cookie_hash: &str,
    ) -> Result<Option<(Session, User)>, StoreError> {
        let select = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS}, {} FROM session s JOIN user_account u ON u.id = s.user_id \
             WHERE s.cookie_hash = $1 AND u.deleted_at IS NULL",
            users::COLUMNS
        ));
        answered(async {
            let row = sqlx::query(select).bind(cookie_hash).fetch_optional(&self.pool).await?;
            row.map(|row| Ok((session_row(&row)?, user_row(&row)?))).transpose()
        })
        .await
    }

    /// A session by its id, with its user, deleted users excepted. Whether it is still good is not judged here.
    pub async fn session_with_user(&self, id: Uuid) -> Result<Option<(Session, User)>, StoreError> {
        let select = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS}, {} FROM session s JOIN user_account u ON u.id = s.user_id \
             WHERE s.id = $1 AND u.deleted_at IS NULL",
            users::COLUMNS
        ));
        answered(async {
            let query = sqlx::query(select).bind(id.to_string());
            let row = query.fetch_optional(&self.pool).await?;
            row.map(|row| Ok((session_row(&row)?, user_row(&row)?))).transpose()
        })
        .await
    }

    /// Notes that a session was used.
    pub async fn touch_session(&self, id: Uuid, now: i64) -> Result<(), StoreError> {
        answered(async {
            sqlx::query("UPDATE session SET last_seen_at = $1 WHERE id = $2")
                .bind(now)
                .bind(id.to_string())
                .execute(&self.pool)
                .await?;
            Ok(())
        })
        .await
    }

    /// The sessions of a user, the newest first.
    pub async fn sessions_of(&self, user_id: Uuid) -> Result<Vec<Session>, StoreError> {
        let select = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM session s WHERE s.user_id = $1 ORDER BY s.id DESC"
        ));
        answered(async {
            let rows = sqlx::query(select).bind(user_id.to_string()).fetch_all(&self.pool).await?;
            rows.iter().map(session_row).collect()
        })
        .await
    }
}

pub(super) fn parse_id(row: &AnyRow, column: &'static str) -> Result<Uuid, StoreError> {
    Uuid::parse_str(&text(row, column)?).map_err(|error| corrupt(column, &error))
}

fn session_row(row: &AnyRow) -> Result<Session, StoreError> {
    Ok(Session {
        id: parse_id(row, "sid")?,
        user_id: parse_id(row, "user_id")?,
        auth_time: number(row, "auth_time")?,
        amr: list(row, "amr")?,
        created_at: number(row, "session_created_at")?,
        last_seen_at: number(row, "last_seen_at")?,
        expires_at: number(row, "expires_at")?,
        user_agent: optional_text(row, "user_agent")?,
        address: optional_text(row, "address")?,
    })
}
