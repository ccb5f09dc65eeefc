//! A service behind the gateways: it tells what reached it, and whom the token is about that came along, which it verifies alone.

use axum::extract::{Request, State};
use axum::http::header;
use axum::{Json, Router};
use countersign_verifier::Verifier;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::net::TcpListener;

pub(super) struct Service {
    pub(super) port: u16,
}

impl Service {
    pub(super) async fn start(issuer: &str, resource: &str) -> Self {
        let verifier = Verifier::builder(issuer).audience(resource).build().await;
        let verifier: Arc<Verifier> = Arc::new(verifier.expect("a verifier"));
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = socket.local_addr().expect("an address").port();
        let state = (verifier, resource.to_owned());
        let router = Router::new().fallback(tell).with_state(state);
        tokio::spawn(async move { axum::serve(socket, router).await });
        Self { port }
    }
}

async fn tell(
    State((verifier, resource)): State<(Arc<Verifier>, String)>,
    request: Request,
) -> Json<Value> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 4096).await.expect("a body");
    let mut told: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in &parts.headers {
        if name.as_str().starts_with("countersign") {
            told.entry(name.as_str()).or_default().push(value.to_str().unwrap_or_default());
        }
    }
    let token = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let found = verifier.verify(token).await;
    let subject = found.map_or(String::new(), |found| found.subject().to_owned());
    Json(json!({
        "service": resource, "method": parts.method.as_str(), "path": parts.uri.path(),
        "body": String::from_utf8_lossy(&body), "told": told, "verified": subject,
    }))
}
