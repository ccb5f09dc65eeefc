//! The small trait through which documents are fetched, so that a service can bring its own client
//! (a proxy, a private CA, a guard against internal addresses). What the answer means is `remote`.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use countersign_keys::error::JwkSetError;
use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL, ETAG, RETRY_AFTER};
use url::Url;

/// A boxed future, as `Fetch` returns it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Fetches one document. Implementations must not follow redirects, must give up in bounded time
/// and must not read more than [`MAX_DOCUMENT_BYTES`](super::MAX_DOCUMENT_BYTES).
pub trait Fetch: Send + Sync + 'static {
    /// Performs one GET.
    fn get(&self, request: FetchRequest) -> BoxFuture<'_, Result<FetchResponse, FetchError>>;
}

/// What to get.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct FetchRequest {
    /// From configuration or from the issuer's own metadata, never from a token.
    pub url: Url,
    /// For `If-None-Match` (RFC 9110 §13.1.2).
    pub if_none_match: Option<String>,
    /// Ask with `Cache-Control: no-cache`: what a cache on the way has is known to be too old.
    pub no_cache: bool,
}

/// An answer, whatever its status.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct FetchResponse {
    /// The HTTP status.
    pub status: u16,
    /// `ETag`, as it was sent.
    pub etag: Option<String>,
    /// What `Cache-Control` and `Age` say.
    pub cache: CacheDirectives,
    /// `Retry-After` in its form of seconds.
    pub retry_after: Option<Duration>,
    /// The body, at most [`MAX_DOCUMENT_BYTES`](super::MAX_DOCUMENT_BYTES).
    pub body: Bytes,
}

/// The caching directives that matter here (RFC 9111 §5.2.2, RFC 5861 §4).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct CacheDirectives {
    /// `max-age`; zero for `no-store` and `no-cache`.
    pub max_age: Option<Duration>,
    /// `stale-if-error`.
    pub stale_if_error: Option<Duration>,
    /// `Age`: how long the answer has been in caches.
    pub age: Duration,
}

/// Why a document could not be had or used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The URL is not https, and not http on loopback.
    #[error("refusing to fetch from {0}: only https, or http on loopback")]
    InsecureUrl(String),
    /// No connection: refused, unresolved, or TLS failed.
    #[error("cannot connect")]
    Connect,
    /// Too slow.
    #[error("timed out")]
    Timeout,
    /// The connection broke, or what came is not HTTP.
    #[error("the answer broke off")]
    Broken,
    /// Over 256 KiB.
    #[error("the document is larger than 256 KiB")]
    TooLarge,
    /// A redirect, which is never followed (RFC 8725 §3.10: the URL is configuration).
    #[error("the answer is a redirect")]
    Redirect,
    /// Another status than 200 and 304.
    #[error("the answer has status {0}")]
    Status(u16),
    /// Caches on the way have had the set for longer than it may be used.
    #[error("the key set was in caches for too long")]
    TooOld,
    /// 304 although nothing was cached.
    #[error("304 without anything cached")]
    NotModifiedWithoutCache,
    /// The JWKS is unusable.
    #[error("the key set is unusable: {0}")]
    KeySet(JwkSetError),
    /// The discovery document is not usable.
    #[error("the metadata is unusable")]
    Metadata,
    /// The discovery document is of another issuer (RFC 8414 §3.3).
    #[error("the metadata names another issuer")]
    IssuerMismatch,
    /// The issuer asked to be left alone for a while, or the last attempt failed just now.
    #[error("waiting before the next attempt")]
    CoolingDown,
}

impl FetchError {
    /// A stable name for logs, metrics and tests.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InsecureUrl(_) => "insecure_url",
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Broken => "broken",
            Self::TooLarge => "too_large",
            Self::Redirect => "redirect",
            Self::Status(_) => "status",
            Self::TooOld => "too_old",
            Self::NotModifiedWithoutCache => "not_modified_without_cache",
            Self::KeySet(error) => error.code(),
            Self::Metadata => "metadata",
            Self::IssuerMismatch => "issuer_mismatch",
            Self::CoolingDown => "cooling_down",
        }
    }
}

impl FetchRequest {
    /// A plain GET.
    pub fn of(url: Url) -> Self {
        Self { url, if_none_match: None, no_cache: false }
    }
}

impl FetchResponse {
    /// Reads what matters from a response.
    pub fn from_parts(status: http::StatusCode, headers: &HeaderMap, body: Bytes) -> Self {
        let text =
            |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
        let seconds = |text: &str| text.trim().parse().ok().map(Duration::from_secs);
        let mut cache = CacheDirectives {
            age: text(AGE).and_then(seconds).unwrap_or_default(),
            ..CacheDirectives::default()
        };
        for value in headers.get_all(CACHE_CONTROL) {
            cache.read(value.to_str().unwrap_or_default());
        }
        Self {
            status: status.as_u16(),
            etag: text(ETAG).map(str::to_owned),
            cache,
            retry_after: text(RETRY_AFTER).and_then(seconds),
            body,
        }
    }
}

impl CacheDirectives {
    fn read(&mut self, header: &str) {
        for directive in header.split(',') {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            let seconds = value.trim().trim_matches('"').parse().ok().map(Duration::from_secs);
            match name.trim().to_ascii_lowercase().as_str() {
                "max-age" => self.max_age = self.max_age.or(seconds),
                "stale-if-error" => self.stale_if_error = seconds,
                "no-store" | "no-cache" => self.max_age = Some(Duration::ZERO),
                _ => {}
            }
        }
    }
}

/// Only https, or http to this very machine, unless plain http was asked for by name.
pub(crate) fn check_url(url: &Url, plain_http: PlainHttp) -> Result<(), FetchError> {
    let allowed = match url.scheme() {
        "https" => true,
        "http" => plain_http == PlainHttp::Anywhere || is_loopback(url),
        _ => false,
    };
    // Credentials in a URL end in logs; keys are public anyway.
    if allowed && url.username().is_empty() && url.password().is_none() {
        Ok(())
    } else {
        Err(FetchError::InsecureUrl(url.origin().ascii_serialization()))
    }
}

/// Where http without TLS is acceptable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum PlainHttp {
    #[default]
    Loopback,
    Anywhere,
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn response(headers: &[(&'static str, &str)]) -> FetchResponse {
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap())
        });
        FetchResponse::from_parts(StatusCode::OK, &headers.collect(), Bytes::new())
    }

    #[test]
    fn caching_headers_are_read() {
        let response = response(&[
            ("cache-control", "public, max-age=300, Stale-If-Error=\"86400\""),
            ("age", "20"),
            ("etag", "\"v1\""),
            ("retry-after", "7"),
        ]);

        assert_eq!(response.cache.max_age, Some(Duration::from_mins(5)));
        assert_eq!(response.cache.stale_if_error, Some(Duration::from_hours(24)));
        assert_eq!(response.cache.age, Duration::from_secs(20));
        assert_eq!(response.etag.as_deref(), Some("\"v1\""));
        assert_eq!(response.retry_after, Some(Duration::from_secs(7)));
    }

    #[test]
    fn nonsense_in_caching_headers_counts_as_absent() {
        let response = response(&[("cache-control", "max-age=-1, stale-if-error=x"), ("age", "?")]);

        assert_eq!(response.cache, CacheDirectives::default());
    }

    #[test]
    fn no_store_means_no_age_at_all() {
        for header in ["no-store", "no-cache, max-age=300"] {
            let response = response(&[("cache-control", header)]);

            assert_eq!(response.cache.max_age, Some(Duration::ZERO), "{header}");
        }
    }

    #[test]
    fn row_5_only_https_or_loopback_is_fetched_from() {
        let rows = [
            ("https://issuer.example/jwks", true),
            ("http://127.0.0.1:8080/jwks", true),
            ("http://[::1]/jwks", true),
            ("http://localhost/jwks", true),
            ("http://issuer.example/jwks", false),
            ("http://localhost.evil.example/jwks", false),
            ("file:///etc/passwd", false),
            ("https://user:password@issuer.example/jwks", false),
        ];

        for (url, allowed) in rows {
            let url = Url::parse(url).unwrap();
            assert_eq!(check_url(&url, PlainHttp::Loopback).is_ok(), allowed, "{url}");
        }
    }
}
