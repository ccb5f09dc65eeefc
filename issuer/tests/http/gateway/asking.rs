//! Who may ask, and about what: everything else learns nothing.

use super::{Ask, GATEWAY, NEWS, SHOP, World, refused};

#[tokio::test]
async fn cve_2023_36456_who_is_not_a_gateway_of_the_route_learns_nothing() {
    let world = World::new().await;
    let token = world.app_token("payments:read").await;
    let asked = |name: &'static str| world.ask(name).bearer(&token);

    let rows: Vec<(&str, Ask<'_>)> = vec![
        ("a stranger", asked("shop").from("203.0.113.9")),
        ("a stranger who says otherwise", {
            asked("shop").from("203.0.113.9").header("x-forwarded-for", GATEWAY)
        }),
        ("a stranger with a secret that nobody asks for", asked("shop").from("10.0.1.1").secret()),
        ("without the secret", asked("shop-secret")),
        ("with half of it", asked("shop-secret").header("countersign-gateway", "a secret")),
        ("with two", asked("shop-secret").secret().secret()),
        ("an unknown route", asked("shop").at("/gateway/nobody")),
        ("another host", asked("shop").host(NEWS)),
        ("an unknown host", asked("shop").host("evil.example")),
        ("a host and more", asked("shop").host("shop.example.evil.example")),
        ("two hosts in one", asked("shop").host("shop.example, evil.example")),
        ("two hosts", asked("shop").header("x-forwarded-host", SHOP)),
        ("another port", asked("shop").host("shop.example:8443")),
        ("no host", asked("shop").host("").header("host", "issuer.example")),
        ("two paths", asked("shop").header("x-forwarded-uri", "/other")),
    ];

    for (what, ask) in rows {
        let answer = ask.send().await;
        assert_eq!(answer.error(), refused(403, "access_denied"), "{what}");
        assert_eq!(answer.header("countersign-subject"), "", "{what}");
    }
    assert_eq!(asked("shop").send().await.status, 200);
    assert_eq!(asked("shop").host("SHOP.example").send().await.status, 200, "hosts have no case");
    assert_eq!(asked("shop-secret").from("203.0.113.9").secret().send().await.status, 200);
}

#[tokio::test]
async fn envoy_asks_with_the_request_itself() {
    let world = World::new().await;
    let token = world.app_token("payments:read").await;

    let asked = world.ask("shop").host("").header("host", SHOP).bearer(&token);
    for path in ["/gateway/shop/", "/gateway/shop/orders/7?x=1", "/gateway/shop/?redirect=401"] {
        assert_eq!(asked.clone().at(path).send().await.status, 200, "{path}");
    }
    let page = world.ask("shop").host("").header("host", SHOP).header("accept", "text/html");
    let sent = page.at("/gateway/shop/orders/7?redirect=401").send().await;
    assert_eq!(sent.status, 302, "the query is that of the browser");
}

#[tokio::test]
async fn a_request_without_anything_is_401_or_the_way_to_sign_in() {
    let world = World::new().await;

    let script = world.ask("shop").header("accept", "*/*").send().await;
    assert_eq!((script.status.as_u16(), script.header("location")), (401, ""));
    assert_eq!(script.header("www-authenticate"), "Bearer realm=\"shop.example\"");
    let html = "text/html,application/xhtml+xml";
    let fetched = world.ask("shop").header("accept", html).header("sec-fetch-mode", "cors");
    assert_eq!(fetched.send().await.status, 401, "a script fetches it");
    let posted = world.ask("shop").header("accept", html).method("POST").send().await;
    assert_eq!(posted.status, 401, "nobody comes back to a form");
    let for_apps = world.ask("shop-app").header("accept", html).send().await;
    assert_eq!(for_apps.status, 401, "no person has anything to do there");
    let navigated = world.ask("shop").header("sec-fetch-mode", "navigate").send().await;
    assert_eq!(navigated.status, 302);
    assert!(navigated.header("location").starts_with("https://issuer.example/authorize?"));
    let nginx = world.open("shop").at("/gateway/shop?redirect=401").send().await;
    assert_eq!(nginx.status, 401);
    assert!(nginx.header("location").starts_with("https://issuer.example/authorize?"));
    assert!(nginx.header("set-cookie").starts_with("__Host-countersign-begun-"));
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_never_a_200() {
    let world = World::new().await;
    let browser = crate::people::Browser::new(&world.issuer);
    world.sign_in("shop", &browser, super::ADA).await;
    assert_eq!(world.open("shop").send().await.status, 200);
    let bearer = world.open("shop").send().await.header("authorization").to_owned();

    world.issuer.app.store.close().await;

    let by_session = world.open("shop").send().await;
    assert_eq!(by_session.error(), refused(503, "temporarily_unavailable"));
    assert_eq!(by_session.header("set-cookie"), "", "the session is not thrown away");
    let by_token = world.ask("shop").header("authorization", &bearer).send().await;
    assert_eq!(by_token.error(), refused(503, "temporarily_unavailable"));
    world.issuer.clock.advance(std::time::Duration::from_mins(10));
    let token = "Bearer e30.e30.e30";
    let stale = world.ask("shop").header("authorization", token).send().await;
    assert_eq!(stale.error(), refused(503, "temporarily_unavailable"));
}
