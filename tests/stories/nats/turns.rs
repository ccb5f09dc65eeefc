//! Nodes take turns on the bus: each revocation reaches those who listen once, whoever made it, and if a node dies too.

use super::{HEALED, SECOND, World, caught_up, keys, refuses};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_verifier::revocation::Revocation;
use countersign_verifier::revocation::nats::NatsNames;
use countersign_verifier::revocation::nats::async_nats::Subscriber;
use end_to_end::harness::Node;
use futures_util::StreamExt as _;
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;

/// Longer than a node waits for another.
const BOTH: Duration = Duration::from_millis(300);
const ROUNDS: usize = 10;

/// How often something new is told until nothing more comes.
async fn times_told(live: &mut Subscriber) -> usize {
    let (mut times, mut limit) = (0, HEALED);
    while let Ok(Some(message)) = timeout(limit, live.next()).await {
        let text = String::from_utf8(message.payload.to_vec()).expect("text");
        let payload = text.split('.').nth(1).expect("a payload");
        let payload = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
        let payload: Value = serde_json::from_slice(&payload).expect("JSON");
        let told = &payload["events"]["urn:countersign:event:revocations"];
        if told["seq"].as_u64() > told["after"].as_u64() {
            (times, limit) = (times + 1, BOTH);
        }
    }
    times
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_nodes_one_tells_what_is_new_and_another_if_it_dies() {
    let world = World::on_postgres().await;
    let mut nodes = [world.deployment.start().await, world.deployment.start().await];
    let verifier = world.verifier(&keys(&nodes[0]).await, Revocation::BestEffort).await;
    caught_up(&verifier).await;
    let names = NatsNames::of(&world.deployment.issuer);
    let mut live = world.connect().await.subscribe(names.live()).await.expect("subscribed");
    let by_hand = async |node: &Node| {
        let token = node.token(&world.orders).await;
        world.deployment.cli(&["revoke", "--client", &world.orders.client_id]).await;
        token
    };
    let at = async |node: &Node| {
        let token = node.token(&world.orders).await;
        world.revoke(node, &token).await;
        token
    };

    let mut told = Vec::new();
    for round in 0..ROUNDS {
        let token = match round % 3 {
            0 => by_hand(&nodes[0]).await,
            number => at(&nodes[number - 1]).await,
        };
        told.push(times_told(&mut live).await);
        refuses(&verifier, &token, SECOND).await;
    }

    // In the first round nobody has heard of the other yet; and a node that is slow for once is spoken for.
    let twice = told.iter().filter(|times| **times > 1).count();
    assert!(twice <= ROUNDS / 2 && told.iter().all(|times| (1..=2).contains(times)), "{told:?}");
    for _ in 0..2 {
        nodes[0].process.kill().await;
        let token = by_hand(&nodes[1]).await;
        refuses(&verifier, &token, SECOND).await;
        nodes[0] = world.deployment.start().await;
        nodes.swap(0, 1);
    }
}
