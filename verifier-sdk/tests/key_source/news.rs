//! What the feed has to do with keys. It tells that they changed: every recipient hears it in the same moment, and none of them
//! may ask in the same. And it is signed by whichever of them the issuer likes.

use countersign_keys::Algorithm;
use countersign_verifier::revocation::FeedSource;
use countersign_verifier::testing::TestIssuer;
use serde_json::json;

use crate::script::{ISSUER, World, builder, token, two_keys};

async fn listening() -> World {
    let mut world = World::new().await;
    let builder = builder(&world.script, &world.clock).feed(FeedSource::Pushed);
    world.verifier = builder.build().await.unwrap();
    world
}

fn tell(world: &World, seq: u64) {
    let told = json!({
        "feed": "test", "after": seq - 1, "seq": seq, "head": seq, "jwks_changed": true,
    });
    let message = world.issuer.feed_message_of(told).mint();
    world.verifier.revocations().unwrap().try_take(&message).unwrap();
}

#[tokio::test]
async fn changed_keys_are_fetched_within_ten_seconds_once_and_past_the_caches() {
    let world = listening().await;
    let before = world.script.count();
    world.script.publish(&world.issuer.rotated());

    tell(&world, 1);
    tell(&world, 2);
    let due = world.keys().tick().await;
    world.live(12, 1).await;

    assert!(due.as_secs() < 10, "{due:?}");
    let asked = &world.script.requests()[before..];
    assert_eq!(asked.iter().map(|request| request.no_cache).collect::<Vec<_>>(), [true]);
    assert!(world.verify().await.is_err());
}

#[tokio::test]
async fn verifiers_that_hear_it_together_ask_one_after_another() {
    let mut dues = Vec::new();
    for _ in 0..40 {
        let world = listening().await;
        tell(&world, 1);
        dues.push(world.keys().tick().await.as_millis());
    }

    assert!(dues.iter().any(|due| *due < 4000) && dues.iter().any(|due| *due > 6000), "{dues:?}");
}

#[tokio::test]
async fn news_that_could_not_be_fetched_are_not_forgotten() {
    let world = listening().await;
    let next = world.issuer.rotated();
    world.script.go_down();
    tell(&world, 1);
    world.live(15, 1).await;

    world.script.publish(&next);
    world.live(60, 10).await;

    assert_eq!(world.verifier.health().kids, [*next.key().kid()]);
}

#[tokio::test]
async fn a_verifier_of_one_algorithm_hears_a_feed_of_the_other() {
    let mut world = World::new().await;
    let rsa = TestIssuer::with_algorithm(ISSUER, Algorithm::Rs256).clock(world.clock.clone());
    world.script.answer(two_keys(&world.issuer, &rsa));
    let builder = builder(&world.script, &world.clock).algorithms([Algorithm::Es256]);
    world.verifier = builder.feed(FeedSource::Pushed).build().await.unwrap();
    let message = rsa.feed_message(0).mint();

    let taken = world.verifier.revocations().unwrap().try_take(&message);

    assert!(taken.is_ok(), "{taken:?}");
    assert_eq!(world.verify_by(&rsa).await.unwrap_err().code(), "algorithm_not_allowed");
    assert!(world.verifier.try_verify(&token(&world.issuer)).is_ok());
}
