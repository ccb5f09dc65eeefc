//! What protects a session: its seal, its keys, its origin; and the plain mode.

use axum::Router;
use axum::routing::get;
use countersign_verifier::axum::{Auth, AuthLayer};
use countersign_verifier::credential::Carriers;
use countersign_verifier::session::{
    CookieKeys, Endpoints, MemoryStore, SessionError, Sessions, SessionsBuilder,
};
use countersign_verifier::testing::TestIssuer;
use http::{Request, StatusCode};

use crate::browser::Browser;
use crate::provider::API;
use crate::world::{KEY, OTHER_KEY, World};

#[tokio::test]
async fn row_33_a_change_that_another_site_causes_is_refused() {
    let world = World::new().await;
    let mut browser = world.signed_in().await;
    let rows: [(&[(&str, &str)], StatusCode); 7] = [
        (&[("sec-fetch-site", "same-origin")], StatusCode::OK),
        (&[("origin", "http://localhost:3000")], StatusCode::OK),
        (&[("sec-fetch-site", "cross-site")], StatusCode::FORBIDDEN),
        (&[("sec-fetch-site", "same-site")], StatusCode::FORBIDDEN),
        (&[("origin", "https://evil.example")], StatusCode::FORBIDDEN),
        (&[("origin", "null")], StatusCode::FORBIDDEN),
        (&[], StatusCode::FORBIDDEN),
    ];

    for (headers, status) in rows {
        let request = headers.iter().fold(Request::post("/change"), |r, (n, v)| r.header(*n, *v));
        assert_eq!(browser.send(&world.app, request).await.status, status, "{headers:?}");
    }
}

#[tokio::test]
async fn cve_2026_25748_a_cookie_that_is_not_ours_is_nobody_and_is_cleared() {
    let world = World::new().await;
    let good = world.signed_in().await.cookies["__Host-session"].clone();
    let mut rows =
        vec!["1.".to_owned(), "x".to_owned(), "1.AAAA".to_owned(), good.replace("1.", "2.")];
    // Every place of the seal.
    for position in (2..good.len()).step_by(97) {
        let mut bytes = good.clone().into_bytes();
        bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
        rows.push(String::from_utf8(bytes).unwrap());
    }

    for row in rows {
        let mut browser = Browser::default();
        browser.cookies.insert("__Host-session".into(), row.clone());
        let page = browser.get(&world.app, "/maybe").await;
        assert_eq!(page.body, "nobody", "{row}");
        assert!(browser.cookies.is_empty(), "{row}");
    }
}

#[tokio::test]
async fn a_cookie_of_one_purpose_is_no_cookie_of_another() {
    let world = World::new().await;
    let mut browser = Browser::default();
    browser.get(&world.app, "/login").await;
    let pending = browser.cookies.values().next().unwrap().clone();

    browser.cookies.insert("__Host-session".into(), pending);

    assert_eq!(browser.get(&world.app, "/maybe").await.body, "nobody");
}

#[tokio::test]
async fn keys_rotate_without_signing_anybody_out() {
    let world = World::new().await;
    let browser = world.signed_in().await;
    let same = |builder: SessionsBuilder| builder;

    let rotated = world.another((OTHER_KEY, &[KEY]), same);
    assert_eq!(browser.clone().get(&rotated, "/home").await.body, "ada");

    let gone = world.another((OTHER_KEY, &[]), same);
    assert_eq!(browser.clone().get(&gone, "/maybe").await.body, "nobody");
}

#[tokio::test]
async fn a_long_session_is_cut_into_several_cookies() {
    let world = World::new().await;
    world.provider.behave(|behavior| behavior.padding = 3000);

    let mut browser = world.signed_in().await;

    assert!(browser.cookies.len() > 1, "{:?}", browser.cookies.keys());
    assert_eq!(browser.get(&world.app, "/home").await.body, "ada");
    // One part of another session does not fit.
    let other = world.signed_in().await;
    browser.cookies.insert("__Host-session.1".into(), other.cookies["__Host-session.1"].clone());
    assert_eq!(browser.get(&world.app, "/maybe").await.body, "nobody");
    assert!(browser.cookies.is_empty());
}

#[tokio::test]
async fn kept_on_the_server_the_cookie_is_only_a_name() {
    let world = World::with(|builder| builder.store(MemoryStore::default())).await;
    let mut browser = world.signed_in().await;

    assert_eq!(browser.cookies["__Host-session"].len(), 2 + 43);
    assert_eq!(browser.get(&world.app, "/home").await.body, "ada");
    // Another process with another store does not know it.
    let other = world.another((KEY, &[]), |builder| builder.store(MemoryStore::default()));
    assert_eq!(browser.get(&other, "/maybe").await.body, "nobody");
}

#[tokio::test]
async fn cve_2024_28197_signing_in_again_begins_another_session() {
    let world = World::with(|builder| builder.store(MemoryStore::default())).await;
    let mut browser = world.signed_in().await;
    let mut before = browser.clone();

    world.sign_in(&mut browser).await;

    assert_ne!(browser.cookies, before.cookies);
    assert_eq!(before.get(&world.app, "/maybe").await.body, "nobody");
}

#[tokio::test]
async fn in_the_plain_mode_the_signed_token_itself_is_in_a_cookie() {
    let world =
        World::with(|builder| builder.plain_access_token_cookie("__Host-access-token")).await;
    let mut browser = world.signed_in().await;

    let token = browser.cookies["__Host-access-token"].clone();
    // Another part of the application, which knows nothing of sessions.
    let carriers = Carriers::bearer().or_cookie("__Host-access-token").unwrap();
    let elsewhere = Router::new()
        .route("/", get(async |auth: Auth| auth.subject().to_owned()))
        .layer(AuthLayer::new(world.provider.issuer.verifier(API)).carriers(carriers));
    assert_eq!(browser.get(&elsewhere, "/").await.body, "ada");

    world.clock.advance(std::time::Duration::from_secs(250));
    browser.get(&world.app, "/home").await;
    assert_ne!(browser.cookies["__Host-access-token"], token);

    browser.post(&world.app, "/logout").await;
    assert!(browser.cookies.is_empty());
}

#[tokio::test]
async fn under_a_base_path_everything_is_under_it() {
    let world = World::new().await;
    let app = world.another((KEY, &[]), |builder| builder.base_path("/auth"));

    let page = Browser::default().get(&app, "/auth/login").await;

    let callback = "redirect_uri=http%3A%2F%2Flocalhost%3A3000%2Fauth%2Fcallback";
    assert!(page.location().contains(callback), "{}", page.location());
    assert_eq!(Browser::default().get(&app, "/login").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn without_the_layer_a_route_fails_closed() {
    let session =
        async |session: countersign_verifier::session::Session| session.subject().to_owned();
    let app = Router::new().route("/", get(session));

    let status = Browser::default().get(&app, "/").await.status;

    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[test]
fn settings_that_cannot_work_are_refused_at_build() {
    let client = TestIssuer::new("https://issuer.example").relying_party("web");
    let builder = |app_url: &str| {
        let keys = CookieKeys::parse(KEY, []).unwrap();
        let at = |path: &str| format!("https://issuer.example/{path}").parse().unwrap();
        let endpoints = Endpoints {
            authorization_endpoint: at("authorize"),
            token_endpoint: at("token"),
            end_session_endpoint: None,
            revocation_endpoint: None,
            userinfo_endpoint: None,
            authorization_response_iss_parameter_supported: true,
        };
        Sessions::builder(client.clone(), app_url, keys).endpoints(endpoints)
    };
    let good = "https://app.example";

    assert!(builder(good).build().is_ok());
    let bad = [
        builder("http://app.example"),
        builder("https://app.example/path"),
        builder("app.example"),
        builder(good).cookie("session"),
        builder(good).plain_access_token_cookie("__Host-session"),
        builder(good).plain_access_token_cookie("token"),
        builder(good).scope("profile"),
        builder(good).base_path("auth"),
        builder(good).base_path("/auth/"),
        builder(good).after_logout("https://evil.example"),
        builder(good).lifetime(std::time::Duration::ZERO),
    ];
    for (row, builder) in bad.into_iter().enumerate() {
        let refused = builder.build();
        assert!(matches!(refused, Err(SessionError::Misconfigured(_))), "{row}");
    }
}
