//! Signing in at another provider: another Countersign on a socket, and one that lies.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use countersign::config::{Secret, UpstreamProvider, UpstreamRegistration};
use countersign::protocol::redirect_uri::{ApplicationType, RedirectUri};
use countersign::registry::User;
use countersign::store::Actor;
use countersign_verifier::testing::{TestIssuer, id_token_corpus};
use http::StatusCode;
use serde_json::json;
use tokio::net::TcpListener;
use url::Url;
use uuid::Uuid;

use crate::account::hidden_of;

use crate::harness::{Answer, Issuer, START};
use crate::people::{Browser, PASSWORD, callback, hidden, payload};

const OURS: &str = "https://issuer.example";
const BACK: &str = "https://issuer.example/login/upstream/up/callback";

/// Another Countersign, on a socket, at which `ada` has an account.
async fn upstream() -> (Issuer, UpstreamProvider) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let upstream = Issuer::with(|config| config.issuer = url.parse().unwrap()).await;
    upstream.serve(listener);
    upstream.user("ada").await;
    let secret = upstream
        .web("rp", |_, sign_in| {
            sign_in.redirect_uris = vec![RedirectUri::parse(BACK, ApplicationType::Web).unwrap()];
        })
        .await;
    let provider = UpstreamProvider {
        issuer: url,
        client_id: "rp".to_owned(),
        client_secret: Some(Secret::new(secret)),
        label: Some("Upstream <b>".to_owned()),
        ..UpstreamProvider::default()
    };
    (upstream, provider)
}

/// An issuer at which people may sign in by it.
async fn issuer(
    provider: &UpstreamProvider,
    registration: UpstreamRegistration,
) -> (Issuer, String) {
    let provider = UpstreamProvider { registration, ..provider.clone() };
    let issuer = Issuer::with(|config| {
        config.outbound.allow = vec!["127.0.0.0/8".parse().unwrap()];
        config.upstream.insert("up".to_owned(), provider);
    })
    .await;
    let secret = issuer.web("web", |_, _| {}).await;
    (issuer, secret)
}

/// From a login page to the provider: its address.
async fn leave(browser: &Browser<'_>, page: &Answer) -> Url {
    let fields = [("csrf", hidden(page, "csrf")), ("continue", hidden(page, "continue"))];
    let [(_, csrf), (_, rest)] = &fields;
    let fields = [("csrf", csrf.as_str()), ("continue", rest.as_str()), ("provider", "up")];
    let answer = browser.post("/login/upstream", &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.header("location").parse().unwrap()
}

fn parameter(url: &Url, name: &str) -> String {
    let found = url.query_pairs().find(|(key, _)| key == name);
    found.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// Signs in at the provider; the path at which the browser comes back.
async fn visit(there: &Browser<'_>, url: &Url) -> String {
    let page = there.get(&format!("{}?{}", url.path(), url.query().unwrap())).await;
    let answer = match page.status.as_u16() {
        200 => there.log_in(&page, "ada", PASSWORD).await,
        _ => page,
    };
    let location = answer.header("location").to_owned();
    location.strip_prefix(OURS).unwrap().to_owned()
}

/// The whole way, from the client's request on.
async fn sign_in(browser: &Browser<'_>, there: &Browser<'_>, more: &[(&str, &str)]) -> Answer {
    let page = browser.authorize("web", more).await;
    let url = leave(browser, &page).await;
    let answer = browser.get(&visit(there, &url).await).await;
    browser.follow(answer).await
}

#[tokio::test]
async fn somebody_new_gets_an_account_where_that_is_open_and_is_the_same_the_next_time() {
    let (upstream, provider) = upstream().await;
    let (issuer, secret) = issuer(&provider, UpstreamRegistration::Open).await;
    let there = Browser::new(&upstream);
    let first = Browser::new(&issuer);

    let page = first.authorize("web", &[]).await;
    let url = leave(&first, &page).await;
    let answer = first.get(&visit(&there, &url).await).await;
    let code = callback(&first.follow(answer).await)["code"].clone();
    let tokens = issuer.redeem("web", &secret, &code).await.json();
    let again = callback(&sign_in(&Browser::new(&issuer), &there, &[]).await)["code"].clone();
    let again = issuer.redeem("web", &secret, &again).await.json();

    assert!(page.body.contains("value=\"up\""), "{}", page.body);
    assert!(!page.body.contains("<b>"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains(&provider.issuer), "{policy}");
    assert_eq!(parameter(&url, "redirect_uri"), BACK);
    assert_eq!(parameter(&url, "code_challenge_method"), "S256");
    assert_eq!(parameter(&url, "scope"), "openid profile email");
    let id = payload(&tokens["id_token"]);
    assert_eq!((&id["amr"], &id["acr"]), (&json!(["fed"]), &"1".into()));
    assert_eq!(id["auth_time"], START);
    assert_eq!(payload(&again["id_token"])["sub"], id["sub"]);
    let users = issuer.app.store.users().await.unwrap();
    assert_eq!(users.len(), 1);
    assert!(!users[0].username.contains('@') && !users[0].email_verified);
    let linked = issuer.app.store.upstream_identities_of(users[0].id).await.unwrap();
    assert_eq!((linked.len(), &linked[0].identity.issuer), (1, &provider.issuer));
    assert_eq!(linked[0].last_used_at, Some(START));
}

#[tokio::test]
async fn an_address_that_is_the_same_is_no_proof_and_a_link_is_made_by_who_proves_both() {
    let (upstream, provider) = upstream().await;
    for registration in [UpstreamRegistration::Closed, UpstreamRegistration::Open] {
        let (issuer, secret) = issuer(&provider, registration).await;
        let ada = issuer.user("ada").await;
        let (browser, there) = (Browser::new(&issuer), Browser::new(&upstream));

        let refused = sign_in(&browser, &there, &[]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(issuer.app.store.users().await.unwrap().len(), 1);
        let proved = browser.log_in(&refused, "ada", PASSWORD).await;
        assert!(callback(&proved).contains_key("code"));
        let page = browser.get("/account").await;
        let leaving = browser.submit(&page, "/account/identities", &[("provider", "up")]).await;
        let url: Url = leaving.header("location").parse().unwrap();
        let linked = browser.get(&visit(&there, &url).await).await;
        let page = browser.get("/account").await;
        let answer = sign_in(&Browser::new(&issuer), &there, &[]).await;

        assert_eq!((linked.status, linked.header("location")), (StatusCode::SEE_OTHER, "/account"));
        let tokens = issuer.redeem("web", &secret, &callback(&answer)["code"]).await.json();
        assert_eq!(payload(&tokens["id_token"])["sub"], ada.to_string());
        assert!(page.body.contains("Upstream &#60;b&#62;"), "{}", page.body);
        let id = identity_id(&issuer, ada).await;
        let away =
            browser.submit(&page, "/account/identities/unlink", &[("id", id.as_str())]).await;
        assert_eq!((away.status, away.header("location")), (StatusCode::SEE_OTHER, "/account"));
        let unlinked = sign_in(&Browser::new(&issuer), &there, &[]).await;
        assert_eq!(unlinked.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
}

/// How the account page names the identity of a user.
async fn identity_id(issuer: &Issuer, user: Uuid) -> String {
    let identities = issuer.app.store.upstream_identities_of(user).await.unwrap();
    format!("{} {}", identities[0].identity.issuer, identities[0].identity.subject)
}

#[tokio::test]
async fn the_last_way_to_sign_in_and_the_identity_of_somebody_else_stay() {
    let (upstream, provider) = upstream().await;
    let (issuer, _) = issuer(&provider, UpstreamRegistration::Open).await;
    let (browser, there) = (Browser::new(&issuer), Browser::new(&upstream));
    callback(&sign_in(&browser, &there, &[]).await);
    let newcomer = issuer.app.store.users().await.unwrap()[0].id;
    let id = identity_id(&issuer, newcomer).await;
    issuer.user("eve").await;
    let eve = Browser::new(&issuer);
    eve.account("eve").await;

    let page = browser.get("/account").await;
    let last = browser.submit(&page, "/account/identities/unlink", &[("id", id.as_str())]).await;
    let unlinking = eve.get("/account").await;
    let csrf = hidden_of(&unlinking, "/account/identities", "csrf");
    let fields = [("csrf", csrf.as_str()), ("id", id.as_str())];
    let foreign = eve.post("/account/identities/unlink", &fields).await;
    let export = browser.submit(&page, "/account/export", &[]).await.json();

    assert_eq!(last.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    assert_eq!(identity_id(&issuer, newcomer).await, id, "nothing was taken away");
    assert_eq!(export["identities"][0]["issuer"], provider.issuer);
}

#[tokio::test]
async fn cve_2022_39222_r38_an_answer_is_for_the_browser_that_asked_and_good_once() {
    let (upstream, provider) = upstream().await;
    let (issuer, _) = issuer(&provider, UpstreamRegistration::Open).await;
    let (attacker, victim) = (Browser::new(&issuer), Browser::new(&issuer));
    let there = Browser::new(&upstream);
    let page = attacker.authorize("web", &[]).await;
    let url = leave(&attacker, &page).await;
    let back = visit(&there, &url).await;
    let own = victim.authorize("web", &[]).await;
    leave(&victim, &own).await;

    let injected = victim.get(&back).await;
    let (path, query) = back.split_once('?').unwrap();
    let altered = attacker.get(&format!("{path}?{}", query.replace("state=", "state=x"))).await;
    let twice = attacker.get(&format!("{back}&code=x")).await;
    let honest = attacker.get(&back).await;
    let replayed = attacker.get(&back).await;

    for refused in [&injected, &altered, &twice, &replayed] {
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(victim.cookie("__Host-session"), None);
    assert!(honest.header("location").starts_with("/continue"));
}

#[tokio::test]
async fn r10_fa2_an_answer_of_another_issuer_or_of_none_is_not_redeemed() {
    let (upstream, provider) = upstream().await;
    let (issuer, _) = issuer(&provider, UpstreamRegistration::Open).await;
    let there = Browser::new(&upstream);

    for what in ["another", "none", "another provider's address", "error"] {
        let browser = Browser::new(&issuer);
        let page = browser.authorize("web", &[]).await;
        let url = leave(&browser, &page).await;
        let back = visit(&there, &url).await;
        let iss = format!(
            "iss={}",
            crate::harness::form(&[("", &provider.issuer)]).trim_start_matches('=')
        );
        assert!(back.contains(&iss), "{back}");
        let back = match what {
            "another" => back.replace(&iss, "iss=https%3A%2F%2Fevil.example"),
            "none" => back.replace(&iss, "x=1"),
            "error" => back.replace("code=", "error=access_denied&x="),
            _ => back.replace("/up/", "/other/"),
        };

        let answer = browser.get(&back).await;

        assert!([400, 422].contains(&answer.status.as_u16()), "{what}: {}", answer.status);
        assert_eq!(browser.cookie("__Host-session"), None, "{what}");
    }
    assert!(issuer.app.store.users().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_form_of_another_site_or_of_an_old_session_sends_nobody_away() {
    let (_upstream, provider) = upstream().await;
    let (issuer, _) = issuer(&provider, UpstreamRegistration::Open).await;
    issuer.user("ada").await;
    let browser = Browser::new(&issuer);
    let page = browser.authorize("web", &[]).await;
    let (csrf, rest) = (hidden(&page, "csrf"), hidden(&page, "continue"));
    browser.log_in(&page, "ada", PASSWORD).await;

    let fields = [("continue", rest.as_str()), ("provider", "up")];
    let without = browser.post("/login/upstream", &fields).await;
    let fields = [("csrf", csrf.as_str()), ("continue", rest.as_str()), ("provider", "nobody")];
    let unknown = browser.post("/login/upstream", &fields).await;
    let forged = browser.post("/account/identities", &[("provider", "up")]).await;
    let fields = [("csrf", csrf.as_str()), ("provider", "up")];
    let of_another_form = browser.post("/account/identities", &fields).await;
    let account = browser.get("/account").await;
    issuer.clock.advance(Duration::from_secs(601));
    issuer.follow().await;
    let stale = browser.submit(&account, "/account/identities", &[("provider", "up")]).await;

    let signs_in_first = stale.header("location").starts_with("/continue");
    assert!(stale.status == StatusCode::SEE_OTHER && signs_in_first, "{:?}", stale.headers);
    for refused in [without, unknown, forged, of_another_form] {
        let outcome = (refused.status, refused.header("location"));
        assert_eq!(outcome, (StatusCode::BAD_REQUEST, ""), "{}", refused.body);
    }
}

#[tokio::test]
async fn a_sign_in_that_is_demanded_is_demanded_of_the_provider() {
    let (upstream, provider) = upstream().await;
    let (issuer, secret) = issuer(&provider, UpstreamRegistration::Open).await;
    let (browser, there) = (Browser::new(&issuer), Browser::new(&upstream));
    callback(&sign_in(&browser, &there, &[]).await);
    for side in [&issuer, &upstream] {
        side.clock.advance(Duration::from_mins(1));
        side.follow().await;
    }

    let page = browser.authorize("web", &[("prompt", "login")]).await;
    let url = leave(&browser, &page).await;
    let answer = browser.get(&visit(&there, &url).await).await;
    let code = callback(&browser.follow(answer).await)["code"].clone();

    assert_eq!(
        (parameter(&url, "max_age"), parameter(&url, "prompt")),
        ("0".into(), "login".into())
    );
    let tokens = issuer.redeem("web", &secret, &code).await.json();
    assert_eq!(payload(&tokens["id_token"])["auth_time"], START + 60);
}

#[tokio::test]
async fn a_user_who_is_disabled_here_does_not_get_in_by_another_provider() {
    let (upstream, provider) = upstream().await;
    let (issuer, _) = issuer(&provider, UpstreamRegistration::Open).await;
    let there = Browser::new(&upstream);
    callback(&sign_in(&Browser::new(&issuer), &there, &[]).await);
    let name = issuer.app.store.users().await.unwrap()[0].username.clone();
    let disable = |user: &mut User| {
        user.enabled = false;
        Ok(())
    };
    issuer.app.store.update_user(&name, &Actor::node().at(START), disable).await.unwrap();

    let browser = Browser::new(&issuer);
    let answer = sign_in(&browser, &there, &[]).await;

    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(browser.cookie("__Host-session"), None);
}

#[tokio::test]
async fn a_provider_that_is_away_or_another_has_no_button_and_holds_nobody() {
    let provider = |issuer: &str| UpstreamProvider {
        issuer: issuer.to_owned(),
        client_id: "rp".to_owned(),
        ..UpstreamProvider::default()
    };
    let liar = Liar::start().await;
    for address in ["http://127.0.0.1:1".to_owned(), format!("{}/", liar.issuer.issuer())] {
        let (issuer, _) = issuer(&provider(&address), UpstreamRegistration::Open).await;
        issuer.user("ada").await;
        let browser = Browser::new(&issuer);

        let page = browser.authorize("web", &[]).await;

        assert!(!page.body.contains("name=\"provider\""), "{address}");
        assert!(callback(&browser.log_in(&page, "ada", PASSWORD).await).contains_key("code"));
    }
}

/// A provider whose ID tokens are made by the test.
struct Liar {
    issuer: TestIssuer,
    id_token: Arc<Mutex<String>>,
}

impl Liar {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let clock = countersign::clock::Clock::fixed(START);
        let issuer = TestIssuer::new(&url).clock(clock);
        let metadata = json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "jwks_uri": format!("{url}/jwks"),
        });
        let (metadata, jwks) = (metadata.to_string(), issuer.jwks_json());
        let id_token = Arc::new(Mutex::new(String::new()));
        let token = async |State(token): State<Arc<Mutex<String>>>| {
            json!({ "id_token": *token.lock().unwrap(), "access_token": "x" }).to_string()
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(async || metadata))
            .route("/jwks", get(async || jwks))
            .route("/token", post(token))
            .with_state(Arc::clone(&id_token));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { issuer, id_token }
    }
}

#[tokio::test]
async fn row_45_cve_2026_55669_no_hostile_id_token_signs_anybody_in() {
    let liar = Liar::start().await;
    let provider = UpstreamProvider {
        issuer: liar.issuer.issuer().to_owned(),
        client_id: "rp".to_owned(),
        ..UpstreamProvider::default()
    };
    let (issuer, _) = issuer(&provider, UpstreamRegistration::Open).await;
    let tokens = id_token_corpus(&liar.issuer, "rp", "").len();
    let attempt = async |choose: &dyn Fn(&str) -> (String, String)| {
        let browser = Browser::new(&issuer);
        let page = browser.authorize("web", &[]).await;
        let url = leave(&browser, &page).await;
        let (name, token) = choose(&parameter(&url, "nonce"));
        *liar.id_token.lock().unwrap() = token;
        let state = parameter(&url, "state");
        let back = format!("/login/upstream/up/callback?code=c&state={state}");
        (name, browser.get(&back).await.status.as_u16())
    };

    for number in 0..tokens {
        let (name, status) = attempt(&|nonce| {
            let hostile = id_token_corpus(&liar.issuer, "rp", nonce).remove(number);
            (hostile.name, hostile.token)
        })
        .await;
        assert_eq!(status, 422, "{name}");
    }
    assert!(tokens > 30 && issuer.app.store.users().await.unwrap().is_empty());
    let (_, good) = attempt(&|nonce| {
        let good = liar.issuer.id_token("eve", "rp").claim("nonce", nonce);
        (String::new(), good.mint())
    })
    .await;
    assert_eq!(good, 303);
}
