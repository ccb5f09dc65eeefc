//! Routes that insist on knowing what was revoked lately.

use std::time::Duration;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use countersign_verifier::Verifier;
use countersign_verifier::axum::{AuthLayer, require_fresh_revocation};
use countersign_verifier::key_source::BoxFuture;
use countersign_verifier::revocation::{Introspect, IntrospectionError};
use http::{Request, Response};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::World;

fn app(world: &World) -> Router {
    let money = Router::new()
        .route("/pay", get(async || "paid"))
        .route_layer(require_fresh_revocation(Duration::from_secs(5)));
    let app = Router::new().route("/read", get(async || "read")).merge(money);
    app.layer(AuthLayer::new(world.verifier.clone()))
}

async fn ask(app: &Router, path: &str, token: &str) -> Response<Body> {
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_route_that_insists_answers_503_while_the_others_serve() {
    let world = World::new();
    let (app, token) = (app(&world), world.token().mint());
    assert_eq!(ask(&app, "/pay", &token).await.status(), 200);

    world.clock.advance(Duration::from_secs(6));

    let late = ask(&app, "/pay", &token).await;
    assert_eq!(late.status(), 503);
    assert_eq!(late.headers()["retry-after"], "1");
    assert!(!late.headers().contains_key("www-authenticate"));
    assert_eq!(ask(&app, "/read", &token).await.status(), 200);

    world.beat();
    assert_eq!(ask(&app, "/pay", &token).await.status(), 200);
}

#[tokio::test]
async fn a_revoked_token_is_401_on_every_route() {
    let world = World::new();
    let (app, token) = (app(&world), world.token().mint());
    world.issuer.revoke_user("ada");
    world.clock.advance(Duration::from_secs(6));

    for path in ["/pay", "/read"] {
        let refused = ask(&app, path, &token).await;
        assert_eq!(refused.status(), 401);
        let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with("Bearer error=\"invalid_token\""), "{challenge}");
    }
}

/// An issuer that is asked and says this.
struct Says(Arc<Mutex<Result<Value, IntrospectionError>>>, Arc<AtomicUsize>);

impl Introspect for Says {
    fn introspect<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<String, IntrospectionError>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        let answer = self.0.lock().unwrap().clone().map(|answer| answer.to_string());
        Box::pin(std::future::ready(answer))
    }
}

#[tokio::test]
async fn a_route_may_have_the_issuer_asked_while_the_feed_is_late() {
    let world = World::new();
    let token = world.token().mint();
    let (answer, asked) = (Arc::new(Mutex::new(Err(IntrospectionError))), Arc::default());
    let verifier = Verifier::builder(crate::ISSUER)
        .audience(crate::AUDIENCE)
        .clock(world.clock.clone())
        .feed(world.verifier.revocations().unwrap().clone())
        .introspection(Says(Arc::clone(&answer), Arc::clone(&asked)))
        .build_with(world.issuer.jwk_set())
        .unwrap();
    let money = Router::new()
        .route("/pay", get(async || "paid"))
        .route_layer(require_fresh_revocation(Duration::from_secs(5)).or_introspect());
    let app = money.layer(AuthLayer::new(verifier));
    assert_eq!(ask(&app, "/pay", &token).await.status(), 200);
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    world.clock.advance(Duration::from_secs(6));

    let about_it = json!({
        "active": true, "jti": "t2", "sub": "ada", "client_id": crate::CLIENT, "exp": crate::NOW + 300,
    });
    let about_another = json!({"active": true, "jti": "t3", "sub": "ada"});
    let rows = [
        (Err(IntrospectionError), 503),
        (Ok(about_another), 503),
        (Ok(json!({"active": false})), 401),
        (Ok(about_it), 200),
    ];
    for (said, expected) in rows {
        *answer.lock().unwrap() = said;
        assert_eq!(ask(&app, "/pay", &token).await.status(), expected);
    }

    // Never the other way round.
    world.issuer.revoke_jti("t2");
    world.clock.advance(Duration::from_secs(6));
    let asked_before = asked.load(Ordering::SeqCst);
    assert_eq!(ask(&app, "/pay", &token).await.status(), 401);
    assert_eq!(asked.load(Ordering::SeqCst), asked_before);
}

#[tokio::test]
async fn a_route_that_insists_below_a_verifier_without_a_feed_is_a_defect() {
    let world = World::new();
    let deaf = Verifier::builder(crate::ISSUER).audience(crate::AUDIENCE);
    let verifier = deaf.clock(world.clock.clone()).build_with(world.issuer.jwk_set()).unwrap();
    let app = app(&World { verifier, ..World::new() });

    assert_eq!(ask(&app, "/pay", &world.token().mint()).await.status(), 500);
}
