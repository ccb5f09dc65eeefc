//! The tokens of resources that want a status list (decision 0037): a row each, written together with those of other requests,
//! gone when the token has expired.

use sqlx::any::AnyRow;

use super::columns::{number, text};
use super::pool::Pool;
use super::row_statement::RowStatement;
use super::together::Job;
use super::{Store, StoreError, answered};

/// How many rows are read at a time.
const PAGE: i64 = 1_000;

/// A verifier may forgive so many seconds after the expiry.
const SKEW_SECONDS: i64 = 120;

static INSERT: RowStatement = RowStatement::new(
    &["INSERT INTO status_token (list, idx, marks, expires_at) VALUES"],
    "(?, ?, ?, ?)",
    // A statement repeats its last row.
    " ON CONFLICT DO NOTHING RETURNING idx",
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
        let bind = |query: super::row_statement::Binding, token: &Self| {
            query
                .bind(token.list)
                .bind(token.idx)
                .bind(token.marks.clone())
                .bind(token.expires_at.saturating_add(SKEW_SECONDS))
        };
        INSERT.run(&mut tx, jobs, bind).await?;
        tx.commit().await?;
        Ok(vec![(); jobs.len()])
    }
}

impl Store {
    /// The number of a list that nobody else fills.
    pub async fn open_status_list(&self) -> Result<i64, StoreError> {
        let take = "UPDATE status_list SET newest = newest + 1 WHERE id = 1 RETURNING newest";
        answered(async { Ok(sqlx::query_scalar(take).fetch_one(&self.pool).await?) }).await
    }

    /// Numbers begin far above those that were given after the backup that the database came from: a place is never given
    /// twice.
    pub async fn skip_status_lists(&self) -> Result<(), StoreError> {
        let skip = "UPDATE status_list SET newest = newest + 1000000 WHERE id = 1";
        answered(async {
            sqlx::query(skip).execute(&self.pool).await?;
            Ok(())
        })
        .await
    }

    /// Writes down the token of a place.
    pub async fn record_status_token(&self, token: StatusToken) -> Result<(), StoreError> {
        self.will_expire(token.expires_at.saturating_add(SKEW_SECONDS));
        self.status_tokens.ask(token).await
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
