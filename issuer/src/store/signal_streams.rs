//! Streams: who hears of signals, of which, and how (OpenID Shared Signals Framework 1.0 §8.1.1, decision 0036). Nodes hold
//! none in memory. Whatever changes whether something is pushed writes the stream first and its signals afterwards, in the
//! order in which a signal is written, so that none is left behind.

use serde_json::{Value, json};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::columns::{corrupt, flag, list, list_text, number, optional_text, text};
use super::sessions::parse_id;
use super::{Act, Change, Store, StoreError, answered};
use crate::signals::{Signal, StreamStatus};

/// So many a client may have.
const MAX_STREAMS: i64 = 4;

/// Seconds between two verifications of a stream.
pub const MIN_VERIFICATION_INTERVAL: i64 = 30;

pub(super) const COLUMNS: &str = "id, client_id, endpoint_url, authorization_sealed, events_requested, description, \
     status, reason, halted, failures, created_at";

/// A stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalStream {
    /// `stream_id`.
    pub id: Uuid,
    /// Whose it is.
    pub client_id: String,
    /// Where signals are pushed to; `None` if the receiver polls.
    pub push: Option<Push>,
    /// The event types that the receiver asked for, known or not.
    pub events_requested: Vec<String>,
    /// For people.
    pub description: Option<String>,
    /// Whether anything goes out.
    pub status: StreamStatus,
    /// Why it is so.
    pub reason: Option<String>,
    /// Whether the operator made it so, and only the operator ends it.
    pub halted: bool,
    /// How often in a row it could not be delivered to.
    pub failures: i64,
    /// Unix seconds.
    pub created_at: i64,
}

/// Push delivery (RFC 8935).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// Where to.
    pub endpoint_url: String,
    /// With which header, sealed.
    pub authorization: Option<String>,
}

impl Push {
    /// What records say of where to: a query may hold a secret.
    fn shown(&self) -> &str {
        self.endpoint_url.split(['?', '#']).next().unwrap_or_default()
    }
}

impl Store {
    /// Makes a stream; a conflict if its client has as many as it may have.
    pub async fn create_stream(&self, stream: &SignalStream, act: &Act) -> Result<(), StoreError> {
        // Writers of changes are in a row, so that what is counted stays true.
        let mut change = self.begin(act).await?;
        let count = "SELECT COUNT(*) FROM signal_stream WHERE client_id = $1";
        let query = sqlx::query_scalar(count).bind(stream.client_id.as_str());
        let streams: i64 = query.fetch_one(&mut *change.tx).await?;
        if streams >= MAX_STREAMS {
            return Err(StoreError::Conflict(format!("the client has {streams} streams already")));
        }
        let insert = "INSERT INTO signal_stream (id, client_id, endpoint_url, authorization_sealed, events_requested, \
             description, status, reason, seq, leased_until, failures, verified_at, created_at) \
             VALUES ($1, $2, NULL, NULL, '[]', NULL, $3, NULL, 0, 0, 0, 0, $4)";
        sqlx::query(insert)
            .bind(stream.id.to_string())
            .bind(stream.client_id.as_str())
            .bind(stream.status.name())
            .bind(stream.created_at)
            .execute(&mut *change.tx)
            .await?;
        change.write_stream(None, stream).await?;
        change.record("stream.create", &stream.id.to_string(), &description(stream)).await?;
        change.commit().await
    }

    /// The streams of a client, or all, the oldest first.
    pub async fn streams(&self, client_id: Option<&str>) -> Result<Vec<SignalStream>, StoreError> {
        let select = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM signal_stream WHERE client_id = $1 OR $1 = '' ORDER BY created_at, id"
        ));
        answered(async {
            let query = sqlx::query(select).bind(client_id.unwrap_or_default());
            query.fetch_all(&self.pool).await?.iter().map(stream_row).collect()
        })
        .await
    }

    /// One stream, whosever it is.
    pub async fn stream(&self, id: Uuid) -> Result<Option<SignalStream>, StoreError> {
        answered(async { one(&mut *self.pool.acquire().await?, id).await }).await
    }

    /// Edits a stream. What is held goes out at once if it is to be pushed now. An edit that changes nothing stands in no
    /// line and leaves no record.
    pub async fn update_stream<E: From<StoreError>>(
        &self,
        id: Uuid,
        act: &Act,
        edit: impl Fn(&mut SignalStream) -> Result<(), E> + Send,
    ) -> Result<SignalStream, E> {
        let unknown = || StoreError::not_found("stream", &id.to_string());
        let seen = self.stream(id).await?.ok_or_else(unknown)?;
        if edited(&seen, &edit)? == seen {
            return Ok(seen);
        }
        let mut change = self.begin(act).await?;
        let before = one(&mut change.tx, id).await?.ok_or_else(unknown)?;
        let stream = edited(&before, &edit)?;
        change.write_stream(Some(&before), &stream).await?;
        change.record("stream.update", &id.to_string(), &description(&stream)).await?;
        change.commit().await?;
        Ok(stream)
    }

    /// Changes the status of a stream on the word of the operator, of which the receiver is told (§8.1.5): before nothing more
    /// goes out, and when it does again.
    pub async fn set_stream_status(
        &self,
        id: Uuid,
        (status, reason): (StreamStatus, Option<String>),
        act: &Act,
    ) -> Result<SignalStream, StoreError> {
        let mut change = self.begin(act).await?;
        let found = one(&mut change.tx, id).await?;
        let before = found.ok_or_else(|| StoreError::not_found("stream", &id.to_string()))?;
        let mut stream = before.clone();
        (stream.status, stream.reason) = (status, reason.clone());
        stream.halted = status != StreamStatus::Enabled;
        change.write_stream(Some(&before), &stream).await?;
        change.signal_to(id, Signal::StreamUpdated { status, reason });
        change.record("stream.update", &id.to_string(), &description(&stream)).await?;
        change.commit().await?;
        Ok(stream)
    }

    /// Deletes a stream with what it holds.
    pub async fn delete_stream(&self, id: Uuid, act: &Act) -> Result<(), StoreError> {
        let mut change = self.begin(act).await?;
        let deleted = sqlx::query("DELETE FROM signal_stream WHERE id = $1").bind(id.to_string());
        if deleted.execute(&mut *change.tx).await?.rows_affected() == 0 {
            return Err(StoreError::not_found("stream", &id.to_string()));
        }
        change.empty_stream(id).await?;
        change.record("stream.delete", &id.to_string(), &json!({})).await?;
        change.commit().await
    }
}

impl Change<'_> {
    /// A client was changed, and may be allowed to hear again what was held because it was not. Each stream is locked first, in
    /// the order in which signals are written: whoever releases it meanwhile holds nothing by what the client was.
    pub(super) async fn resume_streams_of(&mut self, client_id: &str) -> Result<(), StoreError> {
        let select =
            "SELECT id FROM signal_stream WHERE client_id = $1 AND endpoint_url IS NOT NULL";
        let rows = sqlx::query(select).bind(client_id.to_owned()).fetch_all(&mut *self.tx).await?;
        let ids = rows.iter().map(|row| parse_id(row, "id"));
        let mut ids = ids.collect::<Result<Vec<_>, _>>()?;
        ids.sort_unstable();
        for id in ids.iter().map(Uuid::to_string) {
            let lock =
                "UPDATE signal_stream SET lease = lease WHERE id = $1 AND status = 'enabled'";
            let locked = sqlx::query(lock).bind(id.as_str()).execute(&mut *self.tx).await?;
            if locked.rows_affected() > 0 {
                let resume =
                    "UPDATE signal SET due_at = $2 WHERE stream_id = $1 AND due_at IS NULL";
                let query = sqlx::query(resume).bind(id.as_str()).bind(self.act.at);
                query.execute(&mut *self.tx).await?;
                self.consequences.wakes_receivers = true;
            }
        }
        Ok(())
    }

    /// The streams of a client that is deleted.
    pub(super) async fn delete_streams_of(&mut self, client_id: &str) -> Result<(), StoreError> {
        let delete = "DELETE FROM signal_stream WHERE client_id = $1 RETURNING id";
        let rows = sqlx::query(delete).bind(client_id.to_owned()).fetch_all(&mut *self.tx).await?;
        for row in &rows {
            self.empty_stream(parse_id(row, "id")?).await?;
        }
        Ok(())
    }

    async fn empty_stream(&mut self, id: Uuid) -> Result<(), StoreError> {
        let delete = "DELETE FROM signal WHERE stream_id = $1";
        sqlx::query(delete).bind(id.to_string()).execute(&mut *self.tx).await?;
        Ok(())
    }

    /// Writes what can change of a stream. If that is where or whether something goes out, the lease of whoever delivers by
    /// what it was ends, and what it holds follows.
    async fn write_stream(
        &mut self,
        before: Option<&SignalStream>,
        stream: &SignalStream,
    ) -> Result<(), StoreError> {
        let update = "UPDATE signal_stream SET endpoint_url = $2, authorization_sealed = $3, events_requested = $4, \
             description = $5, status = $6, reason = $7, halted = $8 WHERE id = $1";
        let id = stream.id.to_string();
        sqlx::query(update)
            .bind(id.as_str())
            .bind(stream.push.as_ref().map(|push| push.endpoint_url.clone()))
            .bind(stream.push.as_ref().and_then(|push| push.authorization.clone()))
            .bind(list_text(&stream.events_requested))
            .bind(stream.description.clone())
            .bind(stream.status.name())
            .bind(stream.reason.clone())
            .bind(i64::from(stream.halted))
            .execute(&mut *self.tx)
            .await?;
        match before {
            Some(before) if (&before.push, before.status) == (&stream.push, stream.status) => {
                Ok(())
            }
            _ => self.follow_status(stream).await,
        }
    }

    /// What a stream holds is due now, held, or gone. What is said of the stream itself goes out in any case.
    async fn follow_status(&mut self, stream: &SignalStream) -> Result<(), StoreError> {
        let id = stream.id.to_string();
        let end = "UPDATE signal_stream SET leased_until = 0, failures = 0, lease = lease + 1 WHERE id = $1";
        sqlx::query(end).bind(id.as_str()).execute(&mut *self.tx).await?;
        if stream.status == StreamStatus::Disabled {
            let delete = "DELETE FROM signal WHERE stream_id = $1 AND about_stream = 0";
            sqlx::query(delete).bind(id.as_str()).execute(&mut *self.tx).await?;
        }
        for (due_at, about_stream) in [
            (stream.push.is_some() && stream.status == StreamStatus::Enabled, 0),
            (stream.push.is_some(), 1),
        ] {
            let update = "UPDATE signal SET due_at = $2 WHERE stream_id = $1 AND about_stream = $3";
            let query = sqlx::query(update).bind(id.as_str());
            let query = query.bind(due_at.then_some(self.act.at)).bind(about_stream);
            query.execute(&mut *self.tx).await?;
        }
        self.consequences.wakes_receivers = true;
        Ok(())
    }
}

fn edited<E>(
    stream: &SignalStream,
    edit: impl Fn(&mut SignalStream) -> Result<(), E>,
) -> Result<SignalStream, E> {
    let mut edited = stream.clone();
    edit(&mut edited)?;
    Ok(edited)
}

/// For the record; never what the receiver is called with.
fn description(stream: &SignalStream) -> Value {
    json!({
        "client_id": stream.client_id,
        "endpoint_url": stream.push.as_ref().map(Push::shown),
        "events_requested": stream.events_requested,
        "status": stream.status.name(),
    })
}

async fn one(connection: &mut AnyConnection, id: Uuid) -> Result<Option<SignalStream>, StoreError> {
    let select = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM signal_stream WHERE id = $1"));
    let row = sqlx::query(select).bind(id.to_string()).fetch_optional(connection).await?;
    row.as_ref().map(stream_row).transpose()
}

pub(super) fn stream_row(row: &AnyRow) -> Result<SignalStream, StoreError> {
    let status = text(row, "status")?;
    let authorization = optional_text(row, "authorization_sealed")?;
    let endpoint_url = optional_text(row, "endpoint_url")?;
    Ok(SignalStream {
        id: parse_id(row, "id")?,
        client_id: text(row, "client_id")?,
        push: endpoint_url.map(|endpoint_url| Push { endpoint_url, authorization }),
        events_requested: list(row, "events_requested")?,
        description: optional_text(row, "description")?,
        status: StreamStatus::from_name(&status).ok_or_else(|| corrupt("status", &status))?,
        reason: optional_text(row, "reason")?,
        halted: flag(row, "halted")?,
        failures: number(row, "failures")?,
        created_at: number(row, "created_at")?,
    })
}
