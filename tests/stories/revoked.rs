//! What is revoked at one node is told by another, over real sockets, at once and after a crash.

use end_to_end::harness::{App, Deployment, Node};
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, timeout};

const LIMIT: Duration = Duration::from_secs(10);

/// One who listens to the feed of a node; what it hears is judged by nobody here.
struct Listener {
    response: reqwest::Response,
    unread: String,
}

impl Listener {
    async fn begin(node: &Node, token: &str, after: i64) -> Self {
        let request = node.http.get(format!("{}/feed?after={after}", node.url));
        let request = request.bearer_auth(token).header("accept", "text/event-stream");
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        Self { response, unread: String::new() }
    }

    /// The event of the next message; none once the stream has ended.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((message, rest)) = self.unread.split_once("\n\n") {
                let data = message.lines().find_map(|line| line.strip_prefix("data: "));
                let (event, rest) = (event(data.expect("data")), rest.to_owned());
                self.unread = rest;
                return Some(event);
            }
            let chunk = timeout(LIMIT, self.response.chunk()).await.expect("in time");
            let Ok(Some(chunk)) = chunk else { return None };
            self.unread += std::str::from_utf8(&chunk).expect("text");
        }
    }

    /// Waits until this `jti` is told.
    async fn hears(&mut self, jti: &str) {
        loop {
            let event = self.next().await.expect("the stream goes on");
            let revoked = event["revoked"].as_array().expect("a list");
            if revoked.iter().any(|entry| entry["jti"] == jti) {
                return;
            }
        }
    }
}

fn claims(token: &str) -> Value {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let payload = token.split('.').nth(1).expect("a JWS");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("JSON")
}

fn event(message: &str) -> Value {
    claims(message)["events"]["urn:countersign:event:revocations"].clone()
}

/// An app, and one that may follow the feed.
async fn apps(deployment: &Deployment) -> (App, App) {
    (deployment.app("orders").await, deployment.feed_reader().await)
}

async fn revoke(node: &Node, app: &App, token: &str) {
    assert_eq!(node.revoke(app, token).await, Some(200));
}

fn jti(token: &str) -> String {
    claims(token)["jti"].as_str().expect("a jti").to_owned()
}

/// How long it takes from the answer at one node to who listens at another, in milliseconds.
async fn delays(nodes: &[Node; 2], orders: &App, verifier: &App) -> Vec<u128> {
    let token = nodes[1].token(verifier).await;
    let mut listener = Listener::begin(&nodes[1], &token, 0).await;
    let mut delays = Vec::new();
    for _ in 0..50 {
        let token = nodes[0].token(orders).await;
        revoke(&nodes[0], orders, &token).await;
        let answered = Instant::now();
        listener.hears(&jti(&token)).await;
        delays.push(answered.elapsed().as_millis());
    }
    delays.sort_unstable();
    delays
}

async fn is_told_at_once(deployment: Deployment) {
    let (orders, verifier) = apps(&deployment).await;
    let nodes = [deployment.start().await, deployment.start().await];

    let delays = delays(&nodes, &orders, &verifier).await;

    let (median, worst) = (delays[delays.len() / 2], delays[delays.len() - 1]);
    println!("from the answer to another node's listener: {median} ms in the middle, {worst} ms");
    assert!(median <= 50 && worst <= 1_000, "{delays:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_at_one_node_is_told_by_another_at_once_on_postgresql() {
    is_told_at_once(Deployment::postgres().await.patient()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_at_one_node_is_told_by_another_at_once_on_sqlite() {
    is_told_at_once(Deployment::sqlite().patient()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_revoked_before_kill_9_is_told_after_it_and_by_the_command_line_too() {
    let deployment = Deployment::sqlite();
    let (orders, verifier) = apps(&deployment).await;
    let mut node = deployment.start().await;
    let token = node.token(&verifier).await;
    let mut listener = Listener::begin(&node, &token, 0).await;
    listener.next().await.expect("a first message");
    let first = node.token(&orders).await;
    let second = node.token(&orders).await;

    revoke(&node, &orders, &first).await;
    node.process.kill().await;
    while listener.next().await.is_some() {}
    deployment.cli(&["revoke", "--jti", &jti(&second), "--reason", "while nobody ran"]).await;
    let node = deployment.restart().await;

    let mut listener = Listener::begin(&node, &token, 0).await;
    let told = listener.next().await.expect("a message");
    let told: Vec<&str> = told["revoked"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|entry| entry["jti"].as_str())
        .collect();
    assert_eq!(told, [jti(&first), jti(&second)]);
    let third = node.token(&orders).await;
    deployment.cli(&["revoke", "--jti", &jti(&third)]).await;
    listener.hears(&jti(&third)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_ends_its_streams_and_is_gone_in_time() {
    let deployment = Deployment::sqlite();
    let (_, verifier) = apps(&deployment).await;
    let mut node = deployment.start().await;
    let token = node.token(&verifier).await;
    let mut listener = Listener::begin(&node, &token, 0).await;
    listener.next().await.expect("a first message");

    let begun = Instant::now();
    node.process.interrupt().await;
    while listener.next().await.is_some() {}

    let status = node.process.wait(LIMIT).await;
    assert!(status.success() && begun.elapsed() < Duration::from_secs(5), "{status}");
}
