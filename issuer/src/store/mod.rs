//! The store: all SQL, one file an aggregate, acts of the domain rather than rows. One text serves SQLite and PostgreSQL.
//! It sees no secret in clear: secrets come as keyed hashes, private keys sealed. It reads no clock: every act is dated.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Row as _;

use crate::config::{Config, Secret};
use crate::registry::Generation;
use crate::revocation::Revocations;
use crate::signals::{self as shared_signals, Wakeups};

mod acting_rules;
mod actor;
mod assertion_rules;
mod assertions;
mod audit;
mod changes;
mod client_rows;
mod clients;
mod columns;
mod connect;
mod consents;
mod credentials;
mod devices;
mod distinct;
mod error;
mod expired;
mod grants;
mod group_commit;
mod line;
mod logout_deliveries;
mod observations;
mod personal_data;
mod pool;
mod pushed;
mod resources;
mod revocations;
mod revoked_by_hand;
mod rings;
mod row_statement;
mod schema;
mod sealed;
mod secrets;
mod sessions;
mod sign_out;
mod signal_delivery;
mod signal_streams;
mod signals;
mod standing;
mod status_lists;
mod together;
mod upstream_identities;
mod users;
mod withdrawn;
mod workload_rules;

pub use actor::{Act, Actor};
pub use audit::AuditRecord;
pub use columns::Rows;
pub use consents::Consent;
pub use credentials::{NewUser, SealedCredential};
pub use devices::{DeviceApproval, DeviceAuthorization, DeviceRedemption, DeviceState};
pub use error::StoreError;
pub use expired::{EXPIRING, Expiring};
pub use grants::{CodeRedemption, RefreshFamily};
pub use logout_deliveries::LogoutDelivery;
pub use observations::Observation;
pub use personal_data::PersonalData;
pub use revocations::{REVOCATION_PAGE, RevocationCalls, RevocationPage};
pub use revoked_by_hand::ByHand;
pub use rings::{KeyRow, RingChange, RingRows};
pub use schema::SchemaState;
pub use secrets::SecretUse;
pub use sessions::Session;
pub use sign_out::EndedSession;
pub use signal_delivery::{LEASE_SECONDS, LeasedStream, PendingSignal};
pub use signal_streams::{MIN_VERIFICATION_INTERVAL, Push, SignalStream};
pub use standing::{Towards, UserStanding};
pub use status_lists::StatusToken;
pub use upstream_identities::{LinkedUpstreamIdentity, UpstreamIdentity};

use connect::{Connector, Dialect};
use expired::NextExpiry;
use group_commit::Write;
use pool::{Pool, Transaction};
use signals::Consequences;
use standing::{AskedFamily, AskedStanding};
use status_lists::AskedList;
use together::Together;

/// A database that does not answer within this time counts as lost. Less than a node's patience with heartbeats.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// The database. Cheap to clone; clones share the connections.
#[derive(Clone, Debug)]
pub struct Store {
    pool: Pool,
    /// Writes that share transactions.
    writes: Together<Write>,
    /// Questions that share queries.
    standings: Together<AskedStanding>,
    /// The same, for families of refresh tokens.
    families: Together<AskedFamily>,
    /// Tokens with a place in a status list.
    status_tokens: Together<StatusToken>,
    /// Questions for status lists.
    status_lists: Together<AskedList>,
    next_expiry: Arc<NextExpiry>,
    /// Whether every client is held to FAPI 2.0.
    holds_to_fapi2: bool,
    /// What was revoked, as far as it was heard of.
    revocations: Arc<Revocations>,
    /// Whoever waits for signals.
    signals: Arc<Wakeups>,
    /// The resource at which receivers manage their streams.
    signals_resource: Arc<str>,
    /// Seconds that a token lives at the most.
    longest_token: i64,
    dialect: Dialect,
    /// Where the server is, for a connection beside the pool.
    url: Option<Secret<String>>,
}

impl Store {
    /// Connects to the database of the configuration and brings its schema up to date, safely beside other nodes that do
    /// the same. The folder of a SQLite file must exist.
    pub async fn open(config: &Config) -> Result<Self, StoreError> {
        let connector = Connector::new(config)?;
        schema::prepare(&connector).await?;
        Ok(Self::over(&connector, config))
    }

    /// Connects to a database as it is, and changes nothing: `None` where there is none, and an error where its schema is
    /// not the one that this release works with.
    pub async fn attach(config: &Config) -> Result<Option<Self>, StoreError> {
        let connector = Connector::new(config)?;
        let Some(found) = schema::inspect(&connector).await? else { return Ok(None) };
        found.require_current()?;
        Ok(Some(Self::over(&connector, config)))
    }

    fn over(connector: &Connector, config: &Config) -> Self {
        let pool = connector.pool();
        Self {
            writes: Together::new(pool.clone()),
            standings: Together::new(pool.clone()),
            families: Together::new(pool.clone()),
            status_tokens: Together::new(pool.clone()),
            status_lists: Together::new(pool.clone()),
            pool,
            next_expiry: Arc::default(),
            holds_to_fapi2: config.fapi2,
            revocations: Arc::default(),
            signals: Arc::default(),
            signals_resource: shared_signals::resource(&config.issuer).into(),
            longest_token: i64::from(config.keys.max_token_lifetime_seconds),
            dialect: connector.dialect,
            url: config.database.url.clone(),
        }
    }

    /// What every node follows. The one query of a node at rest.
    pub async fn heartbeat(&self) -> Result<Heartbeat, StoreError> {
        let select = "SELECT value, (SELECT MIN(due_at) FROM logout_delivery), \
             (SELECT seq FROM revocation_feed WHERE id = 1), \
             (SELECT MIN(due_at) FROM signal) FROM generation WHERE id = 1";
        answered(async {
            let row = sqlx::query(select).fetch_one(&self.pool).await?;
            Ok(Heartbeat {
                generation: Generation(row.try_get(0)?),
                logout_due_at: row.try_get(1)?,
                newest_revocation: row.try_get(2)?,
                signal_due_at: row.try_get(3)?,
            })
        })
        .await
    }

    /// The schema of the database.
    pub async fn schema(&self) -> Result<SchemaState, StoreError> {
        let state = schema::state(&mut *self.pool.acquire().await?).await?;
        state.ok_or_else(|| StoreError::Corrupt("it has no schema".to_owned()))
    }

    /// Closes the connections, after what is under way.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Begins a change. The first statement takes the next generation, which puts all writers of all nodes in a row: a
    /// reader that has seen a generation has seen every change up to it.
    async fn begin<'a>(&'a self, act: &'a Act) -> Result<Change<'a>, StoreError> {
        answered(async {
            let mut tx = self.pool.begin().await?;
            let row =
                sqlx::query("UPDATE generation SET value = value + 1 WHERE id = 1 RETURNING value")
                    .fetch_one(&mut *tx)
                    .await?;
            let generation = row.try_get(0)?;
            Ok(Change {
                store: self,
                tx,
                generation,
                recorded: 0,
                consequences: Consequences::default(),
                act,
            })
        })
        .await
    }
}

/// What every node follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The number of the newest change.
    pub generation: Generation,
    /// Unix seconds at which the next client has to hear of a session that ended, if there is one.
    pub logout_due_at: Option<i64>,
    /// The number of the newest revocation.
    pub newest_revocation: i64,
    /// Unix seconds at which the next signal has to be pushed to a receiver, if there is one.
    pub signal_due_at: Option<i64>,
}

/// A change under way: undone when dropped, in force once committed.
struct Change<'a> {
    store: &'a Store,
    tx: Transaction,
    generation: i64,
    recorded: i64,
    /// What follows from it for others.
    consequences: Consequences,
    act: &'a Act,
}

impl Change<'_> {
    async fn commit(self) -> Result<(), StoreError> {
        answered(self.store.commit_with(self.tx, &self.consequences, self.act.at)).await
    }
}

/// Bounds an act: a database that hangs is a database that is gone.
async fn answered<T>(act: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(ANSWER_TIMEOUT, act)
        .await
        .unwrap_or_else(|_| Err(StoreError::Unavailable("it does not answer".to_owned())))
}

#[cfg(test)]
mod tests;
