//! A token endpoint that answers from a script, and a service that shows what it was sent.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use countersign_verifier::client::{ClientAuthentication, TokenSource, TokenSourceBuilder};
use countersign_verifier::testing::TestClock;
use serde_json::{Value, json};
use tokio::sync::watch;

pub(crate) const PAYMENTS: &str = "https://payments.example";

/// One answer: a status, a header or two, a body.
#[derive(Clone)]
pub(crate) struct Said {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Said {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self { status, headers: Vec::new(), body: body.to_string() }
    }

    pub(crate) fn token(token: &str) -> Self {
        Self::json(
            200,
            &json!({ "access_token": token, "token_type": "Bearer", "expires_in": 300 }),
        )
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// What was asked.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn form(&self) -> HashMap<String, String> {
        url::form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

#[derive(Default)]
struct Script {
    answers: VecDeque<Said>,
    last: Option<Said>,
    asked: Vec<Asked>,
    gate: Option<Arc<tokio::sync::Semaphore>>,
}

/// A server on loopback.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) url: String,
    script: Arc<Mutex<Script>>,
    count: watch::Sender<usize>,
}

impl Server {
    /// Answers with the last of these again and again.
    pub(crate) async fn saying(answers: impl IntoIterator<Item = Said>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Mutex::new(Script::default()));
        let server = Self { url, script, count: watch::Sender::new(0) };
        server.say(answers);
        let router = Router::new().fallback(any(answer)).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        server
    }

    pub(crate) fn say(&self, answers: impl IntoIterator<Item = Said>) {
        self.script.lock().unwrap().answers = answers.into_iter().collect();
    }

    /// Holds every answer back until the semaphore lets it go.
    pub(crate) fn hold(&self) -> Arc<tokio::sync::Semaphore> {
        let gate = Arc::new(tokio::sync::Semaphore::new(0));
        self.script.lock().unwrap().gate = Some(Arc::clone(&gate));
        gate
    }

    /// What was asked, but for metadata.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.script.lock().unwrap().asked.clone()
    }

    /// Waits until it was asked so often.
    pub(crate) async fn is_asked(&self, times: usize) {
        let mut count = self.count.subscribe();
        let asked = count.wait_for(|count| *count >= times);
        tokio::time::timeout(Duration::from_secs(10), asked).await.unwrap().unwrap();
    }

    pub(crate) fn source(&self, clock: &TestClock) -> TokenSource {
        self.builder(ClientAuthentication::secret("s3cret")).clock(clock.clone()).build().unwrap()
    }

    pub(crate) fn builder(&self, authentication: ClientAuthentication) -> TokenSourceBuilder {
        TokenSource::builder(&self.url, "orders", authentication)
    }
}

async fn answer(
    State(server): State<Server>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if uri.path() == "/.well-known/openid-configuration" {
        let metadata = json!({
            "issuer": server.url, "token_endpoint": format!("{}/token", server.url),
            "introspection_endpoint": format!("{}/introspect", server.url),
            "mtls_endpoint_aliases": { "token_endpoint": format!("{}/mtls/token", server.url) },
        });
        return axum::Json(metadata).into_response();
    }
    let body = String::from_utf8(body.to_vec()).unwrap();
    let (said, gate) = {
        let mut script = server.script.lock().unwrap();
        script.asked.push(Asked { path: uri.path().to_owned(), headers, body });
        server.count.send_replace(script.asked.len());
        if let Some(next) = script.answers.pop_front() {
            script.last = Some(next);
        }
        (script.last.clone().unwrap(), script.gate.clone())
    };
    if let Some(gate) = gate {
        gate.acquire().await.unwrap().forget();
    }
    let mut response = (StatusCode::from_u16(said.status).unwrap(), said.body).into_response();
    for (name, value) in said.headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}
