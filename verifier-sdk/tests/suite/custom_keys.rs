//! A service with a source of keys of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use countersign_keys::{JwkSet, Kid};
use countersign_verifier::health::State;
use countersign_verifier::key_source::{BoxFuture, KeySource, NoKeys};
use countersign_verifier::testing::TestIssuer;
use countersign_verifier::{BuildError, Start, Verifier};

use crate::{AUDIENCE, ISSUER, code};

/// Has nothing until it is refreshed, and then what was put into `next`.
#[derive(Clone, Default)]
struct Vault {
    now: Arc<ArcSwap<JwkSet>>,
    next: Arc<ArcSwap<JwkSet>>,
    refreshes: Arc<AtomicUsize>,
    retry_after: Duration,
}

impl KeySource for Vault {
    fn keys(&self) -> Result<Arc<JwkSet>, NoKeys> {
        let keys = self.now.load_full();
        if keys.is_empty() { Err(NoKeys { retry_after: self.retry_after }) } else { Ok(keys) }
    }

    fn may_bring(&self, _: &Kid) -> bool {
        self.refreshes.load(Ordering::SeqCst) < 3
    }

    fn refresh(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.refreshes.fetch_add(1, Ordering::SeqCst);
            self.now.store(self.next.load_full());
        })
    }
}

impl Vault {
    fn will_have(&self, issuer: &TestIssuer) {
        self.next.store(Arc::new(issuer.jwk_set()));
    }
}

fn token(issuer: &TestIssuer) -> String {
    issuer.app_token("orders").audience(AUDIENCE).mint()
}

#[tokio::test]
async fn build_asks_the_source_and_fails_if_it_has_nothing() {
    let (issuer, vault) = (TestIssuer::new(ISSUER), Vault::default());
    let builder = || Verifier::builder(ISSUER).audience(AUDIENCE).keys(vault.clone());

    assert!(matches!(builder().build().await, Err(BuildError::NoKeys)));

    vault.will_have(&issuer);
    let verifier = builder().build().await.unwrap();
    assert_eq!(code(verifier.try_verify(&token(&issuer))), "accepted");
    assert_eq!(verifier.health().kids, [*issuer.key().kid()]);
}

#[tokio::test]
async fn a_lazy_start_asks_at_the_first_token() {
    let (issuer, vault) = (TestIssuer::new(ISSUER), Vault::default());
    vault.will_have(&issuer);
    let builder = Verifier::builder(ISSUER).audience(AUDIENCE).keys(vault.clone());

    let verifier = builder.start(Start::Lazy).build().await.unwrap();

    assert_eq!(verifier.health().state, State::Cold);
    assert_eq!(code(verifier.try_verify(&token(&issuer))), "needs_keys");
    assert_eq!(code(verifier.verify(&token(&issuer)).await), "accepted");
}

#[tokio::test]
async fn a_new_key_is_asked_for_as_often_as_the_source_allows() {
    let (issuer, vault) = (TestIssuer::new(ISSUER), Vault::default());
    vault.will_have(&issuer);
    let builder = Verifier::builder(ISSUER).audience(AUDIENCE).keys(vault.clone());
    let verifier = builder.build().await.unwrap();
    let next = issuer.rotated();

    assert_eq!(code(verifier.verify(&token(&next)).await), "unknown_key");
    vault.will_have(&next);
    assert_eq!(code(verifier.verify(&token(&next)).await), "accepted");
    for _ in 0..10 {
        assert_eq!(code(verifier.verify(&token(&issuer)).await), "unknown_key");
    }

    assert_eq!(vault.refreshes.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_source_without_keys_is_503_with_its_own_patience() {
    let issuer = TestIssuer::new(ISSUER);
    let vault = Vault { retry_after: Duration::from_secs(7), ..Vault::default() };
    let verifier = Verifier::builder(ISSUER).audience(AUDIENCE).build_with_source(vault).unwrap();

    let refused = verifier.verify(&token(&issuer)).await.unwrap_err();

    assert_eq!(
        (refused.status().as_u16(), refused.retry_after()),
        (503, Some(Duration::from_secs(7)))
    );
}
