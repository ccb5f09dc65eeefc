//! Brings the schema up to date at start. Migrations only add, so that the previous release keeps working on the new
//! schema as long as `oldest_compatible` allows; a schema that is too new, or that lacks a step before its version, is
//! refused and left alone.

use std::borrow::Cow;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, Connection as _, SqlSafeStr as _};

use super::StoreError;
use super::connect::{Connector, Dialect, lock_sqlite};

/// One step of the schema, as each dialect writes it.
struct Step {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

const STEPS: &[Step] = &[
    Step {
        version: 1,
        name: "foundation",
        sqlite: include_str!("../../migrations/0001_foundation.sql"),
        postgres: include_str!("../../migrations/0001_foundation.sql"),
    },
    Step {
        version: 2,
        name: "append only",
        sqlite: include_str!("../../migrations/0002_append_only.sqlite.sql"),
        postgres: include_str!("../../migrations/0002_append_only.postgres.sql"),
    },
    Step {
        version: 3,
        name: "credentials",
        sqlite: include_str!("../../migrations/0003_credentials.sql"),
        postgres: include_str!("../../migrations/0003_credentials.sql"),
    },
    Step {
        version: 4,
        name: "people",
        sqlite: include_str!("../../migrations/0004_people.sql"),
        postgres: include_str!("../../migrations/0004_people.sql"),
    },
    Step {
        version: 10,
        name: "withdrawn key",
        sqlite: include_str!("../../migrations/0010_withdrawn_key.sql"),
        postgres: include_str!("../../migrations/0010_withdrawn_key.sql"),
    },
    Step {
        version: 11,
        name: "key observation",
        sqlite: include_str!("../../migrations/0011_key_observation.sql"),
        postgres: include_str!("../../migrations/0011_key_observation.sql"),
    },
    Step {
        version: 13,
        name: "logout delivery",
        sqlite: include_str!("../../migrations/0013_logout_delivery.sql"),
        postgres: include_str!("../../migrations/0013_logout_delivery.sql"),
    },
    Step {
        version: 14,
        name: "device authorization",
        sqlite: include_str!("../../migrations/0014_device_authorization.sql"),
        postgres: include_str!("../../migrations/0014_device_authorization.sql"),
    },
    Step {
        version: 16,
        name: "upstream identity",
        sqlite: include_str!("../../migrations/0016_upstream_identity.sql"),
        postgres: include_str!("../../migrations/0016_upstream_identity.sql"),
    },
    Step {
        version: 17,
        name: "registration",
        sqlite: include_str!("../../migrations/0017_registration.sql"),
        postgres: include_str!("../../migrations/0017_registration.sql"),
    },
    Step {
        version: 20,
        name: "assertion rule",
        sqlite: include_str!("../../migrations/0020_assertion_rule.sql"),
        postgres: include_str!("../../migrations/0020_assertion_rule.sql"),
    },
    Step {
        version: 21,
        name: "acting rule",
        sqlite: include_str!("../../migrations/0021_acting_rule.sql"),
        postgres: include_str!("../../migrations/0021_acting_rule.sql"),
    },
    Step {
        version: 22,
        name: "proof of possession",
        sqlite: include_str!("../../migrations/0022_proof_of_possession.sql"),
        postgres: include_str!("../../migrations/0022_proof_of_possession.sql"),
    },
    Step {
        version: 23,
        name: "workload rule",
        sqlite: include_str!("../../migrations/0023_workload_rule.sql"),
        postgres: include_str!("../../migrations/0023_workload_rule.sql"),
    },
    Step {
        version: 24,
        name: "client certificate",
        sqlite: include_str!("../../migrations/0024_client_certificate.sql"),
        postgres: include_str!("../../migrations/0024_client_certificate.sql"),
    },
    Step {
        version: 25,
        name: "encryption keys",
        sqlite: include_str!("../../migrations/0025_encryption_keys.sql"),
        postgres: include_str!("../../migrations/0025_encryption_keys.sql"),
    },
    Step {
        version: 26,
        name: "FAPI 2.0",
        sqlite: include_str!("../../migrations/0026_fapi2.sql"),
        postgres: include_str!("../../migrations/0026_fapi2.sql"),
    },
    Step {
        version: 27,
        name: "revocation",
        sqlite: include_str!("../../migrations/0027_revocation.sql"),
        postgres: include_str!("../../migrations/0027_revocation.sql"),
    },
    Step {
        version: 28,
        name: "signal",
        sqlite: include_str!("../../migrations/0028_signal.sql"),
        postgres: include_str!("../../migrations/0028_signal.sql"),
    },
    Step {
        version: 29,
        name: "status list",
        sqlite: include_str!("../../migrations/0029_status_list.sql"),
        postgres: include_str!("../../migrations/0029_status_list.sql"),
    },
    Step {
        version: 30,
        name: "signal lease",
        sqlite: include_str!("../../migrations/0030_signal_lease.sql"),
        postgres: include_str!("../../migrations/0030_signal_lease.sql"),
    },
];

/// The newest version that this release knows.
pub(super) const VERSION: i64 = match STEPS.last() {
    Some(step) => step.version,
    None => 0,
};

/// The schema of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaState {
    /// The version that it has.
    pub version: i64,
    /// The oldest version that a release must know to work with it.
    pub oldest_compatible: i64,
    /// The first step before its version that was not taken: it came into this software only after later ones were taken.
    pub missing: Option<i64>,
}

impl SchemaState {
    /// Whether this release may work with it.
    pub fn is_served(self) -> bool {
        self.oldest_compatible <= VERSION
    }

    /// Refuses a schema that this release cannot work with as it is.
    pub(super) fn require_current(self) -> Result<(), StoreError> {
        if self.version < VERSION {
            return Err(StoreError::Older { found: self.version, ours: VERSION });
        }
        check(self)
    }
}

/// Prepares the database; safe when several nodes start at once on an empty one.
pub(super) async fn prepare(connector: &Connector) -> Result<(), StoreError> {
    // PostgreSQL is locked by the migrator itself, with an advisory lock.
    let lock = match &connector.file {
        Some(path) => Some(lock_sqlite(path).await?),
        None => None,
    };
    let mut connection = connector.connect().await?;
    let prepared = migrate(&mut connection, connector.dialect).await;
    let closed = connection.close().await;
    drop(lock);
    prepared?;
    Ok(closed?)
}

/// Reads the schema without making or changing anything.
pub(super) async fn inspect(connector: &Connector) -> Result<Option<SchemaState>, StoreError> {
    if connector.file.as_ref().is_some_and(|path| !path.exists()) {
        return Ok(None);
    }
    let mut connection = connector.connect().await?;
    let state = state(&mut connection).await;
    connection.close().await?;
    state
}

async fn migrate(connection: &mut AnyConnection, dialect: Dialect) -> Result<(), StoreError> {
    match state(connection).await? {
        Some(found) if found.version >= VERSION => return check(found),
        Some(found) => check(found)?,
        None => {}
    }
    if dialect == Dialect::Sqlite {
        // Readers do not wait for the writer. The mode is a property of the file.
        sqlx::raw_sql("PRAGMA journal_mode = WAL").execute(&mut *connection).await?;
    }
    let migrations = STEPS.iter().map(|step| step.migration(dialect)).collect();
    let mut migrator = Migrator::with_migrations(migrations);
    // Versions that we do not know are judged by `check`, not refused here.
    migrator.set_ignore_missing(true);
    migrator.run_direct(None, connection, false).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        other => StoreError::Corrupt(other.to_string()),
    })?;
    match state(connection).await? {
        Some(found) => check(found),
        None => Err(StoreError::Corrupt("the migrations left no schema".to_owned())),
    }
}

fn check(found: SchemaState) -> Result<(), StoreError> {
    if !found.is_served() {
        return Err(StoreError::Newer { found: found.version, ours: VERSION });
    }
    // A later step may have counted on it, or have been written to count on its absence.
    match found.missing {
        Some(missing) => Err(StoreError::Gap { found: found.version, missing }),
        None => Ok(()),
    }
}

/// The schema as it is, or `None` in an empty database.
pub(super) async fn state(
    connection: &mut AnyConnection,
) -> Result<Option<SchemaState>, StoreError> {
    let select = "SELECT version, (SELECT oldest_compatible FROM schema_state) \
         FROM _sqlx_migrations ORDER BY version";
    match sqlx::query_as::<_, (i64, Option<i64>)>(select).fetch_all(connection).await {
        Ok(taken) => Ok(taken.last().and_then(|(version, oldest_compatible)| {
            Some(SchemaState {
                version: *version,
                oldest_compatible: (*oldest_compatible)?,
                missing: first_missing(&taken, *version),
            })
        })),
        Err(sqlx::Error::Database(error)) if is_missing_table(error.as_ref()) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn first_missing<T>(taken: &[(i64, T)], version: i64) -> Option<i64> {
    let mut before = STEPS.iter().map(|step| step.version).filter(|step| *step < version);
    before.find(|step| !taken.iter().any(|(taken, _)| taken == step))
}

fn is_missing_table(error: &dyn sqlx::error::DatabaseError) -> bool {
    // PostgreSQL: undefined_table. SQLite has only SQLITE_ERROR, so its words decide.
    error.code().as_deref() == Some("42P01") || error.message().starts_with("no such table")
}

impl Step {
    fn migration(&self, dialect: Dialect) -> Migration {
        let sql = match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        };
        let name = Cow::Borrowed(self.name);
        Migration::new(self.version, name, MigrationType::Simple, sql.into_sql_str(), false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_are_numbered_in_the_order_in_which_they_are_taken() {
        let versions: Vec<i64> = STEPS.iter().map(|step| step.version).collect();

        assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
    }

    #[test]
    fn both_dialects_make_the_same_triggers() {
        let triggers = |sql: &str| -> Vec<String> {
            let words: Vec<&str> = sql.split_whitespace().collect();
            let named = words.windows(3).filter(|w| w[0] == "CREATE" && w[1] == "TRIGGER");
            named.map(|w| w[2].to_owned()).collect()
        };

        for step in STEPS {
            assert_eq!(triggers(step.sqlite), triggers(step.postgres), "{}", step.name);
        }
    }
}
