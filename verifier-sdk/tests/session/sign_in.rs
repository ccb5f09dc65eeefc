//! Signing in: the way there and back, and everything that may be wrong with what comes back.

use std::time::Duration;

use axum::response::IntoResponse as _;
use bytes::Bytes;
use countersign_verifier::key_source::{BoxFuture, Fetch, FetchError, FetchRequest, FetchResponse};
use countersign_verifier::session::SessionsBuilder;
use countersign_verifier::testing::TestToken;
use http::{HeaderMap, Request, StatusCode};
use serde_json::json;

use crate::browser::Browser;
use crate::provider::API;
use crate::world::{KEY, NOW, World, visit};

#[tokio::test]
async fn a_person_signs_in_and_is_known() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let nobody = browser.get(&world.app, "/currentuser").await;
    assert_eq!(nobody.json(), json!({ "currentUser": null }));

    world.sign_in(&mut browser).await;

    assert_eq!(browser.get(&world.app, "/home").await.body, "ada");
    let page = browser.get(&world.app, "/currentuser").await;
    let user = json!({ "sub": "ada", "name": "Ada", "email": "ada@example.com", "auth_time": NOW });
    assert_eq!(page.json(), json!({ "currentUser": user }));
    assert_eq!(page.headers["cache-control"], "no-store");
    assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), ["__Host-session"]);
}

#[tokio::test]
async fn the_access_token_is_there_for_calls_and_not_readable_in_the_cookie() {
    let world = World::new().await;
    let mut browser = world.signed_in().await;

    let token = browser.get(&world.app, "/token").await.body;

    let verified = world.provider.issuer.verifier(API).verify(&token).await.unwrap();
    assert_eq!(verified.subject(), "ada");
    let part = token.split('.').nth(1).unwrap();
    assert!(!browser.cookies["__Host-session"].contains(part));
}

#[tokio::test]
async fn each_sign_in_asks_with_fresh_secrets() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let mut seen = std::collections::HashSet::new();

    for _ in 0..20 {
        let page = browser.get(&world.app, "/login").await;
        let url: url::Url = page.location().parse().unwrap();
        let query: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(query["scope"], "openid offline_access");
        for name in ["state", "nonce", "code_challenge"] {
            assert_eq!(query[name].len(), 43);
            assert!(seen.insert(query[name].clone()), "{name}");
        }
    }

    // Sign-ins that nobody finished do not pile up.
    assert!(browser.cookies.len() <= 8, "{}", browser.cookies.len());
}

#[tokio::test]
async fn two_tabs_can_sign_in_at_the_same_time() {
    let world = World::new().await;
    let mut browser = Browser::default();

    let first = world.come_back(&mut browser, "/login?return_to=/home").await;
    let second = world.come_back(&mut browser, "/login?return_to=/maybe").await;

    assert_eq!(browser.get(&world.app, &first).await.location(), "/home");
    assert_eq!(browser.get(&world.app, &second).await.location(), "/maybe");
}

#[tokio::test]
async fn row_17_only_paths_of_the_application_are_returned_to() {
    let world = World::new().await;

    for evil in
        ["https://evil.example", "//evil.example", "/%5Cevil.example", "javascript:alert(1)"]
    {
        let mut browser = Browser::default();
        let back = world.come_back(&mut browser, &format!("/login?return_to={evil}")).await;
        assert_eq!(browser.get(&world.app, &back).await.location(), "/", "{evil}");
    }
}

#[tokio::test]
async fn r53_cve_2022_39222_an_answer_belongs_to_the_browser_that_asked() {
    let world = World::new().await;
    let mut attacker = Browser::default();
    let back = world.come_back(&mut attacker, "/login").await;

    let mut victim = Browser::default();
    let page = victim.get(&world.app, &back).await;

    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(victim.cookies.is_empty());
    assert_eq!(world.provider.asked("authorization_code"), 0);
}

#[tokio::test]
async fn r10_an_answer_of_another_issuer_or_of_none_never_reaches_the_token_endpoint() {
    let world = World::new().await;
    let slash = format!("{}/", world.provider.url);

    for iss in [None, Some("https://evil.example".to_owned()), Some(slash)] {
        world.provider.behave(|behavior| behavior.iss = iss);
        let mut browser = Browser::default();
        let back = world.come_back(&mut browser, "/login").await;
        assert_eq!(browser.get(&world.app, &back).await.status, StatusCode::BAD_REQUEST);
    }

    assert_eq!(world.provider.asked("authorization_code"), 0);
}

#[tokio::test]
async fn a_state_that_is_missing_altered_or_too_old_is_refused() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let back = world.come_back(&mut browser, "/login").await;
    let state = back.split(['?', '&']).find(|part| part.starts_with("state=")).unwrap();

    let last = if state.ends_with('A') { 'B' } else { 'A' };
    let altered = back.replace(state, &format!("{}{last}", &state[..state.len() - 1]));
    for path in [back.replace(state, "x=1"), altered, back.replace(state, "state=short")] {
        assert_eq!(browser.get(&world.app, &path).await.status, StatusCode::BAD_REQUEST, "{path}");
    }
    let twice = format!("{back}&code=another");
    assert_eq!(browser.get(&world.app, &twice).await.status, StatusCode::BAD_GATEWAY);
    world.clock.advance(Duration::from_secs(901));
    assert_eq!(browser.get(&world.app, &back).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.provider.asked("authorization_code"), 0);
}

#[tokio::test]
async fn an_answer_is_used_once() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let back = world.come_back(&mut browser, "/login").await;
    let mut copy = browser.clone();

    assert_eq!(browser.get(&world.app, &back).await.status, StatusCode::SEE_OTHER);

    assert_eq!(browser.get(&world.app, &back).await.status, StatusCode::BAD_REQUEST);
    // Also with the cookie of before: the issuer redeems a code once.
    assert_eq!(copy.get(&world.app, &back).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn fa1_a_code_of_another_sign_in_is_refused() {
    let world = World::new().await;
    let (mut victim, mut attacker) = (Browser::default(), Browser::default());
    let stolen = world.come_back(&mut victim, "/login").await;
    let own = world.come_back(&mut attacker, "/login").await;
    let code =
        |path: &str| path.split(['?', '&']).find(|p| p.starts_with("code=")).unwrap().to_owned();

    let injected = own.replace(&code(&own), &code(&stolen));

    assert_eq!(attacker.get(&world.app, &injected).await.status, StatusCode::FORBIDDEN);
    assert!(!attacker.cookies.contains_key("__Host-session"));
}

type Tamper = for<'i> fn(TestToken<'i>) -> TestToken<'i>;

#[tokio::test]
async fn an_id_token_that_does_not_answer_the_request_begins_no_session() {
    let world = World::new().await;
    let rows: [Tamper; 6] = [
        |token| token.claim("nonce", "another"),
        |token| token.without("nonce"),
        |token| token.claim("aud", "another"),
        |token| token.claim("iss", "https://evil.example"),
        |token| token.claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
        |token| token.header("typ", "at+jwt"),
    ];

    for (row, tamper) in rows.into_iter().enumerate() {
        world.provider.tamper(tamper);
        let mut browser = Browser::default();
        let back = world.come_back(&mut browser, "/login").await;
        assert_eq!(browser.get(&world.app, &back).await.status, StatusCode::BAD_REQUEST, "{row}");
        assert!(!browser.cookies.contains_key("__Host-session"), "{row}");
    }
}

#[tokio::test]
async fn a_step_up_is_handed_on_and_enforced() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let login = "/login?acr_values=gold&max_age=60&prompt=login&login_hint=ada";
    let page = browser.get(&world.app, login).await;
    for part in ["acr_values=gold", "max_age=60", "prompt=login", "login_hint=ada"] {
        assert!(page.location().contains(part), "{}", page.location());
    }

    let weak = visit(page.location()).await;
    assert_eq!(browser.get(&world.app, &weak).await.status, StatusCode::BAD_REQUEST);

    world.provider.tamper(|token| token.claim("acr", "gold"));
    let strong = world.come_back(&mut browser, login).await;
    assert_eq!(browser.get(&world.app, &strong).await.status, StatusCode::SEE_OTHER);

    world.clock.advance(Duration::from_secs(200));
    let old = world.come_back(&mut browser, login).await;
    assert_eq!(browser.get(&world.app, &old).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_refusal_of_the_issuer_is_shown_and_nothing_that_a_stranger_wrote() {
    let world = World::new().await;

    for (sent, shown) in [("access_denied", "access_denied"), ("<b>win</b>", "unknown_error")] {
        world.provider.behave(|behavior| behavior.code_error = Some(sent));
        let mut browser = Browser::default();
        let back = world.come_back(&mut browser, "/login").await;
        let page = browser.get(&world.app, &back).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert_eq!(page.body, format!("the issuer refused the sign-in: {shown}\n"));
        assert_eq!(page.headers["content-type"], "text/plain; charset=utf-8");
    }
}

#[tokio::test]
async fn user_info_is_asked_on_request_and_only_about_the_same_user() {
    let world = World::with(SessionsBuilder::with_user_info).await;
    let mut browser = world.signed_in().await;
    let user = browser.get(&world.app, "/currentuser").await.json()["currentUser"].clone();
    assert_eq!((&user["phone_number"], &user["name"]), (&json!("+1 555"), &json!("Ada")));

    for (subject, status) in
        [(Some("eve"), StatusCode::BAD_GATEWAY), (None, StatusCode::SERVICE_UNAVAILABLE)]
    {
        world.provider.behave(|behavior| behavior.user_info_subject = subject);
        let mut browser = Browser::default();
        let back = world.come_back(&mut browser, "/login").await;
        assert_eq!(browser.get(&world.app, &back).await.status, status);
        assert!(!browser.cookies.contains_key("__Host-session"));
    }
}

#[tokio::test]
async fn an_application_shows_failures_in_its_own_way() {
    let world = World::new().await;
    let app = world.another((KEY, &[]), |builder| {
        builder
            .map_error(|error| (error.status(), format!("sorry: {}", error.code())).into_response())
    });

    let page = Browser::default().get(&app, "/callback?state=unknown-and-long-enough").await;

    assert_eq!(
        (page.status, page.body.as_str()),
        (StatusCode::BAD_REQUEST, "sorry: no_such_sign_in")
    );
}

#[tokio::test]
async fn a_page_sends_the_browser_to_sign_in_and_a_script_is_told() {
    let world = World::new().await;
    let mut browser = Browser::default();

    let navigate = Request::get("/home?x=1").header("sec-fetch-mode", "navigate");
    let page = browser.send(&world.app, navigate).await;
    assert_eq!(
        (page.status, page.location()),
        (StatusCode::SEE_OTHER, "/login?return_to=%2Fhome%3Fx%3D1")
    );

    let script = Request::get("/home").header("sec-fetch-mode", "cors");
    assert_eq!(browser.send(&world.app, script).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.get(&world.app, "/maybe").await.body, "nobody");
}

/// Metadata as the test has it; none is an issuer that is down.
struct Metadata(Option<String>);

impl Fetch for Metadata {
    fn get(&self, _: FetchRequest) -> BoxFuture<'_, Result<FetchResponse, FetchError>> {
        let body = self.0.clone().map(Bytes::from).ok_or(FetchError::Connect);
        let answer = |body| FetchResponse::from_parts(StatusCode::OK, &HeaderMap::new(), body);
        Box::pin(async move { body.map(answer) })
    }
}

#[tokio::test]
async fn metadata_that_is_missing_or_of_another_issuer_begins_no_sign_in() {
    let world = World::new().await;
    let url = &world.provider.url;
    let document = |issuer: &str, token_endpoint: &str| {
        Some(format!(
            r#"{{"issuer":"{issuer}","authorization_endpoint":"{url}/a","token_endpoint":"{token_endpoint}"}}"#
        ))
    };
    let rows = [
        (document(url, url), StatusCode::SEE_OTHER),
        (None, StatusCode::SERVICE_UNAVAILABLE),
        (Some("<html>".to_owned()), StatusCode::BAD_GATEWAY),
        (document("https://evil.example", url), StatusCode::BAD_REQUEST),
        // The secret and the code would travel in clear.
        (document(url, "http://issuer.example/token"), StatusCode::BAD_GATEWAY),
        (document(url, "file:///token"), StatusCode::BAD_GATEWAY),
    ];

    for (document, status) in rows {
        let app = world.another((KEY, &[]), |builder| builder.fetcher(Metadata(document.clone())));
        let page = Browser::default().get(&app, "/login").await;
        assert_eq!(page.status, status, "{document:?}");
    }
}
