//! The task that follows: catch-up, gaps, silence, forgeries, pauses.

use std::time::Duration;

use countersign_verifier::health::State;
use countersign_verifier::revocation::{FeedError, Revocation};
use serde_json::json;

use crate::script::World;

#[tokio::test(start_paused = true)]
async fn it_catches_up_at_start_and_is_ready_then() {
    let world = World::new().await;

    world.verifier.ready().await;

    assert_eq!((world.script.asked(), world.script.listened()), (vec![0], 1));
    assert_eq!(world.revocations().lag(), Some(Duration::ZERO));
    assert_eq!(world.verifier.health().state, State::Fresh);
}

#[tokio::test(start_paused = true)]
async fn what_is_told_counts_at_once() {
    let world = World::new().await;
    world.issuer.revoke_jti("t1");

    world.script.send(Ok(world.issuer.feed_message(0).mint()));
    world.settle().await;

    assert!(world.is_refused());
    assert_eq!(world.script.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_asked_for_at_once() {
    let world = World::new().await;
    world.issuer.revoke_jti("t1");
    world.issuer.revoke_jti("t2");

    world.script.send(Ok(world.issuer.feed_message(1).mint()));
    world.settle().await;

    assert_eq!(world.script.asked(), [0, 0]);
    assert!(world.is_refused());
    assert_eq!(world.revocations().ask_from(), 2);
}

#[tokio::test(start_paused = true)]
async fn heartbeats_keep_it_fresh_without_a_question() {
    let world = World::new().await;

    world.live(120, true).await;

    assert_eq!((world.script.asked().len(), world.script.listened()), (1, 1));
    assert!(world.revocations().lag() <= Some(Duration::from_secs(5)));
}

#[tokio::test(start_paused = true)]
async fn fifteen_seconds_of_silence_are_a_broken_connection() {
    let world = World::new().await;

    world.live(17, false).await;

    assert!(world.script.listened() >= 2, "{}", world.script.listened());
    assert!(world.revocations().lag() <= Some(Duration::from_secs(3)));
}

#[tokio::test(start_paused = true)]
async fn a_strict_bound_is_kept_by_asking_between_heartbeats() {
    let world = World::with(Revocation::Strict { max_lag: Duration::from_secs(5) }).await;

    for _ in 0..60 {
        world.live(1, false).await;
        assert!(world.revocations().lag() <= Some(Duration::from_secs(5)));
    }

    // Every 2.5 s, in whole seconds.
    let asked = world.script.asked().len();
    assert!((15..=40).contains(&asked), "{asked}");
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_is_away_is_noticed_asked_ever_less_and_caught_up_with_afterwards() {
    let strict = World::with(Revocation::Strict { max_lag: Duration::from_secs(10) }).await;
    strict.script.fail(FeedError::Connect);
    strict.script.send(Err(FeedError::Broken));
    let asked = strict.script.asked().len();

    strict.live(600, false).await;

    let asked = strict.script.asked().len() - asked;
    assert!((60..400).contains(&asked), "{asked}");
    let late = strict.verifier.try_verify(&strict.token()).unwrap_err();
    assert_eq!(late.code(), "revocations_late");
    let feed = strict.verifier.health().feed.unwrap();
    assert_eq!((feed.is_late, feed.last_error), (true, Some("feed_connect")));

    strict.issuer.revoke(json!({"jti": "t2"}));
    strict.script.heal();
    strict.live(11, false).await;
    assert!(strict.verifier.try_verify(&strict.token()).is_ok());
    assert_eq!(strict.revocations().entries(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_issuer_is_left_alone_for_as_long_as_it_asks() {
    let world = World::new().await;
    let retry_after = Some(Duration::from_secs(30));
    world.script.fail(FeedError::Status { status: 503, retry_after });
    world.script.send(Err(FeedError::Broken));

    world.live(91, false).await;

    let asked = world.script.asked().len();
    assert!((3..=5).contains(&asked), "{asked}");
}

#[tokio::test(start_paused = true)]
async fn a_few_forgeries_disturb_nothing_and_many_end_the_connection() {
    let world = World::new().await;
    world.issuer.revoke_jti("t1");
    let forged = || Ok(world.issuer.feed_message(0).forged_by(&world.issuer.rotated()));

    for _ in 0..10 {
        world.script.send(forged());
    }
    world.script.send(Ok(world.issuer.feed_message(0).mint()));
    world.live(1, false).await;
    assert!(world.is_refused());
    assert_eq!(world.script.listened(), 1);
    assert_eq!(world.revocations().metrics().refused, 10);

    for _ in 0..10 {
        world.script.send(forged());
    }
    world.live(2, false).await;
    assert!(world.script.listened() >= 2);
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_does_not_give_what_is_missing_is_asked_at_a_decent_pace() {
    let world = World::new().await;
    let asked = world.script.asked().len();
    let told = json!({"feed": "test", "after": 7, "seq": 9, "head": 9});

    for _ in 0..60 {
        world.script.send(Ok(world.issuer.feed_message_of(told.clone()).mint()));
        world.live(1, false).await;
    }

    let asked = world.script.asked().len() - asked;
    assert!(asked < 150, "{asked}");
}

#[tokio::test(start_paused = true)]
async fn an_issuer_with_another_database_is_noticed_and_nothing_is_forgotten() {
    let world = World::new().await;
    world.issuer.revoke_jti("t1");
    world.script.send(Ok(world.issuer.feed_message(0).mint()));
    world.live(6, false).await;

    let told = json!({"feed": "restored", "after": 5, "seq": 5, "head": 5});
    world.script.send(Ok(world.issuer.feed_message_of(told).mint()));
    world.settle().await;

    assert!(world.revocations().metrics().resets >= 1);
    assert_eq!(world.script.asked().get(1), Some(&0));
    assert!(world.is_refused());
}

#[tokio::test(start_paused = true)]
async fn the_last_verifier_dropped_stops_following() {
    let World { script, verifier, issuer, .. } = World::new().await;
    let clone = verifier.clone();
    drop(verifier);
    assert!(script.holders() > 1);

    drop(clone);
    tokio::task::yield_now().await;

    assert_eq!(script.holders(), 1, "{issuer:?}");
}
