//! An issuer in process: made by the constructor that the server uses, on a database of its own.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign::app::App;
use countersign::clock::Clock;
use countersign::config::{Config, Secret};
use countersign::origin::{Origin, RequestIds};
use countersign::registry::{
    Client, ClientAuthentication, ClientId, ClientKeys, Permission, Resource, StoredSecret,
};
use countersign::store::Actor;
use countersign::{random, router, tasks};
use countersign_keys::Algorithm;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::Value;
use sqlx::{Connection as _, Executor as _};
use tower::ServiceExt as _;

pub(crate) const START: i64 = 1_800_000_000;
pub(crate) const PAYMENTS: &str = "https://payments.example";

pub(crate) struct Issuer {
    pub(crate) app: Arc<App>,
    pub(crate) clock: Clock,
    router: Router,
    folder: Arc<tempfile::TempDir>,
}

/// A response, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn error(&self) -> (u16, String) {
        (self.status.as_u16(), self.json()["error"].as_str().unwrap_or_default().to_owned())
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The claims of the access token, without a check.
    pub(crate) fn claims(&self) -> Value {
        let json = self.json();
        let payload = json["access_token"].as_str().unwrap().split('.').nth(1).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
    }
}

impl Issuer {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// An issuer with one ES256 ring and one resource.
    pub(crate) async fn with(edit: impl FnOnce(&mut Config)) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let mut config = Config {
            issuer: "https://issuer.example".parse().unwrap(),
            data_dir: folder.path().join("data"),
            ..Config::default()
        };
        config.keys.algorithms = vec![Algorithm::Es256];
        config.database.url = database_url().await.map(Secret::new);
        edit(&mut config);
        let clock = Clock::fixed(START);
        let app = Arc::new(App::open(config, clock.clone()).await.unwrap());
        let router = router::public(Arc::clone(&app));
        let issuer = Self { app, clock, router, folder };
        issuer.resource(PAYMENTS, |_| {}).await;
        issuer
    }

    /// Another node beside this one, on the same database, by the same clock.
    pub(crate) async fn node(&self) -> Self {
        self.node_with(|_| {}).await
    }

    /// The same with another configuration.
    pub(crate) async fn node_with(&self, edit: impl FnOnce(&mut Config)) -> Self {
        let (mut config, clock) = (self.app.config.clone(), self.clock.clone());
        edit(&mut config);
        let app = Arc::new(App::open(config, clock.clone()).await.unwrap());
        let router = router::public(Arc::clone(&app));
        let node = Self { app, clock, router, folder: Arc::clone(&self.folder) };
        node.follow().await;
        node
    }

    pub(crate) async fn resource(&self, identifier: &str, edit: impl FnOnce(&mut Resource)) {
        let mut resource = Resource {
            identifier: identifier.to_owned(),
            name: None,
            scopes: vec!["payments:read".to_owned(), "payments:write".to_owned()],
            algorithm: Algorithm::Es256,
            token_lifetime: 600,
            max_token_bytes: 2048,
            required_binding: None,
            encryption: None,
            status_list: false,
            enabled: true,
        };
        edit(&mut resource);
        self.app.store.create_resource(&resource, &Actor::node().at(START)).await.unwrap();
        self.follow().await;
    }

    /// Registers a client with one permission; returns its secret.
    pub(crate) async fn client(&self, id: &str, edit: impl FnOnce(&mut Client)) -> String {
        let secret = random::client_secret();
        let mut client = Client {
            id: ClientId::parse(id).unwrap(),
            name: None,
            grants: vec!["client_credentials".to_owned()],
            auth: ClientAuthentication::ClientSecretBasic,
            secrets: vec![self.stored(id, "first", &secret)],
            keys: ClientKeys::None,
            token_endpoint_audience: false,
            dpop_bound_access_tokens: false,
            fapi2: false,
            certificate_subject: None,
            tls_client_certificate_bound_access_tokens: false,
            assertion_rules: Vec::new(),
            acting_rules: Vec::new(),
            workload_rules: Vec::new(),
            introspects: Vec::new(),
            sign_in: None,
            permissions: vec![Permission {
                resource: PAYMENTS.to_owned(),
                scopes: vec!["payments:read".to_owned()],
                roles: vec!["auditor".to_owned()],
            }],
            enabled: true,
        };
        edit(&mut client);
        if !client.auth.uses_secret() {
            client.secrets.clear();
        }
        self.app.store.create_client(&client, &Actor::node().at(START)).await.unwrap();
        self.follow().await;
        secret.to_string()
    }

    /// What the store keeps of a secret.
    pub(crate) fn stored(&self, client: &str, id: &str, secret: &str) -> StoredSecret {
        StoredSecret {
            id: id.to_owned(),
            digest: self.app.secret_hasher.digest(client, secret).to_bytes(),
            created_at: START,
            expires_at: None,
            last_used_at: None,
        }
    }

    /// What the heartbeat does.
    pub(crate) async fn follow(&self) {
        tasks::heartbeat(&self.app).await.unwrap();
        self.app.freshness.seen(self.clock.elapsed());
    }

    /// The head of a response, with what comes after it.
    pub(crate) async fn open(&self, mut request: Request<Body>) -> Response<Body> {
        let address = "192.0.2.1".parse().unwrap();
        let origin = Origin { address, request_id: RequestIds::default().next() };
        request.extensions_mut().insert(origin);
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.open(request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Answers on a socket too.
    pub(crate) fn serve(&self, listener: tokio::net::TcpListener) {
        let router = self.router.clone().layer(axum::middleware::map_request(
            async |mut request: Request<Body>| {
                let address = "192.0.2.1".parse().unwrap();
                let origin = Origin { address, request_id: RequestIds::default().next() };
                request.extensions_mut().insert(origin);
                request
            },
        ));
        tokio::spawn(async move { axum::serve(listener, router).await });
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// `POST /token` with a body as it is.
    pub(crate) async fn post(&self, body: impl Into<String>) -> Answer {
        self.send(token_request().body(Body::from(body.into())).unwrap()).await
    }

    /// `POST /token` with parameters.
    pub(crate) async fn token(&self, parameters: &[(&str, &str)]) -> Answer {
        self.post(form(parameters)).await
    }

    /// A client-credentials request with a secret in the header, and more parameters.
    pub(crate) async fn token_as(
        &self,
        client: &str,
        secret: &str,
        more: &[(&str, &str)],
    ) -> Answer {
        let mut parameters = vec![("grant_type", "client_credentials")];
        parameters.extend_from_slice(more);
        let request = token_request()
            .header(header::AUTHORIZATION, basic(client, secret))
            .body(Body::from(form(&parameters)));
        self.send(request.unwrap()).await
    }
}

pub(crate) fn token_request() -> http::request::Builder {
    Request::post("/token").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
}

pub(crate) fn basic(client: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{client}:{secret}")))
}

pub(crate) fn form(parameters: &[(&str, &str)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(parameters);
    form.finish()
}

/// A schema of its own on the PostgreSQL server, if the tests are to run there: it is made twenty times faster than a
/// database.
async fn database_url() -> Option<String> {
    if var("COUNTERSIGN_TEST_DATABASE")? != "postgres" {
        return None;
    }
    let server = var("COUNTERSIGN_TEST_POSTGRES_URL").unwrap();
    let name = format!("http_{}", random::uuid().simple());
    let mut connection = sqlx::PgConnection::connect(&server).await.unwrap();
    let create = sqlx::AssertSqlSafe(format!("CREATE SCHEMA {name}"));
    connection.execute(sqlx::raw_sql(create)).await.unwrap();
    let mut url = url::Url::parse(&server).unwrap();
    url.query_pairs_mut().append_pair("options", &format!("-c search_path={name}"));
    Some(url.to_string())
}

#[expect(clippy::disallowed_methods, reason = "the test command chooses the database")]
fn var(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
