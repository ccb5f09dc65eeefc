//! Applications of the stories, as their makers would build them: server-rendered with the SDK's `session`, and a single
//! page with `oidc-client-ts`.

use axum::http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName};
use axum::response::Html;
use axum::routing::get;
use axum::{Json, Router};
use countersign_verifier::RelyingParty;
use countersign_verifier::key_source::HttpFetch;
use countersign_verifier::session::{CookieKeys, MemoryStore, OptionalSession, Sessions};
use end_to_end::harness::{Certificate, Deployment, environment};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

/// Where an application keeps its sessions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kept {
    InTheCookie,
    OnTheServer,
}

/// A server-rendered application at `url`.
pub(crate) async fn rendered(
    deployment: &Deployment,
    certificate: &Certificate,
    (url, client): (&str, &Value),
    kept: Kept,
) -> Router {
    let http = client_that_trusts(deployment, certificate);
    let fetch = HttpFetch::with_client(http.clone());
    let client_id = client["client_id"].as_str().expect("a client id");
    let party = RelyingParty::builder(&deployment.issuer, client_id).fetcher(fetch.clone());
    let party = party.build().await.expect("a relying party");
    let keys = CookieKeys::parse(&"c0".repeat(32), []).expect("a key");
    let builder = Sessions::builder(party, url, keys)
        .client_secret(client["client_secret"].as_str().expect("a secret"))
        .scope("openid profile")
        .with_user_info()
        .fetcher(fetch)
        .http_client(http);
    let builder = match kept {
        Kept::InTheCookie => builder,
        Kept::OnTheServer => builder.store(MemoryStore::default()),
    };
    let sessions = builder.build().expect("sessions");
    let routes = Router::new().route("/", get(home)).layer(sessions.layer());
    routes.route("/keepsake", get(keepsake)).merge(sessions.routes())
}

async fn home(OptionalSession(session): OptionalSession) -> Html<String> {
    let body = match session {
        None => "<p id=user></p><a href='/login'>Sign in</a>".to_owned(),
        Some(session) => {
            let user = session.user();
            let name = user.get("preferred_username").and_then(Value::as_str).unwrap_or_default();
            format!(
                "<p id=user>{name}</p><form method=post action=/logout><button>Sign out</button></form>"
            )
        }
    };
    Html(format!("<!doctype html><html lang=en><title>Application</title>{body}"))
}

/// Gives a cookie that would come along in frames of other sites, and says which came: so that a story can see whether
/// the browser blocks third-party cookies.
async fn keepsake(headers: HeaderMap) -> ([(HeaderName, &'static str); 2], String) {
    let cookies = headers.get(COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let given = "__Host-keepsake=1; Path=/; Secure; SameSite=None";
    ([(SET_COOKIE, given), (CONTENT_TYPE, "text/plain")], cookies.to_owned())
}

/// A single page whose scripts do everything.
pub(crate) fn single_page(deployment: &Deployment, client_id: &str) -> Router {
    let file = |name: &str| {
        let path = environment::workspace().join("tests/browser").join(name);
        std::fs::read_to_string(&path).expect("a file of the single page")
    };
    let script = |text: String| get(move || async { ([(CONTENT_TYPE, "text/javascript")], text) });
    let library = file("node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js");
    let settings = json!({ "authority": deployment.issuer, "client_id": client_id });
    let page = file("spa/index.html");
    Router::new()
        .route("/", get(move || async { Html(page) }))
        .route("/app.js", script(file("spa/app.js")))
        .route("/oidc-client-ts.js", script(library))
        .route("/settings.json", get(move || async { Json(settings) }))
}

/// The way from an application to the issuer: its name leads to this machine, and its authority is trusted.
fn client_that_trusts(deployment: &Deployment, certificate: &Certificate) -> reqwest::Client {
    let pem = std::fs::read(&certificate.authority).expect("a certificate");
    let authority = reqwest::Certificate::from_pem(&pem).expect("a certificate");
    let host = deployment.issuer.trim_start_matches("https://");
    let (host, _port) = host.rsplit_once(':').expect("an issuer with a port");
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(10))
        .add_root_certificate(authority)
        .resolve(host, SocketAddr::from(([127, 0, 0, 1], 0)))
        .build()
        .expect("an HTTP client")
}
