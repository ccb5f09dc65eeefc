//! Callers with tokens: who is let through, what is said of them, and which token the service behind gets.

use countersign::protocol::Identity;
use countersign::registry::{ActingRule, Client, Semantics, User};
use countersign::store::Actor;
use countersign_verifier::testing::TestHolder;
use serde_json::{Value, json};

use super::world::{NEWS_API, SHOP_API};
use super::{ADA, World, refused};
use crate::harness::{Answer, START};
use crate::people::{Browser, payload};

/// The claims of the token that is handed on.
fn handed_on(answer: &Answer) -> Value {
    let token = answer.header("authorization").strip_prefix("Bearer ").unwrap();
    payload(&json!(token))
}

#[tokio::test]
async fn an_app_is_let_through_with_the_token_that_it_has() {
    let world = World::new().await;
    let token = world.app_token("payments:read payments:write").await;

    let answer = world.ask("shop-app").bearer(&token).send().await;
    let plain = world.ask("shop-plain").bearer(&token).send().await;

    assert_eq!(answer.status, 200, "{}", answer.body);
    let said = ["identity", "subject", "client-id", "scope", "roles", "username", "email"];
    let said = said.map(|name| answer.header(&format!("countersign-{name}")).to_owned());
    assert_eq!(said, ["app", "batch", "batch", "payments:read payments:write", "", "", ""]);
    assert_eq!(answer.header("authorization"), format!("Bearer {token}"), "it is for it already");
    assert_eq!((plain.status.as_u16(), plain.header("authorization")), (200, ""));
    for name in ["actors", "groups", "acr"] {
        let name = format!("countersign-{name}");
        assert!(answer.headers.contains_key(&name), "{name} must replace what a client sends");
    }
}

#[tokio::test]
async fn what_a_route_demands_is_403_with_what_is_missing() {
    let world = World::new().await;
    let poor = world.app_token("payments:read").await;

    let scope = world.ask("shop-app").bearer(&poor).send().await;
    let kind = world.ask("shop-admin").bearer(&poor).send().await;

    assert_eq!(scope.error(), refused(403, "insufficient_scope"));
    let challenge = scope.header("www-authenticate");
    assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
    assert!(challenge.ends_with("scope=\"payments:write\""), "{challenge}");
    assert_eq!(kind.error(), refused(403, "insufficient_scope"));
}

#[tokio::test]
async fn every_token_that_is_not_good_is_401_with_a_challenge() {
    let world = World::new().await;
    let good = world.app_token("payments:read").await;
    let cut = &good[..good.len() - 2];
    let id_token_like = "eyJhbGciOiJub25lIn0.e30.";
    let wide = "x".repeat(9_000);

    for text in [cut, id_token_like, "garbage", "", "a b", "e30.e30.e30", &wide] {
        let answer = world.ask("shop").bearer(text).send().await;
        assert_eq!(answer.error(), refused(401, "invalid_token"), "{text}");
        let challenge = answer.header("www-authenticate");
        let begin = "Bearer realm=\"shop.example\", error=\"invalid_token\"";
        assert!(challenge.starts_with(begin), "{challenge}");
    }
    let twice = world.ask("shop").bearer(&good).bearer(&good).send().await;
    assert_eq!(twice.error(), refused(401, "invalid_token"));
    for other in ["Basic YTpi", "DPoP x", "Negotiate"] {
        let answer = world.ask("shop").header("authorization", other).send().await;
        assert_eq!(answer.error(), refused(401, "invalid_token"), "{other}");
    }
    let page = world.open("shop").bearer("garbage").send().await;
    assert_eq!((page.status.as_u16(), page.header("location")), (401, ""), "no page helps it");
    let elsewhere = world.ask("news").bearer(&good).send().await;
    assert_eq!(
        elsewhere.error(),
        refused(401, "invalid_token"),
        "it is for another host's service"
    );
    world.later(601).await;
    assert_eq!(world.ask("shop").bearer(&good).send().await.error(), refused(401, "invalid_token"));
}

#[tokio::test]
async fn a_bound_token_is_refused_as_a_bearer_token_and_with_its_proof() {
    let world = World::new().await;
    let holder = TestHolder::new();
    let proof = crate::dpop::proof(&world.issuer, &holder, ("POST", "/token")).mint();
    let parameters = [
        ("grant_type", "client_credentials"),
        ("client_id", "batch"),
        ("client_secret", world.app.as_str()),
        ("resource", SHOP_API),
    ];
    let bound = crate::dpop::post(&world.issuer, "/token", &parameters, &[&proof]).await.json();
    assert_eq!(bound["token_type"], "DPoP");
    let token = bound["access_token"].as_str().unwrap();

    let bearer = world.ask("shop").bearer(token).send().await;
    let proved = world.ask("shop").header("authorization", &format!("DPoP {token}"));
    let proved = proved.header("dpop", &proof).send().await;

    assert_eq!(bearer.error(), refused(401, "invalid_token"));
    assert_eq!(proved.error(), refused(401, "invalid_token"));
}

#[tokio::test]
async fn whoever_is_disabled_or_signed_out_is_let_through_no_more() {
    let world = World::new().await;
    let (app, browser) = (world.app_token("payments:read").await, Browser::new(&world.issuer));
    world.sign_in("shop", &browser, ADA).await;
    let user = world.open("shop").send().await.header("authorization").to_owned();
    let by_user = || world.ask("shop").header("authorization", &user).send();
    assert_eq!(by_user().await.header("countersign-username"), ADA);

    world.edit_client("batch", |client| client.enabled = false).await;
    let of_app = world.ask("shop").bearer(&app).send().await;
    let store = &world.issuer.app.store;
    let disable = |user: &mut User| {
        user.enabled = false;
        Ok(())
    };
    let act = Actor::node().at(START);
    let session = store.sessions_of(world.ada).await.unwrap().remove(0);
    store.end_session(session.id, START).await.unwrap();
    let of_ended = by_user().await;
    world.sign_in("shop", &browser, ADA).await;
    let anew = world.open("shop").send().await.header("authorization").to_owned();
    let by_user = || world.ask("shop").header("authorization", &anew).send();
    let of_anew = by_user().await;
    drop(store.update_user(ADA, &act, disable).await.unwrap());
    let of_disabled = by_user().await;

    assert_eq!(of_anew.status, 200);
    for answer in [of_app, of_disabled, of_ended] {
        assert_eq!(answer.error(), refused(401, "invalid_token"));
    }
}

#[tokio::test]
async fn a_token_for_the_gateway_is_exchanged_for_one_to_the_service_by_the_rules() {
    let world = World::new().await;
    let token = world.app_token("payments:read").await;
    let denied = world.ask("shop-to-news").bearer(&token).send().await;
    let rule = ActingRule {
        audience: SHOP_API.to_owned(),
        resource: NEWS_API.to_owned(),
        needs: None,
        scopes: vec!["payments:read".to_owned()],
        identities: vec![Identity::App, Identity::User],
        semantics: Semantics::Delegation,
    };

    world
        .edit_client("shop-gateway", |client: &mut Client| {
            client.grants.push("urn:ietf:params:oauth:grant-type:token-exchange".to_owned());
            client.acting_rules.push(rule);
        })
        .await;
    let answer = world.ask("shop-to-news").bearer(&token).send().await;

    assert_eq!(denied.error(), refused(403, "insufficient_scope"), "default deny");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let claims = handed_on(&answer);
    assert_eq!((&claims["aud"], &claims["sub"]), (&json!(NEWS_API), &json!("batch")));
    assert_eq!((&claims["idtyp"], &claims["act"]["sub"]), (&json!("app"), &json!("shop-gateway")));
    assert!(claims["exp"].as_i64().unwrap() <= START + 120, "{claims}");
    let audit = std::fs::read_to_string(world.issuer.app.config.audit_file()).unwrap();
    let line = audit.lines().last().unwrap();
    assert!(line.contains("\"grant\":\"gateway\"") && line.contains("token_issued"), "{line}");
    assert!(line.contains(claims["jti"].as_str().unwrap()), "{line}");
}

#[tokio::test]
async fn a_session_is_turned_into_a_token_for_the_service_that_it_can_verify_alone() {
    let world = World::new().await;
    let browser = Browser::new(&world.issuer);
    world.sign_in("shop", &browser, "root").await;

    let answer = world.open("shop").send().await;

    let claims = handed_on(&answer);
    assert_eq!((&claims["aud"], &claims["idtyp"]), (&json!(SHOP_API), &json!("user")));
    assert_eq!(claims["client_id"], "shop-gateway");
    assert_eq!(claims["scope"], "payments:read payments:write");
    assert_eq!((&claims["roles"], &claims["acr"]), (&json!(["admin", "a,b"]), &json!("1")));
    assert!(claims["sid"].is_string() && claims["auth_time"].is_number());
    assert_eq!(claims["exp"], START + 120);
    assert_eq!(answer.header("countersign-roles"), "admin,a%2Cb");
    let again = world.ask("shop").header("authorization", answer.header("authorization"));
    assert_eq!(again.send().await.header("countersign-username"), "root");
}

#[tokio::test]
async fn what_cannot_be_audited_is_not_handed_on() {
    let world = World::new().await;
    let browser = Browser::new(&world.issuer);
    world.sign_in("shop", &browser, ADA).await;
    let lines = || {
        let audit = std::fs::read_to_string(world.issuer.app.config.audit_file()).unwrap();
        audit.lines().count()
    };

    let before = lines();
    let answer = world.open("shop").send().await;
    let plain = world.open("shop-plain").send().await;

    assert_eq!((answer.status.as_u16(), plain.status.as_u16()), (200, 200));
    assert_eq!(lines(), before + 1, "one token, one line");
}
