//! One attempt to have current keys: find the URL, ask conditionally, replace the set as a whole.
//! A failure changes nothing but the time of the next attempt: the cache is never wiped.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_keys::JwkSet;
use countersign_keys::jwk::SkippedKey;

use super::super::fetch::check_url;
use super::super::{FetchError, FetchRequest, FetchResponse, MAX_DOCUMENT_BYTES};
use super::cache::CachedKeys;
use super::core::{Core, lock, random_below};
use super::counters::{FetchOutcome, Trigger};

/// Above the time-outs of the default client, for clients that have none.
const PATIENCE: Duration = Duration::from_secs(15);
const FIRST_BACKOFF_MILLIS: u64 = 250;
const MAX_BACKOFF_MILLIS: u64 = 60_000;
/// An issuer may not silence its verifiers for longer by `Retry-After`.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(10);

/// A failed attempt, and what the issuer said about the next one.
pub(super) struct Failure {
    pub(super) error: FetchError,
    pub(super) retry_after: Option<Duration>,
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        Self { error, retry_after: None }
    }
}

impl Core {
    pub(super) async fn attempt(&self, trigger: Trigger) -> Result<(), FetchError> {
        if trigger == Trigger::Scheduled || trigger == Trigger::Manual {
            self.budget.charge(self.clock.monotonic());
        }
        let news = self.news();
        let fetched = tokio::time::timeout(PATIENCE, self.fetch_keys(trigger)).await;
        match fetched.unwrap_or_else(|_| Err(FetchError::Timeout.into())) {
            Ok(outcome) => {
                self.counters.fetched(trigger, outcome);
                self.not_before.store(0, Ordering::Relaxed);
                if trigger.passes_caches() {
                    self.forget_news(news);
                }
                *lock(&self.trouble) = super::core::Trouble::default();
                Ok(())
            }
            Err(failure) => {
                self.counters.fetched(trigger, FetchOutcome::Failed);
                Err(self.back_off(failure))
            }
        }
    }

    async fn fetch_keys(&self, trigger: Trigger) -> Result<FetchOutcome, Failure> {
        let was_too_old = lock(&self.trouble).last == Some(FetchError::TooOld);
        let no_cache = trigger.passes_caches() || was_too_old;
        let url = self.jwks_url(no_cache).await?;
        check_url(&url, self.plain_http)?;
        let cached = self.cached.load_full();
        let if_none_match = cached.as_ref().and_then(|cached| cached.etag.clone());
        let response = self.fetch.get(FetchRequest { url, if_none_match, no_cache }).await?;
        match (response.status, cached) {
            (304, Some(cached)) if cached.etag.is_some() => {
                self.renew(&cached, &response)?;
                Ok(FetchOutcome::NotModified)
            }
            (304, _) => Err(FetchError::NotModifiedWithoutCache.into()),
            _ => {
                self.replace(accept(response)?)?;
                Ok(FetchOutcome::Fetched)
            }
        }
    }

    /// 304: the same keys, confirmed now (RFC 9111 §4.3.4).
    fn renew(&self, cached: &CachedKeys, response: &FetchResponse) -> Result<(), FetchError> {
        let mut directives = response.cache;
        directives.max_age = directives.max_age.or(cached.directives.max_age);
        directives.stale_if_error = directives.stale_if_error.or(cached.directives.stale_if_error);
        let renewed = CachedKeys {
            directives,
            confirmed_wall: self.confirmed_wall(&directives),
            times: self.times_of(&directives)?,
            ..cached.clone()
        };
        self.cached.store(Some(Arc::new(renewed)));
        Ok(())
    }

    /// A new document replaces the set as a whole: what it lacks is no longer trusted (CVE-2025-22149).
    fn replace(&self, response: FetchResponse) -> Result<(), FetchError> {
        if response.body.len() > MAX_DOCUMENT_BYTES {
            return Err(FetchError::TooLarge);
        }
        let (keys, skipped) =
            JwkSet::parse(&response.body, &self.algorithms).map_err(FetchError::KeySet)?;
        let times = self.times_of(&response.cache)?;
        let before = self.cached.load_full();
        let unchanged = before.as_ref().is_some_and(|before| before.document == response.body);
        let epoch = before.map_or(0, |before| before.epoch) + u64::from(!unchanged);
        if !unchanged {
            report(&keys, &skipped);
        }
        let cached = CachedKeys {
            keys,
            document: response.body,
            etag: response.etag,
            epoch,
            directives: response.cache,
            confirmed_wall: self.confirmed_wall(&response.cache),
            times,
        };
        self.cached.store(Some(Arc::new(cached)));
        Ok(())
    }

    fn back_off(&self, failure: Failure) -> FetchError {
        let mut trouble = lock(&self.trouble);
        trouble.failures = trouble.failures.saturating_add(1);
        trouble.last = Some(failure.error.clone());
        let wait = match failure.retry_after {
            Some(asked) => asked.min(MAX_RETRY_AFTER),
            None => backoff(trouble.failures),
        };
        let failures = trouble.failures;
        drop(trouble);
        let not_before = self.clock.monotonic().saturating_add(wait).as_millis();
        self.not_before.store(u64::try_from(not_before).unwrap_or(u64::MAX), Ordering::Relaxed);
        // The place may have moved: look it up again next time.
        lock(&self.location).take();
        tracing::warn!(
            error = failure.error.code(),
            failures,
            retry_in_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            "fetching keys failed; serving what is cached"
        );
        failure.error
    }
}

/// Only 200 brings a document.
pub(super) fn accept(response: FetchResponse) -> Result<FetchResponse, Failure> {
    let error = match response.status {
        200 => return Ok(response),
        300..=399 => FetchError::Redirect,
        status => FetchError::Status(status),
    };
    Err(Failure { error, retry_after: response.retry_after })
}

/// Full jitter: between nothing and a bound that doubles from 250 ms to 60 s.
fn backoff(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let bound = (FIRST_BACKOFF_MILLIS << doublings).min(MAX_BACKOFF_MILLIS);
    let share = u64::try_from(random_below(1001)).unwrap_or(1000);
    Duration::from_millis((bound * share / 1000).max(1))
}

fn report(keys: &JwkSet, skipped: &[SkippedKey]) {
    tracing::info!(keys = keys.len(), skipped = skipped.len(), "the issuer's key set changed");
    for key in skipped {
        if key.reason.is_alarming() {
            tracing::error!(reason = key.reason.code(), "the issuer publishes a dangerous key");
        } else {
            tracing::debug!(reason = key.reason.code(), "a key of the issuer is not used");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backoff_grows_to_a_minute_and_stays_there() {
        for failures in [1, 2, 5, 9, 1000, u32::MAX] {
            let bound = (250_u64 << (failures.min(17) - 1)).min(60_000);

            let wait = backoff(failures).as_millis();

            assert!((1..=u128::from(bound)).contains(&wait), "{failures}: {wait}");
        }
    }
}
