//! For how long keys have been retired, as the monotonic clocks of nodes saw it pass. A node adds what it saw itself to
//! what it read, which was true then; so whatever is stored is never too long, whoever wrote it and in which order.

use countersign_keys::Kid;

use super::{Store, StoreError, answered};

/// What one node knows of a retired key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The key.
    pub kid: Kid,
    /// The Unix second of its row at which it was retired: it tells this retirement from any other.
    pub since: i64,
    /// For how many seconds it has been retired at least.
    pub seconds: i64,
}

impl Store {
    /// Keeps what a node knows, unless more is known already. No node needs to follow this, so it takes no generation.
    pub async fn record_observations(&self, seen: &[Observation]) -> Result<(), StoreError> {
        let record = "INSERT INTO key_observation (kid, state, since, seconds) \
             SELECT kid, state, since, $3 FROM signing_key \
             WHERE kid = $1 AND since = $2 AND state = 'retired' \
             ON CONFLICT (kid) DO UPDATE \
             SET state = excluded.state, since = excluded.since, seconds = excluded.seconds \
             WHERE key_observation.state <> excluded.state OR key_observation.since <> excluded.since \
             OR key_observation.seconds < excluded.seconds";
        for Observation { kid, since, seconds } in seen {
            answered(async {
                let query = sqlx::query(record).bind(kid.as_ref()).bind(*since).bind(*seconds);
                Ok(query.execute(&self.pool).await?)
            })
            .await?;
        }
        Ok(())
    }
}
