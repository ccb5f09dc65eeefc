//! How a source of tokens is put together.

use std::fmt;
use std::sync::Arc;

use countersign_keys::SigningKey;
use url::Url;

use super::exchange::{Endpoint, TokenClient};
use super::prover::Prover;
use super::{ClientAuthentication, TokenError, TokenSource};
use crate::clock::{Clock, SystemClock};
use crate::discovery::{self, Kept};
use crate::http_client;
use crate::key_source::HttpFetch;

/// So many tokens are kept unless told otherwise: in their own name services have a handful, in that of their callers one for
/// each.
const CAPACITY: usize = 10_000;

/// Puts a [`TokenSource`] together.
#[must_use]
pub struct TokenSourceBuilder {
    issuer: String,
    client_id: String,
    authentication: ClientAuthentication,
    key: Option<SigningKey>,
    token_endpoint: Option<Url>,
    http: Option<reqwest::Client>,
    shows_certificate: bool,
    capacity: usize,
    clock: Arc<dyn Clock>,
}

impl TokenSourceBuilder {
    pub(super) fn new(issuer: &str, client_id: &str, authentication: ClientAuthentication) -> Self {
        Self {
            issuer: issuer.to_owned(),
            client_id: client_id.to_owned(),
            authentication,
            key: None,
            token_endpoint: None,
            http: None,
            shows_certificate: false,
            capacity: CAPACITY,
            clock: Arc::new(SystemClock),
        }
    }

    /// Asks for tokens that are bound to this key (DPoP, RFC 9449), and takes no others.
    pub fn dpop(self, key: SigningKey) -> Self {
        Self { key: Some(key), ..self }
    }

    /// Where tokens are asked for; without it, where the issuer's metadata say.
    pub fn token_endpoint(self, url: Url) -> Self {
        Self { token_endpoint: Some(url), ..self }
    }

    /// Asks by an HTTP client of the application: with a CA of its own, say. It must not follow redirects, and must have a
    /// timeout.
    pub fn http_client(self, http: reqwest::Client) -> Self {
        Self { http: Some(http), ..self }
    }

    /// The same, with a client that shows a certificate (mutual TLS, RFC 8705): the issuer's endpoints for that are asked,
    /// and tokens may be bound to the certificate. Calls to services must then show it too.
    pub fn certificate_client(self, http: reqwest::Client) -> Self {
        Self { http: Some(http), shows_certificate: true, ..self }
    }

    /// Keeps so many tokens at most; without it, 10,000.
    pub fn capacity(self, tokens: usize) -> Self {
        Self { capacity: tokens, ..self }
    }

    /// Another clock, for tests.
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// The source. Nothing is asked yet.
    ///
    /// # Errors
    ///
    /// [`TokenError::Misconfigured`] if its parts do not fit.
    pub fn build(self) -> Result<TokenSource, TokenError> {
        let broken = |_| TokenError::Misconfigured("the HTTP client cannot be made");
        let http = match self.http {
            Some(http) => http,
            None => http_client::build().map_err(broken)?,
        };
        let insecure = TokenError::Misconfigured("the token endpoint is not https");
        let endpoint = match self.token_endpoint {
            Some(url) => {
                Endpoint::Given(discovery::endpoint(&self.issuer, url.as_str()).ok_or(insecure)?)
            }
            None => Endpoint::Discovered {
                fetch: Arc::new(HttpFetch::with_client(http.clone())),
                kept: Kept::default(),
            },
        };
        let prover = self.key.map(|key| Prover::new(key, Arc::clone(&self.clock)).map(Arc::new));
        let client = TokenClient {
            issuer: self.issuer,
            client_id: self.client_id,
            authentication: self.authentication,
            prover: prover.transpose()?,
            shows_certificate: self.shows_certificate,
            endpoint,
            http,
            clock: self.clock,
        };
        client.check()?;
        Ok(TokenSource::assemble(client, self.capacity))
    }
}

impl fmt::Debug for TokenSourceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSourceBuilder")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .field("authentication", &self.authentication)
            .finish_non_exhaustive()
    }
}
