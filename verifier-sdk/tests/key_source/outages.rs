//! The issuer is gone: who is served, for how long, and with which status afterwards.

use countersign_verifier::health::State;
use countersign_verifier::testing::TestIssuer;

use crate::script::{Answer, ISSUER, World};

const DAY: u64 = 86_400;

#[tokio::test]
async fn j33_an_outage_is_survived_for_max_stale_to_the_second() {
    let world = World::new().await;
    world.script.go_down();

    world.advance(DAY - 1);
    assert!(world.verify().await.is_ok());
    assert_eq!(world.verifier.health().state, State::Stale);

    world.advance(1);
    let refused = world.verify().await.unwrap_err();
    assert_eq!((refused.code(), refused.status().as_u16()), ("keys_unavailable", 503));
    assert_eq!(refused.challenge(), None);
    assert_eq!(world.verifier.health().state, State::Expired);
}

#[tokio::test]
async fn an_outage_ends_by_itself() {
    let world = World::new().await;
    world.script.go_down();
    world.live(2 * DAY, 600).await;
    assert_eq!(world.verify().await.unwrap_err().status(), 503);

    world.script.publish(&world.issuer);
    world.live(60, 60).await;

    assert!(world.verify().await.is_ok());
    assert_eq!(world.verifier.health().state, State::Fresh);
    assert_eq!(world.verifier.health().failures, 0);
}

#[tokio::test]
async fn the_first_failure_shows_before_the_keys_are_stale() {
    let world = World::new().await;
    world.script.go_down();

    world.advance(280);
    world.keys().tick().await;

    let health = world.verifier.health();
    assert_eq!((health.state, health.last_error), (State::Failing, Some("connect")));
    assert!(health.is_ready());
}

#[tokio::test]
async fn failures_never_wipe_the_cache() {
    let world = World::new().await;
    let failures = [
        Answer::Status(500, &[]),
        Answer::Status(302, &[]),
        Answer::Status(404, &[]),
        Answer::Keys("<html></html>".to_owned()),
        Answer::Keys(r#"{"keys":[]}"#.to_owned()),
        Answer::Keys(r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#.to_owned()),
    ];

    for failure in failures {
        world.script.answer(failure);
        world.live(600, 300).await;
        assert!(world.verify().await.is_ok());
        assert!(world.verifier.health().failures > 0);
    }
}

#[tokio::test]
async fn the_issuer_can_lower_the_bound() {
    let world = World::new().await;
    world.script.cache_control("max-age=300, stale-if-error=60");
    world.live(300, 300).await;
    world.script.go_down();

    world.advance(359);
    assert!(world.verify().await.is_ok());
    world.advance(1);

    assert_eq!(world.verify().await.unwrap_err().status(), 503);
}

#[tokio::test]
async fn an_unknown_key_during_an_outage_is_503_and_not_401() {
    let world = World::new().await;
    let rotated = world.issuer.rotated();
    world.script.go_down();
    world.advance(3600);

    for _ in 0..10 {
        assert_eq!(world.verify_by(&rotated).await.unwrap_err().status(), 503);
    }
    assert!(world.verify().await.is_ok());
}

#[tokio::test]
async fn a_bad_token_during_an_outage_stays_401() {
    let world = World::new().await;
    world.script.go_down();
    world.advance(3600);
    let stranger = TestIssuer::new(ISSUER);

    let forged = world.issuer.app_token("orders").audience(crate::script::AUDIENCE);
    let refused = world.verifier.verify(&forged.forged_by(&stranger)).await.unwrap_err();

    assert_eq!(refused.status(), 401);
}

#[tokio::test]
async fn retry_after_is_honored() {
    let world = World::new().await;
    world.script.answer(Answer::Status(503, &[("retry-after", "120")]));
    world.live(300, 300).await;
    let before = world.script.count();

    world.live(119, 1).await;
    assert_eq!(world.script.count(), before);
    world.live(1, 1).await;

    assert_eq!(world.script.count(), before + 1);
}

#[tokio::test]
async fn retries_are_spread_and_never_stop() {
    let world = World::new().await;
    world.script.go_down();
    world.live(300, 300).await;
    let before = world.script.count();

    world.live(3600, 1).await;

    // Full jitter with a bound of 60 s: about two attempts a minute, never more than one a second.
    let attempts = world.script.count() - before;
    assert!((60..=600).contains(&attempts), "{attempts}");
}

#[tokio::test]
async fn row_37_a_stepped_wall_clock_neither_wipes_nor_prolongs_the_cache() {
    let world = World::new().await;
    world.script.go_down();

    world.clock.step_wall(7 * 86_400);
    assert!(world.verify().await.is_ok());
    world.clock.step_wall(-14 * 86_400);
    assert!(world.verify().await.is_ok());
    world.advance(DAY);

    assert_eq!(world.verify().await.unwrap_err().status(), 503);
}
