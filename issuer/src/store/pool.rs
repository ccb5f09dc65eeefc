//! The pool of the store: sqlx's, with one thing bounded that is not bounded there. sqlx pings a connection before it
//! takes it back, and waits for the answer for ever; its place in the pool is taken meanwhile. A network that swallows
//! everything just then would keep the place until the process ends, and a pool of one would never recover.

use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _, TryFutureExt as _, TryStreamExt as _, stream};
use sqlx::any::{AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Either, Error, Execute, Executor, SqlStr};

/// How long a connection that comes back may take to show that it is alive. Then it is dropped, its socket closed
/// without a farewell, and its place is free.
const RETURN_TIMEOUT: Duration = Duration::from_secs(1);

/// The connections of one store. Cheap to clone; clones share them.
#[derive(Clone, Debug)]
pub(super) struct Pool(AnyPool);

impl Pool {
    pub(super) fn new(pool: AnyPool) -> Self {
        Self(pool)
    }

    /// A connection, until it is dropped.
    pub(super) async fn acquire(&self) -> Result<Lease, Error> {
        Ok(Lease(self.0.acquire().await?))
    }

    /// A transaction, undone if it is dropped before it is committed.
    pub(super) async fn begin(&self) -> Result<Transaction, Error> {
        let connection = self.0.acquire().await?;
        let mut transaction = Transaction { connection, committed: false };
        sqlx::raw_sql("BEGIN").execute(&mut *transaction).await?;
        Ok(transaction)
    }

    /// Closes the connections, after what is under way.
    pub(super) async fn close(&self) {
        self.0.close().await;
    }
}

/// A connection that is in use.
#[derive(Debug)]
pub(super) struct Lease(PoolConnection<Any>);

impl std::ops::Deref for Lease {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.0
    }
}

impl std::ops::DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.0
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        give_back(&mut self.0);
    }
}

/// A connection with a transaction under way.
#[derive(Debug)]
pub(super) struct Transaction {
    connection: PoolConnection<Any>,
    committed: bool,
}

impl Transaction {
    pub(super) async fn commit(mut self) -> Result<(), Error> {
        sqlx::raw_sql("COMMIT").execute(&mut *self.connection).await?;
        self.committed = true;
        Ok(())
    }
}

impl std::ops::Deref for Transaction {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.connection
    }
}

impl std::ops::DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.connection
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if self.committed {
            give_back(&mut self.connection);
        } else {
            // The server undoes what a closed connection has begun. A change that fails is rare enough for it.
            self.connection.close_on_drop();
        }
    }
}

/// What sqlx does when a connection is dropped, with an end: dropping the unfinished return drops the connection. The
/// method is public and left out of sqlx's documentation; its own drop calls nothing else.
fn give_back(connection: &mut PoolConnection<Any>) {
    tokio::spawn(tokio::time::timeout(RETURN_TIMEOUT, connection.return_to_pool()));
}

/// A single statement on whichever connection is free. Its rows are all read before the first is seen: the store has
/// no statement whose rows it would not keep.
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
        let all = async move {
            let mut lease = pool.acquire().await?;
            let steps: Vec<_> = lease.fetch_many(query).try_collect().await?;
            Ok(stream::iter(steps.into_iter().map(Ok)))
        };
        all.try_flatten_stream().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let pool = self.clone();
        async move { pool.acquire().await?.fetch_optional(query).await }.boxed()
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
