//! What is brought: each single fault of a subject token, of an actor token, and of the request.

use countersign::registry::{ActingRule, Semantics};
use countersign::signing::TokenType;
use countersign_verifier::testing::TestHolder;
use serde_json::{Value, json};

use super::{ACCESS_TOKEN, Fleet, ORDERS, access_token, rule};
use crate::harness::{PAYMENTS, START};
use crate::mtls::Holder;
use crate::people::payload;
use crate::{dpop, mtls};

fn invalid_request() -> (u16, String) {
    (400, "invalid_request".to_owned())
}

/// What is wrong, and how it becomes so.
type Fault = (&'static str, fn(&mut Value));

#[tokio::test]
async fn each_single_fault_of_a_subject_token_is_refused() {
    let fleet = Fleet::with(vec![rule()]).await;
    let faults: [Fault; 20] = [
        ("no iss", |claims| drop(claims.as_object_mut().unwrap().remove("iss"))),
        ("no sub", |claims| drop(claims.as_object_mut().unwrap().remove("sub"))),
        ("no aud", |claims| drop(claims.as_object_mut().unwrap().remove("aud"))),
        ("no exp", |claims| drop(claims.as_object_mut().unwrap().remove("exp"))),
        ("no iat", |claims| drop(claims.as_object_mut().unwrap().remove("iat"))),
        ("no jti", |claims| drop(claims.as_object_mut().unwrap().remove("jti"))),
        ("no client_id", |claims| drop(claims.as_object_mut().unwrap().remove("client_id"))),
        ("no idtyp", |claims| drop(claims.as_object_mut().unwrap().remove("idtyp"))),
        ("another idtyp", |claims| claims["idtyp"] = "device".into()),
        ("other iss", |claims| claims["iss"] = "https://other.example".into()),
        ("two audiences", |claims| claims["aud"] = json!([ORDERS, PAYMENTS])),
        ("a list of one", |claims| claims["aud"] = json!([ORDERS])),
        ("expired", |claims| claims["exp"] = START.into()),
        ("not yet good", |claims| claims["nbf"] = (START + 1).into()),
        ("good for two days", |claims| claims["exp"] = (START + 172_800).into()),
        ("a user who is no user", |claims| claims["sub"] = "ada".into()),
        ("of somebody named, by nobody", |claims| claims["idtyp"] = "app_asserted".into()),
        ("bound to a key", |claims| claims["cnf"] = json!({ "jkt": "0ZcOCORZNYy" })),
        ("bound to a certificate", |claims| claims["cnf"] = json!({ "x5t#S256": "bwcK0esc" })),
        ("an act that is no object", |claims| claims["act"] = "orders".into()),
    ];

    for (fault, spoil) in faults {
        let mut claims = fleet.claims();
        spoil(&mut claims);
        let answer = fleet.exchange("orders", &fleet.sign(&claims), &[]).await;
        assert_eq!(answer.error(), invalid_request(), "{fault}");
    }
    let other = Fleet::with(Vec::new()).await;
    let foreign = fleet.exchange("orders", &other.token(), &[]).await;
    assert_eq!(foreign.error(), invalid_request(), "signed by another issuer of the same name");
    assert_eq!(fleet.exchange("orders", "not.a.jwt", &[]).await.error(), invalid_request());
    assert_eq!(fleet.exchange("orders", &fleet.token(), &[]).await.status, 200);
}

#[tokio::test]
async fn j27_no_other_kind_of_token_is_exchanged() {
    let fleet = Fleet::with(vec![rule()]).await;
    let signed_in = fleet.sign_in().await;

    for kind in [TokenType::Jwt, TokenType::LogoutToken] {
        let answer = fleet.exchange("orders", &fleet.sign_as(kind, &fleet.claims()), &[]).await;
        assert_eq!(answer.error(), invalid_request(), "{kind:?}");
    }
    for kind in ["id_token", "refresh_token"] {
        let answer = fleet.exchange("orders", signed_in[kind].as_str().unwrap(), &[]).await;
        assert_eq!(answer.error(), invalid_request(), "{kind}");
    }
}

#[tokio::test]
async fn a_token_that_is_bound_is_exchanged_for_one_that_is_bound_to_a_key_of_the_client() {
    let fleet = Fleet::with(vec![rule()]).await;
    let holder = TestHolder::new();
    let bindings = [
        json!({ "jkt": TestHolder::new().jkt() }),
        json!({ "x5t#S256": Holder::self_signed(|_| {}).shown.x5t_s256() }),
    ];

    for cnf in bindings {
        let mut claims = fleet.claims();
        claims["cnf"] = cnf;
        let token = fleet.sign(&claims);
        let form = fleet.form("orders", &token);
        let proof = dpop::proof(&fleet.issuer, &holder, ("POST", "/token")).mint();

        let plain = fleet.issuer.token(&form).await;
        let proven = dpop::post(&fleet.issuer, "/token", &form, &[&proof]).await;

        assert_eq!(plain.error(), invalid_request());
        let token = access_token(&proven);
        assert_eq!(proven.json()["token_type"], "DPoP");
        assert_eq!(payload(&token.into())["cnf"], json!({ "jkt": holder.jkt() }));
    }
}

#[tokio::test]
async fn a_token_that_is_bound_to_more_or_something_else_is_not_exchanged() {
    let fleet = Fleet::with(vec![rule()]).await;
    let (holder, certificate) = (TestHolder::new(), Holder::self_signed(|_| {}));
    let x5t = certificate.shown.x5t_s256();
    let bindings = [
        json!({ "jkt": holder.jkt(), "x5t#S256": x5t }),
        json!({ "jwk": { "kty": "OKP" } }),
        json!({}),
    ];

    for cnf in bindings {
        let mut claims = fleet.claims();
        claims["cnf"] = cnf.clone();
        let token = fleet.sign(&claims);
        let form = fleet.form("orders", &token);
        let proof = dpop::proof(&fleet.issuer, &holder, ("POST", "/token")).mint();

        let plain = fleet.issuer.token(&form).await;
        let proven = dpop::post(&fleet.issuer, "/token", &form, &[&proof]).await;
        let shown = mtls::post(&fleet.issuer, "/token", Some(&certificate.shown), &form).await;

        for answer in [plain, proven, shown] {
            assert_eq!(answer.error(), invalid_request(), "{cnf}");
        }
    }
}

#[tokio::test]
async fn an_actor_token_that_is_bound_comes_with_a_proof_of_its_key() {
    let fleet = Fleet::with(vec![rule()]).await;
    let (holder, other) = (TestHolder::new(), TestHolder::new());
    let mut claims = fleet.claims();
    claims["sub"] = "orders".into();
    claims["client_id"] = "orders".into();
    claims["idtyp"] = "app".into();
    claims["cnf"] = json!({ "jkt": holder.jkt() });
    let (token, actor) = (fleet.token(), fleet.sign(&claims));
    let mut form = fleet.form("orders", &token).to_vec();
    form.extend([("actor_token", actor.as_str()), ("actor_token_type", ACCESS_TOKEN)]);
    let prove = |holder| dpop::proof(&fleet.issuer, holder, ("POST", "/token")).mint();

    let plain = fleet.issuer.token(&form).await;
    let wrong = dpop::post(&fleet.issuer, "/token", &form, &[&prove(&other)]).await;
    let right = dpop::post(&fleet.issuer, "/token", &form, &[&prove(&holder)]).await;

    assert_eq!(plain.error(), invalid_request());
    assert_eq!(wrong.error(), invalid_request());
    access_token(&right);
}

/// What is wrong, the parameters that make it so, and the error.
type RequestFault<'f> = (&'f str, &'f [(&'f str, &'f str)], &'f str);

#[tokio::test]
async fn each_single_fault_of_the_request_is_refused() {
    let fleet = Fleet::with(vec![rule()]).await;
    let token = fleet.token();
    let own = fleet.issuer.token_as("orders", fleet.secret("orders"), &[]).await;
    let own = access_token(&own);
    let id_token_type = "urn:ietf:params:oauth:token-type:id_token";
    let cases: [RequestFault<'_>; 12] = [
        ("no subject token", &[("subject_token", "")], "invalid_request"),
        ("no type", &[("subject_token_type", "")], "invalid_request"),
        ("another type", &[("subject_token_type", id_token_type)], "invalid_request"),
        ("another result", &[("requested_token_type", id_token_type)], "invalid_request"),
        ("an actor without a type", &[("actor_token", &own)], "invalid_request"),
        ("a type without an actor", &[("actor_token_type", ACCESS_TOKEN)], "invalid_request"),
        (
            "an actor of another type",
            &[("actor_token", &own), ("actor_token_type", id_token_type)],
            "invalid_request",
        ),
        (
            "an actor who is a user",
            &[("actor_token", &token), ("actor_token_type", ACCESS_TOKEN)],
            "invalid_request",
        ),
        ("two targets", &[("resource", PAYMENTS), ("audience", ORDERS)], "invalid_target"),
        ("another target", &[("audience", "https://unknown.example")], "invalid_target"),
        ("another scope", &[("scope", "payments:read payments:write")], "invalid_scope"),
        ("a malformed scope", &[("scope", "a\"b")], "invalid_scope"),
    ];

    for (fault, more, expected) in cases {
        let answer = fleet.exchange("orders", &token, more).await;
        assert_eq!(answer.error(), (400, expected.to_owned()), "{fault}");
    }
    let both =
        [("resource", PAYMENTS), ("audience", PAYMENTS), ("requested_token_type", ACCESS_TOKEN)];
    assert_eq!(fleet.exchange("orders", &token, &both).await.status, 200, "the same, said twice");
}

#[tokio::test]
async fn an_actor_token_is_the_clients_own_and_has_it_named() {
    let unseen = ActingRule { semantics: Semantics::Impersonation, ..rule() };
    let fleet = Fleet::with(vec![unseen]).await;
    let token = fleet.token();
    let own = access_token(&fleet.issuer.token_as("orders", fleet.secret("orders"), &[]).await);
    let other =
        access_token(&fleet.issuer.token_as("payments", fleet.secret("payments"), &[]).await);
    let mut acted = fleet.claims();
    for (name, value) in [("sub", "orders"), ("client_id", "payments"), ("idtyp", "app")] {
        acted[name] = value.into();
    }
    acted["act"] = json!({ "sub": "payments" });
    let with = |actor: &str| {
        [("actor_token", actor.to_owned()), ("actor_token_type", ACCESS_TOKEN.to_owned())]
    };
    let by = async |actor: &str| {
        let more = with(actor);
        let more: Vec<(&str, &str)> = more.iter().map(|(n, v)| (*n, v.as_str())).collect();
        fleet.exchange("orders", &token, &more).await
    };

    let unseen = fleet.exchange("orders", &token, &[]).await.claims();
    let named = by(&own).await.claims();

    assert!(unseen.get("act").is_none(), "the rule says so");
    assert_eq!(unseen["client_id"], "orders");
    assert_eq!(named["act"], json!({ "sub": "orders" }));
    assert_eq!(by(&other).await.error(), invalid_request(), "of another client");
    assert_eq!(by(&fleet.sign(&acted)).await.error(), invalid_request(), "through another client");
}

#[tokio::test]
async fn who_alone_may_act_is_for_the_token_to_say() {
    let fleet = Fleet::with(vec![rule()]).await;
    let with = |may_act: Value| {
        let mut claims = fleet.claims();
        claims["may_act"] = may_act;
        fleet.sign(&claims)
    };
    let issuer = "https://issuer.example";

    for good in [json!({ "sub": "orders" }), json!({ "sub": "orders", "iss": issuer })] {
        assert_eq!(fleet.exchange("orders", &with(good.clone()), &[]).await.status, 200, "{good}");
    }
    for bad in [
        json!({ "sub": "payments" }),
        json!({ "sub": "orders", "iss": "https://other.example" }),
        json!({ "sub": "orders", "on": "mondays" }),
        json!({ "iss": issuer }),
        json!({}),
        json!("orders"),
    ] {
        let answer = fleet.exchange("orders", &with(bad.clone()), &[]).await;
        assert_eq!(answer.error(), invalid_request(), "{bad}");
    }
}
