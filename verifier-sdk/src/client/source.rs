//! The source of tokens: what is kept is answered at once, what is not is asked for once.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use super::builder::TokenSourceBuilder;
use super::exchange::TokenClient;
use super::kept::{Entry, Found, KeptTokens};
use super::{AccessToken, ClientAuthentication, TokenError, TokenRequest};

/// Tokens for calls to other services. Clones are cheap and share what is kept.
#[derive(Clone)]
pub struct TokenSource {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) client: TokenClient,
    pub(super) kept: KeptTokens,
}

impl TokenSource {
    /// Begins with the issuer, exactly as its metadata say it, the client id, and how the client proves who it is.
    pub fn builder(
        issuer: &str,
        client_id: &str,
        authentication: ClientAuthentication,
    ) -> TokenSourceBuilder {
        TokenSourceBuilder::new(issuer, client_id, authentication)
    }

    pub(super) fn assemble(client: TokenClient, capacity: usize) -> Self {
        Self { inner: Arc::new(Inner { client, kept: KeptTokens::new(capacity) }) }
    }

    /// A token for this request: a kept one if it is good, else a new one. Whoever asks for the same waits for the same
    /// answer. From four fifths of its life on a token is renewed behind the answer; while that fails it serves until it ends.
    ///
    /// # Errors
    ///
    /// If the issuer refuses, or cannot be reached and no token is left. For a second, and longer if it goes on failing, all
    /// who ask get the same error without asking the issuer.
    pub async fn token(&self, request: &TokenRequest) -> Result<AccessToken, TokenError> {
        let now = self.inner.client.clock.monotonic();
        let entry = self.inner.kept.entry(request, now);
        match entry.find(now) {
            Found::Token(token) => Ok(token),
            Found::Trouble(error) => Err(error),
            Found::Due(token) => {
                self.renew(&entry, request);
                Ok(token)
            }
            Found::Nothing => {
                let _flight = entry.flight.lock().await;
                // Somebody else may have landed meanwhile.
                match entry.find(self.inner.client.clock.monotonic()) {
                    Found::Token(token) | Found::Due(token) => Ok(token),
                    Found::Trouble(error) => Err(error),
                    Found::Nothing => self.inner.ask(&entry, request).await,
                }
            }
        }
    }

    /// The issuer that is asked.
    pub fn issuer(&self) -> &str {
        &self.inner.client.issuer
    }

    pub(super) fn client(&self) -> &TokenClient {
        &self.inner.client
    }

    /// For other endpoints of the issuer that want these tokens.
    #[cfg(feature = "feed")]
    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.inner.client.http
    }

    #[cfg(feature = "feed")]
    pub(crate) fn clock(&self) -> &dyn crate::clock::Clock {
        &*self.inner.client.clock
    }

    /// Forgets a token that a service does not take any more, so that the next call gets a new one.
    pub fn forget(&self, request: &TokenRequest, refused: &AccessToken) {
        self.inner.kept.forget(request, refused);
    }

    /// Asks for the next token behind the answer, unless somebody does already.
    fn renew(&self, entry: &Arc<Entry>, request: &TokenRequest) {
        let Ok(flight) = Arc::clone(&entry.flight).try_lock_owned() else { return };
        let (inner, entry, request) = (Arc::clone(&self.inner), Arc::clone(entry), request.clone());
        tokio::spawn(async move {
            if let Err(error) = inner.ask(&entry, &request).await {
                tracing::warn!(%error, code = error.code(), "a token could not be renewed");
            }
            drop(flight);
        });
    }
}

impl Inner {
    /// Asks the issuer, and keeps the answer. Whoever calls holds the flight.
    async fn ask(&self, entry: &Entry, request: &TokenRequest) -> Result<AccessToken, TokenError> {
        // A token lives from before it was asked for, so that it never seems to live longer than it does.
        let asked_at = self.client.clock.monotonic();
        let answer = self.client.ask(request).await;
        entry.keep(&answer, asked_at, (self.client.clock.monotonic(), earlier()));
        answer
    }
}

/// A number between 0 and 1, by which renewals of many services are spread; its quality does not matter.
fn earlier() -> f64 {
    let number = RandomState::new().hash_one(0_u8) >> 48;
    f64::from(u16::try_from(number).unwrap_or_default()) / f64::from(u16::MAX)
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource")
            .field("issuer", &self.inner.client.issuer)
            .field("client_id", &self.inner.client.client_id)
            .finish_non_exhaustive()
    }
}
