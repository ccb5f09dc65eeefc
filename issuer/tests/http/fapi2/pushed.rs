//! Pushed requests (F15 to F22): whose they are, how often they are good, and for how long.

use super::world::callback_of;
use super::{World, refused};
use crate::people::{Browser, PASSWORD, callback};

#[tokio::test]
async fn f15_the_client_id_of_another_is_refused() {
    let world = World::new().await;
    let own = world.assertion("bank", |_| {});

    let answer = world.push("bank").with("client_id", "broker").assertion(&own).send().await;

    // The assertion is not of the client that is named.
    assert_eq!(answer.error(), refused(401, "invalid_client"));
}

#[tokio::test]
async fn f16_a_get_is_refused() {
    let world = World::new().await;

    let answer = world.issuer.get("/par?client_id=bank").await;

    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST,OPTIONS"));
}

#[tokio::test]
async fn f17_a_request_uri_is_not_pushed() {
    let world = World::new().await;
    let known = world.push("bank").request_uri().await;
    for uri in [known.as_str(), "urn:ietf:params:oauth:request_uri:x", "https://bank.example/r"] {
        let answer = world.push("bank").with("request_uri", uri).send().await;
        assert_eq!(answer.error(), refused(400, "invalid_request"), "{uri}");
    }
}

#[tokio::test]
async fn f18_a_request_uri_is_good_for_one_code_however_often_it_was_opened() {
    let world = World::new().await;
    let path = World::path("bank", &world.push("bank").request_uri().await);
    let (browser, other) = (Browser::new(&world.issuer), Browser::new(&world.issuer));
    let (page, opened_before) = (browser.get(&path).await, other.get(&path).await);

    let first = callback(&browser.log_in(&page, "ada", PASSWORD).await);
    let second = callback(&other.log_in(&opened_before, "ada", PASSWORD).await);
    let third = browser.get(&path).await;

    assert!(first.contains_key("code"));
    assert_eq!(second["error"], "invalid_request_uri");
    assert_eq!((third.status.as_u16(), third.header("location")), (400, ""));
    assert!(third.body.contains("invalid_request_uri"), "{}", third.body);
}

#[tokio::test]
async fn f19_a_request_uri_expires() {
    let world = World::new().await;
    let pushed = world.push("bank").send().await.json();
    let path = World::path("bank", pushed["request_uri"].as_str().unwrap());

    world.later(pushed["expires_in"].as_u64().unwrap()).await;
    let late = Browser::new(&world.issuer).get(&path).await;

    assert!(pushed["expires_in"].as_u64().unwrap() < 600);
    assert_eq!((late.status.as_u16(), late.header("location")), (400, ""));
    assert!(late.body.contains("invalid_request_uri"), "{}", late.body);
}

#[tokio::test]
async fn f20_a_request_uri_is_for_the_client_that_pushed_it() {
    let world = World::new().await;
    let uri = world.push("bank").request_uri().await;

    let foreign = Browser::new(&world.issuer).get(&World::path("broker", &uri)).await;
    let own = Browser::new(&world.issuer).get(&World::path("bank", &uri)).await;

    assert_eq!((foreign.status.as_u16(), foreign.header("location")), (400, ""));
    assert!(foreign.body.contains("invalid_request_uri"), "{}", foreign.body);
    assert_eq!(own.status, 200, "it was not used up by the other");
}

#[tokio::test]
async fn f21_a_page_that_is_opened_twice_before_it_is_finished_works() {
    let world = World::new().await;
    let path = World::path("bank", &world.push("bank").request_uri().await);
    let browser = Browser::new(&world.issuer);

    browser.get(&path).await;
    let again = browser.get(&path).await;
    // Whoever takes long to sign in is not too late.
    world.later(300).await;
    let told = callback(&browser.log_in(&again, "ada", PASSWORD).await);

    assert_eq!(world.redeem("bank", &told["code"]).send().await.status, 200);
}

#[tokio::test]
async fn f22_client_id_and_request_uri_are_enough() {
    for world in World::each().await {
        let uri = world.push("broker").request_uri().await;
        let browser = Browser::new(&world.issuer);

        let page = browser.get(&World::path("broker", &uri)).await;
        let told = callback_of("broker", &browser.log_in(&page, "ada", PASSWORD).await);

        assert!(told.contains_key("code"), "{:?}", world.way);
    }
}
