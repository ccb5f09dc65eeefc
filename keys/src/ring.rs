//! The signing keys of one algorithm and the state of each. Values only: where they are stored, and how a
//! step is committed, is the business of the issuer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::algorithm::Algorithm;
use crate::jwk::Kid;

/// More keys are never planned for one ring, so that all rings together stay under the 64 keys of a JWK set.
pub const MAX_RING_KEYS: usize = 10;

/// Where a key is in its life. All states are published.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Verifiers learn it; it does not sign yet.
    Pending,
    /// Signs.
    Active,
    /// Verifies what it signed before.
    Retired,
}

/// One key of a ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RingKey {
    /// Its name.
    pub kid: Kid,
    /// Its state.
    pub state: KeyState,
    /// Wall clock at which it entered the state, in Unix seconds. May be wrong when a clock was.
    pub since: i64,
    /// For how long it has been in this state at least, by monotonic clocks: what this process saw, and what others had
    /// seen and written down before. Zero where nothing is known; must never be too long.
    pub observed: Duration,
}

/// The keys of one algorithm. After the first step there is always exactly one Active.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRing {
    /// The algorithm of all of them.
    pub algorithm: Algorithm,
    /// In no particular order.
    pub keys: Vec<RingKey>,
}

impl KeyRing {
    /// The key that signs.
    pub fn active(&self) -> Option<&RingKey> {
        self.in_state(KeyState::Active).next()
    }

    /// The Pending key that has been seen for longest.
    pub fn oldest_pending(&self) -> Option<&RingKey> {
        self.in_state(KeyState::Pending).max_by_key(|key| key.observed)
    }

    /// All keys in one state.
    pub fn in_state(&self, state: KeyState) -> impl Iterator<Item = &RingKey> {
        self.keys.iter().filter(move |key| key.state == state)
    }

    /// The key of that name.
    pub fn find(&self, kid: &Kid) -> Option<&RingKey> {
        self.keys.iter().find(|key| key.kid == *kid)
    }
}
