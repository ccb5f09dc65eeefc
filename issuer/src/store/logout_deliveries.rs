//! Clients that still have to hear of a session that ended (OpenID Connect Back-Channel Logout §2.5). A row is written by
//! the transaction that ends the session, taken by one conditional statement, and gone when the client has heard; whoever
//! took it and died leaves it to the next, a little later. What is sent is not kept: it is made anew for each attempt.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::columns::{number, text};
use super::sessions::parse_id;
use super::{Store, StoreError, answered};

/// Seconds for which a row belongs to whoever took it: more than one attempt lasts.
const CLAIM_SECONDS: i64 = 30;

/// One client that has to hear of the end of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutDelivery {
    /// The session: `sid`.
    pub session_id: Uuid,
    /// Whose it was.
    pub user_id: Uuid,
    /// Whom to tell.
    pub client_id: String,
    /// Unix seconds.
    pub ended_at: i64,
    /// How often it was tried, this time included.
    pub attempts: i64,
}

/// Who tells the clients of a session that ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Messenger {
    /// Whoever ends the session; the queue only if that fails.
    Caller,
    /// Any node, at once: the caller cannot send anything.
    Queue,
}

impl Store {
    /// Takes what is due at `now`, at most `limit` of it: nobody else gets the same for a while.
    pub async fn claim_logout_deliveries(
        &self,
        now: i64,
        limit: i64,
    ) -> Result<Vec<LogoutDelivery>, StoreError> {
        // Of two nodes that choose the same row the second finds it no longer due.
        let claim = "UPDATE logout_delivery SET attempts = attempts + 1, due_at = $2 \
             WHERE (session_id, client_id) IN \
             (SELECT session_id, client_id FROM logout_delivery WHERE due_at <= $1 ORDER BY due_at LIMIT $3) \
             AND due_at <= $1 RETURNING session_id, client_id, user_id, ended_at, attempts";
        answered(async {
            let rows = sqlx::query(claim)
                .bind(now)
                .bind(now + CLAIM_SECONDS)
                .bind(limit)
                .fetch_all(&self.pool)
                .await?;
            rows.iter().map(delivery_row).collect()
        })
        .await
    }

    /// The client has heard, or never will.
    pub async fn finish_logout_delivery(
        &self,
        delivery: &LogoutDelivery,
    ) -> Result<(), StoreError> {
        let delete = "DELETE FROM logout_delivery WHERE session_id = $1 AND client_id = $2";
        answered(async {
            sqlx::query(delete)
                .bind(delivery.session_id.to_string())
                .bind(delivery.client_id.as_str())
                .execute(&self.pool)
                .await?;
            Ok(())
        })
        .await
    }

    /// The client did not listen: it is left alone until a time, with all that it would be told before.
    pub async fn put_off_logout_delivery(
        &self,
        delivery: &LogoutDelivery,
        until: i64,
    ) -> Result<(), StoreError> {
        let update = "UPDATE logout_delivery SET due_at = $1 \
             WHERE client_id = $2 AND (session_id = $3 OR due_at < $1)";
        answered(async {
            sqlx::query(update)
                .bind(until)
                .bind(delivery.client_id.as_str())
                .bind(delivery.session_id.to_string())
                .execute(&self.pool)
                .await?;
            Ok(())
        })
        .await
    }
}

/// Writes down who has to hear of a session that ends, before its participants are forgotten. Returns what the caller has
/// to do about it.
pub(super) async fn enqueue(
    connection: &mut AnyConnection,
    (session_id, user_id): (Uuid, Uuid),
    messenger: Messenger,
    now: i64,
) -> Result<Vec<LogoutDelivery>, StoreError> {
    let (attempts, due_at) = match messenger {
        Messenger::Caller => (1, now + CLAIM_SECONDS),
        Messenger::Queue => (0, now),
    };
    // The registration is JSON, in which a value cannot look like this member.
    let insert = "INSERT INTO logout_delivery (session_id, client_id, user_id, ended_at, attempts, due_at) \
         SELECT p.session_id, p.client_id, $2, $3, $4, $5 \
         FROM session_client p JOIN client c ON c.id = p.client_id \
         WHERE p.session_id = $1 AND c.deleted_at IS NULL AND c.sign_in LIKE '%\"backchannel_logout_uri\":%' \
         RETURNING session_id, client_id, user_id, ended_at, attempts";
    let rows = sqlx::query(insert)
        .bind(session_id.to_string())
        .bind(user_id.to_string())
        .bind(now)
        .bind(attempts)
        .bind(due_at)
        .fetch_all(connection)
        .await?;
    match messenger {
        Messenger::Caller => rows.iter().map(delivery_row).collect(),
        Messenger::Queue => Ok(Vec::new()),
    }
}

fn delivery_row(row: &AnyRow) -> Result<LogoutDelivery, StoreError> {
    Ok(LogoutDelivery {
        session_id: parse_id(row, "session_id")?,
        user_id: parse_id(row, "user_id")?,
        client_id: text(row, "client_id")?,
        ended_at: number(row, "ended_at")?,
        attempts: number(row, "attempts")?,
    })
}
