//! The connections of the store: some that read, and some that write. On PostgreSQL they are the same. SQLite has one
//! writer at a time, so that there is one connection that writes: writers stand in line for it, and none of them polls
//! for the lock of the file.

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _, TryFutureExt as _, TryStreamExt as _, stream};
use sqlx::any::{AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::{Any, AnyConnection, Either, Error, Execute, Executor, SqlStr};

use super::line::{Lease, Line};

/// The connections of one store. Cheap to clone; clones share them.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    reading: Line,
    writing: Line,
}

impl Pool {
    pub(super) fn new(reading: Line, writing: Line) -> Self {
        Self { reading, writing }
    }

    /// A connection to read by, until it is dropped.
    pub(super) async fn acquire(&self) -> Result<Lease, Error> {
        self.reading.lease().await
    }

    /// A connection to write by, until it is dropped.
    pub(super) async fn acquire_to_write(&self) -> Result<Lease, Error> {
        self.writing.lease().await
    }

    /// A transaction, undone if it is dropped before it is committed.
    pub(super) async fn begin(&self) -> Result<Transaction, Error> {
        Transaction::begin(self.writing.lease().await?).await
    }

    /// Closes the connections, after what is under way.
    pub(super) async fn close(&self) {
        self.reading.close().await;
        self.writing.close().await;
    }

    /// Runs a statement to its end. One that begins with SELECT reads; every other writes.
    async fn run<'q>(
        &self,
        mut query: impl Execute<'q, Any>,
    ) -> Result<Vec<Either<AnyQueryResult, AnyRow>>, Error> {
        let arguments = query.take_arguments().map_err(Error::Encode)?;
        let sql = query.sql();
        let is_reading = sql.as_str().trim_ascii_start().starts_with("SELECT");
        let line = if is_reading { &self.reading } else { &self.writing };
        let mut lease = line.lease().await?;
        let steps = lease.fetch_many((sql, arguments)).try_collect().await?;
        lease.sound();
        Ok(steps)
    }
}

/// A connection with a transaction under way.
#[derive(Debug)]
pub(super) struct Transaction {
    lease: Lease,
    committed: bool,
}

impl Transaction {
    /// Begins one on a connection that writes.
    pub(super) async fn begin(lease: Lease) -> Result<Self, Error> {
        let mut transaction = Self { lease, committed: false };
        sqlx::raw_sql("BEGIN").execute(&mut *transaction).await?;
        Ok(transaction)
    }

    pub(super) async fn commit(mut self) -> Result<(), Error> {
        sqlx::raw_sql("COMMIT").execute(&mut *self.lease).await?;
        self.committed = true;
        Ok(())
    }
}

impl std::ops::Deref for Transaction {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.lease
    }
}

impl std::ops::DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.lease
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if self.committed {
            self.lease.sound();
        } else {
            // The server undoes what a closed connection has begun. A change that fails is rare enough for it.
            self.lease.broken();
        }
    }
}

/// A single statement on whichever connection is free. Its answer is read to the end before anything of it is seen: what
/// it says is committed then, and the connection is ready for the next.
impl<'p> Executor<'p> for &'_ Pool {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let pool = self.clone();
        let all = async move { Ok(stream::iter(pool.run(query).await?.into_iter().map(Ok))) };
        all.try_flatten_stream().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let pool = self.clone();
        async move { Ok(pool.run(query).await?.into_iter().find_map(Either::right)) }.boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [AnyTypeInfo],
    ) -> BoxFuture<'e, Result<AnyStatement, Error>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        async move { pool.acquire().await?.prepare_with(sql, parameters).await }.boxed()
    }
}
