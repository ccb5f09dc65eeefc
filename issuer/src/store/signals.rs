//! Signals that receivers still have to hear (decision 0036). Who hears of something is asked where it happens, while what ties
//! the user to the receiver is still there; the rows are written with the cause, just before its revocations are numbered.
//! Each write locks its stream, in the order of their ids: so the signals of a stream are numbered as they are committed, and
//! a change of its status comes before all of them or after. A row is gone when the receiver has it (`signal_delivery`), or after
//! a week.

use sqlx::AnyConnection;
use uuid::Uuid;

use super::columns::{flag, number, text};
use super::sessions::parse_id;
use super::signal_streams::MIN_VERIFICATION_INTERVAL;
use super::{Change, Store, StoreError, answered};
use crate::random;
use crate::revocation::Revoked;
use crate::signals::{Happened, Initiator, Signal, StreamStatus, Wakeups};

/// Seconds after which nobody needs to hear of something any more.
const KEPT_SECONDS: i64 = 7 * 86_400;

/// A stream holds so many; the oldest make room.
const MAX_HELD: i64 = 10_000;

/// Of the streams `s` those of clients that may have streams of the resource ($2) now.
macro_rules! receivers {
    () => {
        "JOIN client c ON c.id = s.client_id AND c.deleted_at IS NULL AND c.enabled = 1 \
         JOIN client_permission p ON p.client_id = s.client_id AND p.resource = $2 \
         AND (p.scopes LIKE '%\"ssf.read\"%' OR p.scopes LIKE '%\"ssf.manage\"%')"
    };
}
pub(super) use receivers;

/// Streams that ask for an event type ($1), of clients that may have streams of the resource ($2), as far as they may know of
/// a user ($3): `$knows` says by what, or the operator lets them know of everybody.
macro_rules! listeners {
    ($knows:literal) => {
        concat!(
            "SELECT s.id, CAST(CASE WHEN ",
            $knows,
            " THEN 0 ELSE 1 END AS BIGINT) AS of_everyone FROM signal_stream s ",
            receivers!(),
            " WHERE s.status <> 'disabled' AND s.events_requested LIKE $1 \
             AND (p.scopes LIKE '%\"ssf.everyone\"%' OR ",
            $knows,
            ") ORDER BY s.id"
        )
    };
}

const LISTENERS_OF_SESSION: &str = listeners!(
    "EXISTS (SELECT 1 FROM session_client k WHERE k.session_id = $3 AND k.client_id = s.client_id)"
);

const LISTENERS_OF_USER: &str = listeners!(
    "EXISTS (SELECT 1 FROM session_client k JOIN session o ON o.id = k.session_id \
     WHERE o.user_id = $3 AND k.client_id = s.client_id) \
     OR EXISTS (SELECT 1 FROM refresh_family k WHERE k.user_id = $3 AND k.client_id = s.client_id) \
     OR EXISTS (SELECT 1 FROM consent k WHERE k.user_id = $3 AND k.client_id = s.client_id)"
);

/// What follows from a change for others, written as the last of it.
#[derive(Debug, Default)]
pub(super) struct Consequences {
    /// What is no longer good.
    pub(super) revoked: Vec<Revoked>,
    /// Who hears of what.
    pub(super) heard: Vec<Heard>,
    /// A stream was changed, and may have to go on at once.
    pub(super) wakes_receivers: bool,
    /// Names the cause.
    txn: Option<String>,
}

/// A signal for one stream.
#[derive(Debug)]
pub(super) struct Heard {
    stream_id: Uuid,
    happened: Happened,
    /// Nothing ties the receiver to the user: it hears of everybody.
    of_everyone: bool,
}

impl Consequences {
    /// Something is no longer good, and nobody hears of it by a signal.
    pub(super) fn revoking(revoked: Vec<Revoked>) -> Self {
        Self { revoked, ..Self::default() }
    }

    /// Something happened to a user, or to one session of theirs; finds who hears of it.
    pub(super) async fn happened(
        &mut self,
        connection: &mut AnyConnection,
        signal: Signal,
        (user_id, by, at): (Uuid, Initiator, i64),
        resource: &str,
    ) -> Result<(), StoreError> {
        let (listeners, whom) = match &signal {
            Signal::SessionRevoked { session: Some(session) } => (LISTENERS_OF_SESSION, *session),
            _ => (LISTENERS_OF_USER, user_id),
        };
        let rows = sqlx::query(listeners)
            .bind(format!("%\"{}\"%", signal.event_type()))
            .bind(resource.to_owned())
            .bind(whom.to_string())
            .fetch_all(connection)
            .await?;
        for row in &rows {
            let (stream_id, of_everyone) = (parse_id(row, "id")?, flag(row, "of_everyone")?);
            let happened = self.caused((signal.clone(), Some(user_id)), (by, at));
            self.heard.push(Heard { stream_id, happened, of_everyone });
        }
        Ok(())
    }

    /// Something happens to a stream, of which its receiver is told.
    fn tell(&mut self, stream_id: Uuid, signal: Signal, by: (Initiator, i64)) {
        let happened = self.caused((signal, None), by);
        self.heard.push(Heard { stream_id, happened, of_everyone: false });
    }

    fn caused(
        &mut self,
        (signal, user_id): (Signal, Option<Uuid>),
        (by, at): (Initiator, i64),
    ) -> Happened {
        let txn = self.txn.get_or_insert_with(random::jti).clone();
        Happened { signal, user_id, by, at, txn }
    }
}

impl Change<'_> {
    /// Something happens to a user, by whoever makes the change. Before it takes away what ties the user to receivers.
    pub(super) async fn signal(&mut self, user_id: Uuid, signal: Signal) -> Result<(), StoreError> {
        let about = (user_id, self.act.actor.initiator(), self.act.at);
        let resource = &self.store.signals_resource;
        self.consequences.happened(&mut self.tx, signal, about, resource).await
    }

    /// Something happens to a stream.
    pub(super) fn signal_to(&mut self, stream_id: Uuid, signal: Signal) {
        let by = (self.act.actor.initiator(), self.act.at);
        self.consequences.tell(stream_id, signal, by);
    }
}

impl Store {
    /// Whoever waits for signals on this node.
    pub fn signals(&self) -> &Wakeups {
        &self.signals
    }

    /// Puts a verification into a stream; false if the last one was a moment ago.
    pub async fn verify_stream(
        &self,
        id: Uuid,
        state: Option<String>,
        now: i64,
    ) -> Result<bool, StoreError> {
        let note = "UPDATE signal_stream SET verified_at = $2 WHERE id = $1 AND verified_at <= $3";
        answered(async {
            let mut tx = self.pool.begin().await?;
            let query = sqlx::query(note).bind(id.to_string()).bind(now);
            let noted = query.bind(now - MIN_VERIFICATION_INTERVAL).execute(&mut *tx).await?;
            if noted.rows_affected() == 0 {
                return Ok(false);
            }
            let mut consequences = Consequences::default();
            let signal = Signal::Verification { state };
            consequences.tell(id, signal, (Initiator::System, now));
            self.commit_with(tx, &consequences, now).await?;
            Ok(true)
        })
        .await
    }

    /// Writes what receivers hear.
    pub(super) async fn write_heard(
        &self,
        connection: &mut AnyConnection,
        heard: &[Heard],
        now: i64,
    ) -> Result<(), StoreError> {
        let mut in_order: Vec<&Heard> = heard.iter().collect();
        // Whoever writes to several streams locks them in one order.
        in_order.sort_by_key(|heard| heard.stream_id);
        for heard in in_order {
            write(connection, heard, now).await?;
        }
        if !heard.is_empty() {
            self.will_expire(now + KEPT_SECONDS);
        }
        Ok(())
    }
}

async fn write(connection: &mut AnyConnection, heard: &Heard, now: i64) -> Result<(), StoreError> {
    let ignores_status = heard.happened.signal.ignores_status();
    let take = "UPDATE signal_stream SET seq = seq + 1 WHERE id = $1 \
         RETURNING seq, status, leased_until, failures, \
         CAST(CASE WHEN endpoint_url IS NULL THEN 0 ELSE 1 END AS BIGINT) AS is_pushed";
    let stream_id = heard.stream_id.to_string();
    let row = sqlx::query(take).bind(stream_id.as_str()).fetch_optional(&mut *connection).await?;
    // The stream may have been deleted or disabled since it was asked for.
    let Some(row) = row else { return Ok(()) };
    let status = text(&row, "status")?;
    if status == StreamStatus::Disabled.name() && !ignores_status {
        return Ok(());
    }
    let goes_out = ignores_status || status == StreamStatus::Enabled.name();
    let is_pushed = number(&row, "is_pushed")? == 1;
    // A receiver that does not answer is not asked more often because more happens.
    let waits = number(&row, "failures")? > 0;
    let leased_until = number(&row, "leased_until")?;
    let due_at = if waits { leased_until.max(now) } else { now };
    let event = serde_json::to_string(&heard.happened);
    let event = event.map_err(|error| StoreError::Failed(error.to_string()))?;
    let seq = number(&row, "seq")?;
    let insert = "INSERT INTO signal (stream_id, seq, jti, event, about_stream, due_at, expires_at, of_everyone) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    sqlx::query(insert)
        .bind(stream_id.as_str())
        .bind(seq)
        .bind(random::jti())
        .bind(event)
        .bind(i64::from(ignores_status))
        .bind((is_pushed && goes_out).then_some(due_at))
        .bind(now + KEPT_SECONDS)
        .bind(i64::from(heard.of_everyone))
        .execute(&mut *connection)
        .await?;
    make_room(connection, stream_id, seq - MAX_HELD).await
}

/// The oldest signals make room for the newest.
async fn make_room(
    connection: &mut AnyConnection,
    stream_id: String,
    up_to: i64,
) -> Result<(), StoreError> {
    let delete = "DELETE FROM signal WHERE stream_id = $1 AND seq <= $2";
    let query = sqlx::query(delete).bind(stream_id.clone()).bind(up_to);
    let dropped = query.execute(connection).await?.rows_affected();
    if dropped > 0 {
        tracing::error!(stream_id, dropped, "a receiver is too far behind: signals were dropped");
    }
    Ok(())
}
