//! The state behind [`Revocations`](super::Revocations): what a message goes through before it counts.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::counters::{Counters, RevocationMetrics};
use super::entry::Kind;
use super::follower::{Follower, Kept, Outcome};
use super::freshness::Freshness;
use super::known::Known;
use super::lock;
#[cfg(feature = "remote")]
use super::message::Unverified;
use super::message::{HEADER_TYPE, Message, Told, parse};
use crate::claims::StandardClaims;
use crate::clock::Clock;
use crate::error::VerifyError;
use crate::key_source::IssuerKeys;
use crate::verifier::Policy;

/// A message that is older does not move anybody to fetch keys.
const NEWS_FOR: i64 = 60;
/// For so long an issuer may go on saying that its keys changed, to whoever asks.
const SAME_NEWS: i64 = 60;

/// What it is put together from.
pub(crate) struct Parts {
    pub(crate) policy: Policy,
    pub(crate) keys: IssuerKeys,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) capacity: usize,
}

pub(super) struct Core {
    pub(super) policy: Policy,
    keys: IssuerKeys,
    pub(super) clock: Arc<dyn Clock>,
    /// For whom messages are: `{issuer}/feed`.
    audience: String,
    pub(super) known: Known,
    follower: Mutex<Follower>,
    freshness: Freshness,
    pub(super) counters: Counters,
    /// The `iat` of the last message that moved us to fetch keys.
    keys_changed_at: AtomicI64,
    /// The least lag that anybody demanded, in milliseconds.
    demanded: AtomicU64,
}

impl Core {
    pub(super) fn assemble(parts: Parts) -> Self {
        Self {
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
        }
    }

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

    /// Whether a message says, by its own words, nothing that is not known: of several nodes that tell the same on one way,
    /// the signature of the first is enough.
    #[cfg(feature = "remote")]
    pub(super) fn has(&self, message: &str) -> bool {
        Unverified::read(message).is_some_and(|says| {
            let are_keys_known =
                !says.jwks_changed || !self.is_news(says.issued_at, self.clock.wall());
            are_keys_known && lock(&self.follower).has(&says.position, says.issued_at)
        })
    }

    pub(super) fn lag(&self) -> Option<Duration> {
        self.freshness.lag(&*self.clock)
    }

    pub(super) fn ask_from(&self) -> u64 {
        lock(&self.follower).ask_from()
    }

    pub(super) fn metrics(&self) -> RevocationMetrics {
        RevocationMetrics {
            lag_seconds: self.lag().map(|lag| lag.as_secs()),
            entries: self.known.len(),
            resets: lock(&self.follower).resets(),
            ..self.counters.read()
        }
    }

    pub(super) fn demand(&self, max_lag: Duration) {
        let millis = u64::try_from(max_lag.as_millis()).unwrap_or(u64::MAX);
        // Nobody writes once all routes were asked.
        if millis < self.demanded.load(Ordering::Relaxed) {
            self.demanded.fetch_min(millis, Ordering::Relaxed);
        }
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

    fn fetch_keys(&self, issued_at: i64, now: i64) {
        if self.is_news(issued_at, now) {
            self.keys_changed_at.store(issued_at, Ordering::Relaxed);
            self.keys.fetch_soon();
        }
    }

    /// That keys changed is news once a minute, however often it is said: a key that comes later is fetched when a token names
    /// it, and one that goes is in an entry too.
    fn is_news(&self, issued_at: i64, now: i64) -> bool {
        let last = self.keys_changed_at.load(Ordering::Relaxed);
        issued_at >= now.saturating_sub(NEWS_FOR) && issued_at >= last.saturating_add(SAME_NEWS)
    }
}

/// The address of the feed, which is also for whom its messages are.
pub(crate) fn feed_of(issuer: &str) -> String {
    format!("{}/feed", issuer.trim_end_matches('/'))
}
