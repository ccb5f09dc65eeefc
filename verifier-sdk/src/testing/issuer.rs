//! An issuer in the process: one key, tokens of every kind, verifiers that trust it.

use std::sync::Arc;

use countersign_keys::signing_key::{KeySize, SigningKey};
use countersign_keys::{Algorithm, JwkSet};
use serde_json::json;

use super::TestToken;
use super::revocation::TestFeed;
use crate::clock::{Clock, SystemClock};
use crate::revocation::FeedSource;
use crate::{RelyingParty, Verifier};

/// Mints tokens as Countersign would, with a fresh key of its own.
#[derive(Clone)]
pub struct TestIssuer {
    issuer: String,
    key: Arc<SigningKey>,
    clock: Arc<dyn Clock>,
    pub(super) feed: Arc<TestFeed>,
}

impl TestIssuer {
    /// With an ES256 key and the system's clock.
    pub fn new(issuer: &str) -> Self {
        Self::with_algorithm(issuer, Algorithm::Es256)
    }

    /// With a key of another algorithm. RSA takes up to 200 ms.
    ///
    /// # Panics
    /// If no key can be generated.
    #[expect(clippy::expect_used, reason = "for tests, where a panic is the clearest failure")]
    pub fn with_algorithm(issuer: &str, algorithm: Algorithm) -> Self {
        let key = SigningKey::generate(algorithm, KeySize::Default).expect("a key is generated");
        Self {
            issuer: issuer.to_owned(),
            key: Arc::new(key),
            clock: Arc::new(SystemClock),
            feed: Arc::default(),
        }
    }

    /// The same issuer after a rotation: another key.
    #[must_use]
    pub fn rotated(&self) -> Self {
        let fresh = Self::with_algorithm(&self.issuer, self.key.algorithm());
        Self { clock: Arc::clone(&self.clock), feed: Arc::clone(&self.feed), ..fresh }
    }

    /// Mints, and verifies, by another clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// A good token of an app, e.g. `issuer.app_token("orders").audience("…").mint()`.
    pub fn app_token(&self, client_id: &str) -> TestToken<'_> {
        TestToken::new(self)
            .claim("sub", client_id)
            .claim("client_id", client_id)
            .claim("idtyp", "app")
            .after_levels()
    }

    /// A good token of a user who authenticated.
    pub fn user_token(&self, user: &str, client_id: &str) -> TestToken<'_> {
        TestToken::new(self)
            .claim("sub", user)
            .claim("client_id", client_id)
            .claim("idtyp", "user")
            .claim("auth_time", self.now())
            .after_levels()
    }

    /// A good token of a user whom an app named.
    pub fn app_asserted_token(&self, user: &str, client_id: &str) -> TestToken<'_> {
        TestToken::new(self)
            .claim("sub", user)
            .claim("client_id", client_id)
            .claim("idtyp", "app_asserted")
            .claim("act", json!({ "sub": client_id }))
            .after_levels()
    }

    /// The issuer identifier.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The key, for tests that sign by themselves.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The public key.
    pub fn jwk_set(&self) -> JwkSet {
        JwkSet::from_keys([self.key.verifying_key().clone()])
    }

    /// The JWKS document with the public key.
    ///
    /// # Panics
    /// Never: a key set is JSON.
    #[expect(clippy::expect_used, reason = "for tests, where a panic is the clearest failure")]
    pub fn jwks_json(&self) -> String {
        serde_json::to_string(&self.jwk_set()).expect("a key set is JSON")
    }

    /// A verifier that trusts this issuer, with fixed keys and the issuer's clock, and knows at once what it revokes.
    ///
    /// # Panics
    /// If the issuer is not a URL, or the audience is empty.
    #[expect(clippy::expect_used, reason = "for tests, where a panic is the clearest failure")]
    pub fn verifier(&self, audience: &str) -> Verifier {
        let verifier = Verifier::builder(&self.issuer)
            .audience(audience)
            .algorithms([self.key.algorithm()])
            .clock(SharedClock(Arc::clone(&self.clock)))
            .feed(FeedSource::Pushed)
            .build_with(self.jwk_set())
            .expect("the issuer is a URL and the audience is not empty");
        self.tell(&verifier);
        verifier
    }

    /// A client of this issuer that trusts it, with fixed keys and the issuer's clock, and knows at once what it revokes.
    ///
    /// # Panics
    /// If the issuer is not a URL, or the client identifier is empty.
    #[expect(clippy::expect_used, reason = "for tests, where a panic is the clearest failure")]
    pub fn relying_party(&self, client_id: &str) -> RelyingParty {
        let client = RelyingParty::builder(&self.issuer, client_id)
            .algorithms([self.key.algorithm()])
            .clock(SharedClock(Arc::clone(&self.clock)))
            .feed(FeedSource::Pushed)
            .build_with(self.jwk_set())
            .expect("the issuer is a URL and the client identifier is not empty");
        client.revocations().inspect(|revocations| self.subscribe(revocations));
        client
    }

    pub(super) fn shared_key(&self) -> Arc<SigningKey> {
        Arc::clone(&self.key)
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.wall()
    }
}

impl std::fmt::Debug for TestIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestIssuer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

struct SharedClock(Arc<dyn Clock>);

impl Clock for SharedClock {
    fn wall(&self) -> i64 {
        self.0.wall()
    }

    fn monotonic(&self) -> std::time::Duration {
        self.0.monotonic()
    }
}
