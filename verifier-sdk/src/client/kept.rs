//! Tokens that are kept: of equal requests one asks and the others wait; whoever finds a token that is due gets it at once,
//! while the next one is asked for; a failure is not asked about again at once.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{AccessToken, TokenError, TokenRequest};

/// A token is renewed when so much of its life has passed, or up to a tenth of that earlier.
const RENEW_AT: f64 = 0.8;
/// A token is not used so shortly before it ends: it has to arrive. A tenth of its life, if that is less.
const MARGIN: Duration = Duration::from_secs(10);
/// After failures in a row it is asked again after one second, two, four, and so on up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// The tokens of one source.
pub(super) struct KeptTokens {
    capacity: usize,
    seeds: [RandomState; 2],
    entries: Mutex<HashMap<u128, Arc<Entry>>>,
}

/// The token of one request.
#[derive(Default)]
pub(super) struct Entry {
    state: Mutex<State>,
    /// Held by the one who asks.
    pub(super) flight: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// How often in a row it failed, how, and until when it is not tried again.
    failures: u32,
    trouble: Option<(TokenError, Duration)>,
}

struct Held {
    token: AccessToken,
    renew_at: Duration,
    usable_until: Duration,
}

/// What there is for a request.
#[derive(Debug)]
pub(super) enum Found {
    /// A good token.
    Token(AccessToken),
    /// A token that still is good, but is to be renewed.
    Due(AccessToken),
    /// Nothing.
    Nothing,
    /// Nothing, and it just failed.
    Trouble(TokenError),
}

impl KeptTokens {
    pub(super) fn new(capacity: usize) -> Self {
        let seeds = [RandomState::new(), RandomState::new()];
        Self { capacity, seeds, entries: Mutex::default() }
    }

    /// The entry of a request. Known by a hash under a secret of this process, so that no token of a caller is kept. When
    /// there are too many, those that are over go; if none is, this one is not kept.
    pub(super) fn entry(&self, request: &TokenRequest, now: Duration) -> Arc<Entry> {
        let name = self.name(request);
        let mut entries = lock(&self.entries);
        if let Some(entry) = entries.get(&name) {
            return Arc::clone(entry);
        }
        if entries.len() >= self.capacity {
            entries.retain(|_, entry| Arc::strong_count(entry) > 1 || entry.is_usable(now));
        }
        let entry = Arc::<Entry>::default();
        if entries.len() < self.capacity {
            entries.insert(name, Arc::clone(&entry));
        }
        entry
    }

    /// Forgets a token that a service no longer takes, unless another one has come meanwhile.
    pub(super) fn forget(&self, request: &TokenRequest, refused: &AccessToken) {
        let entry = lock(&self.entries).get(&self.name(request)).cloned();
        let Some(entry) = entry else { return };
        let mut state = lock(&entry.state);
        if state.held.as_ref().is_some_and(|held| held.token.expose() == refused.expose()) {
            state.held = None;
        }
    }

    fn name(&self, request: &TokenRequest) -> u128 {
        let [high, low] = self.seeds.each_ref().map(|seed| u128::from(seed.hash_one(request)));
        high << 64 | low
    }
}

impl Entry {
    pub(super) fn find(&self, now: Duration) -> Found {
        let state = lock(&self.state);
        let in_trouble = state.trouble.as_ref().filter(|(_, until)| now < *until);
        match (&state.held, in_trouble) {
            (Some(held), trouble) if now < held.usable_until => {
                let is_due = now >= held.renew_at && trouble.is_none();
                let token = held.token.clone();
                if is_due { Found::Due(token) } else { Found::Token(token) }
            }
            (_, Some((error, _))) => Found::Trouble(error.clone()),
            _ => Found::Nothing,
        }
    }

    /// Keeps what was answered. `early` is between 0 and 1.
    pub(super) fn keep(
        &self,
        answer: &Result<AccessToken, TokenError>,
        asked_at: Duration,
        (now, early): (Duration, f64),
    ) {
        let mut state = lock(&self.state);
        match answer {
            Ok(token) => {
                let life = token.lifetime();
                let renew_at = asked_at + life.mul_f64(RENEW_AT * (1.0 - early / 10.0));
                let usable_until = asked_at + life.saturating_sub(MARGIN.min(life / 10));
                let held = Some(Held { token: token.clone(), renew_at, usable_until });
                *state = State { held, failures: 0, trouble: None };
            }
            Err(error) => {
                let pause = Duration::from_secs(1 << state.failures.min(3)).min(LONGEST_PAUSE);
                let pause = match error {
                    TokenError::Unavailable { retry_after, .. } => pause.max(*retry_after),
                    _ => pause,
                };
                state.failures += 1;
                state.trouble = Some((error.clone(), now + pause));
            }
        }
    }

    fn is_usable(&self, now: Duration) -> bool {
        lock(&self.state).held.as_ref().is_some_and(|held| now < held.usable_until)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
