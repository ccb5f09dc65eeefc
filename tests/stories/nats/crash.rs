//! A node dies between the commit of a revocation and its being told.

use super::{HEALED, World, caught_up, keys, known, refuses};
use countersign_verifier::revocation::Revocation;
use end_to_end::harness::Deployment;

const ROUNDS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_revoked_and_did_not_live_to_tell_is_told_by_another() {
    let world = World::on_postgres().await;
    let teller = world.deployment.start().await;
    let keys = keys(&teller).await;
    let verifier = world.verifier(&keys, Revocation::BestEffort).await;
    caught_up(&verifier).await;

    for _ in 0..ROUNDS {
        let mut node = world.deployment.start().await;
        let token = node.token(&world.orders).await;
        world.revoke(&node, &token).await;
        node.process.kill().await;
        refuses(&verifier, &token, HEALED).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_only_node_revoked_is_told_when_it_is_back_and_is_in_the_stream() {
    let world = World::with(Deployment::sqlite()).await;
    let mut node = world.deployment.start().await;
    let keys = keys(&node).await;
    let verifier = world.verifier(&keys, Revocation::BestEffort).await;
    caught_up(&verifier).await;
    let mut revoked = Vec::new();

    for _ in 0..ROUNDS {
        let token = node.token(&world.orders).await;
        world.revoke(&node, &token).await;
        node.process.kill().await;
        revoked.push(token);
        node = world.deployment.restart().await;
    }

    for token in &revoked {
        refuses(&verifier, token, HEALED).await;
    }
    let text = async || node.text(&format!("{}/metrics", node.management_url)).await;
    end_to_end::harness::eventually("the stream has it all", HEALED, async || {
        let kept = format!("countersign_feed_bus_kept {ROUNDS}");
        text().await.lines().any(|line| line == kept).then_some(())
    })
    .await;
    node.process.kill().await;
    let late = world.verifier(&keys, Revocation::BestEffort).await;
    for token in &revoked {
        refuses(&late, token, HEALED).await;
    }
    assert_eq!(known(&late).entries(), ROUNDS);
}
