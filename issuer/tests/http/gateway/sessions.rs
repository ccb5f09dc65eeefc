//! Callers with the session of a host: what it lets in, what ends it, and everything that is no session.

use countersign::registry::{ConsentPolicy, User};
use countersign::store::Actor;

use super::world::World;
use super::{ADA, NEWS, SHOP, refused};
use crate::harness::START;
use crate::people::Browser;

const COOKIE: &str = "__Host-countersign";

#[tokio::test]
async fn a_user_is_let_through_and_an_administrator_further() {
    let world = World::new().await;
    let browser = Browser::new(&world.issuer);
    world.sign_in("shop", &browser, ADA).await;

    let page = world.open("shop").send().await;
    let admin = world.open("shop-admin").send().await;
    let for_apps = world.open("shop-app").send().await;

    assert_eq!(page.status, 200, "{}", page.body);
    let said = ["identity", "subject", "client-id", "scope", "roles", "groups", "username", "acr"];
    let said = said.map(|name| page.header(&format!("countersign-{name}")).to_owned());
    let id = world.ada.to_string();
    let scope = "payments:read payments:write";
    assert_eq!(said, ["user", &id, "shop-gateway", scope, "auditor", "staff", ADA, "1"]);
    assert_eq!(page.header("countersign-email"), "", "it was not proved");
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(admin.error(), refused(403, "insufficient_scope"));
    assert_eq!(for_apps.error(), refused(403, "insufficient_scope"));

    let promote = |user: &mut User| {
        user.roles.push("admin".to_owned());
        Ok(())
    };
    let act = Actor::node().at(START);
    drop(world.issuer.app.store.update_user(ADA, &act, promote).await.unwrap());
    world.issuer.app.store.verify_email(world.ada, &act).await.unwrap();
    let promoted = world.open("shop-admin").send().await;
    assert_eq!(
        (promoted.status.as_u16(), promoted.header("countersign-email")),
        (200, "ada@example.com")
    );
}

#[tokio::test]
async fn cve_2026_25748_what_is_no_session_is_nobody() {
    let world = World::new().await;
    let browser = Browser::new(&world.issuer);
    world.sign_in("shop", &browser, ADA).await;
    let good = world.cookie(SHOP, COOKIE).unwrap();
    let begun = world.issuer.app.sealer.seal(countersign::sealer::Purpose::GatewaySignIn, &1);
    let mut hostile = vec![
        String::new(),
        "=".to_owned(),
        "null".to_owned(),
        "e30".to_owned(),
        "%00".to_owned(),
        "A".repeat(20_000),
        format!("{good}A"),
        good.replace('A', "B"),
        begun.unwrap(),
    ];
    hostile.extend((0..good.len()).step_by(7).map(|cut| good[..cut].to_owned()));

    for text in &hostile {
        for cookie in [format!("{COOKIE}={text}"), format!("{COOKIE}=\"{text}\""), text.clone()] {
            let answer = world.ask("shop").header("cookie", &cookie).send().await;
            assert_eq!(answer.status, 401, "{cookie}");
            assert_eq!(answer.header("countersign-subject"), "");
        }
    }
    let twice = format!("{COOKIE}={good}; {COOKIE}={good}");
    assert_eq!(world.ask("shop").header("cookie", &twice).send().await.status, 401);
    let foreign = world.ask("news").header("cookie", &format!("{COOKIE}={good}")).send().await;
    assert_eq!(foreign.status, 401, "it is of another host");
    let own = world.ask("shop").header("cookie", &format!("a=b; {COOKIE}={good}")).send().await;
    assert_eq!(own.status, 200);
}

#[tokio::test]
async fn a_session_and_a_token_together_are_refused() {
    let world = World::new().await;
    let browser = Browser::new(&world.issuer);
    world.sign_in("shop", &browser, ADA).await;
    let token = world.app_token("payments:read").await;

    let answer = world.open("shop").bearer(&token).send().await;

    assert_eq!(answer.error(), refused(401, "invalid_token"));
}

#[tokio::test]
async fn what_ends_the_session_ends_it_at_every_host_at_once() {
    type End = fn(&mut countersign::registry::Client);
    let ends: [(&str, Option<End>); 3] = [
        ("the session", None),
        ("the client is disabled", Some(|client| client.enabled = false)),
        ("the client lost the grant", Some(|client| client.grants.clear())),
    ];
    for (what, end) in ends {
        let world = World::new().await;
        let browser = Browser::new(&world.issuer);
        world.sign_in("shop", &browser, ADA).await;
        world.sign_in("news", &browser, ADA).await;
        if let Some(end) = end {
            world.edit_client("shop-gateway", end).await;
        } else {
            let store = &world.issuer.app.store;
            let session = store.sessions_of(world.ada).await.unwrap().remove(0);
            store.end_session(session.id, START).await.unwrap();
        }

        let shop = world.ask("shop").header("cookie", &cookie(&world, SHOP)).send().await;
        let news = world.ask("news").header("cookie", &cookie(&world, NEWS)).send().await;

        assert!([401, 403].contains(&shop.status.as_u16()), "{what}: {}", shop.status);
        assert_eq!(news.status, if end.is_none() { 401 } else { 200 }, "{what}");
    }
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_uses_at_a_host_are_uses() {
    let world = World::new().await;
    let browser = Browser::new(&world.issuer);
    world.sign_in("shop", &browser, ADA).await;
    let idle = u64::from(world.issuer.app.config.sessions.idle_seconds);

    for _ in 0..3 {
        world.later(idle - 1).await;
        assert_eq!(world.open("shop").send().await.status, 200);
    }
    world.later(idle + 1).await;

    let over = world.open("shop").send().await;
    assert_eq!(over.status, 302, "and then somebody signs in again");
}

#[tokio::test]
async fn a_consent_that_is_withdrawn_ends_the_session_at_the_host() {
    let world = World::new().await;
    let browser = Browser::new(&world.issuer);
    world.sign_in("shop", &browser, ADA).await;
    let ask = |client: &mut countersign::registry::Client| {
        client.sign_in.as_mut().unwrap().consent = ConsentPolicy::Ask;
    };
    let (store, act) = (&world.issuer.app.store, Actor::node().at(START));
    let scopes = ["openid", "payments:read", "payments:write"].map(str::to_owned);

    world.edit_client("shop-gateway", ask).await;
    let unasked = world.open("shop").send().await;
    store.grant_consent((world.ada, "shop-gateway"), &scopes, START).await.unwrap();
    let consented = world.open("shop").send().await;
    store.withdraw_consent(world.ada, "shop-gateway", &act).await.unwrap();
    let withdrawn = world.open("shop").send().await;

    let statuses = [unasked, consented, withdrawn].map(|answer| answer.status.as_u16());
    assert_eq!(statuses, [302, 200, 302]);
}

#[tokio::test]
async fn r38_another_site_changes_nothing_with_a_session() {
    let world = World::new().await;
    let browser = Browser::new(&world.issuer);
    world.sign_in("shop", &browser, ADA).await;
    let post = || world.open("shop").method("POST");

    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "http://shop.example"),
        ("origin", "null"),
    ] {
        let answer = post().header(name, value).send().await;
        assert_eq!(answer.error(), refused(403, "access_denied"), "{name}: {value}");
    }
    assert_eq!(post().header("sec-fetch-site", "same-origin").send().await.status, 200);
    assert_eq!(post().header("origin", "https://shop.example").send().await.status, 200);
    let read = world.open("shop").header("sec-fetch-site", "cross-site").send().await;
    assert_eq!(read.status, 200, "a link of another site is a link");
}

fn cookie(world: &World, host: &str) -> String {
    format!("{COOKIE}={}", world.cookie(host, COOKIE).unwrap())
}
