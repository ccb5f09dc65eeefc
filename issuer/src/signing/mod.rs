//! The live signing keys of this node: which key signs for each algorithm, and which are published.
//! Rows are opened in `rows`, turned in `rotation`; what is live is swapped as a whole.

mod reseal;
mod rotation;
mod rows;

pub use reseal::{reseal_rows, resealed};
pub use rotation::{Rotation, RotationError, Turn, import};
pub use rows::{OpenError, OpenRing, open_rings, reopen_rings};

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use countersign_keys::jws::CompactHeader;
use countersign_keys::ring::{KeyState, RingKey};
use countersign_keys::{Algorithm, KeyRing, Kid, SigningKey, VerifyingKey};

use crate::error::OAuthError;
use crate::jwks::JwksDocument;
use crate::store::Observation;

/// What is signed; each kind says in its header what it is (RFC 8725 §3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// RFC 9068 §2.1.
    AccessToken,
    /// An ID token (OpenID Connect Core §2) or a UserInfo answer (§5.3.2), which have no type of their own.
    Jwt,
    /// OpenID Connect Back-Channel Logout §2.4.
    LogoutToken,
    /// RFC 8417 §2.3.
    SecurityEvent,
    /// RFC 9701 §5.
    Introspection,
    /// draft-ietf-oauth-status-list §5.1.
    StatusList,
}

impl TokenType {
    const ALL: [Self; 6] = [
        Self::AccessToken,
        Self::Jwt,
        Self::LogoutToken,
        Self::SecurityEvent,
        Self::Introspection,
        Self::StatusList,
    ];

    fn typ(self) -> &'static str {
        match self {
            Self::AccessToken => "at+jwt",
            Self::Jwt => "JWT",
            Self::LogoutToken => "logout+jwt",
            Self::SecurityEvent => "secevent+jwt",
            Self::Introspection => "token-introspection+jwt",
            Self::StatusList => "statuslist+jwt",
        }
    }
}

/// The keys in use, swapped as a whole when a ring changes.
pub struct Keychain {
    live: ArcSwap<LiveKeys>,
    observed: Mutex<Observations>,
}

/// What this process knows of the time that each key has spent in its present state.
type Observations = HashMap<Kid, Observed>;

/// The time that a key has spent in a state, at least.
#[derive(Clone, Copy)]
struct Observed {
    state: KeyState,
    /// When this was known (monotonic).
    at: Duration,
    /// How long it was by then: what nodes had written down when this one read it.
    by_then: Duration,
}

impl Observed {
    fn until(&self, now: Duration) -> Duration {
        self.by_then.saturating_add(now.saturating_sub(self.at))
    }
}

/// One consistent view of all rings.
pub struct LiveKeys {
    rings: Vec<OpenRing>,
    active: Vec<ActiveKey>,
    /// The published keys.
    pub jwks: JwksDocument,
}

struct ActiveKey {
    key: Arc<SigningKey>,
    /// One for each type, in the order of [`TokenType::ALL`].
    headers: Vec<CompactHeader>,
}

impl ActiveKey {
    fn new(key: &Arc<SigningKey>) -> Option<Self> {
        let headers = TokenType::ALL.map(|kind| CompactHeader::new(key.as_ref(), kind.typ()).ok());
        Some(Self { key: Arc::clone(key), headers: headers.into_iter().collect::<Option<_>>()? })
    }
}

impl LiveKeys {
    fn new(rings: Vec<OpenRing>) -> Self {
        let active = rings.iter().filter_map(OpenRing::active).filter_map(ActiveKey::new).collect();
        let jwks = JwksDocument::new(rings.iter().flat_map(OpenRing::published));
        Self { rings, active, jwks }
    }

    /// Whether a key of the algorithm is active. Right after the first start those of RSA are still being drawn.
    pub fn has(&self, algorithm: Algorithm) -> bool {
        self.active(algorithm).is_some()
    }

    /// Signs the payload of a token.
    ///
    /// # Errors
    ///
    /// `server_error` if no key of the algorithm is active.
    pub fn sign(
        &self,
        kind: TokenType,
        algorithm: Algorithm,
        payload: &[u8],
    ) -> Result<String, OAuthError> {
        let active = self.active(algorithm).ok_or_else(|| {
            OAuthError::server_error(format!(
                "no {algorithm} key is active: add {algorithm} to keys.algorithms"
            ))
        })?;
        let header = active.headers.get(kind as usize);
        let header = header.ok_or_else(|| OAuthError::server_error("a type has no header"))?;
        header
            .sign(active.key.as_ref(), payload)
            .map_err(|error| OAuthError::server_error(format!("signing failed: {error}")))
    }

    fn active(&self, algorithm: Algorithm) -> Option<&ActiveKey> {
        self.active.iter().find(|active| active.key.algorithm() == algorithm)
    }

    /// The published key with this id.
    pub fn verifying_key(&self, kid: &Kid) -> Option<&VerifyingKey> {
        self.rings.iter().flat_map(OpenRing::published).find(|key| key.kid() == kid)
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
                let read = Observed { state: key.state, at: now, by_then: key.observed };
                // What was read may contain what this process saw: the longer counts, never the sum.
                let seen = observed.get(key.kid()).filter(|seen| seen.state == key.state);
                let longest = seen.filter(|seen| seen.until(now) >= read.by_then);
                (*key.kid(), *longest.unwrap_or(&read))
            })
            .collect();
        drop(observed);
        self.live.store(Arc::new(LiveKeys::new(rings)));
    }

    /// A ring as the rotation plan reads it at `now` (monotonic).
    pub fn planned(&self, ring: &OpenRing, now: Duration) -> KeyRing {
        let observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = ring.keys.iter().map(|key| RingKey {
            kid: *key.kid(),
            state: key.state,
            since: key.since,
            observed: observed.get(key.kid()).map_or(Duration::ZERO, |seen| seen.until(now)),
        });
        KeyRing { algorithm: ring.algorithm, keys: keys.collect() }
    }

    /// For how long the retired keys have been retired at `now` (monotonic), to be written down.
    pub fn retirements(&self, now: Duration) -> Vec<Observation> {
        let live = self.live();
        let rings = live.rings().iter().map(|ring| self.planned(ring, now));
        let retired = rings.flat_map(|ring| ring.keys).filter(|key| key.state == KeyState::Retired);
        retired
            .map(|key| Observation {
                kid: key.kid,
                since: key.since,
                seconds: i64::try_from(key.observed.as_secs()).unwrap_or(i64::MAX),
            })
            .collect()
    }
}
