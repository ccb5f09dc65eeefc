//! From sealed rows to keys and back. A row that does not open under a master key, or that holds
//! another key than its `kid` says, is refused and reported: it was swapped or altered.

use std::sync::Arc;
use std::time::Duration;

use countersign_keys::ring::KeyState;
use countersign_keys::seal::SealError;
use countersign_keys::{Algorithm, Kid, MasterKeys, SigningKey, VerifyingKey};

use crate::store::{KeyRow, RingRows};

/// A ring whose private keys are open.
pub struct OpenRing {
    /// The one algorithm of its keys.
    pub algorithm: Algorithm,
    /// The version that a change must name, so that of two nodes one wins.
    pub version: i64,
    /// All keys.
    pub keys: Vec<OpenKey>,
}

/// A key of a ring.
#[derive(Clone)]
pub struct OpenKey {
    /// Its state.
    pub state: KeyState,
    /// Since when it is in this state, in Unix seconds.
    pub since: i64,
    /// For how long it had been in this state when it was read, at least.
    pub observed: Duration,
    key: Arc<SigningKey>,
}

/// A row that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Sealed under a master key that is not configured.
    #[error(
        "signing key {kid} is sealed under a master key that is not configured; add that master key to those configured (`master_key.files`, or COUNTERSIGN_MASTER_KEY)"
    )]
    UnknownMasterKey {
        /// The key.
        kid: String,
    },
    /// The row was changed by something else than this software.
    #[error(
        "the row of signing key {kid} was altered or swapped ({cause}); restore it from a backup, or remove the key with `countersign keys withdraw {kid}`"
    )]
    Altered {
        /// The key that the row claims to hold.
        kid: String,
        /// What does not fit.
        cause: String,
    },
}

impl OpenKey {
    /// The id of the key.
    pub fn kid(&self) -> &Kid {
        self.key.kid()
    }
}

impl OpenRing {
    /// The key that signs.
    pub fn active(&self) -> Option<&Arc<SigningKey>> {
        self.keys.iter().find(|key| key.state == KeyState::Active).map(|key| &key.key)
    }

    /// The keys to publish: all of them, the active one first.
    pub fn published(&self) -> impl Iterator<Item = &VerifyingKey> {
        let (active, others): (Vec<_>, Vec<_>) =
            self.keys.iter().partition(|key| key.state == KeyState::Active);
        active.into_iter().chain(others).map(|key| key.key.verifying_key())
    }
}

/// Opens all rows, for a start.
///
/// # Errors
///
/// The first row that cannot be used.
pub fn open_rings(rows: &[RingRows], masters: &MasterKeys) -> Result<Vec<OpenRing>, OpenError> {
    rows.iter().map(|ring| open_ring(ring, masters)).collect()
}

fn open_ring(ring: &RingRows, masters: &MasterKeys) -> Result<OpenRing, OpenError> {
    if let Some(row) = ring.unreadable.first() {
        return Err(OpenError::Altered { kid: row.id.clone(), cause: row.cause.clone() });
    }
    let keys = ring.keys.iter().map(|row| open_row(row, masters)).collect::<Result<_, _>>()?;
    Ok(OpenRing { algorithm: ring.algorithm, version: ring.version, keys })
}

fn open_row(row: &KeyRow, masters: &MasterKeys) -> Result<OpenKey, OpenError> {
    let kid = row.kid;
    let altered = |cause: String| OpenError::Altered { kid: kid.to_string(), cause };
    let der = masters.open(&kid, &row.sealed).map_err(|error| match error {
        SealError::UnknownMasterKey { .. } => OpenError::UnknownMasterKey { kid: kid.to_string() },
        other => altered(other.to_string()),
    })?;
    let key = SigningKey::from_pkcs8_der(&der, row.algorithm)
        .map_err(|error| altered(error.to_string()))?;
    if *key.kid() != kid {
        return Err(altered("it holds another key".to_owned()));
    }
    let observed = Duration::from_secs(u64::try_from(row.observed).unwrap_or(0));
    Ok(OpenKey { state: row.state, since: row.since, observed, key: Arc::new(key) })
}

/// Opens the rows of a running node. A row that cannot be used is reported, and stands for the key that
/// this node opened before under the same `kid`, if it did; what has left the table is gone at once.
pub fn reopen_rings(
    rows: &[RingRows],
    masters: &MasterKeys,
    former: &[OpenRing],
) -> (Vec<OpenRing>, Vec<OpenError>) {
    let mut refused = Vec::new();
    let rings = rows.iter().map(|ring| {
        let before = former.iter().find(|known| known.algorithm == ring.algorithm);
        reopen_ring(ring, masters, before.map_or(&[], |known| &known.keys), &mut refused)
    });
    (rings.collect(), refused)
}

fn reopen_ring(
    ring: &RingRows,
    masters: &MasterKeys,
    former: &[OpenKey],
    refused: &mut Vec<OpenError>,
) -> OpenRing {
    let known = |kid: &str| former.iter().find(|key| key.kid().as_str() == kid).cloned();
    let mut keys = Vec::new();
    for row in &ring.keys {
        match open_row(row, masters) {
            Ok(key) => keys.push(key),
            Err(error) => {
                refused.push(error);
                let observed = Duration::ZERO;
                let known = known(&row.kid);
                keys.extend(known.map(|key| OpenKey { state: row.state, observed, ..key }));
            }
        }
    }
    for row in &ring.unreadable {
        refused.push(OpenError::Altered { kid: row.id.clone(), cause: row.cause.clone() });
        keys.extend(known(&row.id));
    }
    if !keys.iter().any(|key| key.state == KeyState::Active) {
        // The new active key does not open here: the one that this node signed with goes on, if it may.
        let signed = former.iter().find(|key| key.state == KeyState::Active);
        let still =
            keys.iter_mut().find(|key| signed.is_some_and(|signed| signed.kid() == key.kid()));
        if let Some(key) = still {
            key.state = KeyState::Active;
        }
    }
    OpenRing { algorithm: ring.algorithm, version: ring.version, keys }
}

/// The row of a new key.
///
/// # Errors
///
/// If the key cannot be written or sealed.
pub(super) fn seal_row(
    key: &SigningKey,
    state: KeyState,
    now: i64,
    masters: &MasterKeys,
) -> Result<KeyRow, String> {
    let der = key.to_pkcs8_der().map_err(|error| error.to_string())?;
    let sealed = masters.seal(key.kid(), &der).map_err(|error| error.to_string())?;
    Ok(KeyRow {
        kid: *key.kid(),
        algorithm: key.algorithm(),
        state,
        since: now,
        observed: 0,
        created_at: now,
        sealed,
    })
}
