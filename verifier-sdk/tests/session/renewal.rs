//! Sessions outlive access tokens: renewed ahead of time, once, and never ended by an outage.

use std::sync::Arc;
use std::time::Duration;

use countersign_verifier::key_source::BoxFuture;
use countersign_verifier::session::{MemoryStore, SessionStore, StoreError};
use http::StatusCode;

use crate::browser::Browser;
use crate::provider::API;
use crate::world::{KEY, World};

async fn token_of(world: &World, browser: &mut Browser) -> String {
    let page = browser.get(&world.app, "/token").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    page.body
}

/// Both ways of keeping a session.
async fn worlds() -> [World; 2] {
    [World::new().await, World::with(|builder| builder.store(MemoryStore::default())).await]
}

#[tokio::test]
async fn a_token_is_renewed_a_minute_before_it_expires() {
    for world in worlds().await {
        let mut browser = world.signed_in().await;
        let first = token_of(&world, &mut browser).await;

        world.clock.advance(Duration::from_secs(239));
        assert_eq!(token_of(&world, &mut browser).await, first);
        world.clock.advance(Duration::from_secs(1));
        let second = token_of(&world, &mut browser).await;

        assert_ne!(second, first);
        assert!(world.provider.issuer.verifier(API).verify(&second).await.is_ok());
        assert_eq!(token_of(&world, &mut browser).await, second);
        assert_eq!(world.provider.asked("refresh_token"), 1);
    }
}

#[tokio::test]
async fn a_session_goes_on_for_hours_and_not_for_ever() {
    for world in worlds().await {
        let mut browser = world.signed_in().await;

        for _ in 0..12 * 60 / 4 - 1 {
            world.clock.advance(Duration::from_mins(4));
            token_of(&world, &mut browser).await;
        }
        world.clock.advance(Duration::from_mins(4));

        assert_eq!(browser.get(&world.app, "/maybe").await.body, "nobody");
        assert!(browser.cookies.is_empty());
    }
}

#[tokio::test]
async fn cve_2026_1035_many_requests_at_once_renew_once() {
    for world in worlds().await {
        let browser = world.signed_in().await;
        world.clock.advance(Duration::from_secs(250));
        world.provider.hold();

        let requests: Vec<_> = (0..64)
            .map(|_| {
                let (app, mut browser) = (world.app.clone(), browser.clone());
                tokio::spawn(async move { (browser.get(&app, "/token").await.body, browser) })
            })
            .collect();
        while world.provider.asked("refresh_token") == 0 {
            tokio::task::yield_now().await;
        }
        world.provider.release();

        let mut tokens = std::collections::HashSet::new();
        let mut last = browser;
        for request in requests {
            let (token, browser) = request.await.unwrap();
            tokens.insert(token);
            last = browser;
        }
        assert_eq!((tokens.len(), world.provider.asked("refresh_token")), (1, 1));
        world.clock.advance(Duration::from_secs(250));
        token_of(&world, &mut last).await;
    }
}

#[tokio::test]
async fn r24_a_reply_that_was_lost_ends_no_session() {
    for world in worlds().await {
        let mut browser = world.signed_in().await;
        let mut lost = browser.clone();
        world.clock.advance(Duration::from_secs(250));

        let renewed = token_of(&world, &mut lost).await;
        // The browser never saw the answer, and comes again with the cookie of before.
        world.clock.advance(Duration::from_secs(100));
        let again = token_of(&world, &mut browser).await;

        assert_eq!(again, renewed);
        assert_eq!(world.provider.asked("refresh_token"), 1);
    }
}

#[tokio::test]
async fn a_browser_that_goes_away_does_not_take_the_renewal_along() {
    let world = World::new().await;
    let mut browser = world.signed_in().await;
    world.clock.advance(Duration::from_secs(250));
    world.provider.hold();
    let (app, mut gone) = (world.app.clone(), browser.clone());
    let request = tokio::spawn(async move { gone.get(&app, "/token").await.body });
    while world.provider.asked("refresh_token") == 0 {
        tokio::task::yield_now().await;
    }

    request.abort();
    world.provider.release();

    token_of(&world, &mut browser).await;
    assert_eq!(world.provider.asked("refresh_token"), 1);
}

#[tokio::test]
async fn an_outage_of_the_issuer_signs_nobody_out() {
    for world in worlds().await {
        let mut browser = world.signed_in().await;
        let token = token_of(&world, &mut browser).await;
        for error in
            [(503, "temporarily_unavailable"), (500, "server_error"), (401, "invalid_client")]
        {
            world.provider.behave(|behavior| behavior.refresh_error = Some(error));

            world.clock.advance(Duration::from_secs(250));
            // The token is still good for a while: served as it is.
            assert_eq!(token_of(&world, &mut browser).await, token);
            world.clock.advance(Duration::from_secs(100));
            let page = browser.get(&world.app, "/home").await;
            assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{error:?}");
            assert_eq!(page.headers["retry-after"], "1");
            let page = browser.get(&world.app, "/currentuser").await;
            assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
            // Back to the beginning.
            world.clock.step_wall(-350);
        }

        world.clock.advance(Duration::from_secs(350));
        world.provider.behave(|behavior| behavior.refresh_error = None);
        assert_eq!(browser.get(&world.app, "/home").await.body, "ada");
    }
}

#[tokio::test]
async fn r27_what_the_issuer_ended_is_ended_here_at_the_next_renewal() {
    for world in worlds().await {
        let mut browser = world.signed_in().await;
        world.provider.behave(|behavior| behavior.refresh_error = Some((400, "invalid_grant")));

        world.clock.advance(Duration::from_secs(250));

        assert_eq!(browser.get(&world.app, "/maybe").await.body, "nobody");
        assert!(browser.cookies.is_empty());
    }
}

#[tokio::test]
async fn a_renewal_that_speaks_of_somebody_else_ends_the_session() {
    for world in worlds().await {
        let mut browser = world.signed_in().await;
        world.provider.tamper(|token| token.claim("sub", "eve"));

        world.clock.advance(Duration::from_secs(250));

        assert_eq!(browser.get(&world.app, "/maybe").await.body, "nobody");
    }
}

#[tokio::test]
async fn without_a_refresh_token_a_session_ends_with_its_access_token() {
    let world = World::new().await;
    world.provider.behave(|behavior| behavior.offline = false);
    let mut browser = world.signed_in().await;

    world.clock.advance(Duration::from_secs(299));
    assert_eq!(browser.get(&world.app, "/home").await.body, "ada");
    world.clock.advance(Duration::from_secs(1));

    assert_eq!(browser.get(&world.app, "/maybe").await.body, "nobody");
}

#[tokio::test]
async fn of_two_processes_that_renew_at_once_both_go_on() {
    let store = Arc::new(MemoryStore::default());
    let world = World::with(|builder| builder.store(Arc::clone(&store))).await;
    let other = world.another((KEY, &[]), |builder| builder.store(Arc::clone(&store)));
    let browser = world.signed_in().await;
    world.clock.advance(Duration::from_secs(250));
    world.provider.hold();
    let ask = |app: &axum::Router| {
        let (app, mut browser) = (app.clone(), browser.clone());
        tokio::spawn(async move { browser.get(&app, "/token").await.body })
    };
    let have_asked = async |asked: usize| {
        while world.provider.asked("refresh_token") < asked {
            tokio::task::yield_now().await;
        }
    };
    let one = ask(&world.app);
    have_asked(1).await;
    let two = ask(&other);
    have_asked(2).await;

    // The issuer accepts the first, and refuses the second as used.
    world.provider.release_one();
    let renewed = one.await.unwrap();
    world.provider.release();

    assert_eq!(two.await.unwrap(), renewed);
}

/// A store that is out of order.
struct Down;

impl SessionStore for Down {
    fn load<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        Box::pin(async { Err(StoreError) })
    }

    fn save<'a>(&'a self, _: &'a str, _: String, _: i64) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async { Err(StoreError) })
    }

    fn remove<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async { Err(StoreError) })
    }
}

#[tokio::test]
async fn a_store_that_is_down_is_503_and_clears_no_cookie() {
    let world = World::with(|builder| builder.store(Down)).await;
    let mut browser = Browser::default();
    browser.cookies.insert("__Host-session".into(), "1.abc".into());

    let page = browser.get(&world.app, "/home").await;

    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(browser.cookies.len(), 1);
}
