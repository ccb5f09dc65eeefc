//! The live signing keys of this node: which key signs for each algorithm, and which are published.
//! Rows are opened in `rows`, turned in `rotation`; what is live is swapped as a whole.

mod reseal;
mod rotation;
mod rows;

pub use reseal::{reseal_rows, resealed};
pub use rotation::{Rotation, RotationError, import};
pub use rows::{OpenError, OpenRing, open_rings, reopen_rings};

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use countersign_keys::jws::CompactHeader;
use countersign_keys::ring::{KeyState, RingKey};
use countersign_keys::{Algorithm, KeyRing, Kid, SigningKey};

use crate::error::OAuthError;
use crate::jwks::JwksDocument;

/// The `typ` of an access token (RFC 9068 §2.1).
const ACCESS_TOKEN_TYP: &str = "at+jwt";

/// The keys in use, swapped as a whole when a ring changes.
pub struct Keychain {
    live: ArcSwap<LiveKeys>,
    observed: Mutex<Observations>,
}

/// Since when (monotonic) this process has seen each key in its present state.
type Observations = HashMap<Kid, (KeyState, Duration)>;

/// One consistent view of all rings.
pub struct LiveKeys {
    rings: Vec<OpenRing>,
    active: Vec<ActiveKey>,
    /// The published keys.
    pub jwks: JwksDocument,
}

struct ActiveKey {
    key: Arc<SigningKey>,
    header: CompactHeader,
}

impl ActiveKey {
    fn new(key: &Arc<SigningKey>) -> Option<Self> {
        let header = CompactHeader::new(key.as_ref(), ACCESS_TOKEN_TYP).ok()?;
        Some(Self { key: Arc::clone(key), header })
    }
}

impl LiveKeys {
    fn new(rings: Vec<OpenRing>) -> Self {
        let active = rings.iter().filter_map(OpenRing::active).filter_map(ActiveKey::new).collect();
        let jwks = JwksDocument::new(rings.iter().flat_map(OpenRing::published));
        Self { rings, active, jwks }
    }

    /// Signs the payload of an access token.
    ///
    /// # Errors
    ///
    /// `server_error` if no key of the algorithm is active.
    pub fn sign(&self, algorithm: Algorithm, payload: &[u8]) -> Result<String, OAuthError> {
        let active = self.active.iter().find(|active| active.key.algorithm() == algorithm);
        let active = active.ok_or_else(|| {
            OAuthError::server_error(format!(
                "no {algorithm} key is active: add {algorithm} to keys.algorithms"
            ))
        })?;
        active
            .header
            .sign(active.key.as_ref(), payload)
            .map_err(|error| OAuthError::server_error(format!("signing failed: {error}")))
    }

    /// The rings, with what this node read of them.
    pub fn rings(&self) -> &[OpenRing] {
        &self.rings
    }

    /// Whether each ring has a key that signs.
    pub fn is_complete(&self) -> bool {
        !self.rings.is_empty() && self.active.len() == self.rings.len()
    }
}

impl Keychain {
    /// A keychain with the rings of the store, first seen at `now` (monotonic).
    pub fn new(rings: Vec<OpenRing>, now: Duration) -> Self {
        let keychain = Self {
            live: ArcSwap::from_pointee(LiveKeys::new(Vec::new())),
            observed: Mutex::default(),
        };
        keychain.swap(rings, now);
        keychain
    }

    /// The present view.
    pub fn live(&self) -> Guard<Arc<LiveKeys>> {
        self.live.load()
    }

    /// Replaces the view, and remembers since when each key is in its state.
    pub fn swap(&self, rings: Vec<OpenRing>, now: Duration) {
        let mut observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = rings.iter().flat_map(|ring| &ring.keys);
        *observed = keys
            .map(|key| {
                let seen = observed.get(key.kid()).filter(|(state, _)| *state == key.state);
                (*key.kid(), (key.state, seen.map_or(now, |(_, since)| *since)))
            })
            .collect();
        drop(observed);
        self.live.store(Arc::new(LiveKeys::new(rings)));
    }

    /// A ring as the rotation plan reads it at `now` (monotonic).
    pub fn planned(&self, ring: &OpenRing, now: Duration) -> KeyRing {
        let observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = ring.keys.iter().map(|key| {
            let since = observed.get(key.kid()).map_or(now, |(_, since)| *since);
            RingKey {
                kid: *key.kid(),
                state: key.state,
                since: key.since,
                observed: now.saturating_sub(since),
            }
        });
        KeyRing { algorithm: ring.algorithm, keys: keys.collect() }
    }
}
