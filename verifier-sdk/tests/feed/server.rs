//! An issuer on loopback, with metadata, tokens and a feed that says what a test tells it to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use countersign_verifier::Verifier;
use countersign_verifier::client::{ClientAuthentication, TokenSource};
use countersign_verifier::testing::TestIssuer;
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, StatusCode, Uri};
use serde_json::json;

use crate::AUDIENCE;

/// What the feed says.
pub(crate) enum Said {
    /// The truth, in one message or as a stream that goes on.
    Truth,
    /// The truth when asked, and this as the stream.
    Stream(Vec<Bytes>),
    /// This to everybody.
    Answer(u16, &'static str, &'static str, Bytes),
    /// A body that breaks off.
    Truncated,
}

pub(crate) struct Server {
    pub(crate) issuer: TestIssuer,
    pub(crate) said: Mutex<Said>,
    pub(crate) announced: Mutex<bool>,
    /// `Authorization` and query of each request to the feed.
    pub(crate) asked: Mutex<Vec<(String, String)>>,
    pub(crate) tokens: Mutex<usize>,
}

impl Server {
    pub(crate) async fn saying(said: Said) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Arc::new(Self {
            issuer: TestIssuer::new(&url),
            said: Mutex::new(said),
            announced: Mutex::new(true),
            asked: Mutex::default(),
            tokens: Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/token", post(token))
            .route("/feed", get(feed))
            .with_state(Arc::clone(&server));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        server
    }

    pub(crate) fn verifier(&self) -> Verifier {
        let url = self.issuer.issuer();
        let secret = ClientAuthentication::secret("s3cret");
        let tokens = TokenSource::builder(url, "payments", secret).build().unwrap();
        let builder = Verifier::builder(url).audience(AUDIENCE).feed(tokens);
        builder.build_with(self.issuer.jwk_set()).unwrap()
    }

    pub(crate) fn event(&self, after: u64) -> Bytes {
        let message = self.issuer.feed_message(after).mint();
        format!("id: {after}\nevent: set\ndata: {message}\n\n").into()
    }
}

async fn metadata(State(server): State<Arc<Server>>) -> Response {
    let url = server.issuer.issuer();
    let mut metadata = json!({"issuer": url, "token_endpoint": format!("{url}/token")});
    if *server.announced.lock().unwrap() {
        metadata["revocation_feed_endpoint"] = json!(format!("{url}/feed"));
    }
    axum::Json(metadata).into_response()
}

async fn token(State(server): State<Arc<Server>>, form: String) -> Response {
    assert!(form.contains("scope=feed%3Aread"), "{form}");
    assert!(form.contains("resource=http%3A%2F%2F127.0.0.1"), "{form}");
    let mut tokens = server.tokens.lock().unwrap();
    *tokens += 1;
    let token = format!("token-{tokens}");
    axum::Json(json!({"access_token": token, "token_type": "Bearer", "expires_in": 300}))
        .into_response()
}

async fn feed(State(server): State<Arc<Server>>, uri: Uri, headers: HeaderMap) -> Response {
    let header = |name| headers.get(name).map_or("", |value| value.to_str().unwrap());
    let query = uri.query().unwrap_or_default().to_owned();
    let after = query.strip_prefix("after=").unwrap().parse().unwrap();
    server.asked.lock().unwrap().push((header("authorization").to_owned(), query));
    let wants_stream = header("accept") == "text/event-stream";
    let message = |text: String| ([("content-type", "application/secevent+jwt")], text);
    match &*server.said.lock().unwrap() {
        Said::Answer(status, name, value, body) => {
            let status = StatusCode::from_u16(*status).unwrap();
            (status, [(*name, *value)], body.clone()).into_response()
        }
        Said::Truncated => {
            let parts = [Ok(Bytes::from("eyJ")), Err(std::io::Error::other("broken"))];
            let mut response = Body::from_stream(stream::iter(parts)).into_response();
            let kind = if wants_stream { "text/event-stream" } else { "application/secevent+jwt" };
            response.headers_mut().insert("content-type", kind.parse().unwrap());
            response
        }
        _ if !wants_stream => message(server.issuer.feed_message(after).mint()).into_response(),
        said => {
            let parts = match said {
                Said::Stream(parts) => parts.clone(),
                _ => vec![server.event(after)],
            };
            let parts = stream::iter(parts).map(Ok::<_, std::io::Error>);
            let body = Body::from_stream(parts.chain(stream::pending()));
            ([("content-type", "text/event-stream; charset=utf-8")], body).into_response()
        }
    }
}

/// Waits until it is so, ten seconds at most.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect(what);
}
