//! How the database is reached: the pool, and what each connection is told first.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers};
use sqlx::{AnyConnection, ConnectOptions as _};

use super::line::{FRESH, Line, Peer, responds};
use super::pool::Pool;
use super::{StoreError, answered};
use crate::config::{Config, DatabaseLocation};

/// How long an act waits for a connection. Less than the time after which a node without heartbeat refuses.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// SQLite has one writer at a time; readers go on meanwhile. Each connection is a thread.
const SQLITE_READERS: u32 = 2;

/// `FULL`: what was confirmed survives a loss of power. The cache is kept small, for the registry is in memory.
const SQLITE_SETUP: &str = "PRAGMA synchronous = FULL; PRAGMA cache_size = -512";

/// A node that hangs or loses its network must not keep the others from writing. Every statement has its index: a plan
/// that was made while a table was small must not go on reading all of it. Every statement is short: to compile it takes
/// longer than to run it, and where a plan without an index is the only one its cost looks as if it did not.
const POSTGRES_SETUP: &str = "SET statement_timeout = '5s'; SET lock_timeout = '4s'; \
     SET idle_in_transaction_session_timeout = '10s'; SET enable_seqscan = off; SET jit = off";

/// Which dialect the database speaks. One text serves both, save for a few lines in `schema`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// How to reach the database of a configuration.
pub(super) struct Connector {
    pub(super) dialect: Dialect,
    options: AnyConnectOptions,
    /// The SQLite file.
    pub(super) file: Option<PathBuf>,
    max_connections: u32,
}

impl Connector {
    pub(super) fn new(config: &Config) -> Result<Self, StoreError> {
        install_default_drivers();
        let max_connections = config.database.max_connections;
        let (dialect, url, file) = match config.database_location() {
            DatabaseLocation::Sqlite(path) => {
                let path = std::path::absolute(path).map_err(|error| unusable(&error))?;
                let url = sqlite_url(&path)?;
                (Dialect::Sqlite, url, Some(path))
            }
            DatabaseLocation::Postgres(url) => (Dialect::Postgres, url.expose().clone(), None),
        };
        // The error of a malformed URL is not shown: the URL may hold a password.
        let options: AnyConnectOptions = url
            .parse()
            .map_err(|_| StoreError::Failed("`database.url` is not a URL".to_owned()))?;
        Ok(Self { dialect, options: options.disable_statement_logging(), file, max_connections })
    }

    /// One connection, for what is done before there is a pool. A server that takes the connection and says nothing
    /// counts as lost.
    pub(super) async fn connect(&self) -> Result<AnyConnection, StoreError> {
        answered(async { Ok(self.options.connect().await?) }).await
    }

    /// A pool that opens connections when they are needed.
    pub(super) fn pool(&self) -> Pool {
        match self.dialect {
            Dialect::Sqlite => {
                let readers = self.max_connections.min(SQLITE_READERS);
                Pool::new(self.sqlite_line(readers), self.sqlite_line(1))
            }
            Dialect::Postgres => {
                let line = self.postgres_line();
                Pool::new(line.clone(), line)
            }
        }
    }

    /// A file does not hang up, and needs no task that looks after idle connections.
    fn sqlite_line(&self, max_connections: u32) -> Line {
        let options = line_options(SQLITE_SETUP, max_connections)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(self.options.clone());
        Line::new(options, Peer::Local)
    }

    fn postgres_line(&self) -> Line {
        let options = line_options(POSTGRES_SETUP, self.max_connections)
            .before_acquire(|connection, about| {
                Box::pin(async move { Ok(about.idle_for < FRESH || responds(connection).await) })
            })
            .connect_lazy_with(self.options.clone());
        Line::new(options, Peer::Remote)
    }
}

fn line_options(setup: &'static str, max_connections: u32) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .min_connections(0)
        .max_connections(max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                sqlx::raw_sql(setup).execute(connection).await?;
                Ok(())
            })
        })
}

fn sqlite_url(path: &Path) -> Result<String, StoreError> {
    let url = url::Url::from_file_path(path)
        .map_err(|()| StoreError::Failed(format!("{} is not a usable path", path.display())))?;
    Ok(format!("sqlite://{}?mode=rwc", url.path()))
}

/// Holds the lock file beside a SQLite database, so that one process at a time prepares it; makes the database file
/// readable by its owner only. The lock ends when the file is dropped.
pub(super) async fn lock_sqlite(path: &Path) -> Result<File, StoreError> {
    let path = path.to_owned();
    let locked = tokio::task::spawn_blocking(move || {
        let mut lock_path = path.clone().into_os_string();
        lock_path.push(".lock");
        let lock = private_file(Path::new(&lock_path))?;
        lock.lock()?;
        private_file(&path)?;
        Ok(lock)
    });
    let locked = locked.await.map_err(|error| StoreError::Failed(error.to_string()))?;
    locked.map_err(|error| unusable(&error))
}

fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .map_err(|error| std::io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

fn unusable(error: &std::io::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}
