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
mod options;
mod state;
mod warm;

pub use counters::{FetchCount, RemoteCounters};
pub use options::{KeySourceError, RemoteOptions, Source};

pub(crate) use counters::Trigger;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_keys::{JwkSet, Kid, VerifyingKey};
use tokio::task::AbortHandle;

use self::core::{Core, lock};
use self::flight::{Boarded, Boarding, NotLanded, REQUEST_PATIENCE, await_landing};
use super::{FetchError, Miss};

/// How long `refresh` waits; attempts end earlier by themselves.
const MANUAL_PATIENCE: Duration = Duration::from_secs(20);
/// How often the refresher looks at the clock when nothing is due.
const IDLE: Duration = Duration::from_hours(1);

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
            news_due: core::NEVER.into(),
            trouble: Mutex::default(),
            location: Mutex::default(),
            settled: tokio::sync::Notify::new(),
        };
        Self { handle: Arc::new(Handle { core: Arc::new(core), refresher: Mutex::default() }) }
    }

    /// The key for a `kid`. Waits a second at most for a fetch, and only if there are no usable keys,
    /// the key is unknown and may be new, or the set is past its time and no refresher keeps it fresh.
    /// A set that is merely due is refreshed behind the answer; one past its time serves if the
    /// refresh fails.
    pub async fn find(&self, kid: Option<&Kid>) -> Result<VerifyingKey, KeySourceError> {
        let find_now = || self.with_key(kid, |found| Ok(found?.clone()));
        let mut found = find_now();
        if found.is_ok() {
            found = self.refresh_if_due().await.and_then(|()| find_now());
        }
        if matches!(found, Err(Miss::NeedsKeys)) {
            found = self.resolve(kid).await.and_then(|()| find_now());
        }
        found.map_err(|miss| match miss {
            Miss::NoKid | Miss::Unknown => KeySourceError::UnknownKey,
            Miss::NeedsKeys => self.unavailable(Duration::from_secs(1)),
            Miss::Unavailable(retry_after) => self.unavailable(retry_after),
        })
    }

    /// The key with this thumbprint (RFC 7638), whatever its `kid`: whoever knows a key by a certificate knows no other name.
    /// Waits as [`find`](Self::find) does.
    pub async fn find_thumbprint(&self, thumbprint: &Kid) -> Result<VerifyingKey, KeySourceError> {
        let has_it = |key: &&VerifyingKey| key.thumbprint() == *thumbprint;
        let look = || self.usable(|keys| keys.iter().find(has_it).cloned()).flatten();
        let mut settled = self.refresh_if_due().await;
        if settled.is_ok() && look().is_none() {
            settled = self.resolve(Some(thumbprint)).await;
        }
        match (look(), settled) {
            (Some(key), Ok(()) | Err(Miss::Unknown | Miss::NoKid)) => Ok(key),
            (None, Ok(()) | Err(Miss::Unknown | Miss::NoKid)) => Err(KeySourceError::UnknownKey),
            (_, Err(Miss::NeedsKeys)) => Err(self.unavailable(Duration::from_secs(1))),
            (_, Err(Miss::Unavailable(retry_after))) => Err(self.unavailable(retry_after)),
        }
    }

    /// Fetches now, whatever the cache has, and waits for the end. For an operator's command.
    pub async fn refresh(&self) -> Result<(), KeySourceError> {
        self.fetch_now(Trigger::Manual).await
    }

    /// Has the set fetched within ten seconds, since the issuer told that it changed. Not at once: it tells all its recipients
    /// in the same moment, and whoever needs a key earlier fetches it.
    pub(crate) fn fetch_soon(&self) {
        self.handle.core.hear_of_news();
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

    pub(crate) fn with_set<R>(&self, then: impl FnOnce(Option<&JwkSet>) -> R) -> R {
        let cached = self.handle.core.cached.load();
        then(cached.as_deref().map(|cached| &cached.keys))
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
        let settled = tokio::time::timeout(REQUEST_PATIENCE, self.settle(kid)).await;
        // It takes too long: 503.
        settled.unwrap_or(Err(Miss::Unavailable(Duration::from_secs(1))))
    }

    /// Flies until one flight answers the question. Two or three do: the one under way, and one that
    /// began after the question and asked past the caches, if the budget has a token for it.
    async fn settle(&self, kid: Option<&Kid>) -> Result<(), Miss> {
        let core = &self.handle.core;
        let mut joined_before = false;
        loop {
            let seat = match core.board_for(kid) {
                Boarding::Aboard(seat) => seat,
                Boarding::Landed => return Ok(()),
                Boarding::Refused(miss) => return Err(miss),
            };
            let began_after = joined_before || seat.boarded == Boarded::AtDeparture;
            let outcome = core.queue_for_landing(seat.landing).await;
            match (outcome, core.lookup(kid)) {
                (_, Ok(())) => return Ok(()),
                // The issuer was asked just now, and lacks the key: 401.
                (Ok(()), Err(Miss::NeedsKeys | Miss::Unknown | Miss::Unavailable(_)))
                    if began_after && seat.trigger.passes_caches() =>
                {
                    kid.inspect(|kid| core.remember_absence(kid));
                    return Err(Miss::Unknown);
                }
                (Ok(()), Err(Miss::NeedsKeys)) => joined_before = true,
                (Ok(()), Err(miss)) | (_, Err(miss @ (Miss::Unavailable(_) | Miss::NoKid))) => {
                    return Err(miss);
                }
                // It failed, or too many wait already: 503.
                (Err(_), Err(_)) => return Err(Miss::Unavailable(Duration::from_secs(1))),
            }
        }
    }

    /// Without a refresher those who ask keep the set fresh. Past its time it may have keys that were
    /// removed long ago, so they wait for the refresh then.
    async fn refresh_if_due(&self) -> Result<(), Miss> {
        let core = &self.handle.core;
        if core.due_in().is_none_or(|due| !due.is_zero()) {
            return Ok(());
        }
        // Whether it starts does not matter: what is cached serves if not.
        let Boarding::Aboard(seat) = core.board(core.trigger_due()) else { return Ok(()) };
        let is_kept_fresh = lock(&self.handle.refresher).is_some();
        if is_kept_fresh || core.is_fresh() {
            return Ok(());
        }
        match core.queue_for_landing(seat.landing).await {
            // The stale set is for outages only, and a crowd is none.
            Err(NotLanded::Crowded) => Err(Miss::Unavailable(Duration::from_secs(1))),
            Ok(()) | Err(NotLanded::Failed) => Ok(()),
        }
    }

    pub(crate) async fn fetch_now(&self, trigger: Trigger) -> Result<(), KeySourceError> {
        let core = &self.handle.core;
        let landing = match core.board(trigger) {
            Boarding::Aboard(seat) => seat.landing,
            Boarding::Landed => return Ok(()),
            Boarding::Refused(_) => return Err(self.unavailable(Duration::from_secs(1))),
        };
        match await_landing(landing, MANUAL_PATIENCE).await {
            Some(Ok(())) => Ok(()),
            _ => Err(self.unavailable(core.cool_down(core.clock.monotonic()))),
        }
    }

    fn unavailable(&self, retry_after: Duration) -> KeySourceError {
        let cause = lock(&self.handle.core.trouble).last.clone();
        KeySourceError::Unavailable { retry_after, cause: cause.unwrap_or(FetchError::CoolingDown) }
    }
}

async fn tick(core: &Arc<Core>) -> Duration {
    if core.due_in().is_some_and(|due| due.is_zero())
        && let Boarding::Aboard(seat) = core.board(core.trigger_due())
    {
        // Its outcome is in the schedule by now.
        let _ = await_landing(seat.landing, MANUAL_PATIENCE).await;
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
