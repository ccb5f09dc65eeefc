//! Single flight: at most one fetch at a time, in a task of its own, so that no waiter who goes away
//! takes it along. Waiters are few and impatient.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_keys::Kid;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::super::{FetchError, Miss};
use super::core::{Core, lock};
use super::counters::{Trigger, increment};

/// So many requests wait for a fetch; the others are answered at once.
const MAX_WAITERS: usize = 256;
/// How long a request waits for keys before it is answered 503.
pub(super) const REQUEST_PATIENCE: Duration = Duration::from_secs(1);

pub(super) type Landing = Option<Result<(), FetchError>>;

#[derive(Default)]
pub(super) struct Flights {
    current: Mutex<Option<Flight>>,
    waiters: AtomicUsize,
}

struct Flight {
    landing: watch::Receiver<Landing>,
    trigger: Trigger,
    task: AbortHandle,
}

/// Why a request that waited for a fetch got nothing out of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NotLanded {
    /// Too many wait already.
    Crowded,
    /// It failed, or takes too long.
    Failed,
}

/// What became of the wish for a fetch.
pub(super) enum Boarding {
    /// A fetch is under way.
    Aboard(Seat),
    /// A fetch has just made the question answerable.
    Landed,
    /// No fetch is made.
    Refused(Miss),
}

/// A place on a flight.
pub(super) struct Seat {
    pub(super) landing: watch::Receiver<Landing>,
    pub(super) trigger: Trigger,
    pub(super) boarded: Boarded,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Boarded {
    /// The flight began for this passenger.
    AtDeparture,
    /// It was under way: the issuer may have answered already.
    UnderWay,
}

impl Flight {
    fn seat(&self, boarded: Boarded) -> Seat {
        Seat { landing: self.landing.clone(), trigger: self.trigger, boarded }
    }
}

impl Flights {
    /// Stops the fetch that is under way.
    pub(super) fn abort(&self) {
        if let Some(flight) = lock(&self.current).take() {
            flight.task.abort();
        }
    }
}

impl Core {
    /// Joins the flight, or starts one if the budget has a token for it.
    pub(super) fn board_for(self: &Arc<Self>, kid: Option<&Kid>) -> Boarding {
        let mut current = lock(&self.flights.current);
        if let Some(flight) = &*current {
            return Boarding::Aboard(flight.seat(Boarded::UnderWay));
        }
        // Since the lookup a flight may have landed; under the lock the answer cannot change.
        match self.lookup(kid) {
            Err(Miss::NeedsKeys) => {}
            Err(miss @ Miss::Unavailable(_)) => return Boarding::Refused(miss),
            _ => return Boarding::Landed,
        }
        let now = self.clock.monotonic();
        let usable = self.cached.load().as_deref().is_some_and(|c| now < c.times.usable_until);
        let trigger = if usable { Trigger::UnknownKid } else { Trigger::Cold };
        // The initial load is free; asking again because of a token's `kid` is not.
        if trigger == Trigger::UnknownKid && !self.budget.claim(now) {
            increment(&self.counters.suppressed);
            return Boarding::Refused(Miss::Unavailable(self.budget.wait(now)));
        }
        self.start(&mut current, trigger, kid.copied())
    }

    /// Joins the flight, or starts one regardless of the budget.
    pub(super) fn board(self: &Arc<Self>, trigger: Trigger) -> Boarding {
        let mut current = lock(&self.flights.current);
        match &*current {
            Some(flight) => Boarding::Aboard(flight.seat(Boarded::UnderWay)),
            None => self.start(&mut current, trigger, None),
        }
    }

    fn start(
        self: &Arc<Self>,
        current: &mut Option<Flight>,
        trigger: Trigger,
        kid: Option<Kid>,
    ) -> Boarding {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            tracing::error!("keys can only be fetched within a tokio runtime");
            return Boarding::Refused(Miss::Unavailable(Duration::from_secs(1)));
        };
        let (announce, landing) = watch::channel(None);
        let core = Arc::clone(self);
        let task = runtime.spawn(async move {
            let landed = Landed { core };
            let outcome = landed.core.attempt(trigger).await;
            if let (true, Ok(()), Some(kid)) = (trigger.passes_caches(), &outcome, &kid) {
                landed.core.remember_absence(kid);
            }
            // Free the way first: who comes now sees the new keys.
            drop(landed);
            announce.send_replace(Some(outcome));
        });
        let flight = Flight { landing, trigger, task: task.abort_handle() };
        let seat = flight.seat(Boarded::AtDeparture);
        *current = Some(flight);
        Boarding::Aboard(seat)
    }

    /// After a fetch: if the key is still not there, it is known not to be there.
    pub(super) fn remember_absence(&self, kid: &Kid) {
        if let Some(cached) = self.cached.load().as_deref()
            && cached.keys.find(kid).is_none()
        {
            self.misses.insert(kid, cached.epoch, self.clock.monotonic());
        }
    }

    /// Waits for the landing on behalf of a request: not with too many others, and not for long.
    pub(super) async fn queue_for_landing(
        &self,
        landing: watch::Receiver<Landing>,
    ) -> Result<(), NotLanded> {
        let _waiter = Waiter::admit(&self.flights.waiters).ok_or(NotLanded::Crowded)?;
        match await_landing(landing, REQUEST_PATIENCE).await {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) | None => Err(NotLanded::Failed),
        }
    }
}

/// Waits for the landing; `None` if patience ends before.
pub(super) async fn await_landing(
    mut landing: watch::Receiver<Landing>,
    patience: Duration,
) -> Landing {
    match tokio::time::timeout(patience, landing.wait_for(Option::is_some)).await {
        Ok(Ok(outcome)) => outcome.clone(),
        Ok(Err(_)) => Some(Err(FetchError::Broken)),
        Err(_) => None,
    }
}

/// Frees the way for the next flight, also when this one was aborted or panicked.
struct Landed {
    core: Arc<Core>,
}

impl Drop for Landed {
    fn drop(&mut self) {
        lock(&self.core.flights.current).take();
        self.core.settled.notify_waiters();
    }
}

struct Waiter<'w>(&'w AtomicUsize);

impl<'w> Waiter<'w> {
    fn admit(waiters: &'w AtomicUsize) -> Option<Self> {
        let admitted = |count: usize| (count < MAX_WAITERS).then_some(count + 1);
        waiters.fetch_update(Ordering::Relaxed, Ordering::Relaxed, admitted).ok()?;
        Some(Self(waiters))
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
