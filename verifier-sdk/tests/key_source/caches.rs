//! A cache between the verifier and the issuer answers with what it has: `Age` (RFC 9111 §5.1) counts,
//! and what only a cache says does not prove that a key does not exist.

use countersign_verifier::Start;
use countersign_verifier::key_source::FetchError;

use crate::script::{CacheOnTheWay, World, token};

const DAY: u64 = 86_400;

fn cache(world: &World, age: &'static str) -> CacheOnTheWay {
    CacheOnTheWay { jwks: world.issuer.jwks_json(), age, obeys_no_cache: true }
}

#[tokio::test]
async fn s4_a_set_out_of_a_cache_was_not_confirmed_just_now() {
    let world = World::new().await;
    let stubborn = CacheOnTheWay { obeys_no_cache: false, ..cache(&world, "290") };
    world.script.through(stubborn);
    for _ in 0..2 {
        let refused = world.verify_by(&world.issuer.rotated()).await.unwrap_err();
        assert_eq!(refused.status(), 401);
    }

    // The budget is spent, and nobody knows what the issuer has published in the last 290 s.
    let refused = world.verify_by(&world.issuer.rotated()).await.unwrap_err();

    assert_eq!((refused.code(), refused.status().as_u16()), ("keys_unavailable", 503));
    assert_eq!(world.verifier.health().age.unwrap().as_secs(), 290);
}

#[tokio::test]
async fn s4_the_bound_of_staleness_begins_at_the_issuer_and_not_at_the_cache() {
    let world = World::starting(Start::Lazy).await;
    world.script.through(cache(&world, "3600"));
    assert!(world.verify().await.is_ok());
    let snapshot = world.verifier.export().unwrap();
    world.advance(DAY - 3600 - 1);
    assert!(world.verifier.try_verify(&token(&world.issuer)).is_ok());

    world.advance(1);

    assert_eq!(world.verifier.try_verify(&token(&world.issuer)).unwrap_err().code(), "needs_keys");
    assert_eq!(snapshot.confirmed_at(), crate::script::NOW - 3600);
}

#[tokio::test]
async fn s4_a_set_past_the_bound_is_refused_and_the_issuer_itself_asked() {
    let world = World::new().await;
    world.script.through(cache(&world, "86400"));
    world.advance(290);
    world.keys().tick().await;
    assert_eq!(world.verifier.health().last_error, Some(FetchError::TooOld.code()));
    assert!(world.verify().await.is_ok());

    world.live(1, 1).await;

    assert!(world.script.requests()[2].no_cache);
    assert_eq!(world.verifier.health().failures, 0);
}

#[tokio::test]
async fn s4_who_joins_a_scheduled_fetch_asks_again_past_the_caches() {
    let world = World::new().await;
    let next = world.issuer.rotated();
    world.script.through(cache(&world, "0"));
    world.script.publish(&next);
    world.advance(290);
    world.script.hold();
    let refresher = tokio::spawn({
        let keys = world.keys().clone();
        async move { keys.tick().await }
    });
    let waiter = tokio::spawn({
        let (verifier, good) = (world.verifier.clone(), token(&next));
        async move { verifier.verify(&good).await.map(|_| ()) }
    });
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    world.script.release();

    assert_eq!(waiter.await.unwrap(), Ok(()));

    refresher.await.unwrap();
    let asked: Vec<_> = world.script.requests().iter().map(|r| r.no_cache).collect();
    assert_eq!(asked, [false, false, true]);
}

#[tokio::test]
async fn s4_a_cold_start_behind_a_cache_asks_again_for_a_new_key() {
    let world = World::starting(Start::Lazy).await;
    let next = world.issuer.rotated();
    world.script.through(cache(&world, "200"));
    world.script.publish(&next);

    assert!(world.verify_by(&next).await.is_ok());

    assert_eq!(world.script.count(), 2);
}

#[tokio::test]
async fn s4_only_a_fetch_that_began_after_the_question_answers_it() {
    let world = World::new().await;
    world.script.hold();
    let verify = |issuer: &countersign_verifier::testing::TestIssuer| {
        let (verifier, good) = (world.verifier.clone(), token(issuer));
        tokio::spawn(async move { verifier.verify(&good).await.map_err(|e| e.code()).map(|_| ()) })
    };
    let first = verify(&world.issuer.rotated());
    let second = verify(&world.issuer.rotated());
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    world.script.release();

    assert_eq!(first.await.unwrap(), Err("unknown_key"));
    assert_eq!(second.await.unwrap(), Err("unknown_key"));

    // One for the start, one for each question: the second was put while the first was on its way.
    assert_eq!(world.script.count(), 3);
}
