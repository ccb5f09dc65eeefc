//! How a person comes to have a session at a host, also at a second one on another domain; and every way to get one that is
//! not one's own.

use std::collections::BTreeMap;

use countersign::gateway::CALLBACK;

use super::{ADA, NEWS, SHOP, World, refused};
use crate::harness::Answer;
use crate::people::Browser;

fn parameters(answer: &Answer) -> BTreeMap<String, String> {
    let (_, query) = answer.header("location").split_once('?').unwrap();
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

#[tokio::test]
async fn a_person_signs_in_once_and_every_host_knows_the_user_also_on_another_domain() {
    let world = World::new().await;
    let browser = Browser::new(&world.issuer);

    let sent = world.open("shop").send().await;
    let back = world.at_the_issuer(&sent, &browser, ADA).await;
    let arrived = world.open("shop").uri(&back).send().await;
    let page = world.open("shop").send().await;
    // No page of the issuer comes between.
    let sent = world.open("news").send().await;
    let silent = browser.get(sent.header("location").split_once("example").unwrap().1).await;

    assert_eq!(
        (arrived.status.as_u16(), arrived.header("location")),
        (302, "https://shop.example/orders?page=2")
    );
    assert_eq!(page.header("countersign-username"), ADA);
    assert_eq!(silent.status, 303, "{}", silent.body);
    let back = silent.header("location").strip_prefix("https://news.test:8443").unwrap();
    world.open("news").uri(back).send().await;
    assert_eq!(world.open("news").send().await.header("countersign-username"), ADA);
}

#[tokio::test]
async fn what_is_asked_for_is_what_the_routes_of_the_host_need() {
    let world = World::new().await;

    let asked = parameters(&world.open("shop").send().await);

    assert_eq!(asked["client_id"], "shop-gateway");
    assert_eq!(asked["redirect_uri"], format!("https://shop.example{CALLBACK}"));
    assert_eq!(asked["scope"], "openid payments:read payments:write");
    assert_eq!(
        (asked["resource"].as_str(), asked["response_type"].as_str()),
        ("https://shop.example", "code")
    );
    assert_eq!(asked["code_challenge_method"], "S256");
}

#[tokio::test]
async fn a_code_is_good_once_in_the_browser_that_asked_for_it_at_its_host() {
    let world = World::new().await;
    let browser = Browser::new(&world.issuer);
    let sent = world.open("shop").send().await;
    let back = world.at_the_issuer(&sent, &browser, ADA).await;

    let thief = world.ask("shop").uri(&back).send().await;
    let elsewhere = world.open("news").uri(&back).send().await;
    let wrong_issuer = back.replace("issuer.example", "evil.example");
    let mixed_up = world.open("shop").uri(&wrong_issuer).send().await;
    let no_code = world.open("shop").uri(&back.replace("code=", "kode=")).send().await;
    let cut = world.open("shop").uri(&back.replace("code=", "code=A")).send().await;
    let other_state = world.open("shop").uri(&back.replace("state=", "state=A")).send().await;
    let first = world.open("shop").uri(&back).send().await;
    let again = world.open("shop").uri(&back).send().await;

    let rows = [thief, elsewhere, mixed_up, no_code, cut, other_state, again];
    for (row, answer) in rows.iter().enumerate() {
        assert_eq!(answer.error(), refused(403, "access_denied"), "row {row}");
        assert_eq!(answer.header("set-cookie"), "", "row {row}");
    }
    assert_eq!(first.status, 302);
}

#[tokio::test]
async fn a_code_that_comes_late_is_refused_and_so_is_the_sign_in_that_was_begun_long_ago() {
    let world = World::new().await;
    let browser = Browser::new(&world.issuer);
    let sent = world.open("shop").send().await;
    let back = world.at_the_issuer(&sent, &browser, ADA).await;
    let begun = world.open("shop").send().await;

    world.later(61).await;
    let late = world.open("shop").uri(&back).send().await;
    world.later(1800).await;
    let back = world.at_the_issuer(&begun, &browser, ADA).await;
    let later = world.open("shop").uri(&back).send().await;

    for answer in [late, later] {
        assert_eq!(answer.error(), refused(403, "access_denied"));
    }
}

#[tokio::test]
async fn two_tabs_do_not_disturb_each_other() {
    let world = World::new().await;
    let browser = Browser::new(&world.issuer);
    let first = world.open("shop").uri("/first").send().await;
    let second = world.open("shop").uri("/second").send().await;

    for (sent, path) in [(second, "/second"), (first, "/first")] {
        let back = world.at_the_issuer(&sent, &browser, ADA).await;
        let arrived = world.open("shop").uri(&back).send().await;
        assert_eq!(arrived.header("location"), format!("https://shop.example{path}"));
    }
}

#[tokio::test]
async fn nobody_is_sent_to_another_host_whatever_path_was_asked_for() {
    let world = World::new().await;
    let browser = Browser::new(&world.issuer);
    for uri in ["//evil.example/x", "/\\evil.example", "https://evil.example/", "", "evil"] {
        let sent = world.open("shop").uri(uri).send().await;
        let back = world.at_the_issuer(&sent, &browser, ADA).await;
        let arrived = world.open("shop").uri(&back).send().await;
        assert_eq!(arrived.header("location"), "https://shop.example/", "{uri}");
        world.forget_cookies(SHOP);
    }
}

#[tokio::test]
async fn who_refuses_or_cannot_sign_in_is_told_and_not_sent_round_in_circles() {
    let world = World::new().await;
    let sent = world.open("shop").send().await;
    let state = &parameters(&sent)["state"];

    let refused_there =
        format!("{CALLBACK}?error=access_denied&state={state}&iss=https%3A%2F%2Fissuer.example");
    let told = world.open("shop").uri(&refused_there).send().await;
    let bare = world.open("shop").uri(CALLBACK).send().await;

    for answer in [told, bare] {
        assert_eq!(
            (answer.error(), answer.header("location")),
            (refused(403, "access_denied"), "")
        );
    }
}

#[tokio::test]
async fn who_signs_out_at_a_host_has_no_session_there_and_is_asked_about_the_rest() {
    let world = World::new().await;
    let browser = Browser::new(&world.issuer);
    world.sign_in("shop", &browser, ADA).await;
    world.sign_in("news", &browser, ADA).await;

    let answer = world.open("shop").uri("/.countersign/sign-out").send().await;

    assert_eq!(answer.header("location"), "https://issuer.example/logout");
    assert_eq!(world.cookie(SHOP, "__Host-countersign"), None);
    assert!(world.cookie(NEWS, "__Host-countersign").is_some());
    assert_eq!(world.open("shop").send().await.status, 302);
}
