//! The sequence of what was revoked (decision 0031), and how a transaction ends that others have to hear of. Whatever revokes something says so in its own transaction, as the last
//! act of it: the row of the number is locked until the commit, so that numbers are committed in their order, and a reader
//! that has seen one has seen all before it.

use serde_json::json;
use sqlx::AnyConnection;
use sqlx::postgres::PgListener;
use uuid::Uuid;

use super::columns::{number, text};
use super::connect::Dialect;
use super::pool::Transaction;
use super::signals::Consequences;
use super::{Act, Change, Store, StoreError, answered};
use crate::revocation::{Entry, Numbered, Revocations, Revoked};

/// How many entries are read at a time, and how many stand in one message.
pub const REVOCATION_PAGE: usize = 2_000;

/// Of so many before it a level is judged beside: more are not written within the seconds by which levels are ahead.
const RECENT_ENTRIES: i64 = 200;

/// What nodes call each other on; the name of the sequence and the number come along.
const CHANNEL: &str = "countersign_revocations";

/// A connection on which nothing was heard for so long is tried: a network may swallow everything.
const SILENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// The live entries after a number, at most [`REVOCATION_PAGE`].
#[derive(Clone, Debug)]
pub struct RevocationPage {
    /// They are all up to this number.
    pub seq: i64,
    /// The newest number.
    pub head: i64,
    /// In order.
    pub entries: Vec<Numbered>,
}

impl Store {
    /// What this node knows to be revoked.
    pub fn revocations(&self) -> &std::sync::Arc<Revocations> {
        &self.revocations
    }

    /// The name of the sequence; `fresh` becomes it if it has none.
    pub async fn feed_id(&self, fresh: Uuid) -> Result<String, StoreError> {
        let select = "SELECT feed FROM revocation_feed WHERE id = 1";
        let name = "UPDATE revocation_feed SET feed = $1 WHERE id = 1 AND feed = ''";
        answered(async {
            let named: String = sqlx::query_scalar(select).fetch_one(&self.pool).await?;
            if !named.is_empty() {
                return Ok(named);
            }
            sqlx::query(name).bind(fresh.to_string()).execute(&self.pool).await?;
            Ok(sqlx::query_scalar(select).fetch_one(&self.pool).await?)
        })
        .await
    }

    /// Gives the sequence another name: its numbers stand for something else than those that were told before.
    pub async fn rename_feed(&self, fresh: Uuid, act: &Act) -> Result<(), StoreError> {
        answered(async {
            let mut change = self.begin(act).await?;
            sqlx::query("UPDATE revocation_feed SET feed = $1 WHERE id = 1")
                .bind(fresh.to_string())
                .execute(&mut *change.tx)
                .await?;
            change.record("revocation_feed.rename", &fresh.to_string(), &json!({})).await?;
            change.commit().await
        })
        .await
    }

    /// Revokes one token, and what came from it.
    pub async fn revoke_token(
        &self,
        jti: &str,
        expires_at: i64,
        now: i64,
    ) -> Result<(), StoreError> {
        let revoked = Revoked::Token { jti: jti.to_owned(), expires_at };
        answered(async {
            let tx = self.pool.begin().await?;
            self.commit_revoking(tx, vec![revoked], now).await
        })
        .await
    }

    /// The newest number.
    pub async fn newest_revocation(&self) -> Result<i64, StoreError> {
        let select = "SELECT seq FROM revocation_feed WHERE id = 1";
        answered(async { Ok(sqlx::query_scalar(select).fetch_one(&self.pool).await?) }).await
    }

    /// The live entries after a number.
    pub async fn revocations_after(
        &self,
        after: i64,
        now: i64,
    ) -> Result<RevocationPage, StoreError> {
        let select = "SELECT seq, entry, expires_at FROM revocation WHERE seq > $1 AND expires_at >= $2 \
             ORDER BY seq LIMIT $3";
        // Read first: what is committed meanwhile may be among the entries, and is numbered above it.
        let head = self.newest_revocation().await?;
        answered(async {
            let limit = i64::try_from(REVOCATION_PAGE).unwrap_or(i64::MAX);
            let query = sqlx::query(select).bind(after).bind(now).bind(limit);
            let rows = query.fetch_all(&self.pool).await?;
            let entry = |row| {
                Ok(Numbered {
                    seq: number(row, "seq")?,
                    expires_at: number(row, "expires_at")?,
                    text: text(row, "entry")?.into(),
                })
            };
            let entries = rows.iter().map(entry).collect::<Result<Vec<_>, StoreError>>()?;
            let last = entries.last().map_or(head, |entry| entry.seq);
            let head = head.max(last);
            let seq = if entries.len() == REVOCATION_PAGE { last } else { head };
            Ok(RevocationPage { seq, head, entries })
        })
        .await
    }

    /// Follows the sequence to its end.
    pub async fn follow_revocations(&self, now: i64) -> Result<(), StoreError> {
        let mut after = self.revocations.head();
        loop {
            let page = self.revocations_after(after, now).await?;
            if page.head < after {
                tracing::error!(
                    "the database knows less than this node: it was restored from a backup"
                );
                self.revocations.restart();
                after = 0;
                continue;
            }
            self.revocations.follow_to(page.seq, &page.entries);
            if page.seq >= page.head {
                return Ok(());
            }
            after = page.seq;
        }
    }

    /// Ends a transaction with what it revokes.
    pub(super) async fn commit_revoking(
        &self,
        tx: Transaction,
        revoked: Vec<Revoked>,
        now: i64,
    ) -> Result<(), StoreError> {
        self.commit_with(tx, &Consequences::revoking(revoked), now).await
    }

    /// Ends a transaction with all that follows from it.
    pub(super) async fn commit_with(
        &self,
        mut tx: Transaction,
        consequences: &Consequences,
        now: i64,
    ) -> Result<(), StoreError> {
        self.write_heard(&mut tx, &consequences.heard, now).await?;
        let entries = if consequences.revoked.is_empty() {
            Vec::new()
        } else {
            self.write_revoked(&mut tx, &consequences.revoked, now).await?
        };
        tx.commit().await?;
        self.revocations.revoked_here(&entries);
        if consequences.wakes_receivers || !consequences.heard.is_empty() {
            self.signals.wake();
        }
        Ok(())
    }

    /// Nothing may be locked after this: whoever waits for the number waits for nobody else.
    async fn write_revoked(
        &self,
        connection: &mut AnyConnection,
        revoked: &[Revoked],
        now: i64,
    ) -> Result<Vec<Numbered>, StoreError> {
        let count = i64::try_from(revoked.len()).unwrap_or(i64::MAX);
        let take = "UPDATE revocation_feed SET seq = seq + $1 WHERE id = 1 RETURNING feed, seq";
        let row = sqlx::query(take).bind(count).fetch_one(&mut *connection).await?;
        let (feed, last) = (text(&row, "feed")?, number(&row, "seq")?);
        let new: Vec<Entry> =
            revoked.iter().map(|one| one.entry(now, self.longest_token)).collect();
        let recent = if new.iter().any(Entry::is_level) {
            newest_entries(connection, last - count).await?
        } else {
            Vec::new()
        };
        let mut entries = Vec::with_capacity(revoked.len());
        for (entry, seq) in new.into_iter().zip(last - count + 1..) {
            let entry = entry.above(&recent, now);
            let text = serde_json::to_string(&entry);
            let text = text.map_err(|error| StoreError::Failed(error.to_string()))?;
            let expires_at = entry.expires_at();
            let insert = "INSERT INTO revocation (seq, entry, expires_at) VALUES ($1, $2, $3)";
            sqlx::query(insert)
                .bind(seq)
                .bind(text.as_str())
                .bind(expires_at)
                .execute(&mut *connection)
                .await?;
            self.will_expire(expires_at);
            entries.push(Numbered { seq, expires_at, text: text.into() });
        }
        if self.can_call() {
            // Delivered by the commit, or not at all.
            let call = "SELECT CAST(pg_notify($1, $2) AS TEXT)";
            sqlx::query(call)
                .bind(CHANNEL)
                .bind(format!("{feed} {last}"))
                .execute(&mut *connection)
                .await?;
        }
        Ok(entries)
    }

    /// Whether the database wakes the other nodes.
    pub fn can_call(&self) -> bool {
        self.dialect == Dialect::Postgres
    }

    /// What the other nodes call, on a connection of its own.
    pub async fn revocation_calls(&self) -> Result<RevocationCalls, StoreError> {
        let url = self
            .url
            .as_ref()
            .ok_or_else(|| StoreError::Failed("a file has no calls".to_owned()))?;
        answered(async {
            let mut listener = PgListener::connect(url.expose()).await?;
            listener.listen(CHANNEL).await?;
            Ok(RevocationCalls(listener))
        })
        .await
    }
}

/// The newest entries up to a number, on whichever node they were written: the row of the number is locked.
async fn newest_entries(
    connection: &mut AnyConnection,
    last: i64,
) -> Result<Vec<Entry>, StoreError> {
    let select = "SELECT entry FROM revocation WHERE seq > $1 AND seq <= $2";
    let query = sqlx::query_scalar(select).bind(last - RECENT_ENTRIES).bind(last);
    let texts: Vec<String> = query.fetch_all(connection).await?;
    Ok(texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect())
}

/// What the other nodes call.
pub struct RevocationCalls(PgListener);

impl RevocationCalls {
    /// Waits for the next call about this sequence; its newest number.
    pub async fn next(&mut self, feed: &str) -> Result<i64, StoreError> {
        loop {
            let Ok(heard) = tokio::time::timeout(SILENCE, self.0.try_recv()).await else {
                answered(async { Ok(sqlx::query("SELECT 1").execute(&mut self.0).await?) }).await?;
                continue;
            };
            let Some(call) = heard? else {
                return Err(StoreError::Unavailable(
                    "the connection for calls was lost".to_owned(),
                ));
            };
            // Several issuers may share a database, each in a schema of its own.
            let (of, seq) = call.payload().split_once(' ').unwrap_or_default();
            if let Ok(seq) = seq.parse()
                && of == feed
            {
                return Ok(seq);
            }
        }
    }
}

impl Change<'_> {
    /// Something is no longer good once the change is made.
    pub(super) fn revoke(&mut self, revoked: Revoked) {
        self.consequences.revoked.push(revoked);
    }
}
