//! `RemoteKeys::find` without a refresher, as for the `jwks_uri` of a client: who waits for the
//! refresh, and what is served if it fails.

use std::sync::Arc;
use std::time::Duration;

use countersign_verifier::key_source::{KeySourceError, RemoteKeys, RemoteOptions, Source};
use countersign_verifier::testing::{TestClock, TestIssuer};

use crate::script::{ISSUER, NOW, Script};

struct OnDemand {
    clock: TestClock,
    client: TestIssuer,
    script: Script,
    keys: RemoteKeys,
}

impl OnDemand {
    /// A client whose keys were fetched just now.
    async fn new() -> Self {
        let clock = TestClock::at(NOW);
        let client = TestIssuer::new(ISSUER);
        let script = Script::publishing(&client);
        let mut options = RemoteOptions::new(Arc::new(script.clone()));
        options.clock = Arc::new(clock.clone());
        let url = format!("{ISSUER}/jwks").parse().unwrap();
        let keys = RemoteKeys::new(Source::JwksUrl(url), options);
        let world = Self { clock, client, script, keys };
        world.find().await.unwrap();
        world
    }

    async fn find(&self) -> Result<(), KeySourceError> {
        self.keys.find(Some(self.client.key().kid())).await.map(|_| ())
    }
}

#[tokio::test]
async fn a_due_set_is_refreshed_behind_the_answer() {
    let world = OnDemand::new().await;
    world.clock.advance(Duration::from_secs(290));
    world.script.hold();

    for _ in 0..100 {
        world.find().await.unwrap();
    }
    world.script.release();
    world.keys.refresh().await.unwrap();

    // The hundred share one fetch, and `refresh` joined it.
    assert_eq!(world.script.count(), 2);
}

#[tokio::test]
async fn s3_a_removed_key_is_refused_once_the_set_is_past_its_time() {
    let world = OnDemand::new().await;
    world.script.publish(&world.client.rotated());

    world.clock.advance(Duration::from_secs(299));
    assert_eq!(world.find().await, Ok(()));
    let world = OnDemand::new().await;
    world.script.publish(&world.client.rotated());
    world.clock.advance(Duration::from_mins(5));

    assert_eq!(world.find().await, Err(KeySourceError::UnknownKey));
}

#[tokio::test]
async fn s3_the_stale_set_serves_if_the_refresh_fails() {
    let world = OnDemand::new().await;
    world.script.go_down();
    world.clock.advance(Duration::from_hours(20));

    // The second comes while the failed attempt cools down.
    assert_eq!(world.find().await, Ok(()));
    assert_eq!(world.find().await, Ok(()));

    assert_eq!(world.script.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn s3_nobody_waits_longer_than_a_second_for_the_refresh() {
    let world = OnDemand::new().await;
    world.clock.advance(Duration::from_hours(1));
    world.script.hold();
    let begin = tokio::time::Instant::now();

    assert_eq!(world.find().await, Ok(()));

    assert_eq!(begin.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn s3_a_crowd_cannot_push_others_to_the_stale_set() {
    let world = Arc::new(OnDemand::new().await);
    world.clock.advance(Duration::from_hours(1));
    world.script.hold();
    for _ in 0..256 {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.find().await });
    }
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }

    let refused = world.find().await.unwrap_err();

    assert_eq!(refused.code(), "keys_unavailable");
}
