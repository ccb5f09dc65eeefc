//! A way on which others write too, such as a bus: they cannot end it, nor speak for the issuer.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_verifier::Verifier;
use countersign_verifier::key_source::BoxFuture;
use countersign_verifier::revocation::{Feed, FeedError, Messages};
use countersign_verifier::testing::{TestClock, TestIssuer};
use serde_json::json;

use crate::script::{ISSUER, Script, World};
use crate::{AUDIENCE, NOW};

/// What others answer before the issuer does.
type Lies = Arc<Mutex<VecDeque<String>>>;

struct Bus {
    script: Script,
    lies: Lies,
}

impl Feed for Bus {
    fn ask(&self, after: u64) -> BoxFuture<'_, Result<String, FeedError>> {
        let lie = self.lies.lock().unwrap().pop_front();
        let answer = self.script.ask(after);
        Box::pin(async { if let Some(lie) = lie { Ok(lie) } else { answer.await } })
    }

    fn listen(&self, after: u64) -> BoxFuture<'_, Result<Box<dyn Messages>, FeedError>> {
        self.script.listen(after)
    }

    fn is_shared(&self) -> bool {
        true
    }
}

async fn world(lies: impl Fn(&TestIssuer) -> Vec<String>, trouble: Option<FeedError>) -> World {
    let clock = TestClock::at(NOW);
    let issuer = TestIssuer::new(ISSUER).clock(clock.clone());
    let script = Script::new(&issuer);
    if let Some(error) = trouble {
        script.fail(error);
    }
    let lies = Arc::new(Mutex::new(lies(&issuer).into()));
    let verifier = Verifier::builder(ISSUER)
        .audience(AUDIENCE)
        .clock(clock.clone())
        .feed(Bus { script: script.clone(), lies })
        .build_with(issuer.jwk_set())
        .unwrap();
    let world = World { clock, issuer, script, verifier };
    world.live(1, false).await;
    world
}

fn forged(issuer: &TestIssuer) -> String {
    issuer.feed_message(0).forged_by(&issuer.rotated())
}

#[tokio::test(start_paused = true)]
async fn no_number_of_forgeries_ends_it() {
    let world = world(|_| Vec::new(), None).await;
    world.issuer.revoke_jti("t1");

    for _ in 0..500 {
        world.script.send(Ok(forged(&world.issuer)));
    }
    world.script.send(Ok(world.issuer.feed_message(0).mint()));
    for _ in 0..100 {
        world.settle().await;
    }

    assert!(world.is_refused());
    assert_eq!((world.script.listened(), world.revocations().metrics().refused), (1, 500));
}

#[tokio::test(start_paused = true)]
async fn answers_of_others_are_passed_over() {
    let garbage = || vec![String::new(), "a.b.c".to_owned()];
    let lies = |issuer: &TestIssuer| {
        let mut lies = garbage();
        lies.extend((0..20).map(|_| forged(issuer)));
        lies
    };

    let world = world(lies, None).await;

    assert_eq!((world.script.asked().len(), world.script.listened()), (23, 1));
    assert!(world.revocations().lag() <= Some(Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn whoever_drowns_the_answers_does_not_keep_it_from_listening() {
    let world = world(|issuer| vec![forged(issuer); 1_000], None).await;
    assert_eq!((world.script.listened(), world.revocations().lag()), (1, None));
    world.issuer.revoke_jti("t1");

    world.script.send(Ok(world.issuer.feed_message(0).mint()));
    world.settle().await;

    assert!(world.is_refused());
    assert_eq!(world.revocations().lag(), Some(Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn where_nobody_answers_the_issuer_is_heard_when_it_is_back() {
    let world = world(|_| Vec::new(), Some(FeedError::Unanswered)).await;
    assert_eq!((world.script.listened(), world.revocations().lag()), (1, None));
    let feed = world.verifier.health().feed.unwrap();
    assert_eq!(feed.last_error, Some("feed_unanswered"));

    world.script.send(Ok(world.issuer.feed_message(0).mint()));
    world.settle().await;

    assert_eq!(world.revocations().lag(), Some(Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn whoever_repeats_a_message_proves_nothing_about_now() {
    let world = world(|_| Vec::new(), None).await;
    let recorded = world.issuer.feed_message(0).mint();
    world.script.fail(FeedError::Unanswered);

    for _ in 0..90 {
        world.script.send(Ok(recorded.clone()));
        world.live(1, false).await;
    }

    assert!(world.revocations().lag() >= Some(Duration::from_secs(85)));
    assert!(world.script.listened() >= 2, "silence was noticed");
}

#[tokio::test(start_paused = true)]
async fn that_keys_changed_is_checked_once_though_two_nodes_tell_it() {
    let world = world(|_| Vec::new(), None).await;
    let taken = || world.revocations().metrics().taken.iter().map(|(_, times)| times).sum::<u64>();
    let before = taken();
    let told = json!({ "feed": "test", "after": 0, "seq": 0, "head": 0, "jwks_changed": true });

    for _ in 0..2 {
        world.script.send(Ok(world.issuer.feed_message_of(told.clone()).mint()));
    }
    world.settle().await;

    assert_eq!(taken() - before, 1);
}
