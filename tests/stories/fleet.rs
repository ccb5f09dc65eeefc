//! The fleet of `docs/fleet.md`: its commands, and its services with the SDK. A browser calls a gateway, which calls `orders`,
//! which calls `payments`, which calls the ledger; each verifies alone, and the ledger knows who is behind it all. A batch job
//! names a user, and a CI job has no secret.

use crate::assertion::now;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use countersign_keys::jws::sign_compact;
use countersign_keys::signing_key::KeySize;
use countersign_keys::{Algorithm, JwkSet, SigningKey};
use countersign_verifier::axum::{Auth, AuthLayer, require_binding, require_hops, require_scopes};
use countersign_verifier::binding::Dpop;
use countersign_verifier::client::{
    ClientAuthentication, TokenMiddleware, TokenRequest, TokenSource, TokenSourceBuilder,
};
use countersign_verifier::credential::Carriers;
use countersign_verifier::{By, Caller, Hops, Verifier};
use end_to_end::harness::{Deployment, Node, Person, WebClient, environment};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::UNIX_EPOCH;
use tokio::net::TcpListener;

const ORDERS: &str = "https://orders.example";
const PAYMENTS: &str = "https://payments.example";
const LEDGER: &str = "https://ledger.example";
const COOKIE: &str = "__Host-token";
const JOB: &str = "repo:acme/shop:ref:refs/heads/main";

/// The issuer, what its commands printed, and where everything is.
struct Fleet {
    deployment: Deployment,
    node: Node,
    ada: String,
    made: HashMap<String, Value>,
    ci: Ci,
    batch_key: SigningKey,
}

/// An issuer of tokens for jobs.
struct Ci {
    url: String,
    key: SigningKey,
}

impl Ci {
    async fn start() -> Self {
        let (socket, url) = socket().await;
        let key = key();
        let keys = json!(JwkSet::from_keys([key.verifying_key().clone()]));
        let metadata = json!({ "issuer": url, "jwks_uri": format!("{url}/jwks") });
        serve(
            socket,
            Router::new()
                .route("/.well-known/openid-configuration", get(async || Json(metadata)))
                .route("/jwks", get(async || Json(keys))),
        );
        Self { url, key }
    }

    /// The token of a job, in a file as its runner leaves it.
    fn leave(&self, fleet: &Fleet, environment: &str) -> std::path::PathBuf {
        let now = now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let claims = json!({
            "iss": self.url, "sub": JOB, "aud": fleet.deployment.issuer, "iat": now, "exp": now + 300,
            "environment": environment,
        });
        let token = sign_compact(&self.key, "JWT", claims.to_string().as_bytes());
        let file = fleet.deployment.path(&format!("{environment}.jwt"));
        std::fs::write(&file, token.expect("a signature")).expect("a file");
        file
    }
}

impl Fleet {
    /// An issuer that knows what the page tells it.
    async fn set() -> Self {
        let ci = Ci::start().await;
        let tables = format!(
            "[workload.ci]\nissuer = {:?}\n[outbound]\nallow = [\"127.0.0.0/8\"]\n",
            ci.url
        );
        let deployment = Deployment::sqlite().patient().with(&tables);
        let ada = deployment.person("ada").await;
        let batch_key = key();
        let jwks = json!(JwkSet::from_keys([batch_key.verifying_key().clone()]));
        std::fs::write(deployment.path("batch.jwks"), jwks.to_string()).expect("a file");
        let made = run_the_page(&deployment, &ci).await;
        let node = deployment.start().await;
        Self { deployment, node, ada, made, ci, batch_key }
    }

    fn secret(&self, client_id: &str) -> &str {
        self.made[client_id]["client_secret"].as_str().expect("a secret")
    }

    fn source(&self, id: &str, authentication: ClientAuthentication) -> TokenSourceBuilder {
        TokenSource::builder(&self.deployment.issuer, id, authentication)
    }

    fn by_secret(&self, id: &str) -> TokenSourceBuilder {
        self.source(id, ClientAuthentication::secret(self.secret(id)))
    }

    async fn verifier(&self, audience: &str) -> Verifier {
        let verifier = Verifier::builder(&self.deployment.issuer).audience(audience);
        verifier.build().await.expect("a verifier")
    }

    /// What Ada's browser holds after she signed in at the gateway.
    async fn sign_ada_in(&self) -> String {
        let web = WebClient {
            client_id: "web".to_owned(),
            client_secret: self.secret("web").to_owned(),
            redirect_uri: "https://web.example/callback".to_owned(),
            scope: "openid orders:read".to_owned(),
        };
        self.node.knows_web(&web).await;
        let person = Person::signed_in(&self.node, &web, "ada").await;
        let code = person.code(&self.node, &web).await.expect("a code");
        let reply = self.node.redeem(&web, &code).await.expect("an answer");
        reply.access_token().expect("a token")
    }
}

/// Runs each command of the page; what those that made clients printed.
async fn run_the_page(deployment: &Deployment, ci: &Ci) -> HashMap<String, Value> {
    let page = std::fs::read_to_string(environment::workspace().join("docs/fleet.md"));
    let page = page.expect("the page");
    let jwks = deployment.path("batch.jwks").display().to_string();
    let (mut made, mut ran) = (HashMap::new(), 0);
    for line in page.lines().filter_map(|line| line.strip_prefix("$ countersign ")) {
        let line = line.replace("https://ci.example", &ci.url).replace("batch.jwks", &jwks);
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let printed = deployment.cli(&arguments).await;
        if let ["client", "create", id, ..] = arguments.as_slice() {
            made.insert((*id).to_owned(), printed);
        }
        ran += 1;
    }
    assert_eq!(ran, 12, "every command of the page");
    made
}

/// A service that asks the next one in the name of its caller.
#[derive(Clone)]
struct Hop {
    http: ClientWithMiddleware,
    next: String,
    wanted: TokenRequest,
}

impl Hop {
    fn new(source: TokenSource, wanted: TokenRequest, next: &str) -> Self {
        let middleware = TokenMiddleware::new(source, wanted.clone(), next);
        let http = ClientBuilder::new(plain_http()).with(middleware).build();
        Self { http, next: next.to_owned(), wanted }
    }

    async fn ask(State(hop): State<Self>, auth: Auth) -> (StatusCode, String) {
        let for_caller = hop.wanted.on_behalf_of(auth.token().expose());
        let asked = hop.http.get(format!("{}/book", hop.next)).with_extension(for_caller);
        passed_on(asked.send().await.map_err(|error| error.to_string())).await
    }
}

async fn passed_on(answer: Result<reqwest::Response, String>) -> (StatusCode, String) {
    match answer {
        Ok(answer) => (answer.status(), answer.text().await.unwrap_or_default()),
        Err(error) => (StatusCode::BAD_GATEWAY, error),
    }
}

/// The gateway: whoever signed in has a cookie with a token, which goes to `orders`.
async fn gateway(fleet: &Fleet, orders: &str) -> String {
    let carriers = Carriers::bearer().or_cookie(COOKIE).expect("a name of a cookie");
    let layer = AuthLayer::new(fleet.verifier(ORDERS).await).carriers(carriers);
    let (http, url) = (plain_http(), format!("{orders}/book"));
    let ask = async move |auth: Auth| {
        let asked = http.get(url).bearer_auth(auth.token().expose());
        passed_on(asked.send().await.map_err(|error| error.to_string())).await
    };
    start(Router::new().route("/", get(ask)).layer(layer)).await
}

/// A service in between.
async fn hop(fleet: &Fleet, audience: &str, scope: &str, hop: Hop) -> String {
    let routes = Router::new().route("/book", get(Hop::ask)).with_state(hop);
    let guarded = routes.route_layer(require_scopes([scope]));
    start(guarded.layer(AuthLayer::new(fleet.verifier(audience).await))).await
}

/// The last one, which is called by services that prove their keys, and shows entries to jobs that speak for somebody.
async fn ledger(fleet: &Fleet) -> String {
    let (socket, url) = socket().await;
    let verifier = Verifier::builder(&fleet.deployment.issuer).audience(LEDGER);
    let verifier = verifier.dpop(Dpop::at(&url)).build().await.expect("a verifier");
    let names = HashMap::from([(fleet.ada.clone(), "Ada")]);
    let jobs = AuthLayer::new(verifier.accepting_app_asserted());
    let tell = async move |State(names): State<HashMap<String, &'static str>>, auth: Auth| {
        told(&names, &auth)
    };
    let services = Router::new()
        .route("/book", get(tell))
        .route_layer(require_binding())
        .route_layer(require_hops(Hops::at_most(2).at_least(2).first("orders")))
        .layer(AuthLayer::new(verifier));
    let entries = Router::new().route("/entries", get(tell)).layer(jobs);
    serve(socket, services.merge(entries).with_state(names));
    url
}

fn told(names: &HashMap<String, &'static str>, auth: &Auth) -> String {
    let through = |first: &str| {
        let mut through = vec![first.to_owned()];
        through.extend(auth.actors().iter().map(|actor| actor.client_id.to_owned()));
        through.join(", ")
    };
    let bound = match auth.binding() {
        Some(_) => "; the caller holds the key of its token",
        None => "",
    };
    match auth.caller() {
        Caller::User { subject, .. } => {
            format!("user {}, through {}{bound}", names[subject], through(auth.origin_client_id()))
        }
        Caller::AppAsserted { subject, asserted_by } => {
            assert!(matches!(auth.actors().first(), Some(actor) if actor.by == By::Assertion));
            format!("user {}, as {asserted_by} says", names[subject])
        }
        other => format!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_knows_who_is_behind_a_call_through_the_whole_fleet() {
    let fleet = Fleet::set().await;
    let ledger = ledger(&fleet).await;
    let wanted = |resource, scope| TokenRequest::for_resource(resource).scope(scope);
    let bound = fleet.by_secret("payments").dpop(key()).build().expect("a source");
    let bare = fleet.by_secret("payments").build().expect("a source");
    let to_ledger = wanted(LEDGER, "ledger:read");
    let payments = Hop::new(bound, to_ledger.clone(), &ledger);
    let payments = hop(&fleet, PAYMENTS, "payments:read", payments).await;
    let orders = fleet.by_secret("orders").build().expect("a source");
    let orders = Hop::new(orders, wanted(PAYMENTS, "payments:read"), &payments);
    let orders = hop(&fleet, ORDERS, "orders:read", orders).await;
    let gateway = gateway(&fleet, &orders).await;
    let token = fleet.sign_ada_in().await;
    let call = async |cookie: String| {
        let called = plain_http().get(&gateway).header("cookie", cookie).send().await;
        passed_on(called.map_err(|error| error.to_string())).await
    };

    let (status, said) = call(format!("{COOKIE}={token}")).await;
    println!("the ledger: {said}");
    let expected = "user Ada, through web, orders, payments; the caller holds the key of its token";
    assert_eq!((status, said.as_str()), (StatusCode::OK, expected));

    // Nobody, and whoever skips a hop.
    assert_eq!(call(String::new()).await.0, StatusCode::UNAUTHORIZED);
    let skipped = to_ledger.on_behalf_of(&token);
    let refused = bare.token(&skipped).await.expect_err("it is not for payments");
    assert_eq!(refused.code(), "token_refused", "{refused}");

    // The issuer goes; who has tokens is served.
    drop(fleet.node);
    assert_eq!(call(format!("{COOKIE}={token}")).await, (StatusCode::OK, expected.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_names_a_user_is_let_in_where_a_route_says_so_and_nowhere_else() {
    let fleet = Fleet::set().await;
    let ledger = ledger(&fleet).await;
    let key = SigningKey::from_pkcs8_der(
        &fleet.batch_key.to_pkcs8_der().expect("a key"),
        Algorithm::Es256,
    );
    let key = ClientAuthentication::private_key(key.expect("a key"));
    let source = fleet.source("batch", key).build().expect("a source");
    let about = TokenRequest::for_resource(LEDGER).scope("ledger:read").about_user(&fleet.ada);
    let middleware =
        TokenMiddleware::new(source.clone(), about.clone().reason("closing of the month"), &ledger);
    let http = ClientBuilder::new(plain_http()).with(middleware).build();

    let entries = http.get(format!("{ledger}/entries")).send().await.expect("an answer");
    assert_eq!(entries.text().await.expect("a text"), "user Ada, as batch says");
    let book = http.get(format!("{ledger}/book")).send().await.expect("an answer");
    assert_eq!(book.status(), StatusCode::UNAUTHORIZED);

    let silent = source.token(&about).await.expect_err("a reason is demanded");
    assert_eq!(silent.code(), "token_refused", "{silent}");
    let elsewhere = TokenRequest::for_resource(PAYMENTS).about_user(&fleet.ada).reason("why not");
    assert_eq!(source.token(&elsewhere).await.expect_err("refused").code(), "token_refused");
    let log = std::fs::read_to_string(fleet.deployment.data_dir().join("audit.log"));
    assert!(log.expect("the audit log").contains(r#""reason":"closing of the month""#));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ci_job_has_no_secret_and_another_environment_has_no_token() {
    let fleet = Fleet::set().await;
    let payments = Router::new()
        .route("/", get(async |auth: Auth| format!("hello, {}", auth.client_id())))
        .layer(AuthLayer::new(fleet.verifier(PAYMENTS).await));
    let payments = start(payments).await;
    let job = |environment: &str| {
        let file = ClientAuthentication::token_file(fleet.ci.leave(&fleet, environment));
        let source = fleet.source("deploy", file).build().expect("a source");
        let wanted = TokenRequest::for_resource(PAYMENTS).scope("payments:read");
        let middleware = TokenMiddleware::new(source, wanted, &payments);
        ClientBuilder::new(plain_http()).with(middleware).build()
    };

    let answer = job("production").get(&payments).send().await.expect("an answer");
    assert_eq!(answer.text().await.expect("a text"), "hello, deploy");
    let refused = job("staging").get(&payments).send().await.expect_err("no rule fits");
    assert!(refused.to_string().contains("invalid_client"), "{refused}");
}

fn key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256, KeySize::Default).expect("a key")
}

fn plain_http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().expect("an HTTP client")
}

async fn socket() -> (TcpListener, String) {
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let url = format!("http://{}", socket.local_addr().expect("an address"));
    (socket, url)
}

fn serve(socket: TcpListener, router: Router) {
    tokio::spawn(async move { axum::serve(socket, router).await });
}

async fn start(router: Router) -> String {
    let (socket, url) = socket().await;
    serve(socket, router);
    url
}
