//! The way of `docs/leaving-hs256.md`: a fleet that signs its tokens with a shared secret moves to an issuer, services first,
//! then its callers one by one, under load and without a failed request; then the day comes on which the secret is worth nothing.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Router, serve};
use countersign_verifier::Verifier;
use countersign_verifier::client::{ClientAuthentication, TokenRequest, TokenSource};
use countersign_verifier::clock::{Clock, SystemClock};
use countersign_verifier::hs256_migration::{Incoming, LegacyTokens, Migration};
use end_to_end::harness::{Deployment, Load, Node, environment, eventually};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

const SECRET: &[u8] = b"a secret that the whole fleet shares";
const PAGE: &str = "docs/leaving-hs256.md";
const CLIENTS: [&str; 3] = ["shop", "mobile", "batch"];
const WORKERS: usize = 2;
/// So many requests after each step.
const MORE: u64 = 100;
const LIMIT: Duration = Duration::from_mins(1);
/// The last day of the secret, and how far away that is for the clocks of the services.
const UNTIL: &str = "2100-01-01";
const CENTURY: i64 = 100 * 366 * 86_400;

/// A service of the fleet, where callers find it, as behind a balancer: its address changes with each release, and whoever calls
/// holds the address as long as it does.
#[derive(Clone)]
struct Service {
    /// In old tokens, its name is the audience.
    name: &'static str,
    audience: &'static str,
    scope: &'static str,
    address: Arc<RwLock<Arc<str>>>,
}

/// What runs at an address.
struct Release {
    address: Arc<str>,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<()>,
}

/// The clock of the services, for what is old.
#[derive(Clone, Default)]
struct Calendar(Arc<AtomicI64>);

/// One who calls both services all the time.
#[derive(Clone)]
struct Caller {
    client_id: &'static str,
    tokens: TokenSource,
    has_moved: Arc<AtomicBool>,
    services: [Service; 2],
    http: reqwest::Client,
}

impl Clock for Calendar {
    fn wall(&self) -> i64 {
        SystemClock.wall() + self.0.load(Ordering::Relaxed)
    }

    fn monotonic(&self) -> Duration {
        SystemClock.monotonic()
    }
}

impl Service {
    fn new(name: &'static str, audience: &'static str, scope: &'static str) -> Self {
        Self { name, audience, scope, address: Arc::new(RwLock::new(Arc::from(""))) }
    }

    fn url(&self) -> Arc<str> {
        Arc::clone(&self.address.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Callers find this release from now on.
    async fn release(&self, routes: Router) -> Release {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
        let address = format!("http://{}", socket.local_addr().expect("an address"));
        let address = Arc::<str>::from(address);
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = serve(socket, routes).with_graceful_shutdown(async { _ = stopped.await });
        let ended = tokio::spawn(async move { serving.await.expect("it serves") });
        *self.address.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&address);
        Release { address, stop, ended }
    }

    /// As the fleet checked tokens before.
    fn with_the_secret(&self) -> Router {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[self.name]);
        let check = async move |headers: HeaderMap| {
            let token = headers.get("authorization").and_then(|value| value.to_str().ok());
            let token = token.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
            let key = DecodingKey::from_secret(SECRET);
            match jsonwebtoken::decode::<Value>(token, &key, &validation) {
                Ok(decoded) => (StatusCode::OK, decoded.claims["client_id"].to_string()),
                Err(error) => (StatusCode::UNAUTHORIZED, error.to_string()),
            }
        };
        Router::new().route("/", get(check))
    }

    /// The release of the page.
    async fn with_both(&self, issuer: &str, calendar: &Calendar) -> (Migration, Router) {
        let verifier = Verifier::builder(issuer).audience(self.audience);
        let verifier = verifier.build().await.expect("a verifier");
        let (service, until) = (self, UNTIL);
        let legacy =
            LegacyTokens::signed_with(SECRET, until).expect("a secret").audience(service.name);
        let migration = Migration::with_clock(verifier, legacy, calendar.clone());
        let routes = Router::new().route("/", get(who)).with_state(migration.clone());
        (migration, routes)
    }
}

async fn who(State(_): State<Migration>, incoming: Incoming) -> String {
    let caller = match incoming {
        Incoming::Verified(verified) => verified.client_id().to_owned(),
        Incoming::Legacy(caller) => caller.client_id().unwrap_or_default().to_owned(),
    };
    format!("hello, {caller}")
}

impl Release {
    /// Once nobody calls it any more.
    async fn stop(self) {
        eventually("the last call is over", LIMIT, || async {
            (Arc::strong_count(&self.address) == 1).then_some(())
        })
        .await;
        self.stop.send(()).expect("it runs");
        self.ended.await.expect("it ends");
    }
}

impl Caller {
    fn new(issuer: &str, made: &Value, client_id: &'static str, services: &[Service; 2]) -> Self {
        let secret = made["client_secret"].as_str().expect("a secret");
        let tokens = TokenSource::builder(issuer, client_id, ClientAuthentication::secret(secret));
        // Connections are not kept: a release that stops need not wait for callers that are idle.
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
        Self {
            client_id,
            tokens: tokens.build().expect("a source"),
            has_moved: Arc::default(),
            services: services.clone(),
            http: http.build().expect("a client"),
        }
    }

    async fn token(&self, service: &Service) -> Result<String, String> {
        if !self.has_moved.load(Ordering::Relaxed) {
            return Ok(old_token(self.client_id, service.name, SECRET));
        }
        let wanted = TokenRequest::for_resource(service.audience).scope(service.scope);
        let token = self.tokens.token(&wanted).await.map_err(|error| error.to_string())?;
        Ok(token.expose().to_owned())
    }

    async fn call_both(self) -> Result<(), String> {
        for service in &self.services {
            let token = self.token(service).await?;
            let address = service.url();
            let answer = self.http.get(&*address).bearer_auth(token).send().await;
            let answer = answer.map_err(|error| format!("{}: {error:?}", service.name))?;
            if answer.status() != 200 {
                return Err(format!("{} was answered {}", self.client_id, answer.status()));
            }
        }
        Ok(())
    }
}

fn old_token(client_id: &str, audience: &str, secret: &[u8]) -> String {
    let now = SystemClock.wall();
    // They end long after the day on which nobody takes them any more.
    let claims = json!({
        "sub": client_id, "client_id": client_id, "aud": audience, "iat": now, "exp": now + 300 * 86_400,
    });
    let key = EncodingKey::from_secret(secret);
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).expect("a token")
}

/// Runs each command of the page; what those that made clients printed.
async fn run_the_page(deployment: &Deployment) -> HashMap<String, Value> {
    let page = std::fs::read_to_string(environment::workspace().join(PAGE)).expect("the page");
    let mut made = HashMap::new();
    for line in page.lines().filter_map(|line| line.strip_prefix("$ countersign ")) {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let printed = deployment.cli(&arguments).await;
        if let ["client", "create", id, ..] = arguments.as_slice() {
            made.insert((*id).to_owned(), printed);
        }
    }
    made
}

/// How a service answers this token.
async fn answer(service: &Service, token: &str) -> (u16, String) {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let answer = http.get(&*service.url()).bearer_auth(token).send().await.expect("an answer");
    let challenge = answer.headers().get("www-authenticate").map(|value| value.to_str());
    let challenge = challenge.map_or("", |value| value.expect("text")).to_owned();
    (answer.status().as_u16(), challenge)
}

/// What everybody knows of the issuer opens nothing, when taken for a secret.
async fn public_keys_open_nothing(node: &Node, services: &[Service]) {
    let published = node.text(&format!("{}/jwks", node.url)).await;
    let jwks: Value = serde_json::from_str(&published).expect("JSON");
    let key = &jwks["keys"][0];
    let mut secrets = vec![published.clone(), key.to_string()];
    secrets.extend(["x", "y", "n"].iter().filter_map(|name| key[name].as_str().map(str::to_owned)));
    for (service, secret) in services.iter().flat_map(|one| secrets.iter().map(move |it| (one, it)))
    {
        let forged = old_token("shop", service.name, secret.as_bytes());
        let (status, challenge) = answer(service, &forged).await;
        assert_eq!(status, 401);
        assert!(challenge.contains("invalid_token"), "{challenge}");
    }
}

/// How often each client came with an old token, to any of the services.
fn old_calls(migrations: &[Migration]) -> HashMap<String, u64> {
    let mut calls = HashMap::new();
    for (client, count) in migrations.iter().flat_map(Migration::legacy_calls) {
        *calls.entry(client).or_default() += count;
    }
    calls
}

/// A round of calls by everybody who calls.
async fn more(loads: &[Load]) {
    for load in loads {
        load.reaches(load.succeeded() + MORE / WORKERS as u64, LIMIT).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_leaves_hs256_without_a_failed_request() {
    let deployment = Deployment::sqlite();
    let made = run_the_page(&deployment).await;
    let (node, calendar) = (deployment.start().await, Calendar::default());
    let services = [
        Service::new("orders", "https://orders.example", "orders:read"),
        Service::new("payments", "https://payments.example", "payments:read"),
    ];
    let mut old = Vec::new();
    for service in &services {
        old.push(service.release(service.with_the_secret()).await);
    }
    let callers = CLIENTS.map(|id| Caller::new(&deployment.issuer, &made[id], id, &services));
    let loads = callers.each_ref().map(|caller| {
        let caller = caller.clone();
        Load::start(WORKERS, move || caller.clone().call_both())
    });
    more(&loads).await;

    // The services, one after the other.
    let (mut migrations, mut running) = (Vec::new(), Vec::new());
    for (service, before) in services.iter().zip(old) {
        let (migration, routes) = service.with_both(&deployment.issuer, &calendar).await;
        running.push(service.release(routes).await);
        before.stop().await;
        migrations.push(migration);
        more(&loads).await;
    }
    public_keys_open_nothing(&node, &services).await;

    // The callers, one after the other; each stays where it is until its turn.
    for caller in &callers {
        let before = old_calls(&migrations);
        more(&loads).await;
        assert!(old_calls(&migrations)[caller.client_id] > before[caller.client_id]);
        caller.has_moved.store(true, Ordering::Relaxed);
        more(&loads).await;
    }
    let moved = old_calls(&migrations);
    more(&loads).await;
    assert_eq!(old_calls(&migrations), moved, "somebody is left");

    // The day.
    let (late, payments) = (old_token("batch", "payments", SECRET), &services[1]);
    assert_eq!(answer(payments, &late).await.0, 200);
    calendar.0.store(CENTURY, Ordering::Relaxed);
    more(&loads).await;
    let (status, challenge) = answer(payments, &late).await;
    assert_eq!(status, 401);
    assert!(challenge.contains("invalid_token"), "{challenge}");
    public_keys_open_nothing(&node, &services).await;

    let (mut succeeded, mut failures) = (0, Vec::new());
    for load in loads {
        let outcome = load.stop().await;
        succeeded += 2 * outcome.succeeded;
        failures.extend(outcome.failures);
    }
    println!("{succeeded} requests, {} failed; old tokens by client: {moved:?}", failures.len());
    assert_eq!(failures, Vec::<String>::new());
    assert!(running.iter().all(|release| !release.ended.is_finished()));
}

#[test]
fn the_lines_of_the_page_are_those_of_this_story() {
    let page = std::fs::read_to_string(environment::workspace().join(PAGE)).expect("the page");
    let story: Vec<&str> = include_str!("hs256.rs").lines().map(str::trim).collect();
    let snippets = page.split("```rust\n").skip(1).filter_map(|part| part.split("```").next());
    let lines: Vec<&str> = snippets.flat_map(str::lines).map(str::trim).collect();
    assert!(lines.len() > 5);
    for line in lines {
        let is_told = story.contains(&line);
        // The story moves the calendar of its services.
        assert!(is_told || line.starts_with("let migration ="), "{line}");
    }
}
