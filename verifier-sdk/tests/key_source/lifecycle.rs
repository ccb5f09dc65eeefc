//! Tasks and waiters come and go; nothing hangs, nothing leaks, nothing is lost.

use std::time::Duration;

use countersign_verifier::Start;

use crate::script::{World, token};

/// Lets all tasks run until they wait.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn waiters_that_go_away_do_not_take_the_fetch_along() {
    let world = World::starting(Start::Lazy).await;
    world.script.hold();
    let good = token(&world.issuer);
    let waiters: Vec<_> = (0..10)
        .map(|_| {
            let (verifier, good) = (world.verifier.clone(), good.clone());
            tokio::spawn(async move { verifier.verify(&good).await.is_ok() })
        })
        .collect();
    settle().await;

    waiters.iter().for_each(tokio::task::JoinHandle::abort);
    settle().await;
    world.script.release();
    settle().await;

    assert!(world.verifier.try_verify(&good).is_ok());
    assert_eq!(world.script.count(), 1);
}

#[tokio::test]
async fn the_last_clone_dropped_stops_its_tasks() {
    let world = World::new().await;
    let clone = world.verifier.clone();
    let script = world.script.clone();
    settle().await;

    drop(world);
    settle().await;
    assert!(script.holders() > 1);
    drop(clone);
    settle().await;

    assert_eq!(script.holders(), 1);
}

#[tokio::test]
async fn the_last_clone_dropped_stops_a_fetch_under_way() {
    let world = World::starting(Start::Lazy).await;
    world.script.hold();
    let script = world.script.clone();
    let waiter = tokio::spawn({
        let (verifier, good) = (world.verifier.clone(), token(&world.issuer));
        async move { verifier.verify(&good).await.is_ok() }
    });
    settle().await;
    assert_eq!(script.count(), 1);

    waiter.abort();
    drop(world);
    settle().await;

    assert_eq!(script.holders(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_background_task_refreshes_and_retries_by_itself() {
    let world = World::new().await;
    let good = token(&world.issuer);
    world.script.go_down();

    // The test clock and tokio's move together, a second at a time.
    for _ in 0..400 {
        world.advance(1);
        tokio::time::advance(Duration::from_secs(1)).await;
        settle().await;
    }
    let attempts = world.script.count();
    assert!(attempts > 2, "{attempts}");
    world.script.publish(&world.issuer);
    for _ in 0..70 {
        world.advance(1);
        tokio::time::advance(Duration::from_secs(1)).await;
        settle().await;
    }

    assert_eq!(world.verifier.health().failures, 0);
    let _ = good;
}

#[test]
fn outside_a_runtime_a_cold_verifier_answers_503_and_does_not_panic() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let world = runtime.block_on(World::starting(Start::Lazy));
    drop(runtime);

    let refused = world.verifier.try_verify(&token(&world.issuer)).unwrap_err();

    assert_eq!(refused.status(), 503);
}
