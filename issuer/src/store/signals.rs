//! Signals that receivers still have to hear (decision 0036). Who hears of something is asked where it happens, while what ties
//! the user to the receiver is still there; the rows are written with the cause, just before its revocations are numbered.
//! Each write locks its stream, in the order of their ids: so the signals of a stream are numbered as they are committed, and
//! a change of its status comes before all of them or after. A row is gone when the receiver has it, or after a week.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::columns::{corrupt, number, text};
use super::sessions::parse_id;
use super::signal_streams::{COLUMNS, MIN_VERIFICATION_INTERVAL, SignalStream, stream_row};
use super::{Change, Store, StoreError, answered};
use crate::random;
use crate::revocation::Revoked;
use crate::signals::{EVERYONE, Happened, Initiator, Signal, StreamStatus, Wakeups};

/// Seconds after which nobody needs to hear of something any more.
const KEPT_SECONDS: i64 = 7 * 86_400;

/// A stream holds so many; the oldest make room.
const MAX_HELD: i64 = 10_000;

/// Seconds for which a stream belongs to the node that delivers to it: more than a few attempts last.
pub const LEASE_SECONDS: i64 = 60;

/// Streams that ask for an event type ($1), of clients that may have streams of the resource ($2), as far as they may know of
/// a user ($3): `$knows` says by what, or the operator lets them know of everybody.
macro_rules! listeners {
    ($knows:literal) => {
        concat!(
            "SELECT s.id FROM signal_stream s JOIN client c ON c.id = s.client_id \
             JOIN client_permission p ON p.client_id = s.client_id AND p.resource = $2 \
             WHERE c.deleted_at IS NULL AND c.enabled = 1 AND s.status <> 'disabled' \
             AND s.events_requested LIKE $1 AND p.scopes LIKE '%\"ssf.%' AND (p.scopes LIKE $4 OR ",
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
}

/// A signal that a receiver has not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingSignal {
    /// Its place in the stream.
    pub seq: i64,
    /// By which it is acknowledged.
    pub jti: String,
    /// What it is about.
    pub happened: Happened,
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
            .bind(format!("%\"{EVERYONE}\"%"))
            .fetch_all(connection)
            .await?;
        for row in &rows {
            let stream_id = parse_id(row, "id")?;
            self.tell(stream_id, (signal.clone(), Some(user_id)), (by, at));
        }
        Ok(())
    }

    fn tell(
        &mut self,
        stream_id: Uuid,
        (signal, user_id): (Signal, Option<Uuid>),
        (by, at): (Initiator, i64),
    ) {
        let txn = self.txn.get_or_insert_with(random::jti).clone();
        let happened = Happened { signal, user_id, by, at, txn };
        self.heard.push(Heard { stream_id, happened });
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
        self.consequences.tell(stream_id, (signal, None), by);
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
            consequences.tell(id, (signal, None), (Initiator::System, now));
            self.commit_with(tx, &consequences, now).await?;
            Ok(true)
        })
        .await
    }

    /// The oldest signals of a stream that may go out at `now`, at most `limit`.
    pub async fn pending_signals(
        &self,
        stream_id: Uuid,
        (now, limit): (i64, i64),
    ) -> Result<Vec<PendingSignal>, StoreError> {
        let select = "SELECT q.seq, q.jti, q.event FROM signal q JOIN signal_stream s ON s.id = q.stream_id \
             WHERE q.stream_id = $1 AND q.expires_at > $2 AND (s.status = 'enabled' OR q.about_stream = 1) \
             ORDER BY q.seq LIMIT $3";
        answered(async {
            let query = sqlx::query(select).bind(stream_id.to_string()).bind(now).bind(limit);
            query.fetch_all(&self.pool).await?.iter().map(pending_row).collect()
        })
        .await
    }

    /// The receiver has these, or refuses them for good; returns how many there were.
    pub async fn settle_signals(&self, stream_id: Uuid, jtis: &[&str]) -> Result<u64, StoreError> {
        if jtis.is_empty() {
            return Ok(0);
        }
        let places: Vec<String> = (2..jtis.len() + 2).map(|place| format!("${place}")).collect();
        let delete = sqlx::AssertSqlSafe(format!(
            "DELETE FROM signal WHERE stream_id = $1 AND jti IN ({})",
            places.join(", ")
        ));
        answered(async {
            let mut query = sqlx::query(delete).bind(stream_id.to_string());
            for jti in jtis {
                query = query.bind(*jti);
            }
            Ok(query.execute(&self.pool).await?.rows_affected())
        })
        .await
    }

    /// Takes streams to which something is due at `now`, at most `limit`: no other node delivers to them for a while.
    pub async fn lease_due_streams(
        &self,
        now: i64,
        limit: i64,
    ) -> Result<Vec<SignalStream>, StoreError> {
        // Of two nodes that choose the same stream the second finds it leased.
        let lease = sqlx::AssertSqlSafe(format!(
            "UPDATE signal_stream SET leased_until = $2 WHERE leased_until <= $1 AND id IN \
             (SELECT DISTINCT q.stream_id FROM signal q JOIN signal_stream s ON s.id = q.stream_id \
             WHERE q.due_at <= $1 AND s.leased_until <= $1 LIMIT $3) RETURNING {COLUMNS}"
        ));
        answered(async {
            let query = sqlx::query(lease).bind(now).bind(now + LEASE_SECONDS).bind(limit);
            query.fetch_all(&self.pool).await?.iter().map(stream_row).collect()
        })
        .await
    }

    /// There was nothing more to deliver.
    pub async fn release_stream(&self, id: Uuid) -> Result<(), StoreError> {
        let update = "UPDATE signal_stream SET leased_until = 0, failures = 0 WHERE id = $1";
        answered(async {
            sqlx::query(update).bind(id.to_string()).execute(&self.pool).await?;
            Ok(())
        })
        .await
    }

    /// The receiver did not take something: its stream is left alone until a time, with all that it holds.
    pub async fn put_off_stream(&self, id: Uuid, until: i64) -> Result<(), StoreError> {
        answered(async {
            let mut tx = self.pool.begin().await?;
            for update in [
                "UPDATE signal_stream SET leased_until = $2, failures = failures + 1 WHERE id = $1",
                "UPDATE signal SET due_at = $2 WHERE stream_id = $1 AND due_at < $2",
            ] {
                sqlx::query(update).bind(id.to_string()).bind(until).execute(&mut *tx).await?;
            }
            Ok(tx.commit().await?)
        })
        .await
    }

    /// How many signals are held for receivers.
    pub async fn signals_held(&self) -> Result<i64, StoreError> {
        let count = "SELECT COUNT(*) FROM signal";
        answered(async { Ok(sqlx::query_scalar(count).fetch_one(&self.pool).await?) }).await
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
    let insert = "INSERT INTO signal (stream_id, seq, jti, event, about_stream, due_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)";
    sqlx::query(insert)
        .bind(stream_id.as_str())
        .bind(seq)
        .bind(random::jti())
        .bind(event)
        .bind(i64::from(ignores_status))
        .bind((is_pushed && goes_out).then_some(due_at))
        .bind(now + KEPT_SECONDS)
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

fn pending_row(row: &AnyRow) -> Result<PendingSignal, StoreError> {
    let happened = serde_json::from_str(&text(row, "event")?);
    Ok(PendingSignal {
        seq: number(row, "seq")?,
        jti: text(row, "jti")?,
        happened: happened.map_err(|error| corrupt("event", &error))?,
    })
}
