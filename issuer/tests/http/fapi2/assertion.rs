//! Client assertions (F23 to F29), at both endpoints that take them.

use countersign::registry::ClientKeys;
use countersign_keys::jws::sign_compact;
use countersign_keys::signing_key::KeySize;
use countersign_keys::{Algorithm, JwkSet, SigningKey};
use serde_json::{Value, json};

use super::world::{self, published};
use super::{Fault, ISSUER, Way, World, refused};
use crate::harness::START;

/// At PAR and at the token endpoint.
async fn each(world: &World, assertion: impl Fn() -> String) -> [(u16, String); 2] {
    let pushed = world.push("bank").assertion(&assertion()).send().await;
    let redeemed = world.redeem("bank", "code").assertion(&assertion()).send().await;
    [pushed.error(), redeemed.error()]
}

async fn refuse(faults: &[Fault]) {
    let world = World::new().await;
    for (fault, break_it) in faults {
        for error in each(&world, || world.assertion("bank", break_it)).await {
            assert_eq!(error, refused(401, "invalid_client"), "{fault}");
        }
    }
    assert_eq!(world.push("bank").send().await.status, 201, "without a fault");
}

#[tokio::test]
async fn f23_the_audience_is_the_issuer_as_one_string() {
    refuse(&[
        ("a list", |claims| claims["aud"] = json!([ISSUER])),
        ("PAR", |claims| claims["aud"] = format!("{ISSUER}/par").into()),
        ("the token endpoint", |claims| claims["aud"] = format!("{ISSUER}/token").into()),
    ])
    .await;
}

#[tokio::test]
async fn f24_five_minutes_after_its_end_it_is_refused() {
    refuse(&[("expired", |claims| claims["exp"] = (START - 300).into())]).await;
}

#[tokio::test]
async fn f25_a_clock_that_is_8_seconds_ahead_is_accepted_and_a_minute_is_not() {
    let world = World::new().await;
    let ahead = |name: &'static str, seconds: i64| {
        world.assertion("bank", |claims| claims[name] = (START + seconds).into())
    };

    assert_eq!(world.push("bank").assertion(&ahead("nbf", 8)).send().await.status, 201);
    assert_eq!(world.push("bank").assertion(&ahead("iat", 8)).send().await.status, 201);
    for name in ["nbf", "iat"] {
        let late = world.push("bank").assertion(&ahead(name, 61)).send().await;
        assert_eq!(late.error(), refused(401, "invalid_client"), "{name}");
    }
}

#[tokio::test]
async fn f26_another_audience_is_refused() {
    refuse(&[
        ("another server", |claims| claims["aud"] = "https://other.example".into()),
        ("a slash", |claims| claims["aud"] = format!("{ISSUER}/").into()),
        ("none", |claims| drop(claims.as_object_mut().unwrap().remove("aud"))),
    ])
    .await;
}

#[tokio::test]
async fn f27_without_sub_it_is_refused() {
    refuse(&[("no sub", |claims| drop(claims.as_object_mut().unwrap().remove("sub")))]).await;
}

pub(super) fn generated(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm, KeySize::Default).unwrap()
}

fn sign(key: &SigningKey, claims: &Value) -> String {
    sign_compact(key, "JWT", claims.to_string().as_bytes()).unwrap()
}

#[tokio::test]
async fn f28_rs256_is_refused_also_with_a_key_that_is_published_elsewhere() {
    let weak = [Algorithm::Rs256, Algorithm::Es384].map(generated);
    let good = [Algorithm::Es256, Algorithm::Ps256, Algorithm::EdDsa].map(generated);
    let all: Vec<&SigningKey> = weak.iter().chain(&good).collect();
    let uri = published(&all).await;
    let keyed = |client: &mut countersign::registry::Client, _: &mut _| {
        client.keys = ClientKeys::Uri(uri.clone());
    };
    let world = World::with(Way::ALL[0], world::loopback, keyed).await;

    for key in &weak {
        let name = key.algorithm().name();
        let (log, _guard) = crate::log::Log::listen();
        for error in each(&world, || sign(key, &world.assertion_claims("bank"))).await {
            assert_eq!(error, refused(401, "invalid_client"), "{name}");
        }
        assert!(log.text().contains("FAPI 2.0 has not the algorithm"), "{}", log.text());
    }
    for key in &good {
        let assertion = sign(key, &world.assertion_claims("bank"));
        let answer = world.push("bank").assertion(&assertion).send().await;
        assert_eq!(answer.status, 201, "{}: {}", key.algorithm().name(), answer.body);
    }
}

#[tokio::test]
async fn f28_keys_of_another_algorithm_are_not_registered() {
    let world = World::new().await;
    let weak = JwkSet::from_keys([world.weak.verifying_key().clone()]);

    let id = "bank".parse().unwrap();
    let act = countersign::store::Actor::node().at(START);
    let edit = |client: &mut countersign::registry::Client| {
        client.keys = ClientKeys::Inline(weak);
        Ok(())
    };
    let written = world.issuer.app.store.update_client(&id, &act, edit).await;

    assert!(written.unwrap_err().to_string().contains("PS256, ES256 or EdDSA"));
}

#[tokio::test]
async fn f29_without_an_assertion_it_is_refused() {
    let world = World::new().await;

    assert_eq!(each(&world, String::new).await, [(); 2].map(|()| refused(401, "invalid_client")));
}

#[tokio::test]
async fn f29_without_the_certificate_that_it_is_registered_for_a_client_is_refused() {
    for way in [Way::ALL[2], Way::ALL[3]] {
        let world = World::of(way).await;
        for shown in [None, Some("broker")] {
            let answer = world.push("bank").shown(shown).send().await;
            assert_eq!(answer.error(), refused(401, "invalid_client"), "{way:?} {shown:?}");
        }
    }
}
