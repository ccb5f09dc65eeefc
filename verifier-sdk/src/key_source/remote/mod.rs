//! The issuer's keys, kept fresh: cache with bounded staleness, conditional requests, single flight,
//! and discipline about unknown `kid`s. Usable with a background task (the verifier) and without
//! (a client's `jwks_uri` in the issuer).

mod attempt;
mod budget;
mod cache;
mod core;
mod counters;
mod flight;
mod locate;
mod negative;

pub use counters::{FetchCount, FetchOutcome, RemoteCounters, Trigger};

use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_keys::{Algorithm, JwkSet, Kid, VerifyingKey};
use tokio::task::AbortHandle;
use url::Url;

use self::cache::{CachedKeys, Confirmation, Times};
use self::core::{Core, lock};
use self::flight::{Boarding, await_landing};
use super::fetch::PlainHttp;
use super::{CacheDirectives, Fetch, FetchError, Miss, Snapshot, SnapshotError};
use crate::clock::{Clock, SystemClock};
use crate::health::{Health, State};

/// How long `refresh` waits; attempts end earlier by themselves.
const MANUAL_PATIENCE: Duration = Duration::from_secs(20);
/// How often the refresher looks at the clock when nothing is due.
const IDLE: Duration = Duration::from_hours(1);

/// Where the key set is.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Source {
    /// In the issuer's metadata (RFC 8414), which must name exactly this issuer.
    Discovery {
        /// The issuer identifier.
        issuer: String,
    },
    /// At this URL.
    JwksUrl(Url),
}

/// How keys are fetched and kept.
#[non_exhaustive]
pub struct RemoteOptions {
    /// Keys of other algorithms are not loaded.
    pub algorithms: Vec<Algorithm>,
    /// How long a set may serve after the issuer last confirmed it. 24 h by default.
    pub max_stale: Duration,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The transport.
    pub fetch: Arc<dyn Fetch>,
    pub(crate) plain_http: PlainHttp,
}

impl RemoteOptions {
    /// The defaults, with a transport.
    pub fn new(fetch: Arc<dyn Fetch>) -> Self {
        Self {
            algorithms: crate::verifier::DEFAULT_ALGORITHMS.to_vec(),
            max_stale: Duration::from_hours(24),
            clock: Arc::new(SystemClock),
            fetch,
            plain_http: PlainHttp::Loopback,
        }
    }
}

/// Why a key cannot be had.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeySourceError {
    /// The current set does not have it. Not worth trying again.
    #[error("there is no such key")]
    UnknownKey,
    /// The set cannot be had now.
    #[error("the key set is not available: {cause}")]
    Unavailable {
        /// When it is worth trying again.
        retry_after: Duration,
        /// Why.
        cause: FetchError,
    },
}

impl KeySourceError {
    /// A stable name for logs and metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownKey => "unknown_key",
            Self::Unavailable { .. } => "keys_unavailable",
        }
    }

    /// Whether trying again may help.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// The keys behind a URL. Clones share everything; the last one dropped stops all tasks.
#[derive(Clone)]
pub struct RemoteKeys {
    handle: Arc<Handle>,
}

struct Handle {
    core: Arc<Core>,
    refresher: Mutex<Option<AbortHandle>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(refresher) = lock(&self.refresher).take() {
            refresher.abort();
        }
        self.core.flights.abort();
    }
}

impl std::fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteKeys")
            .field("source", &self.handle.core.source)
            .finish_non_exhaustive()
    }
}

impl RemoteKeys {
    /// Nothing is fetched until a key is asked for, or `refresh` or `spawn_refresher` is called.
    pub fn new(source: Source, options: RemoteOptions) -> Self {
        let core = Core {
            source,
            algorithms: options.algorithms,
            max_stale: options.max_stale,
            plain_http: options.plain_http,
            clock: options.clock,
            fetch: options.fetch,
            cached: arc_swap::ArcSwapOption::empty(),
            budget: budget::Budget::default(),
            misses: negative::Misses::default(),
            flights: flight::Flights::default(),
            counters: counters::Counters::default(),
            not_before: 0.into(),
            trouble: Mutex::default(),
            location: Mutex::default(),
            settled: tokio::sync::Notify::new(),
        };
        Self { handle: Arc::new(Handle { core: Arc::new(core), refresher: Mutex::default() }) }
    }

    /// The key for a `kid`. Waits at most a second, and only if there are no usable keys or the key
    /// is unknown and may be new. A set that is due is refreshed behind the answer.
    pub async fn find(&self, kid: Option<&Kid>) -> Result<VerifyingKey, KeySourceError> {
        let core = &self.handle.core;
        let find_now = || self.with_key(kid, |found| Ok(found?.clone()));
        let mut found = find_now();
        if matches!(found, Err(Miss::NeedsKeys)) {
            found = self.resolve(kid).await.and_then(|()| find_now());
        } else if found.is_ok() && core.due_in().is_some_and(|due| due.is_zero()) {
            // The answer does not wait for it, so whether it starts does not matter here.
            let _ = core.board(Trigger::Scheduled);
        }
        found.map_err(|miss| match miss {
            Miss::NoKid | Miss::Unknown => KeySourceError::UnknownKey,
            Miss::NeedsKeys => self.unavailable(Duration::from_secs(1)),
            Miss::Unavailable(retry_after) => self.unavailable(retry_after),
        })
    }

    /// Fetches now, whatever the cache has, and waits for the end. For an operator's command.
    pub async fn refresh(&self) -> Result<(), KeySourceError> {
        self.fetch_now(Trigger::Manual).await
    }

    /// Starts the task that refreshes ahead of expiry and retries for ever. Once is enough.
    /// Must be called within a tokio runtime.
    pub fn spawn_refresher(&self) {
        let mut refresher = lock(&self.handle.refresher);
        if refresher.is_none() {
            let core = Arc::clone(&self.handle.core);
            *refresher = Some(tokio::spawn(keep_fresh(core)).abort_handle());
        }
    }

    /// Does what is due now, if anything, and says how long until more is due. The refresher calls
    /// nothing else, so a test with its own clock can play refresher.
    pub async fn tick(&self) -> Duration {
        tick(&self.handle.core).await
    }

    /// What was counted so far.
    pub fn counters(&self) -> RemoteCounters {
        self.handle.core.counters.read()
    }

    /// How the keys are.
    pub fn health(&self) -> Health {
        let core = &self.handle.core;
        let now = core.clock.monotonic();
        let trouble = lock(&core.trouble);
        let (failures, last_error) =
            (trouble.failures, trouble.last.as_ref().map(FetchError::code));
        drop(trouble);
        let cached = core.cached.load();
        let state = match cached.as_deref() {
            None => State::Cold,
            Some(cached) if now >= cached.times.usable_until => State::Expired,
            Some(cached) if now >= cached.times.fresh_until => State::Stale,
            Some(_) => State::Fresh,
        };
        Health {
            state,
            age: cached.as_deref().map(|cached| cached.times.age(now)),
            epoch: cached.as_deref().map_or(0, |cached| cached.epoch),
            kids: cached
                .as_deref()
                .map_or_else(Vec::new, |c| c.keys.iter().map(|k| *k.kid()).collect()),
            failures,
            last_error,
        }
    }

    pub(crate) fn with_key<R>(
        &self,
        kid: Option<&Kid>,
        then: impl FnOnce(Result<&VerifyingKey, Miss>) -> R,
    ) -> R {
        self.handle.core.with_key(kid, then)
    }

    /// Waits for a fetch that may bring the key; `Ok` means that looking again is worthwhile.
    pub(crate) async fn resolve(&self, kid: Option<&Kid>) -> Result<(), Miss> {
        let core = &self.handle.core;
        let landing = match core.board_for(kid) {
            Boarding::Aboard(landing) => landing,
            Boarding::Landed => return Ok(()),
            Boarding::Refused(miss) => return Err(miss),
        };
        let outcome = core.queue_for_landing(landing).await;
        match (outcome, core.lookup(kid)) {
            (_, Ok(())) => Ok(()),
            // The set is from just now and lacks the key: 401.
            (Some(Ok(())), Err(Miss::NeedsKeys | Miss::Unknown)) => {
                kid.inspect(|kid| core.remember_absence(kid));
                Err(Miss::Unknown)
            }
            (_, Err(miss @ (Miss::Unavailable(_) | Miss::NoKid))) => Err(miss),
            // It failed, or takes too long, or too many wait already: 503.
            (_, Err(_)) => Err(Miss::Unavailable(Duration::from_secs(1))),
        }
    }

    pub(crate) async fn fetch_now(&self, trigger: Trigger) -> Result<(), KeySourceError> {
        let core = &self.handle.core;
        let landing = match core.board(trigger) {
            Boarding::Aboard(landing) => landing,
            Boarding::Landed => return Ok(()),
            Boarding::Refused(_) => return Err(self.unavailable(Duration::from_secs(1))),
        };
        match await_landing(landing, MANUAL_PATIENCE).await {
            Some(Ok(())) => Ok(()),
            _ => Err(self.unavailable(core.cool_down(core.clock.monotonic()))),
        }
    }

    pub(crate) fn export(&self, issuer: &str) -> Option<Snapshot> {
        let cached = self.handle.core.cached.load_full()?;
        Some(Snapshot {
            issuer: issuer.to_owned(),
            jwks: String::from_utf8(cached.document.to_vec()).ok()?,
            etag: cached.etag.clone(),
            confirmed_at: cached.confirmed_wall,
            max_age: cached.directives.max_age.map(|max_age| max_age.as_secs()),
            stale_if_error: cached.directives.stale_if_error.map(|extra| extra.as_secs()),
        })
    }

    /// Takes a snapshot in, if it is still usable; says whether it was.
    pub(crate) fn warm(&self, snapshot: &Snapshot, issuer: &str) -> Result<bool, SnapshotError> {
        let core = &self.handle.core;
        let keys: JwkSet = snapshot.keys(issuer, &core.algorithms)?;
        let directives = CacheDirectives {
            max_age: snapshot.max_age.map(Duration::from_secs),
            stale_if_error: snapshot.stale_if_error.map(Duration::from_secs),
            age: Duration::ZERO,
        };
        // A snapshot from the future means that one of the clocks is wrong: do not trust its age.
        let Ok(age) = u64::try_from(core.clock.wall().saturating_sub(snapshot.confirmed_at)) else {
            return Ok(false);
        };
        let now = core.clock.monotonic();
        let confirmation = Confirmation {
            now,
            age: Duration::from_secs(age),
            max_stale: core.max_stale,
            jitter: 0,
        };
        let times = Times::of(&directives, confirmation);
        let usable = now < times.usable_until;
        if usable {
            let cached = CachedKeys {
                keys,
                document: snapshot.jwks.clone().into(),
                etag: snapshot.etag.clone(),
                epoch: 1,
                directives,
                confirmed_wall: snapshot.confirmed_at,
                times,
            };
            core.cached.store(Some(Arc::new(cached)));
        }
        Ok(usable)
    }

    fn unavailable(&self, retry_after: Duration) -> KeySourceError {
        let cause = lock(&self.handle.core.trouble).last.clone();
        KeySourceError::Unavailable { retry_after, cause: cause.unwrap_or(FetchError::CoolingDown) }
    }
}

async fn tick(core: &Arc<Core>) -> Duration {
    if core.due_in().is_some_and(|due| due.is_zero())
        && let Boarding::Aboard(landing) = core.board(Trigger::Scheduled)
    {
        // Its outcome is in the schedule by now.
        let _ = await_landing(landing, MANUAL_PATIENCE).await;
    }
    core.due_in().unwrap_or(IDLE).min(IDLE)
}

async fn keep_fresh(core: Arc<Core>) {
    loop {
        let settled = core.settled.notified();
        let wait = tick(&core).await;
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = settled => {}
        }
    }
}
