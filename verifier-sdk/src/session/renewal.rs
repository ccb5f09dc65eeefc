//! Single flight: of the requests that come with the same refresh token, one renews, in a task of its own that no
//! browser can cancel by going away; the others wait for the same answer. The answer is remembered for a while, since
//! with sealed cookies a browser may send the old cookie again: requests under way, a lost reply, another tab. A
//! refresh token is used once, so asking the issuer twice would end the session.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::record::Record;

/// How long a renewed session is remembered.
const REMEMBERED: Duration = Duration::from_mins(10);
/// So soon after a failure the issuer is not asked again.
const PAUSE: Duration = Duration::from_secs(1);
const CAPACITY: usize = 10_000;

pub(super) type RefreshTokenHash = [u8; 32];

/// How a renewal ended.
#[derive(Clone)]
pub(super) enum Renewed {
    /// With these tokens.
    Session(Arc<Record>),
    /// The issuer refused: the session has ended there.
    Ended,
    /// The issuer cannot be asked now.
    Failed,
}

#[derive(Default)]
pub(super) struct Renewals {
    flights: Mutex<HashMap<RefreshTokenHash, Flight>>,
}

struct Flight {
    outcome: watch::Receiver<Option<Renewed>>,
    /// Monotonic.
    began: Duration,
}

impl Flight {
    /// Whether it still answers for its refresh token.
    fn answers(&self, now: Duration) -> bool {
        let age = now.saturating_sub(self.began);
        match &*self.outcome.borrow() {
            // The task is gone without an answer.
            None => self.outcome.has_changed().is_ok(),
            Some(Renewed::Failed) => age < PAUSE,
            Some(Renewed::Session(_) | Renewed::Ended) => age < REMEMBERED,
        }
    }
}

impl Renewals {
    /// Renews, or waits for whoever does.
    pub(super) async fn join<F>(
        &self,
        key: RefreshTokenHash,
        now: Duration,
        renew: impl FnOnce() -> F,
    ) -> Renewed
    where
        F: Future<Output = Renewed> + Send + 'static,
    {
        let mut outcome = self.flight(key, now, renew);
        match outcome.wait_for(Option::is_some).await {
            Ok(renewed) => renewed.clone().unwrap_or(Renewed::Failed),
            Err(_) => Renewed::Failed,
        }
    }

    fn flight<F>(
        &self,
        key: RefreshTokenHash,
        now: Duration,
        renew: impl FnOnce() -> F,
    ) -> watch::Receiver<Option<Renewed>>
    where
        F: Future<Output = Renewed> + Send + 'static,
    {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(&key).filter(|flight| flight.answers(now)) {
            return flight.outcome.clone();
        }
        if flights.len() >= CAPACITY {
            flights.retain(|_, flight| flight.answers(now));
        }
        let (announce, outcome) = watch::channel(None);
        let renewing = renew();
        tokio::spawn(async move {
            announce.send_replace(Some(renewing.await));
        });
        // Over capacity it is renewed all the same, and only not remembered.
        if flights.len() < CAPACITY {
            flights.insert(key, Flight { outcome: outcome.clone(), began: now });
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const KEY: RefreshTokenHash = [1; 32];

    async fn join(renewals: &Renewals, at: u64, calls: &Arc<AtomicUsize>, outcome: Renewed) {
        let calls = Arc::clone(calls);
        let renew = move || async move {
            calls.fetch_add(1, Ordering::SeqCst);
            outcome
        };
        renewals.join(KEY, Duration::from_secs(at), renew).await;
    }

    #[tokio::test]
    async fn an_answer_is_remembered_for_ten_minutes_and_a_failure_for_a_second() {
        let (renewals, calls) = (Renewals::default(), Arc::new(AtomicUsize::new(0)));

        for (at, outcome, expected) in [
            (0, Renewed::Failed, 1),
            (0, Renewed::Failed, 1),
            (1, Renewed::Ended, 2),
            (600, Renewed::Ended, 2),
            (601, Renewed::Ended, 3),
        ] {
            join(&renewals, at, &calls, outcome).await;
            assert_eq!(calls.load(Ordering::SeqCst), expected, "{at}");
        }
    }
}
