//! The tokens of resources that want a status list (decision 0037): a row each, written together with those of other requests,
//! gone when the token has expired.

use sqlx::any::AnyRow;

use super::columns::{number, text};
use super::distinct::Distinct;
use super::pool::Pool;
use super::row_statement::{Binding, RowStatement};
use super::together::Job;
use super::{Store, StoreError, answered};
use crate::revocation::FORGIVEN_SECONDS;

/// How many rows are read at a time.
const PAGE: i64 = 1_000;

/// What is wrong where a node runs on a database that was restored under it.
const GIVEN_BEFORE: &str =
    "a place in a status list was given before: after `countersign restored` nodes are restarted";

static INSERT: RowStatement = RowStatement::new(
    &["INSERT INTO status_token (list, idx, marks, expires_at) VALUES"],
    "(?, ?, ?, ?)",
    // A statement repeats its last row; a place that has a row already comes back as little as that.
    " ON CONFLICT DO NOTHING RETURNING idx",
);

static LIVING: RowStatement = RowStatement::new(
    &["SELECT v.column1 AS place FROM (VALUES"],
    "(?, ?, ?)",
    ") AS v WHERE EXISTS \
     (SELECT 1 FROM status_token t WHERE t.list = v.column2 AND t.expires_at > v.column3)",
);

/// A token with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusToken {
    /// The list.
    pub list: i64,
    /// The place in it.
    pub idx: i64,
    /// What a revocation can match of it, in JSON.
    pub marks: String,
    /// Unix seconds.
    pub expires_at: i64,
}

impl Job for StatusToken {
    type Outcome = ();
    type Subject = ();

    fn subject(&self) -> Option<()> {
        None
    }

    async fn run(pool: &Pool, jobs: &[Self]) -> Result<Vec<()>, StoreError> {
        let mut tx = pool.begin().await?;
        let bind = |query: Binding, token: &Self| {
            query
                .bind(token.list)
                .bind(token.idx)
                .bind(token.marks.clone())
                .bind(token.expires_at.saturating_add(FORGIVEN_SECONDS))
        };
        if INSERT.run(&mut tx, jobs, bind).await?.len() < jobs.len() {
            // The token would have no row of its own, and could not be revoked.
            return Err(StoreError::Failed(GIVEN_BEFORE.to_owned()));
        }
        tx.commit().await?;
        Ok(vec![(); jobs.len()])
    }
}

/// A question whether a list has tokens that live. Anybody may ask it of any number, so that many share a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct AskedList {
    list: i64,
    now: i64,
}

impl Job for AskedList {
    type Outcome = bool;
    type Subject = ();

    fn subject(&self) -> Option<()> {
        None
    }

    async fn run(pool: &Pool, asked: &[Self]) -> Result<Vec<bool>, StoreError> {
        let distinct = Distinct::of(asked);
        let bind = |query: Binding, (place, asked): &(i64, &Self)| {
            query.bind(*place).bind(asked.list).bind(asked.now)
        };
        let rows = distinct.rows(pool, &LIVING, bind).await?;
        let living = distinct.answers(&rows, |_| Ok(()))?;
        Ok(living.iter().map(Option::is_some).collect())
    }
}

impl Store {
    /// The number of a list that nobody else fills.
    pub async fn open_status_list(&self) -> Result<i64, StoreError> {
        let take = "UPDATE status_list SET newest = newest + 1 WHERE id = 1 RETURNING newest";
        answered(async { Ok(sqlx::query_scalar(take).fetch_one(&self.pool).await?) }).await
    }

    /// Ends all lists at `now` (Unix seconds), because the database came from a backup: of tokens that took a place since, it
    /// knows nothing, and a list without them calls them good. Numbers go on at the time, above all that were given since any
    /// backup: there were fewer lists than seconds.
    pub async fn end_status_lists(&self, now: i64) -> Result<(), StoreError> {
        let skip = "UPDATE status_list SET newest = $1 WHERE id = 1 AND newest < $1";
        answered(async {
            let mut tx = self.pool.begin().await?;
            sqlx::query(skip).bind(now).execute(&mut *tx).await?;
            sqlx::query("DELETE FROM status_token").execute(&mut *tx).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Writes down the token of a place.
    pub async fn record_status_token(&self, token: StatusToken) -> Result<(), StoreError> {
        self.will_expire(token.expires_at.saturating_add(FORGIVEN_SECONDS));
        self.status_tokens.ask(token).await
    }

    /// Whether a list has tokens that live at `now`.
    pub async fn has_status_tokens(&self, list: i64, now: i64) -> Result<bool, StoreError> {
        self.status_lists.ask(AskedList { list, now }).await
    }

    /// The tokens of a list after a place that live at `now`, by their places; some at a time.
    pub async fn status_tokens(
        &self,
        list: i64,
        (after, now): (i64, i64),
    ) -> Result<Vec<StatusToken>, StoreError> {
        let select = "SELECT list, idx, marks, expires_at FROM status_token \
             WHERE list = $1 AND idx > $2 AND expires_at > $3 ORDER BY idx LIMIT $4";
        answered(async {
            let query = sqlx::query(select).bind(list).bind(after).bind(now).bind(PAGE);
            query.fetch_all(&self.pool).await?.iter().map(token_row).collect()
        })
        .await
    }
}

fn token_row(row: &AnyRow) -> Result<StatusToken, StoreError> {
    Ok(StatusToken {
        list: number(row, "list")?,
        idx: number(row, "idx")?,
        marks: text(row, "marks")?,
        expires_at: number(row, "expires_at")?,
    })
}
