//! Keys come and go: added, used, removed, withdrawn.

use countersign_verifier::testing::Attack;

use crate::script::{AUDIENCE, Answer, World, two_keys};

#[tokio::test]
async fn the_refresh_comes_ahead_of_expiry_and_is_conditional() {
    let world = World::new().await;
    world.live(210, 10).await;
    assert_eq!(world.script.count(), 1);
    world.script.answer(Answer::NotModified);

    world.live(60, 10).await;

    let requests = world.script.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].if_none_match.as_deref(), Some("\"v\""));
    assert!(!requests[1].no_cache);
    assert!(world.verifier.health().age.unwrap().as_secs() < 60);
}

#[tokio::test]
async fn not_modified_keeps_a_set_alive_for_ever() {
    let world = World::new().await;
    world.script.answer(Answer::NotModified);

    world.live(3 * 86_400, 100).await;

    assert!(world.verify().await.is_ok());
    assert_eq!(world.verifier.health().epoch, 1);
}

#[tokio::test]
async fn a_published_key_works_at_its_first_token_without_a_fetch() {
    let world = World::new().await;
    let next = world.issuer.rotated();
    world.script.answer(two_keys(&world.issuer, &next));
    world.live(300, 30).await;
    let before = world.script.count();

    assert!(world.verify_by(&next).await.is_ok());

    assert!(world.verify().await.is_ok());
    assert_eq!(world.script.count(), before);
}

#[tokio::test]
async fn a_sudden_rotation_costs_one_forced_fetch() {
    let world = World::new().await;
    let next = world.issuer.rotated();
    world.script.publish(&next);

    assert!(world.verify_by(&next).await.is_ok());

    let requests = world.script.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests[1].no_cache);
}

#[tokio::test]
async fn cve_2025_22149_a_removed_key_is_refused_after_the_next_refresh() {
    let world = World::new().await;
    let next = world.issuer.rotated();
    world.script.publish(&next);
    assert!(world.verify().await.is_ok());

    world.live(300, 30).await;

    assert_eq!(world.verify().await.unwrap_err().code(), "unknown_key");
    assert!(world.verify_by(&next).await.is_ok());
}

#[tokio::test]
async fn j34_an_operator_can_refresh_at_once() {
    let world = World::new().await;
    world.script.publish(&world.issuer.rotated());

    world.keys().refresh().await.unwrap();

    assert_eq!(world.verify().await.unwrap_err().status(), 401);
}

#[tokio::test]
async fn a_key_that_does_not_exist_is_401_and_remembered() {
    let world = World::new().await;
    let stranger = world.issuer.rotated();

    for _ in 0..10 {
        let refused = world.verify_by(&stranger).await.unwrap_err();
        assert_eq!((refused.code(), refused.status().as_u16()), ("unknown_key", 401));
    }

    assert_eq!(world.script.count(), 2);
}

#[tokio::test]
async fn a_bad_signature_under_a_known_key_fetches_nothing() {
    let world = World::new().await;
    let good = world.issuer.app_token("orders").audience(AUDIENCE);

    for attack in [Attack::ForeignKey, Attack::TamperedPayload, Attack::PsychicSignature] {
        assert_eq!(world.verifier.verify(&good.hostile(attack)).await.unwrap_err().status(), 401);
    }

    assert_eq!(world.script.count(), 1);
}

#[tokio::test]
async fn j08_urls_in_the_header_are_never_fetched() {
    let world = World::new().await;
    let good = world.issuer.app_token("orders").audience(AUDIENCE);

    for attack in [Attack::KeyUrls, Attack::EmbeddedJwk, Attack::EmbeddedJwkUnderOurKid] {
        assert!(world.verifier.verify(&good.hostile(attack)).await.is_err());
    }

    let urls: Vec<_> = world.script.requests().into_iter().map(|r| r.url.to_string()).collect();
    assert!(urls.iter().all(|url| url == "https://issuer.example/jwks"), "{urls:?}");
}

#[tokio::test]
async fn j31_one_bad_key_does_not_take_the_good_ones_with_it() {
    let world = World::new().await;
    let good = serde_json::json!(world.issuer.key().verifying_key());
    let twice = serde_json::json!(world.issuer.rotated().key().verifying_key());
    let mut other = serde_json::json!(world.issuer.rotated().key().verifying_key());
    other["kid"] = twice["kid"].clone();
    let keys = serde_json::json!({ "keys": [
        { "kty": "oct", "kid": "secret", "k": "AAAA" },
        { "kty": "OKP", "crv": "X25519", "x": "AAAA" },
        { "kty": "RSA", "kid": "small", "n": "AQAB", "e": "AQAB" },
        { "kty": "EC", "crv": "P-521", "x": "AA", "y": "AA", "alg": "ES512" },
        { "kty": "unheard-of" },
        twice, other, good,
    ] });
    world.script.answer(Answer::Keys(keys.to_string()));

    world.live(300, 30).await;

    assert!(world.verify().await.is_ok());
    assert_eq!(world.verifier.health().kids, [*world.issuer.key().kid()]);
}
