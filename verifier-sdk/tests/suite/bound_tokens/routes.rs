//! Bound tokens at routes of axum: nonces, demands, and the URL for which a proof was made.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use countersign_verifier::Verifier;
use countersign_verifier::axum::{Auth, AuthLayer, require_binding};
use countersign_verifier::binding::{Dpop, RollingNonces};
use countersign_verifier::testing::TestProof;
use http::Request;
use tower::ServiceExt as _;

use super::{World, dpop, request, verifier};
use crate::AUDIENCE;

fn app(verifier: Verifier) -> Router {
    Router::new()
        .route("/pay", get(async |auth: Auth| format!("{:?}", auth.binding().is_some())))
        .route("/bound", get(async || "in").route_layer(require_binding()))
        .layer(AuthLayer::new(verifier))
}

/// Status, challenges, nonce.
async fn call(app: &Router, headers: &[(&str, &str)]) -> (u16, Vec<String>, Option<String>) {
    let response = app.clone().oneshot(request(headers)).await.unwrap();
    let all = |name: &str| -> Vec<String> {
        let values = response.headers().get_all(name).iter();
        values.map(|value| value.to_str().unwrap().to_owned()).collect()
    };
    (response.status().as_u16(), all("www-authenticate"), all("dpop-nonce").pop())
}

#[tokio::test]
async fn a_client_learns_the_nonce_from_a_refusal_and_the_next_one_with_an_answer() {
    let world = World::with(|dpop| dpop.require_nonces(RollingNonces::new(&[7; 32])));
    let app = app(world.verifier.clone());
    let token = dpop(&world.token);
    let by = async |proof: TestProof<'_>| {
        call(&app, &[("authorization", &token), ("dpop", &proof.mint())]).await
    };

    let (status, challenges, nonce) = by(world.good()).await;
    let nonce = nonce.unwrap();
    assert_eq!(status, 401);
    assert_eq!(
        challenges,
        [concat!(
            r#"DPoP error="use_dpop_nonce", error_description="The proof needs the nonce of this server", "#,
            r#"algs="ES256 ES384 PS256 Ed25519 EdDSA""#
        )]
    );
    let with = |nonce: &str| world.good().claim("nonce", nonce);
    assert_eq!(by(with(&nonce)).await, (200, vec![], None), "it is the one of now");
    assert_eq!(by(with("made-up")).await.0, 401);
    world.clock.advance(Duration::from_secs(150));
    let (status, _, next) = by(with(&nonce)).await;
    let next = next.unwrap();
    assert_eq!(status, 200);
    assert_ne!(next, nonce);
    assert_eq!(by(with(&next)).await, (200, vec![], None));
    world.clock.advance(Duration::from_secs(150));
    assert_eq!(by(with(&nonce)).await.0, 401, "it has ended");
}

#[tokio::test]
async fn a_route_or_a_whole_service_may_demand_a_binding() {
    let world = World::new();
    let bearer = world.issuer.app_token("orders").audience(AUDIENCE).mint();
    let bearer = format!("Bearer {bearer}");
    let some = app(world.verifier.clone());
    let strict = app(verifier(&world.issuer, &world.clock, Dpop::at(AUDIENCE).required()));
    let bound = async |app: &Router, path: &str| {
        let url = format!("{AUDIENCE}{path}");
        let proof = world.holder.proof("GET", &url).with_token(&world.token).mint();
        let request = Request::get(path).header("authorization", dpop(&world.token));
        let request = request.header("dpop", proof).body(Body::empty()).unwrap();
        app.clone().oneshot(request).await.unwrap().status().as_u16()
    };
    let plain = async |app: &Router, path: &str| {
        let request = Request::get(path).header("authorization", &bearer);
        let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let challenge = response.headers().get("www-authenticate");
        let challenge = challenge.map_or("", |value| value.to_str().unwrap()).to_owned();
        (response.status().as_u16(), challenge.starts_with("DPoP error=\"invalid_token\""))
    };

    for (app, path) in [(&some, "/pay"), (&some, "/bound"), (&strict, "/pay"), (&strict, "/bound")]
    {
        assert_eq!(bound(app, path).await, 200, "{path}");
    }
    assert_eq!(plain(&some, "/pay").await, (200, false));
    assert_eq!(plain(&some, "/bound").await, (401, true));
    assert_eq!(plain(&strict, "/pay").await, (401, true));
    let (_, challenges, _) = call(&strict, &[]).await;
    assert_eq!(challenges, [r#"DPoP algs="ES256 ES384 PS256 Ed25519 EdDSA""#]);
}

#[tokio::test]
async fn the_url_is_the_public_one_below_a_prefix_in_nested_routers_and_whatever_host_says() {
    let world = World::new();
    let behind = verifier(&world.issuer, &world.clock, Dpop::at("https://example.com/payments/"));
    let nested = Router::new().nest("/v1", app(behind));
    let proved_for = async |url: &str| {
        let proof = world.holder.proof("GET", url).with_token(&world.token).mint();
        let request = Request::get("/v1/pay")
            .header("authorization", dpop(&world.token))
            .header("dpop", proof)
            .header("host", "evil.example")
            .header("x-forwarded-host", "evil.example");
        let request = request.body(Body::empty()).unwrap();
        nested.clone().oneshot(request).await.unwrap().status().as_u16()
    };

    assert_eq!(proved_for("https://example.com/payments/v1/pay").await, 200);
    assert_eq!(proved_for("https://example.com/payments/pay").await, 401);
    assert_eq!(proved_for("https://evil.example/v1/pay").await, 401);
    assert_eq!(proved_for("https://evil.example/payments/v1/pay").await, 401);
}
