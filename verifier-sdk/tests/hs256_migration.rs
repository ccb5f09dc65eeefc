//! Leaving HS256: old tokens beside new ones until a date, by no other path than this one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failing test should fail where it fails"
)]

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use countersign_verifier::VerifyError;
use countersign_verifier::hs256_migration::{Incoming, LegacySecretError, LegacyTokens, Migration};
use countersign_verifier::testing::{Attack, TestClock, TestIssuer};
use http::{Request, StatusCode};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "https://payments.example";
const SECRET: &[u8] = b"a secret that twelve services share";
/// 2026-12-31.
const END: i64 = 1_798_675_200;
const NOW: i64 = END - 30 * 86_400;

struct World {
    clock: TestClock,
    issuer: TestIssuer,
    migration: Migration,
}

impl World {
    fn new() -> Self {
        let clock = TestClock::at(NOW);
        let issuer = TestIssuer::new(ISSUER).clock(clock.clone());
        let legacy = LegacyTokens::signed_with(SECRET, "2026-12-31").unwrap();
        let legacy = legacy.issuer("old-gateway").audience("payments");
        let migration = Migration::new(issuer.verifier(AUDIENCE), legacy);
        Self { clock, issuer, migration }
    }

    fn new_token(&self, client: &str) -> String {
        self.issuer.app_token(client).audience(AUDIENCE).mint()
    }

    async fn code(&self, token: &str) -> &'static str {
        match self.migration.verify(token).await {
            Ok(Incoming::Verified(_)) => "verified",
            Ok(Incoming::Legacy(_)) => "legacy",
            Err(error) => error.code(),
        }
    }
}

fn claims(client: &str) -> Value {
    json!({
        "iss": "old-gateway", "aud": "payments", "sub": "ada", "client_id": client,
        "iat": NOW, "exp": NOW + 7 * 86_400,
    })
}

fn signed(claims: &Value, algorithm: Algorithm, secret: &[u8]) -> String {
    let key = EncodingKey::from_secret(secret);
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
}

fn old_token(client: &str) -> String {
    signed(&claims(client), Algorithm::HS256, SECRET)
}

#[tokio::test]
async fn old_tokens_are_accepted_as_such_and_counted_by_client() {
    let world = World::new();

    for client in ["orders", "orders", "shop"] {
        let Ok(Incoming::Legacy(caller)) = world.migration.verify(&old_token(client)).await else {
            panic!("{client}");
        };
        assert_eq!((caller.subject(), caller.client_id()), (Some("ada"), Some(client)));
    }

    let counted = [("orders".to_owned(), 2), ("shop".to_owned(), 1)];
    assert_eq!(world.migration.legacy_calls(), counted);
    assert_eq!(world.code(&world.new_token("orders")).await, "verified");
}

#[tokio::test]
async fn from_the_date_on_they_are_refused_whatever_they_say() {
    let world = World::new();
    let mut long = claims("orders");
    long["exp"] = json!(END + 86_400);
    let long = signed(&long, Algorithm::HS256, SECRET);

    world.clock.step_wall(END - NOW - 1);
    assert_eq!(world.code(&long).await, "legacy");

    world.clock.step_wall(1);
    assert_eq!(world.code(&long).await, "unsupported_algorithm");
    assert_eq!(world.code(&world.new_token("orders")).await, "verified");
}

#[tokio::test]
async fn a_verifier_alone_never_accepts_one() {
    let world = World::new();

    let refused = world.issuer.verifier(AUDIENCE).verify(&old_token("orders")).await;

    assert_eq!(refused.unwrap_err().code(), "unsupported_algorithm");
}

#[tokio::test]
async fn row_2_our_public_keys_open_nothing() {
    let world = World::new();
    let good = world.issuer.app_token("orders").audience(AUDIENCE);
    for attack in Attack::ALL {
        let code = world.code(&good.hostile(*attack)).await;
        assert!(!["verified", "legacy"].contains(&code), "{attack:?}");
    }
    for key in [world.issuer.jwks_json(), json!(world.issuer.key().verifying_key()).to_string()] {
        let forged = signed(&claims("orders"), Algorithm::HS256, key.as_bytes());
        assert_eq!(world.code(&forged).await, "invalid_signature");
        let as_secret = LegacyTokens::signed_with(key.as_bytes(), "2026-12-31");
        assert_eq!(as_secret.unwrap_err(), LegacySecretError::IsAKey);
    }
}

#[test]
fn a_secret_shorter_than_the_hash_a_pem_and_no_date_are_refused() {
    let error = |secret: &[u8], date| LegacyTokens::signed_with(secret, date).unwrap_err();

    assert_eq!(error(&[7; 31], "2026-12-31"), LegacySecretError::TooShort);
    let pem = b"\n-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE";
    assert_eq!(error(pem, "2026-12-31"), LegacySecretError::IsAKey);
    assert_eq!(error(&[7; 32], "31.12.2026"), LegacySecretError::NoDate);
}

#[tokio::test]
async fn whatever_is_wrong_with_an_old_token_is_refused() {
    let world = World::new();
    let with = |name: &str, value: Value| {
        let mut claims = claims("orders");
        claims[name] = value;
        signed(&claims, Algorithm::HS256, SECRET)
    };
    let good = old_token("orders");
    let (input, signature) = good.rsplit_once('.').unwrap();
    let rows = [
        (with("exp", json!(NOW - 31)), "expired"),
        (with("exp", json!(null)), "claim_wrong_type"),
        (with("exp", json!(NOW + 401 * 86_400)), "lifetime_too_long"),
        (with("iat", json!(NOW + 31)), "issued_in_future"),
        (with("iss", json!("https://issuer.example")), "wrong_issuer"),
        (with("aud", json!("other")), "wrong_audience"),
        (signed(&claims("orders"), Algorithm::HS256, &[1; 32]), "invalid_signature"),
        (format!("{input}.{}", "A".repeat(signature.len())), "invalid_signature"),
        (format!("{input}."), "invalid_signature"),
        (format!("{good}.x"), "token_not_compact"),
        (signed(&claims("orders"), Algorithm::HS384, SECRET), "unsupported_algorithm"),
        (signed(&claims("orders"), Algorithm::HS512, SECRET), "unsupported_algorithm"),
        (format!("{good}{}", "A".repeat(16 * 1024)), "token_too_large"),
    ];

    for (token, expected) in rows {
        assert_eq!(world.code(&token).await, expected);
    }
    assert!(world.migration.legacy_calls().is_empty());
}

/// Three clients move one after the other while requests go on; nobody is refused before the date.
#[tokio::test]
async fn a_fleet_moves_without_a_failed_request() {
    let world = World::new();
    let app = Router::new()
        .route(
            "/",
            get(async |caller: Incoming| match caller {
                Incoming::Verified(verified) => format!("new {}", verified.client_id()),
                Incoming::Legacy(caller) => format!("old {}", caller.client_id().unwrap()),
            }),
        )
        .with_state(world.migration.clone());
    let ask = async |token: String| {
        let request = Request::get("/").header("authorization", format!("Bearer {token}"));
        app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
    };
    let clients = ["orders", "shop", "mobile"];

    for day in 0..7_usize {
        for (number, client) in clients.iter().enumerate() {
            let has_moved = day > 2 * number;
            let token = if has_moved { world.new_token(client) } else { old_token(client) };
            assert_eq!(ask(token).await, StatusCode::OK, "{client} on day {day}");
        }
        world.clock.advance(Duration::from_hours(20));
    }

    let calls = world.migration.legacy_calls();
    let expected = [("mobile", 5), ("orders", 1), ("shop", 3)];
    assert_eq!(calls, expected.map(|(client, count)| (client.to_owned(), count)));
    world.clock.step_wall(END - NOW);
    assert_eq!(ask(old_token("mobile")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(world.new_token("mobile")).await, StatusCode::OK);
}

#[tokio::test]
async fn a_revoked_token_of_the_issuer_is_refused_here_too() {
    let world = World::new();
    let token = world.new_token("orders");

    world.issuer.revoke_client("orders");

    let refused = world.migration.verify(&token).await.unwrap_err();
    assert_eq!(refused, VerifyError::Revoked);
}
