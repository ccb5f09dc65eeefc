//! What is known of the revocations of one issuer, and how messages of its feed become a part of it.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_keys::Kid;

use super::counters::{Counters, RevocationMetrics};
use super::entry::Kind;
use super::follower::{Follower, Kept, Outcome};
use super::freshness::Freshness;
use super::known::{Known, Marks};
use super::message::{HEADER_TYPE, Message, Told, parse};
use crate::claims::StandardClaims;
use crate::clock::Clock;
use crate::error::VerifyError;
use crate::key_source::IssuerKeys;
use crate::verifier::Policy;

use super::lock;

/// A message that is older does not move anybody to fetch keys.
const NEWS_FOR: i64 = 60;
/// For so long an issuer may go on saying that its keys changed, to whoever asks.
const SAME_NEWS: i64 = 60;

/// The revocations of one issuer. Clones share what is known; the last one dropped stops following.
#[derive(Clone)]
pub struct Revocations {
    handle: Arc<Handle>,
}

struct Handle {
    core: Arc<Core>,
    #[cfg(feature = "remote")]
    following: Mutex<Option<tokio::task::AbortHandle>>,
}

#[cfg(feature = "remote")]
impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(following) = lock(&self.following).take() {
            following.abort();
        }
    }
}

/// What it is put together from.
pub(crate) struct Parts {
    pub(crate) policy: Policy,
    pub(crate) keys: IssuerKeys,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) capacity: usize,
}

pub(super) struct Core {
    policy: Policy,
    keys: IssuerKeys,
    pub(super) clock: Arc<dyn Clock>,
    /// For whom messages are: `{issuer}/feed`.
    audience: String,
    known: Known,
    follower: Mutex<Follower>,
    freshness: Freshness,
    pub(super) counters: Counters,
    /// The `iat` of the last message that moved us to fetch keys.
    keys_changed_at: AtomicI64,
    /// The least lag that anybody demanded, in milliseconds.
    demanded: AtomicU64,
}

impl Revocations {
    pub(crate) fn assemble(parts: Parts) -> Self {
        let core = Core {
            audience: feed_of(&parts.policy.issuer),
            policy: parts.policy,
            keys: parts.keys,
            clock: parts.clock,
            known: Known::with_capacity(parts.capacity),
            follower: Mutex::default(),
            freshness: Freshness::default(),
            counters: Counters::default(),
            keys_changed_at: 0.into(),
            demanded: u64::MAX.into(),
        };
        let handle = Handle {
            core: Arc::new(core),
            #[cfg(feature = "remote")]
            following: Mutex::default(),
        };
        Self { handle: Arc::new(handle) }
    }

    /// Takes a message that came by a way of the service's own: a push, a bus. If a fetch may bring the key that signed
    /// it, waits for that, a second at most.
    ///
    /// # Errors
    ///
    /// If it is not a message of this issuer's feed. Nothing changed then.
    pub async fn take(&self, message: &str) -> Result<Outcome, VerifyError> {
        self.handle.core.take(message).await
    }

    /// The same without waiting: [`VerifyError::NeedsKeys`] if the key that signed it has to be fetched.
    ///
    /// # Errors
    ///
    /// If it is not a message of this issuer's feed. Nothing changed then.
    pub fn try_take(&self, message: &str) -> Result<Outcome, VerifyError> {
        self.handle.core.try_take(message)
    }

    /// The number from which on the feed has to be asked: `after` of the next request.
    pub fn ask_from(&self) -> u64 {
        lock(&self.handle.core.follower).ask_from()
    }

    /// For how long nothing is known of revocations: a few seconds, if all is well. None before the first catch-up.
    pub fn lag(&self) -> Option<Duration> {
        self.handle.core.lag()
    }

    /// How many entries are kept.
    pub fn entries(&self) -> usize {
        self.handle.core.known.len()
    }

    /// What was counted so far.
    pub fn metrics(&self) -> RevocationMetrics {
        let core = &self.handle.core;
        RevocationMetrics {
            lag_seconds: core.lag().map(|lag| lag.as_secs()),
            entries: core.known.len(),
            resets: lock(&core.follower).resets(),
            ..core.counters.read()
        }
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.handle.core.policy.issuer
    }

    pub(crate) fn last_error(&self) -> Option<&'static str> {
        self.handle.core.counters.last_error()
    }

    /// That the token is not known to be revoked.
    pub(crate) fn check(&self, token: &Marks<'_>) -> Result<(), VerifyError> {
        let core = &self.handle.core;
        match core.known.judge(token) {
            None => Ok(()),
            Some(kind) => {
                core.counters.revoked(kind);
                Err(VerifyError::Revoked)
            }
        }
    }

    /// That the key which signed it is not withdrawn.
    pub(crate) fn check_key(&self, claims: &StandardClaims, kid: &Kid) -> Result<(), VerifyError> {
        let core = &self.handle.core;
        if core.known.is_withdrawn(kid, claims.issued_at()) {
            core.counters.revoked(Kind::Key);
            return Err(VerifyError::Revoked);
        }
        Ok(())
    }

    /// That it is not known to be revoked, for a verdict that was given before; nothing is counted.
    pub(crate) fn still_stands(&self, token: &Marks<'_>) -> bool {
        self.handle.core.known.judge(token).is_none()
    }

    /// That the feed is no later than this. From now on it is asked often enough for that.
    pub(crate) fn require_fresh(&self, max_lag: Duration) -> Result<(), VerifyError> {
        self.demand(max_lag);
        match self.lag() {
            Some(lag) if lag <= max_lag => Ok(()),
            _ => Err(VerifyError::RevocationsLate { retry_after: Duration::from_secs(1) }),
        }
    }

    pub(crate) fn demand(&self, max_lag: Duration) {
        let demanded = &self.handle.core.demanded;
        let millis = u64::try_from(max_lag.as_millis()).unwrap_or(u64::MAX);
        // Nobody writes once all routes were asked.
        if millis < demanded.load(Ordering::Relaxed) {
            demanded.fetch_min(millis, Ordering::Relaxed);
        }
    }

    /// Begins to follow a feed, for as long as anybody holds this. False outside of a tokio runtime.
    #[cfg(feature = "remote")]
    pub(crate) fn follow(&self, feed: Arc<dyn super::Feed>) -> bool {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return false };
        let core = Arc::clone(&self.handle.core);
        let following = runtime.spawn(super::following::follow(core, feed));
        *lock(&self.handle.following) = Some(following.abort_handle());
        true
    }
}

impl Core {
    pub(super) async fn take(&self, message: &str) -> Result<Outcome, VerifyError> {
        match self.judge(message) {
            Err(VerifyError::NeedsKeys) => {}
            settled => return self.count(settled),
        }
        let kid = parse(message).ok().and_then(|jws| jws.kid().copied());
        let result = match self.keys.resolve(kid.as_ref()).await {
            Ok(()) => self.judge(message),
            Err(miss) => Err(miss.into()),
        };
        self.count(result)
    }

    pub(super) fn try_take(&self, message: &str) -> Result<Outcome, VerifyError> {
        self.count(self.judge(message))
    }

    pub(super) fn lag(&self) -> Option<Duration> {
        self.freshness.lag(&*self.clock)
    }

    #[cfg(feature = "remote")]
    pub(super) fn ask_from(&self) -> u64 {
        lock(&self.follower).ask_from()
    }

    #[cfg(feature = "remote")]
    pub(super) fn demanded(&self) -> Duration {
        Duration::from_millis(self.demanded.load(Ordering::Relaxed))
    }

    pub(super) fn sweep(&self) {
        self.known.sweep(self.clock.wall(), self.clock.monotonic());
    }

    fn count(&self, result: Result<Outcome, VerifyError>) -> Result<Outcome, VerifyError> {
        match &result {
            Ok(outcome) => self.counters.taken(*outcome),
            Err(error) if error.is_transient() => self.counters.failed(error.code()),
            Err(error) => {
                tracing::warn!(code = error.code(), "a message of the revocation feed is refused");
                self.counters.refused(error.code());
            }
        }
        result
    }

    /// Form, algorithm, type, key, signature, and for whom it is: nothing before that has any effect.
    fn judge(&self, message: &str) -> Result<Outcome, VerifyError> {
        let policy = &self.policy;
        let jws = parse(message).map_err(VerifyError::Malformed)?;
        policy.check_algorithm(&jws)?;
        HEADER_TYPE.check(&jws)?;
        let (payload, kid) = self.keys.with_key(jws.kid(), |key| {
            let key = key.map_err(VerifyError::from)?;
            Policy::check_signature(&jws, key).map(|payload| (payload, *key.kid()))
        })?;
        let claims = StandardClaims::parse_owned(payload)?;
        // Whoever has stolen a key must not go on telling what was revoked.
        if self.known.is_withdrawn(&kid, claims.issued_at()) {
            return Err(VerifyError::Revoked);
        }
        let now = self.clock.wall();
        let names = (policy.issuer.as_str(), self.audience.as_str());
        let message = Message::judge(claims, names, (now, policy.skew))?;
        Ok(self.act(&message, &message.told()?, now))
    }

    /// Entries first, then what they prove: whoever reads in between knows more than is said, never less.
    fn act(&self, message: &Message, told: &Told<'_>, now: i64) -> Outcome {
        let (mut kept, mut withdraws_key) = (Kept::All, false);
        for entry in told.entries() {
            match entry.map(|entry| (entry.kind, self.known.add(&entry, now))) {
                Some((kind, Ok(()))) => withdraws_key |= kind == Kind::Key,
                Some((_, Err(_))) => {
                    kept = self.lose(kept, "there is no room for more revocations");
                }
                None => kept = self.lose(kept, "a revocation is not understood"),
            }
        }
        let mut follower = lock(&self.follower);
        let outcome = follower.take(&told.position(), kept, (message.issued_at, now));
        if let Some(at) = follower.up_to_date_at() {
            self.freshness.advance(at, &*self.clock);
        }
        drop(follower);
        if told.jwks_changed || withdraws_key {
            self.fetch_keys(message.issued_at, now);
        }
        self.sweep();
        outcome
    }

    /// The alarm: from here on the feed counts as late, until all fits again.
    fn lose(&self, kept: Kept, what: &'static str) -> Kept {
        if kept == Kept::All {
            tracing::error!(entries = self.known.len(), "{what}");
            self.counters.failed("revocations_incomplete");
        }
        Kept::Some
    }

    /// Once a minute, however often it is said: a key that comes later is fetched when a token names it, and one that goes is
    /// in an entry too.
    fn fetch_keys(&self, issued_at: i64, now: i64) {
        let is_new = |last: i64| issued_at >= last.saturating_add(SAME_NEWS);
        let last = self.keys_changed_at.load(Ordering::Relaxed);
        if issued_at >= now.saturating_sub(NEWS_FOR) && is_new(last) {
            self.keys_changed_at.store(issued_at, Ordering::Relaxed);
            self.keys.fetch_soon();
        }
    }
}

/// The address of the feed, which is also for whom its messages are.
pub(crate) fn feed_of(issuer: &str) -> String {
    format!("{}/feed", issuer.trim_end_matches('/'))
}

/// Prints figures; no identifiers, so that it may end up in a log.
impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocations")
            .field("entries", &self.entries())
            .field("lag", &self.lag())
            .finish_non_exhaustive()
    }
}
