//! `GET /jwks`: what verifiers fetch.

use std::time::Duration;

use axum::body::Body;
use http::{Request, header};

use crate::harness::Issuer;

#[tokio::test]
async fn the_key_set_is_public_cacheable_and_has_a_strong_etag() {
    let issuer = Issuer::new().await;

    let answer = issuer.get("/jwks").await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/jwk-set+json");
    assert_eq!(answer.header("cache-control"), "public, max-age=300, stale-if-error=86400");
    assert!(answer.header("etag").starts_with('"'));
    let keys = answer.json();
    let key = &keys["keys"][0];
    assert_eq!(
        (&key["use"], &key["alg"], &key["kty"]),
        (&"sig".into(), &"ES256".into(), &"EC".into())
    );
    assert_eq!(key["kid"].as_str().unwrap().len(), 43);
    assert!(key.get("d").is_none());
}

#[tokio::test]
async fn a_known_etag_gets_304() {
    let issuer = Issuer::new().await;
    let etag = issuer.get("/jwks").await.header("etag").to_owned();

    for known in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
        let request =
            Request::get("/jwks").header(header::IF_NONE_MATCH, &known).body(Body::empty());
        let answer = issuer.send(request.unwrap()).await;

        assert_eq!((answer.status.as_u16(), answer.body.len()), (304, 0), "{known}");
        assert_eq!(answer.header("etag"), etag);
        assert!(!answer.header("cache-control").is_empty());
    }
    let other = Request::get("/jwks").header(header::IF_NONE_MATCH, "\"x\"").body(Body::empty());
    assert_eq!(issuer.send(other.unwrap()).await.status, 200);
}

#[tokio::test]
async fn a_node_that_lost_the_database_says_that_its_keys_must_not_be_kept() {
    let issuer = Issuer::new().await;

    issuer.clock.advance(Duration::from_secs(6));

    let answer = issuer.get("/jwks").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), "public, max-age=0, stale-if-error=86400");
}
