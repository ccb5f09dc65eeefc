//! Rotation: `countersign_keys::rotation` says what is to be done; here it is done, in one
//! transaction with a version check, so that of two nodes which see the same plan one wins.

use std::time::Duration;

use countersign_keys::ring::{KeyState, MAX_RING_KEYS};
use countersign_keys::rotation::{self, Policy, Step};
use countersign_keys::signing_key::KeySize;
use countersign_keys::{Algorithm, KeyRing, Kid, MasterKeys, SigningKey};

use super::rows::{OpenRing, seal_row};
use crate::config::Config;
use crate::freshness::PATIENCE;
use crate::store::{Act, KeyRow, RingChange, Store, StoreError};

/// Why a ring could not be turned.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ring has as many keys as it may have.
    #[error("the {0} ring has {MAX_RING_KEYS} keys already, and publishes no more")]
    Full(Algorithm),
    /// No key could be made.
    #[error("a new signing key could not be made: {0}")]
    Key(String),
}

/// What became of a ring.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing is due.
    None,
    /// It was changed.
    Ours,
    /// Somebody else changed it meanwhile: read it again.
    Others,
}

/// What a rotation needs besides the ring.
#[derive(Clone, Copy)]
pub struct Rotation<'r> {
    /// Sizes, life times and algorithms.
    pub config: &'r Config,
    /// Where rings are kept.
    pub store: &'r Store,
    /// What new keys are sealed under.
    pub masters: &'r MasterKeys,
    /// Who does it and when, for the audit log.
    pub act: &'r Act,
}

impl Rotation<'_> {
    /// The policy of the configuration.
    pub fn policy(&self) -> Policy {
        let keys = &self.config.keys;
        Policy {
            jwks_max_age: Duration::from_secs(keys.jwks_max_age_seconds.into()),
            rotate_every: Duration::from_secs(keys.rotate_every_seconds.into()),
            max_token_lifetime: Duration::from_secs(keys.max_token_lifetime_seconds.into()),
            skew: Duration::from_secs(30),
            node_lag: PATIENCE,
        }
    }

    /// Does what is due for a ring.
    ///
    /// # Errors
    ///
    /// If a key cannot be made or the store does not answer: the ring stays as it is.
    pub async fn turn(&self, ring: &KeyRing, version: i64) -> Result<Turn, RotationError> {
        let steps = rotation::plan(ring, &self.policy(), self.act.at);
        self.apply(ring, version, steps).await
    }

    /// Has the successor sign as soon as every verifier has had time to learn of it.
    ///
    /// # Errors
    ///
    /// As [`Rotation::turn`].
    pub async fn force(&self, ring: &KeyRing, version: i64) -> Result<Turn, RotationError> {
        let steps = rotation::force(ring, &self.policy(), self.act.at);
        self.apply(ring, version, steps).await
    }

    /// Removes a key at once, in an emergency.
    ///
    /// # Errors
    ///
    /// As [`Rotation::turn`].
    pub async fn withdraw(
        &self,
        ring: &KeyRing,
        version: i64,
        kid: &Kid,
    ) -> Result<Turn, RotationError> {
        let steps = rotation::withdraw(ring, kid);
        if steps.is_empty() {
            return Ok(Turn::None);
        }
        let mut change = self.change(ring, &steps).await?;
        change.withdraw = std::mem::take(&mut change.delete);
        self.commit(ring.algorithm, version, &change).await
    }

    /// Makes a ring for an algorithm that has none.
    ///
    /// # Errors
    ///
    /// As [`Rotation::turn`].
    pub async fn bootstrap(&self, algorithm: Algorithm) -> Result<Turn, RotationError> {
        self.turn(&KeyRing { algorithm, keys: Vec::new() }, 0).await
    }

    async fn apply(
        &self,
        ring: &KeyRing,
        version: i64,
        steps: Vec<Step>,
    ) -> Result<Turn, RotationError> {
        if steps.is_empty() {
            return Ok(Turn::None);
        }
        let change = self.change(ring, &steps).await?;
        self.commit(ring.algorithm, version, &change).await
    }

    /// What the steps are for the store, with the keys that they need.
    async fn change(&self, ring: &KeyRing, steps: &[Step]) -> Result<RingChange, RotationError> {
        let mut change = RingChange::default();
        let deleted = |kid: &Kid| steps.contains(&Step::Delete { kid: *kid });
        for step in steps {
            match step {
                Step::Publish => {
                    change.insert.push(self.new_row(ring.algorithm, KeyState::Pending).await?);
                }
                Step::PublishActive => {
                    change.insert.push(self.new_row(ring.algorithm, KeyState::Active).await?);
                }
                Step::Activate { kid } => {
                    let former = ring.in_state(KeyState::Active).filter(|key| !deleted(&key.kid));
                    change.set_state.extend(former.map(|key| (key.kid, KeyState::Retired)));
                    change.set_state.push((*kid, KeyState::Active));
                }
                Step::Delete { kid } => change.delete.push(*kid),
            }
        }
        Ok(change)
    }

    async fn commit(
        &self,
        algorithm: Algorithm,
        version: i64,
        change: &RingChange,
    ) -> Result<Turn, RotationError> {
        let ours = self.store.apply_ring_change(algorithm, version, change, self.act).await?;
        tracing::info!(%algorithm, ours, "a key ring was turned");
        Ok(if ours { Turn::Ours } else { Turn::Others })
    }

    /// Makes a key off the executor: RSA takes up to a quarter of a second.
    async fn new_row(
        &self,
        algorithm: Algorithm,
        state: KeyState,
    ) -> Result<KeyRow, RotationError> {
        let size = match self.config.keys.rsa_bits {
            4096 => KeySize::Rsa4096,
            3072 => KeySize::Rsa3072,
            _ => KeySize::Rsa2048,
        };
        let made = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm, size)).await;
        let key = made
            .map_err(|error| RotationError::Key(error.to_string()))?
            .map_err(|error| RotationError::Key(error.to_string()))?;
        seal_row(&key, state, self.act.at, self.masters).map_err(RotationError::Key)
    }
}

/// Adds a key that was made elsewhere, to be published now and to sign when its turn comes.
///
/// # Errors
///
/// If the ring is full, the key cannot be sealed, or the store does not answer or knows that it was withdrawn.
pub async fn import(
    rotation: &Rotation<'_>,
    ring: &OpenRing,
    key: &SigningKey,
) -> Result<bool, RotationError> {
    if ring.keys.len() >= MAX_RING_KEYS {
        return Err(RotationError::Full(ring.algorithm));
    }
    let row = seal_row(key, KeyState::Pending, rotation.act.at, rotation.masters)
        .map_err(RotationError::Key)?;
    let change = RingChange { insert: vec![row], ..RingChange::default() };
    let applied =
        rotation.store.apply_ring_change(ring.algorithm, ring.version, &change, rotation.act);
    Ok(applied.await?)
}
