//! `private_key_jwt` (RFC 7523): R48 and R49 of the known failures, row by row.

use countersign::registry::{Client, ClientAuthentication, ClientKeys};
use countersign_keys::jws::sign_compact;
use countersign_keys::signing_key::KeySize;
use countersign_keys::{Algorithm, JwkSet, SigningKey};
use serde_json::{Value, json};

use crate::harness::{Answer, Issuer, START};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What is wrong, and how it becomes so.
type Fault = (&'static str, fn(&mut Value));

fn key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256, KeySize::Default).unwrap()
}

fn with_key(key: &SigningKey) -> impl FnOnce(&mut Client) + use<> {
    let keys = JwkSet::from_keys([key.verifying_key().clone()]);
    |client: &mut Client| {
        client.auth = ClientAuthentication::PrivateKeyJwt;
        client.keys = ClientKeys::Inline(keys);
    }
}

fn claims() -> Value {
    json!({
        "iss": "batch", "sub": "batch", "aud": "https://issuer.example",
        "jti": "one", "iat": START, "exp": START + 60,
    })
}

fn sign(key: &SigningKey, claims: &Value) -> String {
    sign_compact(key, "JWT", claims.to_string().as_bytes()).unwrap()
}

async fn present(issuer: &Issuer, assertion: &str) -> Answer {
    issuer
        .token(&[
            ("grant_type", "client_credentials"),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", assertion),
        ])
        .await
}

#[tokio::test]
async fn a_signed_assertion_authenticates_its_client() {
    let (issuer, key) = (Issuer::new().await, key());
    issuer.client("batch", with_key(&key)).await;

    let answer = present(&issuer, &sign(&key, &claims())).await;

    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.claims()["sub"], "batch");
}

#[tokio::test]
async fn cve_2020_5300_an_assertion_is_good_once_even_in_parallel() {
    let (issuer, key) = (Issuer::new().await, key());
    issuer.client("batch", with_key(&key)).await;
    let assertion = sign(&key, &claims());

    let answers =
        futures_util::future::join_all((0..16).map(|_| present(&issuer, &assertion))).await;
    let later = present(&issuer, &assertion).await;

    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(later.error(), (401, "invalid_client".to_owned()));
}

#[tokio::test]
async fn r48_r49_cve_2025_2559_cve_2025_27371_cve_2026_55669_each_single_fault_of_an_assertion_is_refused()
 {
    let (issuer, key) = (Issuer::new().await, key());
    issuer.client("batch", with_key(&key)).await;
    issuer.client("other", with_key(&self::key())).await;
    let faults: Vec<Fault> = vec![
        ("no iss", |claims| drop(claims.as_object_mut().unwrap().remove("iss"))),
        ("no sub", |claims| drop(claims.as_object_mut().unwrap().remove("sub"))),
        ("no aud", |claims| drop(claims.as_object_mut().unwrap().remove("aud"))),
        ("no exp", |claims| drop(claims.as_object_mut().unwrap().remove("exp"))),
        ("no jti", |claims| drop(claims.as_object_mut().unwrap().remove("jti"))),
        ("empty jti", |claims| claims["jti"] = "".into()),
        ("other iss", |claims| claims["iss"] = "other".into()),
        ("other sub", |claims| claims["sub"] = "other".into()),
        ("unknown sub", |claims| claims["sub"] = "nobody".into()),
        ("expired", |claims| claims["exp"] = (START - 31).into()),
        ("iat a day old", |claims| claims["iat"] = (START - 86_400).into()),
        ("iat in the future", |claims| claims["iat"] = (START + 50).into()),
        ("nbf ahead", |claims| claims["nbf"] = (START + 50).into()),
        ("cve_2025_2559 exp far away", |claims| claims["exp"] = (START + 3_600).into()),
        ("exp in ten years", |claims| claims["exp"] = (START + 315_360_000).into()),
        ("exp as text", |claims| claims["exp"] = (START + 60).to_string().into()),
        ("r49 aud as a list", |claims| claims["aud"] = json!(["https://issuer.example"])),
        ("r49 token endpoint", |claims| claims["aud"] = "https://issuer.example/token".into()),
        ("trailing slash", |claims| claims["aud"] = "https://issuer.example/".into()),
        ("another server", |claims| claims["aud"] = "https://evil.example".into()),
    ];

    for (fault, break_it) in faults {
        let mut claims = claims();
        break_it(&mut claims);
        let answer = present(&issuer, &sign(&key, &claims)).await;

        assert_eq!(answer.error(), (401, "invalid_client".to_owned()), "{fault}");
    }
    // The faults were the reason: the same claims without one are accepted.
    assert_eq!(present(&issuer, &sign(&key, &claims())).await.status, 200);
}

#[tokio::test]
async fn r48_another_key_or_another_kind_of_token_is_refused() {
    let (issuer, key) = (Issuer::new().await, key());
    issuer.client("batch", with_key(&key)).await;
    let payload = claims().to_string();
    let typed = |typ| sign_compact(&key, typ, payload.as_bytes()).unwrap();

    let refused = [
        sign(&self::key(), &claims()),
        typed("at+jwt"),
        typed("logout+jwt"),
        typed("dpop+jwt"),
        "not.a.jws".to_owned(),
        "eyJhbGciOiJub25lIn0.e30.".to_owned(),
    ];

    for assertion in refused {
        assert_eq!(present(&issuer, &assertion).await.status, 401, "{assertion}");
    }
    assert_eq!(present(&issuer, &typed("client-authentication+jwt")).await.status, 200);
}

#[tokio::test]
async fn the_token_endpoint_is_an_audience_only_by_the_clients_switch() {
    let (issuer, key) = (Issuer::new().await, key());
    let keyed = with_key(&key);
    issuer
        .client("batch", |client| {
            keyed(client);
            client.token_endpoint_audience = true;
        })
        .await;
    let mut claims = claims();
    claims["aud"] = "https://issuer.example/token".into();

    assert_eq!(present(&issuer, &sign(&key, &claims)).await.status, 200);
}

#[tokio::test]
async fn the_parameters_of_an_assertion_belong_together() {
    let (issuer, key) = (Issuer::new().await, key());
    issuer.client("batch", with_key(&key)).await;
    let assertion = sign(&key, &claims());
    let grant = ("grant_type", "client_credentials");
    let typed = ("client_assertion_type", ASSERTION_TYPE);
    let presented = ("client_assertion", assertion.as_str());

    let untyped = issuer.token(&[grant, presented]).await;
    let unpresented = issuer.token(&[grant, typed]).await;
    let foreign = issuer.token(&[grant, typed, presented, ("client_id", "other")]).await;
    let both = issuer.token_as("batch", "secret", &[typed, presented]).await;
    let named = issuer.token(&[grant, typed, presented, ("client_id", "batch")]).await;

    assert_eq!(untyped.error(), (400, "invalid_request".to_owned()));
    assert_eq!(unpresented.error(), (400, "invalid_request".to_owned()));
    assert_eq!(foreign.error(), (401, "invalid_client".to_owned()));
    assert_eq!(both.error(), (400, "invalid_request".to_owned()));
    assert_eq!(named.status, 200);
}

#[tokio::test]
async fn r52_a_jwks_uri_in_a_private_range_is_never_fetched() {
    let (issuer, key) = (Issuer::new().await, key());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("https://{}/jwks", listener.local_addr().unwrap());
    issuer
        .client("batch", |client| {
            client.auth = ClientAuthentication::PrivateKeyJwt;
            client.keys = ClientKeys::Uri(uri.parse().unwrap());
        })
        .await;

    let answer = present(&issuer, &sign(&key, &claims())).await;

    assert_eq!(answer.error(), (401, "invalid_client".to_owned()));
    let nobody =
        tokio::time::timeout(std::time::Duration::from_millis(50), listener.accept()).await;
    assert!(nobody.is_err(), "somebody connected");
}

#[tokio::test]
async fn replay_records_are_swept_whole_and_not_before_every_clock_agrees() {
    let (issuer, key) = (Issuer::new().await, key());
    issuer.client("batch", with_key(&key)).await;
    present(&issuer, &sign(&key, &claims())).await;
    let id = "batch".parse().unwrap();
    for number in 0..2_500_u32 {
        let hash = number.to_be_bytes();
        assert!(issuer.app.store.consume_assertion_jti(&id, &hash, START).await.unwrap());
    }

    issuer.clock.advance(std::time::Duration::from_mins(10));
    let early = countersign::tasks::sweep(&issuer.app).await;
    issuer.clock.advance(std::time::Duration::from_mins(2));
    let late = countersign::tasks::sweep(&issuer.app).await;

    assert_eq!((early, late), (0, 2_501));
}
