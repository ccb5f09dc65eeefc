//! The rings of signing keys, sealed. A change names the version it was planned on: of two nodes one wins.

use countersign_keys::ring::KeyState;
use countersign_keys::{Algorithm, Kid};
use serde_json::json;
use sqlx::any::AnyRow;

use super::columns::{bytes, bytes_text, corrupt, number, row_id, text, unreadable};
use super::{Act, Change, Store, StoreError, answered};
use crate::registry::{RowKind, UnreadableRow};

/// One sealed key.
#[derive(Clone, Debug)]
pub struct KeyRow {
    /// The id, which the sealing is bound to.
    pub kid: Kid,
    /// Its one algorithm.
    pub algorithm: Algorithm,
    /// Its state.
    pub state: KeyState,
    /// Unix seconds at which it entered the state.
    pub since: i64,
    /// For how many seconds it has been in the state at least, as nodes saw it pass and wrote it down.
    pub observed: i64,
    /// Unix seconds.
    pub created_at: i64,
    /// The private key, sealed under the master key. Empty if the row cannot be understood: then it does not open.
    pub sealed: Vec<u8>,
}

/// A ring as it is stored.
#[derive(Clone, Debug)]
pub struct RingRows {
    /// The algorithm of all its keys.
    pub algorithm: Algorithm,
    /// Counts the changes of the ring.
    pub version: i64,
    /// Its keys, oldest first.
    pub keys: Vec<KeyRow>,
    /// Keys whose rows cannot be understood, not even their kid.
    pub unreadable: Vec<UnreadableRow>,
}

/// What a ring is to become.
#[derive(Clone, Debug, Default)]
pub struct RingChange {
    /// New keys.
    pub insert: Vec<KeyRow>,
    /// Keys that enter another state now.
    pub set_state: Vec<(Kid, KeyState)>,
    /// Keys that vanish, for their tokens are gone.
    pub delete: Vec<Kid>,
    /// Keys that vanish whatever they signed, and never come back.
    pub withdraw: Vec<Kid>,
}

impl Store {
    /// All rings of the algorithms that this release knows; those of a later release are no concern of it.
    pub async fn load_rings(&self) -> Result<Vec<RingRows>, StoreError> {
        // One statement, so that no ring is seen in the middle of a change.
        let select = "SELECT r.algorithm, r.version, k.kid, k.state, k.since, k.created_at, k.sealed, \
             COALESCE(o.seconds, 0) AS observed \
             FROM key_ring r JOIN signing_key k ON k.algorithm = r.algorithm \
             LEFT JOIN key_observation o ON o.kid = k.kid AND o.state = k.state AND o.since = k.since \
             ORDER BY r.algorithm, k.created_at, k.kid";
        let rows = answered(async { Ok(sqlx::query(select).fetch_all(&self.pool).await?) }).await?;
        let mut rings: Vec<RingRows> = Vec::new();
        for row in &rows {
            let name = text(row, "algorithm")?;
            let Some(algorithm) = Algorithm::from_name(&name) else {
                tracing::debug!(algorithm = name, "a ring of an unknown algorithm is left alone");
                continue;
            };
            if rings.last().is_none_or(|ring| ring.algorithm != algorithm) {
                let version = number(row, "version")?;
                rings.push(RingRows {
                    algorithm,
                    version,
                    keys: Vec::new(),
                    unreadable: Vec::new(),
                });
            }
            let Some(ring) = rings.last_mut() else { continue };
            match key_row(row, algorithm) {
                Ok(key) => ring.keys.push(key),
                Err(error) => {
                    ring.unreadable.push(unreadable(RowKind::Key, row_id(row, "kid"), &error));
                }
            }
        }
        Ok(rings)
    }

    /// Changes a ring that still has `expected_version` (0 = there is no ring yet), in one transaction. False when another
    /// node was first; then nothing was changed. A change that would leave the ring without exactly one active key is
    /// refused.
    pub async fn apply_ring_change(
        &self,
        algorithm: Algorithm,
        expected_version: i64,
        ring_change: &RingChange,
        act: &Act,
    ) -> Result<bool, StoreError> {
        answered(async {
            let mut change = self.begin(act).await?;
            if !change.claim_ring(algorithm, expected_version).await? {
                return Ok(false);
            }
            change.delete_keys(&ring_change.delete).await?;
            change.withdraw_keys(&ring_change.withdraw).await?;
            change.set_states(&ring_change.set_state).await?;
            change.insert_keys(&ring_change.insert).await?;
            change.require_one_active(algorithm).await?;
            change.commit().await?;
            Ok(true)
        })
        .await
    }

    /// Replaces a sealed key by the same key sealed anew, if the row is still what the caller opened.
    pub async fn reseal_key(
        &self,
        kid: &Kid,
        opened: &[u8],
        sealed: &[u8],
    ) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE signing_key SET sealed = $1 WHERE kid = $2 AND sealed = $3")
            .bind(bytes_text(sealed))
            .bind(kid.as_ref())
            .bind(bytes_text(opened))
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }
}

impl Change<'_> {
    async fn claim_ring(
        &mut self,
        algorithm: Algorithm,
        expected: i64,
    ) -> Result<bool, StoreError> {
        let claim = if expected == 0 {
            "INSERT INTO key_ring (generation, algorithm, version) VALUES ($1, $2, $3 + 1) \
             ON CONFLICT DO NOTHING"
        } else {
            "UPDATE key_ring SET generation = $1, version = version + 1 \
             WHERE algorithm = $2 AND version = $3"
        };
        let done = sqlx::query(claim)
            .bind(self.generation)
            .bind(algorithm.name())
            .bind(expected)
            .execute(&mut *self.tx)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn delete_keys(&mut self, kids: &[Kid]) -> Result<(), StoreError> {
        for kid in kids {
            sqlx::query("DELETE FROM signing_key WHERE kid = $1")
                .bind(kid.as_ref())
                .execute(&mut *self.tx)
                .await?;
            self.record("key.delete", kid, &json!({})).await?;
        }
        Ok(())
    }

    /// The former active key goes first: a ring never has two.
    async fn set_states(&mut self, states: &[(Kid, KeyState)]) -> Result<(), StoreError> {
        let (activate, others): (Vec<_>, Vec<_>) =
            states.iter().copied().partition(|(_, state)| *state == KeyState::Active);
        for (kid, state) in others.into_iter().chain(activate) {
            let state = state_name(state);
            let update = "UPDATE signing_key SET state = $1, since = $2 WHERE kid = $3";
            let done = sqlx::query(update)
                .bind(state)
                .bind(self.act.at)
                .bind(kid.as_ref())
                .execute(&mut *self.tx)
                .await?;
            // A key that is withdrawn in the same step is gone already.
            if done.rows_affected() == 1 {
                self.record("key.state", &kid, &json!({ "state": state })).await?;
            }
        }
        Ok(())
    }

    async fn insert_keys(&mut self, keys: &[KeyRow]) -> Result<(), StoreError> {
        let insert = "INSERT INTO signing_key (kid, algorithm, state, since, created_at, sealed) \
             VALUES ($1, $2, $3, $4, $5, $6)";
        for key in keys {
            self.require_not_withdrawn(&key.kid).await?;
            let state = state_name(key.state);
            sqlx::query(insert)
                .bind(key.kid.as_ref())
                .bind(key.algorithm.name())
                .bind(state)
                .bind(key.since)
                .bind(key.created_at)
                .bind(bytes_text(&key.sealed))
                .execute(&mut *self.tx)
                .await
                .map_err(|error| known_key(error, &key.kid))?;
            let detail = json!({ "algorithm": key.algorithm.name(), "state": state });
            self.record("key.insert", &key.kid, &detail).await?;
        }
        Ok(())
    }

    async fn require_one_active(&mut self, algorithm: Algorithm) -> Result<(), StoreError> {
        let count = "SELECT COUNT(*) FROM signing_key WHERE algorithm = $1 AND state = 'active'";
        let active: i64 =
            sqlx::query_scalar(count).bind(algorithm.name()).fetch_one(&mut *self.tx).await?;
        if active == 1 {
            return Ok(());
        }
        let problem =
            format!("the {algorithm} ring would have {active} active keys instead of one");
        Err(StoreError::Conflict(problem))
    }
}

fn known_key(error: sqlx::Error, kid: &Kid) -> StoreError {
    match StoreError::from(error) {
        StoreError::Conflict(_) => StoreError::Conflict(format!("key `{kid}` is there already")),
        other => other,
    }
}

fn key_row(row: &AnyRow, algorithm: Algorithm) -> Result<KeyRow, StoreError> {
    let kid = text(row, "kid")?;
    let kid = Kid::try_from(kid.as_str()).map_err(|error| corrupt("kid", &error))?;
    let state = text(row, "state").and_then(|name| state_from_name(&name));
    let (since, created_at) = (number(row, "since"), number(row, "created_at"));
    let intact = state.is_ok() && since.is_ok() && created_at.is_ok();
    let sealed = if intact { bytes(row, "sealed").unwrap_or_default() } else { Vec::new() };
    // A damaged row is kept although it will not open: it is reported by its kid, listed, and can be withdrawn.
    Ok(KeyRow {
        kid,
        algorithm,
        state: state.unwrap_or(KeyState::Retired),
        since: since.unwrap_or_default(),
        observed: number(row, "observed")?,
        created_at: created_at.unwrap_or_default(),
        sealed,
    })
}

fn state_name(state: KeyState) -> &'static str {
    match state {
        KeyState::Pending => "pending",
        KeyState::Active => "active",
        KeyState::Retired => "retired",
    }
}

fn state_from_name(name: &str) -> Result<KeyState, StoreError> {
    [KeyState::Pending, KeyState::Active, KeyState::Retired]
        .into_iter()
        .find(|state| state_name(*state) == name)
        .ok_or_else(|| corrupt("state", &name))
}
