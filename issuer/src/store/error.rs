//! Why the store did not do what it was asked, sorted by what a caller can do about it.

use sqlx::error::{DatabaseError, ErrorKind};

use crate::registry::{InvalidValue, UnreadableRow};

/// An error of the store.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database cannot be reached, is locked, or has no space. Nothing was changed; try again.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The object exists already, or the change does not fit what is there.
    #[error("{0}")]
    Conflict(String),
    /// The key was withdrawn in an emergency, and never comes back.
    #[error("key `{kid}` was withdrawn, and a withdrawn key never signs or verifies again")]
    Withdrawn {
        /// The key.
        kid: String,
        /// Unix seconds.
        at: i64,
    },
    /// There is no such object.
    #[error("no {what} `{name}`")]
    NotFound {
        /// The kind of object.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A value breaks a rule.
    #[error(transparent)]
    Invalid(#[from] InvalidValue),
    /// The schema was made by a later release that this one cannot work beside.
    #[error(
        "the database is newer than this release: its schema has version {found}, and this release knows {ours}; start the release that made it, or a later one; nothing was changed"
    )]
    Newer {
        /// The version of the database.
        found: i64,
        /// The newest version that this release knows.
        ours: i64,
    },
    /// The schema was made by an earlier release, and whoever asks may not bring it up to date.
    #[error("the database is older than this release: its schema has version {found} of {ours}")]
    Older {
        /// The version of the database.
        found: i64,
        /// The newest version that this release knows.
        ours: i64,
    },
    /// The schema lacks a step that belongs before its version: a build between two releases made it.
    #[error(
        "the database lacks step {missing} of the schema, though it has version {found}: a build between two releases made it; start on an empty database, or on a backup of a release; nothing was changed"
    )]
    Gap {
        /// The version of the database.
        found: i64,
        /// The first step that is missing.
        missing: i64,
    },
    /// Rows are not as this software writes them.
    #[error("the database is damaged: {0}; restore it from a backup")]
    Corrupt(String),
    /// One row is not as this release writes them; the others are not concerned.
    #[error("{0}")]
    Unreadable(UnreadableRow),
    /// The database refused a statement.
    #[error("the database failed: {0}")]
    Failed(String),
}

impl StoreError {
    /// A stable name for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "database_unavailable",
            Self::Conflict(_) => "conflict",
            Self::Withdrawn { .. } => "key_withdrawn",
            Self::NotFound { .. } => "not_found",
            Self::Invalid(invalid) => invalid.code(),
            Self::Newer { .. } => "database_newer",
            Self::Older { .. } => "database_older",
            Self::Gap { .. } => "database_gap",
            Self::Corrupt(_) => "database_corrupt",
            Self::Unreadable(_) => "row_unreadable",
            Self::Failed(_) => "database_failed",
        }
    }

    /// Whether the same act may succeed later, unchanged.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    pub(super) fn not_found(what: &'static str, name: &str) -> Self {
        Self::NotFound { what, name: name.to_owned() }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(database) => from_database(database.as_ref()),
            sqlx::Error::PoolTimedOut => {
                Self::Unavailable("no connection could be made".to_owned())
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error.to_string()),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                Self::Corrupt(error.to_string())
            }
            _ => Self::Failed(error.to_string()),
        }
    }
}

fn from_database(error: &dyn DatabaseError) -> StoreError {
    let message = error.message().to_owned();
    if error.kind() == ErrorKind::UniqueViolation {
        return StoreError::Conflict(message);
    }
    let code = error.code().unwrap_or_default();
    // PostgreSQL has SQLSTATEs of five characters, SQLite numbers whose low byte is the primary code.
    match code.parse::<i64>() {
        Ok(number) if code.len() != 5 => from_sqlite(number & 0xff, message),
        _ => from_postgres(&code, message),
    }
}

fn from_sqlite(code: i64, message: String) -> StoreError {
    match code {
        // BUSY, LOCKED, READONLY, IOERR, FULL, CANTOPEN: the machine's trouble, not the data's.
        5 | 6 | 8 | 10 | 13 | 14 => StoreError::Unavailable(message),
        // CORRUPT, NOTADB
        11 | 26 => StoreError::Corrupt(message),
        _ => StoreError::Failed(message),
    }
}

fn from_postgres(code: &str, message: String) -> StoreError {
    // Connection lost, authorization, serialization, resources, intervention, system, timeout, read-only standby.
    let transient = ["08", "28", "40", "53", "57", "58"];
    let class = code.get(..2).unwrap_or_default();
    if transient.contains(&class) || ["25P03", "25006", "55P03", "3D000"].contains(&code) {
        return StoreError::Unavailable(message);
    }
    if class == "XX" {
        return StoreError::Corrupt(message);
    }
    StoreError::Failed(message)
}
