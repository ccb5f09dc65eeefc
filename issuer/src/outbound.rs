//! The one guarded client for what the issuer asks of addresses that others chose (a client's `jwks_uri` and
//! `backchannel_logout_uri`, a receiver's `endpoint_url`): https, no redirects, no proxies, bounded in time and size, and never an address in
//! a private range unless the configuration allows it. Names are resolved and judged at connection
//! time, so that a name cannot answer one address to the check and another to the connection.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use countersign_verifier::key_source::{BoxFuture, Fetch, FetchError, FetchRequest, FetchResponse};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::config;

/// The guarded client; made at its first use, since most issuers never fetch anything.
pub struct Outbound {
    rules: Arc<Rules>,
    timeout: Duration,
    max_body_bytes: usize,
    client: OnceLock<Result<reqwest::Client, String>>,
}

/// An answer whose head has come: what came of a request is known, whatever becomes of the body.
pub struct Answer<'o> {
    outbound: &'o Outbound,
    url: &'o Url,
    response: reqwest::Response,
}

impl Answer<'_> {
    /// What it says.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The rest of it.
    ///
    /// # Errors
    ///
    /// If it is too long, or breaks off.
    pub async fn body(self) -> Result<Bytes, FetchError> {
        self.outbound.body(self.url, self.response).await
    }
}

/// Which addresses may be reached.
#[derive(Debug)]
struct Rules {
    allowed: Vec<IpNet>,
}

impl Rules {
    fn permits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.allowed.iter().any(|net| net.contains(&address)) || is_public(address)
    }

    /// Whether plain HTTP is acceptable: only to an address that the operator named.
    fn names(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.allowed.iter().any(|net| net.contains(&address))
    }
}

impl Outbound {
    /// A client with the limits of the configuration.
    pub fn new(config: &config::Outbound) -> Self {
        Self {
            rules: Arc::new(Rules { allowed: config.allow.clone() }),
            timeout: Duration::from_secs(config.timeout_seconds.into()),
            max_body_bytes: config.max_body_bytes as usize,
            client: OnceLock::new(),
        }
    }

    fn client(&self) -> Result<&reqwest::Client, FetchError> {
        let built = self.client.get_or_init(|| {
            reqwest::Client::builder()
                .dns_resolver(Arc::new(Guard(Arc::clone(&self.rules))))
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .connect_timeout(self.timeout)
                .timeout(self.timeout)
                .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
                .build()
                .map_err(|error| error.to_string())
        });
        built.as_ref().map_err(|error| {
            tracing::error!(error, "the outbound client cannot be built");
            FetchError::Connect
        })
    }

    /// The rules that a URL can break by itself; names are judged when they are resolved.
    ///
    /// # Errors
    ///
    /// If the URL can never be fetched.
    pub fn check(&self, url: &Url) -> Result<(), FetchError> {
        let literal = match url.host() {
            Some(Host::Ipv4(v4)) => Some(IpAddr::V4(v4)),
            Some(Host::Ipv6(v6)) => Some(IpAddr::V6(v6)),
            Some(Host::Domain(_)) => None,
            None => return Err(refused(url, "it names no host")),
        };
        if literal.is_some_and(|address| !self.rules.permits(address)) {
            return Err(refused(url, "the address is private and outbound.allow does not list it"));
        }
        let is_named = literal.is_some_and(|address| self.rules.names(address));
        match url.scheme() {
            "https" => Ok(()),
            "http" if is_named => Ok(()),
            _ => Err(refused(url, "only https is fetched, and http from outbound.allow")),
        }
    }

    /// Sends a form. The answer is returned whatever its status says.
    ///
    /// # Errors
    ///
    /// If the URL may not be asked, or does not answer.
    pub async fn post_form<'o>(
        &'o self,
        url: &'o Url,
        form: String,
        mut headers: HeaderMap,
    ) -> Result<Answer<'o>, FetchError> {
        let media_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, media_type);
        self.post(url, form, headers).await
    }

    /// Sends a body of the type that the headers say. The answer is returned whatever its status says.
    ///
    /// # Errors
    ///
    /// If the URL may not be asked, or does not answer.
    pub async fn post<'o>(
        &'o self,
        url: &'o Url,
        body: String,
        headers: HeaderMap,
    ) -> Result<Answer<'o>, FetchError> {
        self.check(url)?;
        let post = self.client()?.post(url.clone()).headers(headers).body(body);
        let response = post.send().await.map_err(|error| failure(url, error))?;
        Ok(Answer { outbound: self, url, response })
    }

    async fn fetch(&self, request: FetchRequest) -> Result<FetchResponse, FetchError> {
        self.check(&request.url)?;
        let mut get = self.client()?.get(request.url.clone());
        if let Some(etag) = &request.if_none_match {
            get = get.header(IF_NONE_MATCH, etag);
        }
        if request.no_cache {
            get = get.header(CACHE_CONTROL, "no-cache");
        }
        let response = get.send().await.map_err(|error| failure(&request.url, error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = self.body(&request.url, response).await?;
        Ok(FetchResponse::from_parts(status, &headers, body))
    }

    async fn body(&self, url: &Url, mut response: reqwest::Response) -> Result<Bytes, FetchError> {
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(url, error))? {
            if body.len() + chunk.len() > self.max_body_bytes {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

impl Fetch for Outbound {
    fn get(&self, request: FetchRequest) -> BoxFuture<'_, Result<FetchResponse, FetchError>> {
        Box::pin(self.fetch(request))
    }
}

/// Resolves names, and hands on only addresses that may be reached.
struct Guard(Arc<Rules>);

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = Arc::clone(&self.0);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let permitted: Vec<SocketAddr> =
                found.filter(|address| rules.permits(address.ip())).collect();
            if permitted.is_empty() {
                let refused =
                    "every address of the name is private; outbound.allow lists none of them";
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, refused).into());
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is of the public internet (RFC 6890 and its registries).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let special = a == 0
                || a >= 240
                || (a == 198 && (b == 18 || b == 19))
                || [a, b, c] == [192, 0, 0];
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_documentation()
                || shared
                || special)
        }
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.segments();
            // 2000::/3 is what is routed; in it, documentation, Teredo and 6to4 lead elsewhere.
            (first & 0xe000) == 0x2000
                && !(first == 0x2001 && (second == 0x0db8 || second < 0x0200))
                && first != 0x2002
                && first != 0x3fff
        }
    }
}

/// A URL that is not fetched; the log says why, the answer to the client never does.
fn refused(url: &Url, reason: &'static str) -> FetchError {
    tracing::warn!(url = shown(url), reason, "a fetch was refused");
    FetchError::InsecureUrl(url.origin().ascii_serialization())
}

/// A fetch that failed; the log has all causes.
fn failure(url: &Url, error: reqwest::Error) -> FetchError {
    let error = error.without_url();
    tracing::warn!(url = shown(url), error = chain(&error), "a fetch failed");
    if error.is_timeout() {
        FetchError::Timeout
    } else if error.is_connect() {
        FetchError::Connect
    } else {
        FetchError::Broken
    }
}

/// What the log says of a URL: the query of one that others chose may hold a secret.
fn shown(url: &Url) -> String {
    url.origin().ascii_serialization() + url.path()
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbound(allow: &[&str]) -> Outbound {
        Outbound::new(&config::Outbound {
            allow: allow.iter().map(|net| net.parse().unwrap()).collect(),
            ..config::Outbound::default()
        })
    }

    #[test]
    fn r52_private_addresses_and_other_schemes_are_refused() {
        let outbound = outbound(&[]);
        for url in [
            "https://127.0.0.1/jwks",
            "https://169.254.169.254/latest",
            "https://10.1.2.3/",
            "https://100.64.0.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[fd00::1]/",
            "https://0.0.0.0/",
            "http://8.8.8.8/",
            "file:///etc/passwd",
            "ftp://8.8.8.8/",
        ] {
            assert!(outbound.check(&url.parse().unwrap()).is_err(), "{url}");
        }
        assert!(outbound.check(&"https://8.8.8.8/jwks".parse().unwrap()).is_ok());
        assert!(outbound.check(&"https://client.example/jwks".parse().unwrap()).is_ok());
    }

    #[tokio::test]
    async fn cve_2026_55671_a_name_that_resolves_to_a_private_address_is_refused() {
        let guard = Guard(Arc::new(Rules { allowed: Vec::new() }));

        assert!(guard.resolve("localhost".parse().unwrap()).await.is_err());
    }

    #[test]
    fn what_the_operator_allows_may_be_reached_even_by_plain_http() {
        let outbound = outbound(&["127.0.0.0/8"]);

        assert!(outbound.check(&"http://127.0.0.1:9/jwks".parse().unwrap()).is_ok());
        assert!(outbound.check(&"http://10.0.0.1/jwks".parse().unwrap()).is_err());
    }
}
