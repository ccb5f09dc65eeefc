//! Start modes, with the issuer there and gone.

use std::time::Duration;

use countersign_verifier::key_source::{FetchError, Snapshot};
use countersign_verifier::testing::{TestClock, TestIssuer};
use countersign_verifier::{BuildError, Keys, Start, Verifier};

use crate::script::{AUDIENCE, Answer, ISSUER, NOW, Script, World, token, verifier};

#[tokio::test]
async fn fail_fast_fails_while_the_issuer_is_down() {
    let clock = TestClock::at(NOW);
    let script = Script::publishing(&TestIssuer::new(ISSUER));
    script.go_down();

    let refused = verifier(&script, &clock, Start::FailFast).await;

    assert!(matches!(refused, Err(BuildError::Keys(_))));
}

#[tokio::test]
async fn j33_a_lazy_start_answers_503_until_the_issuer_is_back() {
    let world = World::starting(Start::Lazy).await;
    assert_eq!(world.script.count(), 0);
    world.script.go_down();

    let refused = world.verify().await.unwrap_err();
    assert_eq!(refused.status(), 503);
    assert!(refused.retry_after().is_some());

    world.script.publish(&world.issuer);
    world.advance(1);
    assert!(world.verify().await.is_ok());
}

#[tokio::test]
async fn readiness_fetches_the_keys_that_nobody_asked_for_yet() {
    let world = World::starting(Start::Lazy).await;
    assert!(!world.verifier.health().is_ready());

    world.verifier.ready().await;

    assert!(world.verifier.health().is_ready());
    assert_eq!(world.script.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn readiness_waits_until_the_issuer_is_back() {
    let world = World::starting(Start::Lazy).await;
    world.script.go_down();
    let verifier = world.verifier.clone();
    let ready = tokio::spawn(async move { verifier.ready().await });
    while world.script.count() == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!ready.is_finished());

    world.script.publish(&world.issuer);
    world.advance(60);

    ready.await.unwrap();
    assert!(world.verify().await.is_ok());
}

#[tokio::test]
async fn a_synchronous_call_never_fetches() {
    let world = World::starting(Start::Lazy).await;

    let refused = world.verifier.try_verify(&token(&world.issuer)).unwrap_err();

    assert_eq!(refused.code(), "needs_keys");
    assert!(refused.is_transient());
    assert_eq!(world.script.count(), 0);
}

async fn exported(world: &World) -> Snapshot {
    assert!(world.verify().await.is_ok());
    let json = serde_json::to_string(&world.verifier.export().unwrap()).unwrap();
    serde_json::from_str(&json).unwrap()
}

#[tokio::test]
async fn a_warm_start_verifies_with_the_issuer_gone() {
    let world = World::new().await;
    let snapshot = exported(&world).await;
    world.script.go_down();
    world.advance(3600);

    let warm = verifier(&world.script, &world.clock, Start::Warm(snapshot)).await.unwrap();

    assert!(warm.verify(&token(&world.issuer)).await.is_ok());
    assert_eq!(warm.health().age, Some(Duration::from_hours(1)));
}

#[tokio::test]
async fn a_warm_start_keeps_the_bound_of_the_snapshot() {
    let world = World::new().await;
    let snapshot = exported(&world).await;
    world.script.go_down();
    world.advance(3600);
    let warm = verifier(&world.script, &world.clock, Start::Warm(snapshot)).await.unwrap();

    world.advance(86_400 - 3600 - 1);
    assert!(warm.verify(&token(&world.issuer)).await.is_ok());
    world.advance(1);
    let refused = warm.verify(&token(&world.issuer)).await.unwrap_err();

    assert_eq!(refused.status(), 503);
}

#[tokio::test]
async fn a_snapshot_that_is_too_old_or_from_the_future_is_not_used() {
    let world = World::new().await;
    let snapshot = exported(&world).await;
    world.script.go_down();

    for wall in [NOW + 86_400, NOW - 1] {
        let clock = TestClock::at(wall);
        let refused = verifier(&world.script, &clock, Start::Warm(snapshot.clone())).await;
        assert!(matches!(refused, Err(BuildError::Keys(_))), "{wall}");
    }
}

#[tokio::test]
async fn a_snapshot_of_another_issuer_is_refused() {
    let world = World::new().await;
    let snapshot = exported(&world).await;

    let refused = Verifier::builder("https://other.example")
        .audience(AUDIENCE)
        .fetcher(world.script.clone())
        .clock(world.clock.clone())
        .start(Start::Warm(snapshot))
        .build()
        .await;

    assert!(matches!(refused, Err(BuildError::Snapshot(_))));
}

async fn discovering(script: &Script) -> Result<Verifier, BuildError> {
    let builder = Verifier::builder(ISSUER).audience(AUDIENCE).keys(Keys::Discovery);
    builder.fetcher(script.clone()).clock(TestClock::at(NOW)).build().await
}

#[tokio::test]
async fn row_25_metadata_of_another_issuer_is_refused() {
    let script = Script::publishing(&TestIssuer::new(ISSUER));
    script.answer(Answer::Keys(format!(
        r#"{{"issuer":"{ISSUER}/","jwks_uri":"https://issuer.example/jwks"}}"#
    )));

    let refused = discovering(&script).await;

    let Err(BuildError::Keys(error)) = refused else { panic!("built") };
    assert!(error.to_string().contains(&FetchError::IssuerMismatch.to_string()));
    assert_eq!(script.count(), 1);
}

#[tokio::test]
async fn discovery_tries_both_well_known_places() {
    let script = Script::publishing(&TestIssuer::new(ISSUER));
    script.answer(Answer::Status(404, &[]));

    let refused = discovering(&script).await;

    assert!(refused.is_err());
    let paths: Vec<_> = script.requests().iter().map(|r| r.url.path().to_owned()).collect();
    let expected = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];
    assert_eq!(paths, expected);
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_at_build() {
    let build = |issuer: &str| Verifier::builder(issuer).audience(AUDIENCE);
    let keys = TestIssuer::new(ISSUER).jwk_set();

    for issuer in
        ["", "issuer", "http://issuer.example", "https://a.example/?x", "https://a.example/#x"]
    {
        let refused = build(issuer).build_with(keys.clone());
        assert!(matches!(refused, Err(BuildError::Issuer)), "{issuer}");
    }
    let audience = Verifier::builder(ISSUER).audience("").build_with(keys.clone());
    assert!(matches!(audience, Err(BuildError::Audience)));
    let algorithms = build(ISSUER).algorithms([]).build_with(keys.clone());
    assert!(matches!(algorithms, Err(BuildError::Algorithms)));
    let skew = build(ISSUER).skew(Duration::from_secs(121)).build_with(keys.clone());
    assert!(matches!(skew, Err(BuildError::Setting(_))));
    let stale = build(ISSUER).max_stale(Duration::from_mins(1)).build_with(keys);
    assert!(matches!(stale, Err(BuildError::Setting(_))));
}
