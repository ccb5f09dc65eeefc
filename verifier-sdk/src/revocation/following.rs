//! The task that follows a feed: it catches up, listens, asks for what is missing, and begins again when the feed breaks,
//! after a pause that grows and that chance spreads.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::core::Core;
use super::feed::{Feed, FeedError};
use super::follower::Outcome;
use crate::error::VerifyError;

/// The issuer sends a heartbeat every five seconds: without three of them the connection is broken, whatever else comes.
const SILENCE: Duration = Duration::from_secs(15);
/// The first pause is up to this, and each one after a failure up to twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// So many messages of one connection may be refused before it is given up.
const REFUSED: usize = 16;
/// So many answers on a shared way may be of no use: others give them too.
const USELESS: usize = 64;
/// So many answers make a catch-up, of 2,000 entries each.
const ANSWERS: usize = 10_000;
/// Never asked more often than this, whatever a route demands.
const ASKED_EVERY: Duration = Duration::from_secs(1);

/// Follows until it is aborted.
pub(super) async fn follow(core: Arc<Core>, feed: Arc<dyn Feed>) {
    let mut failures = 0;
    loop {
        let error = follow_once(&core, &*feed, &mut failures).await;
        let pause = pause(failures).max(error.retry_after());
        failures = (failures + 1).min(16);
        report(&core, &error);
        core.sweep();
        tokio::time::sleep(pause).await;
    }
}

fn report(core: &Core, error: &FeedError) {
    core.counters.failed(error.code());
    tracing::warn!(%error, code = error.code(), "the feed of revocations is not followed");
}

/// One connection, until it breaks.
async fn follow_once(core: &Core, feed: &dyn Feed, failures: &mut u32) -> FeedError {
    if let Err(error) = catch_up_if_possible(core, feed).await {
        return error;
    }
    let mut messages = match timeout(SILENCE, feed.listen(core.ask_from())).await {
        Ok(Ok(messages)) => messages,
        Ok(Err(error)) => return error,
        Err(_) => return FeedError::Timeout,
    };
    let (mut heard, mut asked, mut refused) = (Instant::now(), Instant::now(), 0);
    loop {
        // Seen each time: whoever floods a shared way must not hide that the issuer is silent.
        let silent = SILENCE.saturating_sub(heard.elapsed());
        let due = ask_in(core, asked.elapsed().min(heard.elapsed()));
        if silent.is_zero() {
            return FeedError::Silent;
        }
        let next = async { if due.is_zero() { None } else { Some(messages.next().await) } };
        let is_missing_something = match timeout(silent.min(due), next).await {
            Ok(Some(Ok(message))) if feed.is_shared() && core.has(&message) => false,
            Ok(Some(Ok(message))) => match core.take(&message).await {
                Ok(outcome) => {
                    // Whoever repeats old messages is silent. A feed that only breaks after a message was worth it.
                    if outcome != Outcome::Old {
                        (heard, *failures) = (Instant::now(), 0);
                    }
                    outcome.is_missing_something() && outcome != Outcome::Behind
                }
                // Whoever relays may have added it; the others count.
                Err(error) => {
                    refused += usize::from(!matches!(error, VerifyError::Unavailable { .. }));
                    if refused > REFUSED && !feed.is_shared() {
                        return FeedError::Refused;
                    }
                    false
                }
            },
            Ok(Some(Err(error))) => return error,
            Ok(None) | Err(_) => true,
        };
        if is_missing_something {
            asked = Instant::now();
            if let Err(error) = catch_up_if_possible(core, feed).await {
                return error;
            }
        }
    }
}

/// In time for the strictest route: at half of what it allows, since something was heard. A clock that is wrong is not made
/// right by asking more.
fn ask_in(core: &Core, heard: Duration) -> Duration {
    (core.demanded() / 2).max(ASKED_EVERY).saturating_sub(heard)
}

/// On a shared way, whoever listens hears of the issuer again, although nobody answers now, or others do.
async fn catch_up_if_possible(core: &Core, feed: &dyn Feed) -> Result<(), FeedError> {
    use FeedError::{NoProgress, Refused, Unanswered};
    match catch_up(core, feed).await {
        Err(error @ (NoProgress | Refused | Unanswered)) if feed.is_shared() => {
            report(core, &error);
            Ok(())
        }
        settled => settled,
    }
}

/// Asks until nothing is missing.
async fn catch_up(core: &Core, feed: &dyn Feed) -> Result<(), FeedError> {
    let mut useless = 0;
    for _ in 0..ANSWERS {
        let from = core.ask_from();
        let answer = timeout(SILENCE, feed.ask(from)).await.map_err(|_| FeedError::Timeout)??;
        let error = match core.take(&answer).await {
            Ok(Outcome::UpToDate) => return Ok(()),
            Ok(Outcome::Reset) => continue,
            Ok(_) if core.ask_from() > from => continue,
            Ok(_) => FeedError::NoProgress,
            Err(_) => FeedError::Refused,
        };
        useless += 1;
        if useless > USELESS || !feed.is_shared() {
            return Err(error);
        }
    }
    Err(FeedError::NoProgress)
}

/// Anything up to a bound that doubles: whoever lost the same connection does not come back at the same time.
fn pause(failures: u32) -> Duration {
    let bound = FIRST_PAUSE.saturating_mul(1 << failures.min(16)).min(LONGEST_PAUSE);
    let chance = RandomState::new().hash_one(0_u8) >> 48;
    bound.mul_f64(f64::from(u16::try_from(chance).unwrap_or_default()) / f64::from(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_spread() {
        for (failures, bound) in [(0, 250), (1, 500), (3, 2000), (6, 10_000), (40, 10_000)] {
            let pauses: Vec<_> = (0..200).map(|_| pause(failures)).collect();
            let bound = Duration::from_millis(bound);
            assert!(pauses.iter().all(|pause| *pause <= bound));
            assert!(pauses.iter().any(|pause| *pause < bound / 2));
            assert!(pauses.iter().any(|pause| *pause > bound / 2));
        }
    }
}
