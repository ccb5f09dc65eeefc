//! OpenTelemetry: with an endpoint configured, each request becomes a span of the caller's trace, and no span holds a
//! secret or a token.

use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use end_to_end::harness::{Deployment, eventually};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Received = Arc<Mutex<Vec<u8>>>;

/// A collector that keeps what it is sent.
async fn collector() -> (String, Received) {
    let received = Received::default();
    let router = axum::Router::new()
        .route(
            "/v1/traces",
            post(async |State(received): State<Received>, body: Bytes| {
                received.lock().expect("nobody panicked").extend_from_slice(&body);
            }),
        )
        .with_state(Arc::clone(&received));
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", socket.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(socket, router).await });
    (url, received)
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_a_span_of_its_callers_trace_and_holds_no_secret() {
    let (endpoint, received) = collector().await;
    let deployment = Deployment::sqlite().with(&format!("[tracing]\notlp_endpoint = {endpoint:?}"));
    let node = deployment.start().await;
    let app = deployment.app("orders").await;
    node.knows(&app).await;

    let trace_id = "0af7651916cd43dd8448eb211c80319c";
    let request = node.http.post(format!("{}/token", node.url)).form(&app.form());
    let request = request.header("traceparent", format!("00-{trace_id}-b7ad6b7169203331-01"));
    let answer = request.send().await.expect("an answer").text().await.expect("text");

    let trace: Vec<u8> = (0..trace_id.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&trace_id[at..at + 2], 16).expect("hexadecimal"))
        .collect();
    eventually("the span arrives", Duration::from_secs(15), || async {
        contains(&received.lock().expect("nobody panicked"), &trace).then_some(())
    })
    .await;
    let spans = received.lock().expect("nobody panicked").clone();
    assert!(contains(&spans, b"POST /token"));
    let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
    let token = answer["access_token"].as_str().expect("a token");
    for hidden in [app.client_secret.as_str(), token, &token[token.len() - 40..]] {
        assert!(!contains(&spans, hidden.as_bytes()));
    }
}
