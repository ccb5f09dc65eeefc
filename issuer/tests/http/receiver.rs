//! The back channel of a client, on a socket of its own: what was posted there, and how it answers.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http::StatusCode;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use url::Url;

/// The answer that never comes.
pub(crate) const SILENCE: u16 = 0;

pub(crate) struct Receiver {
    pub(crate) uri: Url,
    inner: Arc<Inner>,
}

struct Inner {
    tokens: Mutex<Vec<String>>,
    came: Notify,
    status: AtomicU16,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let inner = Arc::new(Inner {
            tokens: Mutex::default(),
            came: Notify::new(),
            status: AtomicU16::new(200),
        });
        let router = Router::new().route("/logout", post(receive)).with_state(Arc::clone(&inner));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/logout", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { uri: uri.parse().unwrap(), inner }
    }

    /// From now on it answers with this status.
    pub(crate) fn answer(&self, status: u16) {
        self.inner.status.store(status, Ordering::Relaxed);
    }

    /// The logout tokens that have come.
    pub(crate) fn tokens(&self) -> Vec<String> {
        self.inner.tokens.lock().unwrap().clone()
    }

    /// Waits for so many.
    pub(crate) async fn wait_for(&self, count: usize) {
        let came = async {
            while self.tokens().len() < count {
                self.inner.came.notified().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), came).await.unwrap();
    }
}

async fn receive(State(inner): State<Arc<Inner>>, body: String) -> Response {
    let mut tokens = form_urlencoded::parse(body.as_bytes());
    let (name, token) = tokens.next().unwrap();
    assert_eq!((&*name, tokens.next()), ("logout_token", None));
    inner.tokens.lock().unwrap().push(token.into_owned());
    inner.came.notify_one();
    match inner.status.load(Ordering::Relaxed) {
        SILENCE => std::future::pending().await,
        status => StatusCode::from_u16(status).unwrap().into_response(),
    }
}
