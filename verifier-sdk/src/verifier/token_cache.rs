//! Verdicts about tokens that were verified before, opt-in (`VerifierBuilder::token_cache`). The key is the
//! entire token: found by a seeded hash of its end, then compared byte for byte; never a prefix, never the signature
//! alone (CVE-2026-35030). Only good tokens are kept, each for a minute at most, in a table of fixed size
//! without locks. It belongs to one verifier, that is to one policy (CVE-2026-33496). What may change after
//! a verdict is checked at every hit by `Verifier::recall`: the time, whether the
//! key still holds, and what was revoked since.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use countersign_keys::{Kid, VerifyingKey};

use super::Verified;
use super::settings::BuildError;

/// So many places a token may be in, whose hashes are one line of a processor's cache; one of them makes way for a new one.
const WAYS: usize = 8;
/// So much of the end of a token says where it is: most of its signature, which no two good tokens share.
const END: usize = 64;
/// Half a gigabyte of the longest tokens.
const MAX_CAPACITY: usize = 1 << 17;
const MAX_TTL: Duration = Duration::from_mins(1);

/// How many verified tokens are remembered, and for how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub struct TokenCache {
    capacity: usize,
    ttl: Duration,
    max_token_bytes: usize,
}

impl Default for TokenCache {
    /// 10,000 tokens of up to 4 KiB, for a minute.
    fn default() -> Self {
        Self { capacity: 10_000, ttl: MAX_TTL, max_token_bytes: 4096 }
    }
}

impl TokenCache {
    /// At most so many tokens, rounded up to a multiple of eight. With as many tokens in use, some push
    /// others out: give it twice as many.
    pub fn capacity(self, capacity: usize) -> Self {
        Self { capacity, ..self }
    }

    /// How long a verdict is remembered: a minute by default and at most.
    pub fn ttl(self, ttl: Duration) -> Self {
        Self { ttl, ..self }
    }

    /// Longer tokens are not remembered: 4 KiB by default and at most.
    pub fn max_token_bytes(self, max_token_bytes: usize) -> Self {
        Self { max_token_bytes, ..self }
    }

    pub(super) fn check(self) -> Result<(), BuildError> {
        let bounds = [
            ((1..=MAX_CAPACITY).contains(&self.capacity), "a token cache has 1 to 2^17 entries"),
            (!self.ttl.is_zero() && self.ttl <= MAX_TTL, "a token cache keeps for 60 s at most"),
            (self.max_token_bytes <= 4096, "a token cache keeps tokens up to 4 KiB"),
        ];
        match bounds.iter().find(|(holds, _)| !holds) {
            Some((_, message)) => Err(BuildError::Setting(message)),
            None => Ok(()),
        }
    }
}

/// The table: `WAYS` places for each hash.
pub(super) struct VerifiedTokens<C> {
    settings: TokenCache,
    seed: RandomState,
    /// Made at the first success.
    table: OnceLock<Box<[Set<C>]>>,
    hits: Arc<AtomicU64>,
}

struct Set<C> {
    /// Of the entries, so that others need not be looked at. Zero until there is one.
    hashes: [AtomicU64; WAYS],
    entries: [ArcSwapOption<Entry<C>>; WAYS],
}

struct Entry<C> {
    token: Box<str>,
    verified: Verified<C>,
    kid: Option<Kid>,
    key: VerifyingKey,
    /// Monotonic.
    until: Duration,
    /// What was known of revocations when it was last judged by them.
    told: AtomicU64,
}

/// A verdict as it was given.
pub(super) struct Verdict<'v, C> {
    pub(super) verified: &'v Verified<C>,
    /// As the token wrote it.
    pub(super) kid: Option<Kid>,
    pub(super) key: &'v VerifyingKey,
    /// What was known of revocations, by its number.
    pub(super) told: u64,
}

/// What was found; still to be judged by what may have changed.
pub(super) struct Hit<C>(Guard<Option<Arc<Entry<C>>>>);

impl<C> Hit<C> {
    /// None if it was no hit.
    pub(super) fn verdict(&self) -> Option<Verdict<'_, C>> {
        let Entry { verified, kid, key, told, .. } = self.0.as_deref()?;
        Some(Verdict { verified, kid: *kid, key, told: told.load(Ordering::Relaxed) })
    }

    /// It was judged again, by this much more.
    pub(super) fn stands_after(&self, told: u64) {
        if let Some(entry) = self.0.as_deref() {
            entry.told.store(told, Ordering::Relaxed);
        }
    }
}

impl<C> VerifiedTokens<C> {
    pub(super) fn new(settings: TokenCache) -> Self {
        let (seed, table, hits) = (RandomState::new(), OnceLock::new(), Arc::default());
        Self { settings, seed, table, hits }
    }

    /// An empty table of the same size for another policy. Nothing is shared but the counter.
    pub(super) fn of_another_policy(&self) -> Self {
        Self { hits: Arc::clone(&self.hits), ..Self::new(self.settings) }
    }

    pub(super) fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    pub(super) fn count_hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn find(&self, token: &str, now: Duration) -> Option<Hit<C>> {
        if token.len() > self.settings.max_token_bytes {
            return None;
        }
        let hash = self.hash(token);
        let set = self.set(hash)?;
        let mut alike = set.hashes.iter().zip(&set.entries).filter(|(known, _)| {
            // What it says is only where to look.
            known.load(Ordering::Relaxed) == hash
        });
        alike.find_map(|(_, entry)| {
            let guard = entry.load();
            let entry = guard.as_deref()?;
            (*entry.token == *token && now < entry.until).then(|| Hit(guard))
        })
    }

    /// Remembers a verdict that was given just now.
    pub(super) fn insert(&self, token: &str, verdict: &Verdict<'_, C>, now: Duration) {
        if token.len() > self.settings.max_token_bytes {
            return;
        }
        let hash = self.hash(token);
        self.table.get_or_init(|| self.empty_table());
        let Some(set) = self.set(hash) else { return };
        let entry = Entry {
            token: token.into(),
            verified: verdict.verified.clone(),
            kid: verdict.kid,
            key: verdict.key.clone(),
            until: now.saturating_add(self.settings.ttl),
            told: verdict.told.into(),
        };
        // The same token again, an empty place, or the entry that ends first.
        let order =
            |(_, place): &(&AtomicU64, &ArcSwapOption<Entry<C>>)| match place.load().as_deref() {
                Some(old) if *old.token == *token => Duration::ZERO,
                Some(old) => old.until,
                None => Duration::from_nanos(1),
            };
        if let Some((known, place)) = set.hashes.iter().zip(&set.entries).min_by_key(order) {
            place.store(Some(Arc::new(entry)));
            known.store(hash, Ordering::Relaxed);
        }
    }

    fn empty_table(&self) -> Box<[Set<C>]> {
        (0..self.settings.capacity.div_ceil(WAYS)).map(|_| Set::empty()).collect()
    }

    /// SipHash with a seed of this table: nobody outside can aim at a place.
    fn hash(&self, token: &str) -> u64 {
        let token = token.as_bytes();
        self.seed.hash_one(token.last_chunk::<END>().map_or(token, |end| end.as_slice()))
    }

    fn set(&self, hash: u64) -> Option<&Set<C>> {
        let table = self.table.get()?;
        let set = u128::from(hash) * table.len() as u128;
        table.get(usize::try_from(set >> 64).ok()?)
    }
}

impl<C> Set<C> {
    fn empty() -> Self {
        Self {
            hashes: [const { AtomicU64::new(0) }; WAYS],
            entries: [const { ArcSwapOption::const_empty() }; WAYS],
        }
    }
}
