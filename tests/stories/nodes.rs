//! Two equal nodes on one PostgreSQL database.

use crate::verifiers;
use end_to_end::harness::{App, Deployment, Node, PAYMENTS, eventually};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

const ONE_SECOND: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(30);

async fn two_nodes() -> (Deployment, [Node; 2], App) {
    let deployment = Deployment::postgres().await.patient();
    let nodes = [deployment.start().await, deployment.start().await];
    let app = deployment.app("orders").await;
    for node in &nodes {
        node.knows(&app).await;
    }
    (deployment, nodes, app)
}

async fn kids(node: &Node) -> BTreeSet<String> {
    let set: Value =
        serde_json::from_str(&node.text(&format!("{}/jwks", node.url)).await).expect("JSON");
    let keys = set["keys"].as_array().expect("keys");
    keys.iter().map(|key| key["kid"].as_str().expect("a kid").to_owned()).collect()
}

/// What each node signs verifies with what the other publishes.
async fn agree(nodes: &[Node; 2], app: &App, issuer: &str) -> Result<(), String> {
    for (signs, publishes) in [(0, 1), (1, 0)] {
        let token = nodes[signs].ask(app).await.access_token()?;
        let jwks = nodes[publishes].text(&format!("{}/jwks", nodes[publishes].url)).await;
        verifiers::jsonwebtoken(&token, &jwks, issuer)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_starting_at_once_on_an_empty_database_share_one_set_of_keys() {
    for _ in 0..3 {
        let deployment = Deployment::postgres().await;
        let starting = [deployment.start_unready(), deployment.start_unready()];
        let [first, second] = starting;
        let nodes = [first.ready().await, second.ready().await];
        let app = deployment.app("orders").await;
        for node in &nodes {
            node.knows(&app).await;
        }

        assert_eq!(kids(&nodes[0]).await, kids(&nodes[1]).await);
        agree(&nodes, &app, &deployment.issuer)
            .await
            .expect("either node's tokens verify with the other's keys");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_of_either_node_under_load_fails_no_request_on_the_other() {
    for victim in [0, 1] {
        let (_deployment, mut nodes, app) = two_nodes().await;
        let survivor = nodes[1 - victim].load(&app, 4);
        let dying = nodes[victim].load(&app, 4);
        survivor.reaches(100, LIMIT).await;
        dying.reaches(100, LIMIT).await;

        nodes[victim].process.kill().await;
        survivor.reaches(survivor.succeeded() + 500, LIMIT).await;

        assert!(!dying.stop().await.failures.is_empty(), "the killed node was under load");
        assert_eq!(survivor.stop().await.failures, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_both_rotate_keep_one_schedule_of_keys() {
    let settings = "[keys]\nalgorithms = [\"ES256\"]\njwks_max_age_seconds = 1\n\
                    rotate_every_seconds = 5\nmax_token_lifetime_seconds = 60";
    let deployment = Deployment::postgres().await.with(settings);
    let nodes = [deployment.start().await, deployment.start().await];
    let resource = ["resource", "create", PAYMENTS, "--scope", "payments:read"];
    let lifetime = ["--token-lifetime-seconds", "60"];
    deployment.cli(&[&resource[..], &lifetime].concat()).await;
    let app = deployment.app("orders").await;
    for node in &nodes {
        node.knows(&app).await;
    }
    let loads = [nodes[0].load(&app, 1), nodes[1].load(&app, 1)];

    let began = Instant::now();
    let mut signers = BTreeSet::new();
    let mut disagreements = Vec::new();
    while began.elapsed() < Duration::from_secs(20) {
        disagreements.extend(agree(&nodes, &app, &deployment.issuer).await.err());
        for node in &nodes {
            signers.insert(verifiers::header(&node.token(&app).await)["kid"].to_string());
        }
    }

    for load in loads {
        assert_eq!(load.stop().await.failures, Vec::<String>::new());
    }
    assert_eq!(disagreements, Vec::<String>::new());
    let keys = deployment.cli(&["keys", "list"]).await;
    let rows = keys["keys"].as_array().or(keys.as_array()).expect("a list of keys").clone();
    let active = rows.iter().filter(|key| {
        key["state"].as_str().is_some_and(|state| state.eq_ignore_ascii_case("active"))
    });
    assert_eq!(active.count(), 1, "{keys}");
    // One schedule: a key every five seconds or slower, not one of each node.
    assert!((2..=6).contains(&signers.len()), "{} keys have signed: {signers:?}", signers.len());
    assert!(rows.len() <= 7, "{keys}");
}

/// Holds within a second of the end of the command, on both nodes.
async fn in_force(what: &str, nodes: &[Node; 2], changed: impl AsyncFn(&Node) -> bool) {
    let end = Instant::now() + ONE_SECOND;
    for node in nodes {
        let left = end.saturating_duration_since(Instant::now());
        eventually(what, left, || async { changed(node).await.then_some(()) }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_command_line_changes_is_in_force_on_all_nodes_within_a_second() {
    let (deployment, nodes, app) = two_nodes().await;

    deployment.cli(&["client", "update", "orders", "--disable"]).await;
    in_force("a disabled client", &nodes, async |node| node.ask(&app).await.status == 401).await;

    deployment.cli(&["client", "update", "orders", "--enable"]).await;
    in_force("an enabled client", &nodes, async |node| node.ask(&app).await.status == 200).await;

    let added = deployment.cli(&["client", "secret", "add", "orders"]).await;
    let secret = added["client_secret"].as_str().expect("the new secret").to_owned();
    let renewed = App { client_secret: secret, ..app.clone() };
    in_force("a second secret", &nodes, async |node| node.ask(&renewed).await.status == 200).await;

    let shown = deployment.cli(&["client", "show", "orders"]).await;
    let oldest = shown["secrets"][0]["id"].as_str().expect("an id").to_owned();
    deployment.cli(&["client", "secret", "remove", "orders", &oldest]).await;
    in_force("a removed secret", &nodes, async |node| node.ask(&app).await.status == 401).await;

    deployment.cli(&["resource", "update", PAYMENTS, "--token-lifetime-seconds", "120"]).await;
    in_force("a shorter lifetime", &nodes, async |node| {
        node.ask(&renewed).await.body["expires_in"] == 120
    })
    .await;

    deployment.cli(&["client", "delete", "orders"]).await;
    in_force("a deleted client", &nodes, async |node| node.ask(&renewed).await.status == 401).await;
}
