//! Metadata for those who send something to the issuer's endpoints: asked for when needed, and kept.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Mutex;
use url::Url;

use super::locations;
use crate::key_source::{Fetch, FetchError, FetchRequest, PlainHttp, check_url};

const KEPT_FOR: Duration = Duration::from_hours(1);
/// So soon after a failure it is not tried again while there is something to go on with.
const RETRY: Duration = Duration::from_secs(30);

/// The document, from OpenID Connect's place, or from that of RFC 8414 if the first one does not exist.
pub(crate) async fn ask(fetch: &dyn Fetch, issuer: &str) -> Result<Bytes, FetchError> {
    let mut last = FetchError::Metadata;
    for url in locations(issuer).ok_or(FetchError::Metadata)? {
        let answer = fetch.get(FetchRequest::of(url)).await?;
        match answer.status {
            200 => return Ok(answer.body),
            404 => last = FetchError::Status(404),
            status => return Err(FetchError::Status(status)),
        }
    }
    Err(last)
}

/// Where secrets, codes and tokens may be sent: over TLS, or not beyond this machine.
pub(crate) fn endpoint(issuer: &str, text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_loopback = issuer.starts_with("http:");
    let is_safe = check_url(&url, PlainHttp::Loopback).is_ok();
    (is_safe && (url.scheme() == "https" || is_loopback)).then_some(url)
}

/// What was read from metadata: for an hour, and for longer if they cannot be had again.
pub(crate) struct Kept<T>(Mutex<Option<(Arc<T>, Duration)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Kept<T> {
    /// It, asked for if it is time. Those who come while it is asked for wait for the same answer.
    pub(crate) async fn get<E>(
        &self,
        now: Duration,
        ask: impl Future<Output = Result<T, E>>,
    ) -> Result<Arc<T>, E> {
        let mut kept = self.0.lock().await;
        match &*kept {
            Some((value, until)) if now < *until => return Ok(Arc::clone(value)),
            _ => {}
        }
        match (ask.await, &mut *kept) {
            (Ok(value), kept) => {
                let value = Arc::new(value);
                *kept = Some((Arc::clone(&value), now.saturating_add(KEPT_FOR)));
                Ok(value)
            }
            (Err(_), Some((value, until))) => {
                *until = now.saturating_add(RETRY);
                Ok(Arc::clone(value))
            }
            (Err(error), None) => Err(error),
        }
    }
}
