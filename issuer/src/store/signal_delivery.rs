//! How signals leave (decision 0036). What may go out to a receiver now is asked of the database each time, so that nothing goes
//! by what a node has not heard yet. Whoever pushes has a lease of the stream, which is numbered, and each write of a delivery
//! asks for its number: a change of where or whether something goes out takes the next, and who has an older one writes no more.

use uuid::Uuid;

use sqlx::any::AnyRow;

use super::columns::{corrupt, number, text};
use super::signal_streams::{COLUMNS, SignalStream, stream_row};
use super::signals::receivers;
use super::{Store, StoreError, answered};
use crate::signals::Happened;

/// Seconds for which a stream belongs to the node that delivers to it: more than a few attempts last. If the node dies, its
/// receiver waits as long for another.
pub const LEASE_SECONDS: i64 = 30;

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

/// A stream that this node delivers to: it is as it says as long as the lease holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeasedStream {
    /// The stream.
    pub stream: SignalStream,
    lease: i64,
}

/// What of a stream ($1) may go out at a time ($3): to a client that may have streams of the resource ($2), the oldest first.
macro_rules! pending {
    ($columns:literal, $tail:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM signal q JOIN signal_stream s ON s.id = q.stream_id ",
            receivers!(),
            " WHERE q.stream_id = $1 AND q.expires_at > $3 AND (s.status = 'enabled' OR q.about_stream = 1) \
             AND (q.of_everyone = 0 OR p.scopes LIKE '%\"ssf.everyone\"%')",
            $tail
        )
    };
}

impl Store {
    /// The oldest signals of a stream that may go out at `now`, at most `limit`.
    pub async fn pending_signals(
        &self,
        stream_id: Uuid,
        (now, limit): (i64, i64),
    ) -> Result<Vec<PendingSignal>, StoreError> {
        let select = pending!("q.seq, q.jti, q.event", " ORDER BY q.seq LIMIT $4");
        answered(async {
            let query = sqlx::query(select).bind(stream_id.to_string());
            let query = query.bind(self.signals_resource.to_string()).bind(now).bind(limit);
            query.fetch_all(&self.pool).await?.iter().map(pending_row).collect()
        })
        .await
    }

    /// The receiver that polls has these, or refuses them for good; returns those that there were.
    pub async fn settle_signals(
        &self,
        stream_id: Uuid,
        jtis: &[&str],
    ) -> Result<Vec<String>, StoreError> {
        if jtis.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<String> = (2..jtis.len() + 2).map(|place| format!("${place}")).collect();
        let delete = sqlx::AssertSqlSafe(format!(
            "DELETE FROM signal WHERE stream_id = $1 AND jti IN ({}) RETURNING jti",
            places.join(", ")
        ));
        answered(async {
            let mut query = sqlx::query(delete).bind(stream_id.to_string());
            for jti in jtis {
                query = query.bind(*jti);
            }
            let rows = query.fetch_all(&self.pool).await?;
            rows.iter().map(|row| text(row, "jti")).collect()
        })
        .await
    }

    /// Takes the streams to which something is due at `now`, at most `limit`, those that wait longest first: no other node
    /// delivers to them for a while.
    pub async fn lease_due_streams(
        &self,
        now: i64,
        limit: i64,
    ) -> Result<Vec<LeasedStream>, StoreError> {
        // Of two nodes that choose the same stream the second finds it leased.
        let lease = sqlx::AssertSqlSafe(format!(
            "UPDATE signal_stream SET leased_until = $2, lease = lease + 1 WHERE leased_until <= $1 AND id IN \
             (SELECT q.stream_id FROM signal q JOIN signal_stream s ON s.id = q.stream_id \
             WHERE q.due_at <= $1 AND s.leased_until <= $1 \
             GROUP BY q.stream_id ORDER BY MIN(q.due_at) LIMIT $3) RETURNING {COLUMNS}, lease"
        ));
        answered(async {
            let query = sqlx::query(lease).bind(now).bind(now + LEASE_SECONDS).bind(limit);
            query.fetch_all(&self.pool).await?.iter().map(leased_row).collect()
        })
        .await
    }

    /// The next signal of a stream, as long as the lease holds: nothing goes out by what the stream was before.
    pub async fn next_signal(
        &self,
        leased: &LeasedStream,
        now: i64,
    ) -> Result<Option<PendingSignal>, StoreError> {
        let select = pending!("q.seq, q.jti, q.event", " AND s.lease = $4 ORDER BY q.seq LIMIT 1");
        answered(async {
            let query = sqlx::query(select).bind(leased.stream.id.to_string());
            let query = query.bind(self.signals_resource.to_string()).bind(now).bind(leased.lease);
            query.fetch_optional(&self.pool).await?.as_ref().map(pending_row).transpose()
        })
        .await
    }

    /// The receiver that is called has it, or refuses it for good. If the stream was changed meanwhile it is told once more,
    /// where it wants to hear now.
    pub async fn settle_pushed(&self, leased: &LeasedStream, jti: &str) -> Result<(), StoreError> {
        let delete = "DELETE FROM signal WHERE stream_id = $1 AND jti = $2 \
             AND EXISTS (SELECT 1 FROM signal_stream WHERE id = $1 AND lease = $3)";
        answered(async {
            let query = sqlx::query(delete).bind(leased.stream.id.to_string());
            query.bind(jti).bind(leased.lease).execute(&self.pool).await?;
            Ok(())
        })
        .await
    }

    /// There was nothing more to deliver at `now`. What is due and may not go out, since it expired or its receiver may not
    /// hear of it now, is held from here on: it makes nobody look again.
    pub async fn release_stream(&self, leased: &LeasedStream, now: i64) -> Result<(), StoreError> {
        let release =
            "UPDATE signal_stream SET leased_until = 0, failures = 0 WHERE id = $1 AND lease = $2";
        let hold = concat!(
            "UPDATE signal SET due_at = NULL WHERE stream_id = $1 AND due_at <= $3 AND seq NOT IN (",
            pending!("q.seq", ""),
            ")"
        );
        let id = leased.stream.id.to_string();
        answered(async {
            let mut tx = self.pool.begin().await?;
            let query = sqlx::query(release).bind(id.as_str()).bind(leased.lease);
            // Whoever writes a signal locks the stream first: none comes in between.
            if query.execute(&mut *tx).await?.rows_affected() > 0 {
                let query = sqlx::query(hold).bind(id.as_str());
                let query = query.bind(self.signals_resource.to_string()).bind(now);
                query.execute(&mut *tx).await?;
            }
            Ok(tx.commit().await?)
        })
        .await
    }

    /// There is more to deliver, and others go first: nobody takes the stream before `until`.
    pub async fn leave_stream(&self, leased: &LeasedStream, until: i64) -> Result<(), StoreError> {
        let update = "UPDATE signal_stream SET leased_until = $3 WHERE id = $1 AND lease = $2";
        answered(async {
            let query = sqlx::query(update).bind(leased.stream.id.to_string());
            query.bind(leased.lease).bind(until).execute(&self.pool).await?;
            Ok(())
        })
        .await
    }

    /// The receiver did not take something: its stream is left alone until a time, with all that it holds.
    pub async fn put_off_stream(
        &self,
        leased: &LeasedStream,
        until: i64,
    ) -> Result<(), StoreError> {
        let put_off = "UPDATE signal_stream SET leased_until = $3, failures = failures + 1 \
             WHERE id = $1 AND lease = $2";
        let wait = "UPDATE signal SET due_at = $2 WHERE stream_id = $1 AND due_at < $2";
        let id = leased.stream.id.to_string();
        answered(async {
            let mut tx = self.pool.begin().await?;
            let query = sqlx::query(put_off).bind(id.as_str()).bind(leased.lease).bind(until);
            if query.execute(&mut *tx).await?.rows_affected() > 0 {
                sqlx::query(wait).bind(id.as_str()).bind(until).execute(&mut *tx).await?;
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
}

fn leased_row(row: &AnyRow) -> Result<LeasedStream, StoreError> {
    Ok(LeasedStream { stream: stream_row(row)?, lease: number(row, "lease")? })
}

fn pending_row(row: &AnyRow) -> Result<PendingSignal, StoreError> {
    let happened = serde_json::from_str(&text(row, "event")?);
    Ok(PendingSignal {
        seq: number(row, "seq")?,
        jti: text(row, "jti")?,
        happened: happened.map_err(|error| corrupt("event", &error))?,
    })
}
