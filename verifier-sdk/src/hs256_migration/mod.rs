//! Leaving HS256: accepts a fleet's old tokens, signed with a secret that its services share, beside those of the issuer,
//! until a date in the configuration (feature `hs256-migration`, off by default). It counts who still sends them, by client.
//!
//! The only symmetric verification of this library is here, on `jsonwebtoken`: no verifier, no key source and no setting
//! elsewhere can reach it. An old token is a [`LegacyCaller`], never a [`Verified`]: whoever holds the secret could have
//! made it, so a route sees which one it has.
//!
//! ```
//! # #[cfg(feature = "testing")] {
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use countersign_verifier::hs256_migration::{Incoming, LegacyTokens, Migration};
//! use countersign_verifier::testing::TestIssuer;
//!
//! # let issuer = TestIssuer::new("https://issuer.example");
//! # let verifier = issuer.verifier("https://payments.example");
//! # let secret = b"thirty-two bytes or more of secret";
//! let legacy = LegacyTokens::signed_with(secret, "2027-03-31")?.audience("payments");
//! let migration = Migration::new(verifier, legacy);
//!
//! # let token = issuer.app_token("orders").audience("https://payments.example").mint();
//! match migration.verify(&token).await? {
//!     Incoming::Verified(verified) => println!("new: {}", verified.client_id()),
//!     Incoming::Legacy(caller) => println!("old: {:?}", caller.subject()),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! # }
//! ```
//!
//! In an axum handler [`Incoming`] is an extractor, with the [`Migration`] in the state of the router.

mod date;
#[cfg(feature = "axum")]
mod extract;
mod legacy;

pub use legacy::{LegacyCaller, LegacySecretError, LegacyTokens};

use std::fmt;
use std::sync::Arc;

use crate::clock::Clock;
use crate::error::VerifyError;
use crate::{Verified, Verifier};

/// Verifies tokens of the issuer, and until its end old ones. Clones are cheap and share the counts.
pub struct Migration<C = ()> {
    inner: Arc<Inner<C>>,
}

struct Inner<C> {
    verifier: Verifier<C>,
    legacy: LegacyTokens,
    clock: Arc<dyn Clock>,
}

/// Who calls, and how far that is proved.
#[derive(Clone, Debug)]
pub enum Incoming<C = ()> {
    /// With a token of the issuer.
    Verified(Verified<C>),
    /// With an old token, which everybody can make who holds the secret.
    Legacy(LegacyCaller),
}

impl<C> Migration<C> {
    /// Beside this verifier, whose clock decides when it ends.
    pub fn new(verifier: Verifier<C>, legacy: LegacyTokens) -> Self {
        let clock = verifier.clock();
        Self { inner: Arc::new(Inner { verifier, legacy, clock }) }
    }

    /// The same with another clock for what is old, for tests: the day comes when it says so.
    pub fn with_clock(verifier: Verifier<C>, legacy: LegacyTokens, clock: impl Clock) -> Self {
        Self { inner: Arc::new(Inner { verifier, legacy, clock: Arc::new(clock) }) }
    }

    /// Verifies a bearer token. Only one whose header says HS256 is looked at as an old one, and only before the date;
    /// everything else is for the verifier alone, which refuses all symmetric ones.
    ///
    /// # Errors
    ///
    /// As [`Verifier::verify`].
    pub async fn verify(&self, token: &str) -> Result<Incoming<C>, VerifyError> {
        let Inner { verifier, legacy, clock } = &*self.inner;
        let now = clock.wall();
        if legacy::is_hs256(token) && legacy.is_accepted_at(now) {
            return legacy.verify(token, now).map(Incoming::Legacy);
        }
        verifier.verify(token).await.map(Incoming::Verified)
    }

    /// How many old tokens were accepted, by client: who still has to move. Of more than 256 clients the others are one.
    pub fn legacy_calls(&self) -> Vec<(String, u64)> {
        self.inner.legacy.calls()
    }
}

impl<C> Clone for Migration<C> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<C> fmt::Debug for Migration<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Migration").field("legacy", &self.inner.legacy).finish_non_exhaustive()
    }
}
