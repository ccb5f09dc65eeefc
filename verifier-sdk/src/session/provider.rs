//! The issuer's metadata as far as signing in needs it (OpenID Connect Discovery §3, RFC 8414 §2), kept for an hour and
//! for longer if it cannot be had again.

use std::sync::Arc;
use std::time::Duration;

use countersign_keys::json;
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use super::SessionError;
use crate::clock::Clock;
use crate::discovery;
use crate::key_source::{Fetch, FetchRequest, MAX_DOCUMENT_BYTES, PlainHttp, check_url};

const KEPT_FOR: Duration = Duration::from_hours(1);
/// So soon after a failure it is not tried again while there is something to go on with.
const RETRY: Duration = Duration::from_secs(30);

/// Where the issuer does what. Given by hand, nothing is discovered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoints {
    /// Where the browser is sent to sign in.
    pub authorization_endpoint: Url,
    /// Where codes and refresh tokens are redeemed. May be an internal address.
    pub token_endpoint: Url,
    /// Where the browser is sent to sign out everywhere (OpenID Connect RP-Initiated Logout §2.1).
    pub end_session_endpoint: Option<Url>,
    /// Where refresh tokens are revoked (RFC 7009).
    pub revocation_endpoint: Option<Url>,
    /// Where claims about the user are (OpenID Connect Core §5.3).
    pub userinfo_endpoint: Option<Url>,
    /// Whether every answer names the issuer (RFC 9207 §3).
    pub authorization_response_iss_parameter_supported: bool,
}

pub(super) struct Provider {
    issuer: String,
    clock: Arc<dyn Clock>,
    source: Source,
}

enum Source {
    Given(Arc<Endpoints>),
    Discovered { fetch: Arc<dyn Fetch>, cached: Mutex<Option<(Arc<Endpoints>, Duration)>> },
}

impl Provider {
    pub(super) fn given(issuer: &str, endpoints: Endpoints, clock: Arc<dyn Clock>) -> Self {
        Self { issuer: issuer.to_owned(), clock, source: Source::Given(Arc::new(endpoints)) }
    }

    pub(super) fn discovered(issuer: &str, fetch: Arc<dyn Fetch>, clock: Arc<dyn Clock>) -> Self {
        let source = Source::Discovered { fetch, cached: Mutex::default() };
        Self { issuer: issuer.to_owned(), clock, source }
    }

    /// The endpoints. Those who come while they are fetched wait for the same fetch.
    pub(super) async fn endpoints(&self) -> Result<Arc<Endpoints>, SessionError> {
        let (fetch, cached) = match &self.source {
            Source::Given(endpoints) => return Ok(Arc::clone(endpoints)),
            Source::Discovered { fetch, cached } => (fetch, cached),
        };
        let mut cached = cached.lock().await;
        let now = self.clock.monotonic();
        match &*cached {
            Some((endpoints, until)) if now < *until => return Ok(Arc::clone(endpoints)),
            _ => {}
        }
        match (self.discover(&**fetch).await, &mut *cached) {
            (Ok(endpoints), cached) => {
                let endpoints = Arc::new(endpoints);
                *cached = Some((Arc::clone(&endpoints), now.saturating_add(KEPT_FOR)));
                Ok(endpoints)
            }
            (Err(_), Some((endpoints, until))) => {
                *until = now.saturating_add(RETRY);
                Ok(Arc::clone(endpoints))
            }
            (Err(error), None) => Err(error),
        }
    }

    async fn discover(&self, fetch: &dyn Fetch) -> Result<Endpoints, SessionError> {
        let locations = discovery::locations(&self.issuer)
            .ok_or(SessionError::Misconfigured("the issuer is not a URL"))?;
        let unavailable = SessionError::Unavailable("the issuer's metadata");
        let mut last = unavailable.clone();
        for url in locations {
            let answer = fetch.get(FetchRequest::of(url)).await.map_err(|_| unavailable.clone())?;
            match answer.status {
                200 => return self.read(&answer.body),
                404 => last = SessionError::BadAnswer("the issuer has no metadata"),
                _ => return Err(unavailable),
            }
        }
        Err(last)
    }

    fn read(&self, document: &[u8]) -> Result<Endpoints, SessionError> {
        let bad = || SessionError::BadAnswer("the issuer's metadata");
        let text = str::from_utf8(document).map_err(|_| bad())?;
        if text.len() > MAX_DOCUMENT_BYTES || json::check(text).is_err() {
            return Err(bad());
        }
        let metadata: Metadata = serde_json::from_str(text).map_err(|_| bad())?;
        // RFC 8414 §3.3: identical, byte for byte.
        if metadata.issuer != self.issuer {
            return Err(SessionError::WrongIssuer);
        }
        let endpoint = |text: &str| self.endpoint(text).ok_or_else(bad);
        let optional = |text: &Option<String>| text.as_deref().map(endpoint).transpose();
        Ok(Endpoints {
            authorization_endpoint: endpoint(&metadata.authorization_endpoint)?,
            token_endpoint: endpoint(&metadata.token_endpoint)?,
            end_session_endpoint: optional(&metadata.end_session_endpoint)?,
            revocation_endpoint: optional(&metadata.revocation_endpoint)?,
            userinfo_endpoint: optional(&metadata.userinfo_endpoint)?,
            authorization_response_iss_parameter_supported: metadata
                .authorization_response_iss_parameter_supported,
        })
    }

    /// Secrets, codes and tokens go there: over TLS, or not beyond this machine.
    fn endpoint(&self, text: &str) -> Option<Url> {
        let url = Url::parse(text).ok()?;
        let is_loopback = self.issuer.starts_with("http:");
        let is_safe = check_url(&url, PlainHttp::Loopback).is_ok();
        (is_safe && (url.scheme() == "https" || is_loopback)).then_some(url)
    }
}

/// The members that matter here; no other has any effect.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    #[serde(default)]
    end_session_endpoint: Option<String>,
    #[serde(default)]
    revocation_endpoint: Option<String>,
    #[serde(default)]
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}
