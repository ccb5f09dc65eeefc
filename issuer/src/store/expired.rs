//! What expires, and how it is removed: in small batches, the oldest first, over an index. The store knows when the next
//! of the rows that it has seen expires, so that a node at rest asks nothing.

use std::sync::atomic::{AtomicI64, Ordering};

use sqlx::{AssertSqlSafe, Row as _};

use super::{Store, StoreError, answered};

/// Rows of a table that expire.
#[derive(Debug)]
pub struct Expiring {
    /// The table, as it is named in metrics.
    pub table: &'static str,
    /// Removes rows whose time came before $1, at most $2.
    pub(super) delete: &'static str,
    /// The time of the oldest row.
    pub(super) oldest: &'static str,
    /// Seconds after its time at which a row decides nothing more.
    kept_seconds: i64,
}

macro_rules! expiring {
    ($table:literal, $key:literal, $time:literal, $kept_seconds:expr) => {
        Expiring {
            table: $table,
            delete: concat!(
                "DELETE FROM ",
                $table,
                " WHERE (",
                $key,
                ") IN (SELECT ",
                $key,
                " FROM ",
                $table,
                " WHERE ",
                $time,
                " < $1 ORDER BY ",
                $time,
                " LIMIT $2)"
            ),
            oldest: concat!("SELECT MIN(", $time, ") FROM ", $table),
            kept_seconds: $kept_seconds,
        }
    };
}

/// Counts of guesses that nobody added to for this long decide nothing.
pub(super) const GUESSES_KEPT_SECONDS: i64 = 7 * 86_400;

/// All that expires, a line a table. The participants of a session go with it.
pub static EXPIRING: [Expiring; 13] = [
    expiring!("assertion_use", "client_id, jti_hash", "expires_at", 0),
    expiring!("one_time_use", "kind, hash", "expires_at", 0),
    expiring!("pushed_request", "hash", "expires_at", 0),
    expiring!("device_authorization", "id", "expires_at", 0),
    expiring!("refresh_family", "id", "expires_at", 0),
    expiring!("session", "id", "expires_at", 0),
    expiring!("ceremony_use", "digest", "expires_at", 0),
    expiring!("one_time_link", "digest", "expires_at", 0),
    expiring!("registration", "digest", "expires_at", 0),
    expiring!("revocation", "seq", "expires_at", 0),
    expiring!("status_token", "list, idx", "expires_at", 0),
    expiring!("signal", "stream_id, seq", "expires_at", 0),
    expiring!("guess_count", "user_id, lane", "last_at", GUESSES_KEPT_SECONDS),
];

/// When the next row expires, as far as this process knows.
#[derive(Debug)]
pub(super) struct NextExpiry(AtomicI64);

impl Default for NextExpiry {
    /// Nobody has looked yet: what an earlier process left may have expired long ago.
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl Store {
    /// A row was written that expires at `at` (Unix seconds).
    pub(super) fn will_expire(&self, at: i64) {
        self.next_expiry.0.fetch_min(at, Ordering::Relaxed);
    }

    /// Unix seconds before which no row of this process expires; asks nothing of the database.
    pub fn next_expiry(&self) -> i64 {
        self.next_expiry.0.load(Ordering::Relaxed)
    }

    /// When the oldest row of each of [`EXPIRING`] expires or expired, in Unix seconds.
    pub async fn expiries(&self) -> Result<Vec<Option<i64>>, StoreError> {
        let oldest: Vec<_> = EXPIRING.iter().map(|rows| format!("({})", rows.oldest)).collect();
        let select = AssertSqlSafe(format!("SELECT {}", oldest.join(", ")));
        // What is written meanwhile is noted after this, and is not forgotten below.
        self.next_expiry.0.store(i64::MAX, Ordering::Relaxed);
        let looked = answered(async {
            let row = sqlx::query(select).fetch_one(&self.pool).await?;
            let expiry = |(column, rows): (usize, &Expiring)| {
                let time: Option<i64> = row.try_get(column)?;
                Ok(time.map(|time| time.saturating_add(rows.kept_seconds)))
            };
            EXPIRING.iter().enumerate().map(expiry).collect::<Result<Vec<_>, StoreError>>()
        })
        .await;
        match &looked {
            Ok(expiries) => {
                expiries.iter().flatten().for_each(|at| self.will_expire(*at));
            }
            Err(_) => self.will_expire(i64::MIN),
        }
        looked
    }

    /// Removes rows of a table that expired before `now` (Unix seconds), at most `limit`, and says how many.
    pub async fn sweep(
        &self,
        rows: &'static Expiring,
        now: i64,
        limit: i64,
    ) -> Result<u64, StoreError> {
        let before = now.saturating_sub(rows.kept_seconds);
        answered(async {
            let done =
                sqlx::query(rows.delete).bind(before).bind(limit).execute(&self.pool).await?;
            Ok(done.rows_affected())
        })
        .await
    }
}
