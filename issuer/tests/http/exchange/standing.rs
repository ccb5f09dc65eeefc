//! Whoever stood behind a token still does, or nothing comes of it: user, session, consent, each client, both resources.

use countersign::protocol::Identity;
use countersign::registry::{ActingRule, AssertionRule, ClientId, ConsentPolicy, User, Whom};
use countersign::store::Actor;
use countersign_verifier::Caller;
use serde_json::json;

use super::{Fleet, GRANT, ORDERS, access_token, rule};
use crate::harness::{PAYMENTS, START};

fn act() -> countersign::store::Act {
    Actor::node().at(START)
}

/// The last token of a chain, after the first exchange, and the answer to the second one.
async fn after(what: &str) -> (u16, String) {
    let fleet = Fleet::with(vec![rule()]).await;
    let signed_in = fleet.sign_in().await;
    let token = signed_in["access_token"].as_str().unwrap();
    let token = access_token(&fleet.exchange("orders", token, &[]).await);
    let store = &fleet.issuer.app.store;
    match what {
        "user disabled" => {
            let edit = |user: &mut User| {
                user.enabled = false;
                Ok(())
            };
            drop(store.update_user("ada", &act(), edit).await.unwrap());
        }
        "user deleted" => store.delete_user("ada", &act()).await.unwrap(),
        "session ended" => {
            let session = store.sessions_of(fleet.ada).await.unwrap().remove(0);
            store.end_session(session.id, START).await.unwrap();
        }
        "origin disabled" => fleet.edit("web", |client| client.enabled = false).await,
        "origin deleted" => {
            store.delete_client(&ClientId::parse("web").unwrap(), &act()).await.unwrap();
        }
        "actor disabled" => fleet.edit("orders", |client| client.enabled = false).await,
        "client disabled" => fleet.edit("payments", |client| client.enabled = false).await,
        "rule withdrawn" => fleet.edit("payments", |client| client.acting_rules.clear()).await,
        "grant withdrawn" => {
            fleet.edit("payments", |client| client.grants.retain(|grant| grant != GRANT)).await;
        }
        "source disabled" | "target disabled" => {
            let which = if what == "source disabled" { PAYMENTS } else { super::LEDGER };
            let edit = |resource: &mut countersign::registry::Resource| {
                resource.enabled = false;
                Ok(())
            };
            store.update_resource(which, &act(), edit).await.unwrap();
        }
        "target deleted" => drop(store.delete_resource(super::LEDGER, &act()).await.unwrap()),
        _ => {}
    }
    fleet.issuer.follow().await;
    let more = [("resource", super::LEDGER), ("scope", "ledger:read")];
    let answer = fleet.exchange("payments", &token, &more).await;
    (answer.status.as_u16(), answer.json()["error"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn ghsa_7qjx_gp9h_65qj_cve_2026_43983_whatever_ends_ends_the_chain() {
    for (what, status, code) in [
        ("nothing", 200, ""),
        // RFC 8693 §2.2.2: the token that is brought was revoked with whatever ended.
        ("user disabled", 400, "invalid_request"),
        ("user deleted", 400, "invalid_request"),
        ("session ended", 400, "invalid_request"),
        ("origin disabled", 400, "invalid_request"),
        ("origin deleted", 400, "invalid_request"),
        ("actor disabled", 400, "invalid_request"),
        ("client disabled", 401, "invalid_client"),
        ("rule withdrawn", 400, "invalid_request"),
        ("grant withdrawn", 400, "unauthorized_client"),
        ("source disabled", 400, "invalid_grant"),
        ("target disabled", 400, "invalid_target"),
        // The last rule went with it.
        ("target deleted", 400, "invalid_request"),
    ] {
        assert_eq!(after(what).await, (status, code.to_owned()), "{what}");
    }
}

#[tokio::test]
async fn a_withdrawn_consent_ends_the_chain() {
    let fleet = Fleet::with(vec![rule()]).await;
    let ask = |client: &mut countersign::registry::Client| {
        client.sign_in.as_mut().unwrap().consent = ConsentPolicy::Ask;
    };
    fleet.edit("web", ask).await;
    let consent = ["openid", "orders:read"].map(str::to_owned);
    let store = &fleet.issuer.app.store;
    store.grant_consent((fleet.ada, "web"), &consent, START).await.unwrap();
    let with = |scope: &str| {
        let mut claims = fleet.claims();
        claims["scope"] = scope.into();
        fleet.sign(&claims)
    };

    let consented = fleet.exchange("orders", &with("orders:read"), &[]).await;
    let beyond = fleet.exchange("orders", &with("orders:read trace"), &[]).await;
    let derived = access_token(&consented);
    let onward = fleet.exchange("payments", &derived, &[]).await;
    store.withdraw_consent(fleet.ada, "web", &Actor::user(fleet.ada).at(START + 1)).await.unwrap();
    let withdrawn = fleet.exchange("orders", &with("orders:read"), &[]).await;
    let empty = fleet.exchange("orders", &with(""), &[]).await;
    let withdrawn_onward = fleet.exchange("payments", &derived, &[]).await;

    assert_eq!(onward.status, 200, "{}", onward.body);
    assert_eq!(beyond.error(), (400, "invalid_grant".to_owned()));
    // RFC 8693 §2.2.2: these tokens were revoked with it.
    for refused in [withdrawn, empty, withdrawn_onward] {
        assert_eq!(refused.error(), (400, "invalid_request".to_owned()));
    }
}

#[tokio::test]
async fn who_goes_on_offline_after_the_sign_out_is_acted_for_too() {
    let fleet = Fleet::with(vec![rule()]).await;
    let signed_in = fleet.sign_in().await;
    let session = fleet.issuer.app.store.sessions_of(fleet.ada).await.unwrap().remove(0);
    fleet.issuer.app.store.end_session(session.id, START).await.unwrap();

    let refresh = signed_in["refresh_token"].as_str().unwrap();
    let renewed = fleet.issuer.refresh("web", fleet.secret("web"), refresh).await;
    let answer = fleet.exchange("orders", &access_token(&renewed), &[]).await;

    assert!(renewed.claims().get("sid").is_none(), "it is of no session any more");
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn who_was_only_named_stays_so_and_only_as_long_as_the_rule_that_named_them() {
    let named = ActingRule { identities: vec![Identity::AppAsserted], ..rule() };
    let fleet = Fleet::with(vec![named]).await;
    let about = |whom: Whom| AssertionRule {
        whom,
        resource: ORDERS.to_owned(),
        scopes: vec!["orders:read".to_owned()],
        lifetime: 300,
        reason_required: false,
    };
    let rules = vec![about(Whom::User(fleet.ada)), about(Whom::Namespace("crm".to_owned()))];
    fleet.issuer.client("batch", |client| client.assertion_rules = rules).await;
    let asserted = |sub: &str| {
        let mut claims = fleet.claims();
        for gone in ["auth_time", "acr", "amr"] {
            claims.as_object_mut().unwrap().remove(gone);
        }
        claims["sub"] = sub.into();
        claims["idtyp"] = "app_asserted".into();
        claims["client_id"] = "batch".into();
        claims["act"] = json!({ "sub": "batch" });
        fleet.sign(&claims)
    };
    let (ada, external) = (asserted(&fleet.ada.to_string()), asserted("crm:4711"));

    for token in [&ada, &external] {
        let claims = fleet.exchange("orders", token, &[]).await.claims();
        assert_eq!(claims["idtyp"], "app_asserted");
        assert_eq!(claims["act"], json!({ "sub": "orders", "act": { "sub": "batch" } }));
        for absent in ["auth_time", "acr", "amr", "sid", "roles", "groups"] {
            assert!(claims.get(absent).is_none(), "{absent}");
        }
    }
    let is_local = |rule: &AssertionRule| matches!(rule.whom, Whom::User(_));
    fleet.edit("batch", |client| client.assertion_rules.retain(is_local)).await;
    let refused = fleet.exchange("orders", &external, &[]).await;
    assert_eq!(refused.error().1, "invalid_grant", "the namespace was withdrawn");
    assert_eq!(fleet.exchange("orders", &ada, &[]).await.status, 200);
    let by_default = Fleet::with(vec![rule()]).await;
    let mut claims = by_default.claims();
    claims["idtyp"] = "app_asserted".into();
    claims["act"] = json!({ "sub": "web" });
    let refused = by_default.exchange("orders", &by_default.sign(&claims), &[]).await;
    assert_ne!(refused.status, 200, "a rule about users is not about those who were named");
}

#[tokio::test]
async fn an_app_is_acted_for_where_a_rule_says_so() {
    let apps = ActingRule { identities: vec![Identity::App], ..rule() };
    for (rules, status) in [(vec![apps], 200), (vec![rule()], 400)] {
        let fleet = Fleet::with(rules).await;
        let mut claims = fleet.claims();
        claims["sub"] = "web".into();
        claims["idtyp"] = "app".into();

        let answer = fleet.exchange("orders", &fleet.sign(&claims), &[]).await;

        assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
        if status == 200 {
            let claims = answer.claims();
            assert_eq!((&claims["sub"], &claims["idtyp"]), (&json!("web"), &json!("app")));
            assert_eq!(
                (&claims["client_id"], &claims["act"]),
                (&json!("orders"), &json!({ "sub": "orders" }))
            );
            assert!(claims.get("roles").is_none(), "the client's own roles are not the app's");
            let verified = fleet.verified(PAYMENTS, &access_token(&answer)).await;
            assert_eq!(verified.caller(), Caller::App { client_id: "web" });
        }
    }
}
