//! Signing out: here, at the issuer, and by the issuer.

use std::time::Duration;

use countersign_verifier::session::MemoryStore;
use countersign_verifier::testing::logout_token_corpus;
use http::{Request, StatusCode};
use serde_json::json;
use tower::ServiceExt as _;

use crate::provider::CLIENT;
use crate::world::{NOW, World};

async fn worlds() -> [World; 2] {
    [World::new().await, World::with(|builder| builder.store(MemoryStore::default())).await]
}

async fn tell(world: &World, logout_token: &str) -> StatusCode {
    let request = Request::post("/backchannel-logout")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(axum::body::Body::from(format!("logout_token={logout_token}")));
    let response = world.app.clone().oneshot(request.unwrap()).await.unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    response.status()
}

#[tokio::test]
async fn signing_out_ends_the_session_here_and_goes_on_to_the_issuer() {
    for world in worlds().await {
        let mut browser = world.signed_in().await;
        let mut copy = browser.clone();

        let page = browser.post(&world.app, "/logout").await;

        let end = format!("{}/end_session?id_token_hint=", world.provider.url);
        assert!(page.location().starts_with(&end), "{}", page.location());
        assert!(
            page.location().ends_with(
                "&client_id=web&post_logout_redirect_uri=http%3A%2F%2Flocalhost%3A3000%2F"
            )
        );
        assert!(browser.cookies.is_empty());
        // A copy of the cookie is of no use.
        assert_eq!(copy.get(&world.app, "/maybe").await.body, "nobody");
        while world.provider.inner().revoked.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(*world.provider.inner().revoked.lock().unwrap(), ["refresh-0"]);
    }
}

#[tokio::test]
async fn nobody_is_signed_out_by_a_link_or_another_site() {
    let world = World::new().await;
    let mut browser = world.signed_in().await;

    assert_eq!(browser.get(&world.app, "/logout").await.status, StatusCode::METHOD_NOT_ALLOWED);
    let elsewhere = Request::post("/logout").header("sec-fetch-site", "cross-site");
    assert_eq!(browser.send(&world.app, elsewhere).await.status, StatusCode::FORBIDDEN);

    assert_eq!(browser.get(&world.app, "/home").await.body, "ada");
}

#[tokio::test]
async fn who_is_not_signed_in_is_just_sent_home() {
    let world = World::new().await;

    let page = crate::browser::Browser::default().post(&world.app, "/logout").await;

    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/"));
}

#[tokio::test]
async fn the_issuer_ends_one_session() {
    for world in worlds().await {
        let mut browser = world.signed_in().await;
        let issuer = &world.provider.issuer;

        let other = issuer.logout_token("ada", CLIENT).claim("sid", "another").mint();
        assert_eq!(tell(&world, &other).await, StatusCode::OK);
        assert_eq!(browser.get(&world.app, "/home").await.body, "ada");

        let ours = issuer.logout_token("ada", CLIENT).claim("sid", "s1").mint();
        assert_eq!(tell(&world, &ours).await, StatusCode::OK);
        assert_eq!(browser.get(&world.app, "/maybe").await.body, "nobody");
        assert!(browser.cookies.is_empty());
    }
}

#[tokio::test]
async fn the_issuer_ends_all_sessions_of_a_user_until_now() {
    for world in worlds().await {
        let (mut one, mut other) = (world.signed_in().await, world.signed_in().await);
        world.clock.advance(Duration::from_secs(1));

        let all = world.provider.issuer.logout_token("ada", CLIENT).mint();
        assert_eq!(tell(&world, &all).await, StatusCode::OK);
        assert_eq!(one.get(&world.app, "/maybe").await.body, "nobody");
        assert_eq!(other.get(&world.app, "/maybe").await.body, "nobody");

        world.clock.advance(Duration::from_secs(1));
        let mut later = world.signed_in().await;
        assert_eq!(later.get(&world.app, "/home").await.body, "ada");
    }
}

#[tokio::test]
async fn hostile_and_repeated_logout_tokens_are_400_and_end_nothing() {
    let world = World::new().await;
    let mut browser = world.signed_in().await;
    let issuer = &world.provider.issuer;

    for hostile in logout_token_corpus(issuer, CLIENT) {
        let escaped: String =
            url::form_urlencoded::byte_serialize(hostile.token.as_bytes()).collect();
        assert_eq!(tell(&world, &escaped).await, StatusCode::BAD_REQUEST, "{}", hostile.name);
    }
    for body in ["", "a&logout_token=b"] {
        assert_eq!(tell(&world, body).await, StatusCode::BAD_REQUEST, "{body}");
    }
    let once = issuer.logout_token("eve", CLIENT).mint();
    assert_eq!(tell(&world, &once).await, StatusCode::OK);
    assert_eq!(tell(&world, &once).await, StatusCode::BAD_REQUEST);

    assert_eq!(browser.get(&world.app, "/home").await.body, "ada");
}

#[tokio::test]
async fn a_session_ends_when_the_feed_says_that_it_or_its_user_was_revoked() {
    for entry in [json!({"sid": "s1"}), json!({"sub": "ada", "iat": NOW})] {
        for world in worlds().await {
            let mut browser = world.signed_in().await;
            let mut copy = browser.clone();
            assert_eq!(browser.get(&world.app, "/home").await.body, "ada");

            let issuer = &world.provider.issuer;
            issuer.revoke(entry.clone());
            let message = issuer.feed_message(0).mint();
            world.client.revocations().unwrap().take(&message).await.unwrap();

            assert_eq!(browser.get(&world.app, "/maybe").await.body, "nobody", "{entry}");
            assert!(browser.cookies.is_empty());
            assert_eq!(copy.get(&world.app, "/home").await.status, StatusCode::UNAUTHORIZED);
        }
    }
}
