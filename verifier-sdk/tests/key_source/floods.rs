//! Many requests at once, and many unknown keys: how little reaches the issuer.

use std::time::Duration;

use countersign_verifier::Start;
use countersign_verifier::key_source::FetchRequest;

use crate::script::{AUDIENCE, World, token, two_keys};

/// A token that names a key nobody has.
fn unknown_kid(world: &World, number: usize) -> String {
    let token = world.issuer.app_token("orders").audience(AUDIENCE);
    token.header("kid", format!("random-{number}")).mint()
}

#[tokio::test]
async fn j32_a_flood_of_random_kids_makes_at_most_three_fetches_a_minute() {
    let world = World::new().await;
    let good = token(&world.issuer);
    let flood: Vec<String> = (0..2000).map(|number| unknown_kid(&world, number)).collect();
    let mut fetches_at = Vec::new();

    for second in 0..240 {
        for hostile in flood.iter().skip((second * 10) % 2000).take(10) {
            let refused = world.verifier.verify(hostile).await.unwrap_err();
            assert_eq!(refused.code(), "unknown_key");
            fetches_at.resize(world.script.count(), second);
        }
        assert!(world.verifier.verify(&good).await.is_ok());
        world.advance(1);
    }

    for window in fetches_at[1..].windows(4) {
        assert!(window[3] - window[0] >= 60, "four fetches within a minute: {fetches_at:?}");
    }
    assert!(fetches_at.len() <= 1 + 2 + 240 / 30);
}

#[tokio::test]
async fn a_rotation_during_a_flood_is_picked_up_within_one_refill() {
    let world = World::new().await;
    let next = world.issuer.rotated();
    for number in 0..100 {
        assert!(world.verifier.verify(&unknown_kid(&world, number)).await.is_err());
    }

    world.script.answer(two_keys(&world.issuer, &next));
    let mut picked_up_after = None;
    for second in 0..=30 {
        for number in 0..10 {
            let hostile = unknown_kid(&world, 1000 + second * 10 + number);
            assert!(world.verifier.verify(&hostile).await.is_err());
        }
        assert!(world.verify().await.is_ok());
        if world.verify_by(&next).await.is_ok() {
            picked_up_after.get_or_insert(second);
        }
        world.advance(1);
    }

    assert_eq!(picked_up_after, Some(30));
}

#[tokio::test]
async fn ten_thousand_requests_at_a_cold_start_make_one_fetch() {
    let world = World::starting(Start::Lazy).await;
    let good = token(&world.issuer);
    let tasks: Vec<_> = (0..10_000)
        .map(|_| {
            let (verifier, good) = (world.verifier.clone(), good.clone());
            tokio::spawn(async move { verifier.verify(&good).await.map_err(|e| e.status()) })
        })
        .collect();

    let mut served = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => served += 1,
            Err(status) => assert_eq!(status, 503),
        }
    }

    assert!(served > 0);
    assert_eq!(world.script.count(), 1);
}

#[tokio::test]
async fn ten_thousand_requests_at_expiry_make_one_fetch_and_none_waits() {
    let world = World::new().await;
    world.advance(301);
    world.script.hold();
    let refresher = tokio::spawn({
        let keys = world.keys().clone();
        async move { keys.tick().await }
    });

    let good = token(&world.issuer);
    for _ in 0..10_000 {
        assert!(world.verifier.try_verify(&good).is_ok());
    }
    world.script.release();
    refresher.await.unwrap();

    assert_eq!(world.script.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn waiters_are_few_and_impatient() {
    let world = World::starting(Start::Lazy).await;
    world.script.hold();
    let good = token(&world.issuer);
    let begin = tokio::time::Instant::now();

    let tasks: Vec<_> = (0..1000)
        .map(|_| {
            let (verifier, good) = (world.verifier.clone(), good.clone());
            tokio::spawn(async move {
                let refused = verifier.verify(&good).await.unwrap_err();
                assert_eq!(refused.status(), 503);
                tokio::time::Instant::now()
            })
        })
        .collect();
    let mut waited = 0;
    for task in tasks {
        let ended = task.await.unwrap() - begin;
        assert!(ended <= Duration::from_secs(1), "{ended:?}");
        waited += usize::from(ended > Duration::ZERO);
    }

    assert_eq!(waited, 256);
    assert_eq!(world.script.count(), 1);
}

#[tokio::test]
async fn row_6_a_kid_is_never_sent_upstream() {
    let world = World::new().await;
    let token = world.issuer.app_token("orders").audience(AUDIENCE);

    let hostile = token.header("kid", "../../x?y=1' OR 1=1").mint();
    assert_eq!(world.verifier.verify(&hostile).await.unwrap_err().code(), "unknown_key");

    let plain = |request: &FetchRequest| request.url.as_str() == "https://issuer.example/jwks";
    assert!(world.script.requests().iter().all(plain));
}
