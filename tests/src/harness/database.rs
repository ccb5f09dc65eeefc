//! The database of a deployment: SQLite in its folder, or a fresh PostgreSQL database. Looked at through the
//! databases' own command line tools, so that no code of ours is between.

use super::{command::run, environment};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::process::Command;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Where a deployment keeps its rows.
#[derive(Clone, Debug)]
pub enum Database {
    /// The file inside the data folder.
    Sqlite(PathBuf),
    /// The URL of a database that only this deployment uses.
    Postgres(String),
}

impl Database {
    /// A new, empty PostgreSQL database.
    pub async fn fresh_postgres() -> Self {
        Self::fresh_postgres_at(&environment::postgres_url()).await
    }

    /// The same on another server: the URL of a database from which others can be created.
    pub async fn fresh_postgres_at(server: &str) -> Self {
        let name = format!("story_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        psql(server, &format!("CREATE DATABASE {name}")).await;
        let (address, _) = server.rsplit_once('/').expect("a URL with a database");
        Self::Postgres(format!("{address}/{name}"))
    }

    /// The rows that `sql` selects, one a line, columns divided by `|`.
    pub async fn query(&self, sql: &str) -> Vec<String> {
        let text = match self {
            Self::Sqlite(file) => sqlite(file, sql).await,
            Self::Postgres(url) => psql(url, sql).await,
        };
        text.lines().map(str::to_owned).collect()
    }

    /// The number of rows of each table, sorted by name.
    pub async fn row_counts(&self) -> Vec<(String, u64)> {
        let tables = match self {
            Self::Sqlite(_) => "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
            Self::Postgres(_) => {
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
            }
        };
        let mut counts = Vec::new();
        for table in self.query(tables).await {
            let rows = self.query(&format!("SELECT count(*) FROM {table}")).await;
            let count = rows.first().and_then(|text| text.parse().ok()).expect("a count");
            counts.push((table, count));
        }
        counts
    }
}

async fn psql(url: &str, sql: &str) -> String {
    let mut command = Command::new("psql");
    command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", url, "--command", sql]);
    run(command, "").await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

async fn sqlite(file: &Path, sql: &str) -> String {
    let mut command = Command::new("sqlite3");
    command.args(["-batch", "-cmd", ".timeout 5000"]).arg(file).arg(sql);
    run(command, "").await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}
