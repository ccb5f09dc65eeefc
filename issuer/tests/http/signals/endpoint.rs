//! A receiver that is called, on a socket of its own.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use countersign::store::Actor;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

use super::Receiver;
use crate::harness::{Issuer, START};

/// A receiver's own endpoint: what came there, and how it answers.
pub(crate) struct Endpoint {
    pub(crate) url: String,
    inner: Arc<Inner>,
}

struct Inner {
    came: Mutex<Vec<(HeaderMap, String)>>,
    news: Notify,
    answer: Mutex<(u16, String)>,
    /// Whether it answers at all.
    answers: watch::Sender<bool>,
}

impl Endpoint {
    pub(crate) async fn start() -> Self {
        let inner = Arc::new(Inner {
            came: Mutex::default(),
            news: Notify::new(),
            answer: Mutex::new((202, String::new())),
            answers: watch::Sender::new(true),
        });
        let router = Router::new().route("/events", post(receive)).with_state(Arc::clone(&inner));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, inner }
    }

    pub(crate) fn answer(&self, status: u16, body: &str) {
        *self.inner.answer.lock().unwrap() = (status, body.to_owned());
    }

    /// From now on it does not answer, until it is let go.
    pub(crate) fn hold(&self) {
        self.inner.answers.send_replace(false);
    }

    pub(crate) fn let_go(&self) {
        self.inner.answers.send_replace(true);
    }

    /// As a stream names it.
    pub(crate) fn delivery(&self) -> Value {
        json!({
            "method": "urn:ietf:rfc:8935",
            "endpoint_url": self.url,
            "authorization_header": "Bearer of-the-receiver",
        })
    }

    pub(crate) fn came(&self) -> Vec<(HeaderMap, String)> {
        self.inner.came.lock().unwrap().clone()
    }

    pub(crate) async fn wait_for(&self, count: usize) {
        let came = async {
            while self.came().len() < count {
                self.inner.news.notified().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), came).await.unwrap();
    }

    /// The `jti`s that came, in their order.
    pub(crate) async fn jtis(&self, issuer: &Issuer) -> Vec<String> {
        let mut jtis = Vec::new();
        for (_, token) in self.came() {
            jtis.push(issuer.heard(&token).await["jti"].as_str().unwrap().to_owned());
        }
        jtis
    }
}

async fn receive(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: String) -> Response {
    inner.came.lock().unwrap().push((headers, body));
    inner.news.notify_one();
    inner.answers.subscribe().wait_for(|answers| *answers).await.unwrap();
    let (status, body) = inner.answer.lock().unwrap().clone();
    (StatusCode::from_u16(status).unwrap(), body).into_response()
}

pub(crate) async fn pushed<'i>(issuer: &'i Issuer, endpoint: &Endpoint) -> (Receiver<'i>, String) {
    let watcher = issuer.watcher("siem", &["ssf.manage", "ssf.everyone"]).await;
    let stream = watcher.stream_by(&endpoint.delivery()).await;
    (watcher, stream)
}

pub(crate) async fn sign_out(issuer: &Issuer) {
    issuer.app.store.sign_out_user("ada", &Actor::command_line().at(START)).await.unwrap();
}

pub(crate) async fn is_settled(issuer: &Issuer) -> bool {
    issuer.app.store.heartbeat().await.unwrap().signal_due_at.is_none()
}

/// Time passes, and the node follows.
pub(crate) async fn later(issuer: &Issuer, by: Duration) {
    issuer.clock.advance(by);
    issuer.follow().await;
}
