//! Whom, where and what: default deny, scopes that only shrink, and a change that each node follows.

use countersign::registry::{ActingRule, ClientAuthentication};
use serde_json::json;

use super::{Fleet, GRANT, LEDGER, ORDERS, rule};
use crate::harness::PAYMENTS;

#[tokio::test]
async fn r51_cve_2022_1245_without_a_rule_nobody_acts_for_anybody_anywhere() {
    let fleet = Fleet::with(vec![rule()]).await;
    let token = fleet.token();

    // Its own resource, that of others, the issuer itself, and clients by name.
    for target in [ORDERS, LEDGER, "https://issuer.example", "payments", "web", "https://x.example"]
    {
        for name in ["resource", "audience"] {
            let answer = fleet.exchange("orders", &token, &[(name, target)]).await;
            assert_eq!(answer.error(), (400, "invalid_target".to_owned()), "{name}={target}");
        }
    }
    // The token was not given to this one.
    for target in [ORDERS, LEDGER, PAYMENTS] {
        let answer = fleet.exchange("payments", &token, &[("resource", target)]).await;
        assert_eq!(answer.error(), (400, "invalid_request".to_owned()), "{target}");
    }
    let not_granted = fleet.exchange("web", &token, &[]).await;
    assert_eq!(not_granted.error(), (400, "unauthorized_client".to_owned()));
    let nobody = Fleet::with(Vec::new()).await;
    let refused = nobody.exchange("orders", &nobody.token(), &[("resource", PAYMENTS)]).await;
    assert_eq!(refused.error(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn a_public_client_acts_for_nobody() {
    let fleet = Fleet::with(vec![rule()]).await;
    fleet
        .issuer
        .client("spa", |client| {
            client.auth = ClientAuthentication::None;
            client.grants = vec![GRANT.to_owned()];
            client.acting_rules = vec![rule()];
        })
        .await;
    let token = fleet.token();

    let parameters = [
        ("client_id", "spa"),
        ("grant_type", GRANT),
        ("subject_token", token.as_str()),
        ("subject_token_type", super::ACCESS_TOKEN),
    ];
    let answer = fleet.issuer.token(&parameters).await;

    assert_eq!(answer.error(), (400, "unauthorized_client".to_owned()));
}

#[tokio::test]
async fn scopes_only_shrink() {
    let scopes = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let written = ActingRule {
        needs: Some("orders:write".to_owned()),
        scopes: scopes(&["payments:write"]),
        ..rule()
    };
    let traced = ActingRule {
        resource: LEDGER.to_owned(),
        scopes: scopes(&["trace", "ledger:read"]),
        ..rule()
    };
    let never = ActingRule { needs: Some("orders:write".to_owned()), ..traced.clone() };
    let fleet = Fleet::with(vec![rule(), written, traced]).await;
    let with = |scope: &str| {
        let mut claims = fleet.claims();
        claims["scope"] = scope.into();
        fleet.sign(&claims)
    };

    for (held, target, asked, expected) in [
        ("orders:read", PAYMENTS, "", "payments:read"),
        ("orders:read", PAYMENTS, "payments:write", "invalid_scope"),
        ("orders:read orders:write", PAYMENTS, "", "payments:read payments:write"),
        ("orders:read orders:write", PAYMENTS, "payments:write", "payments:write"),
        // Both resources know it: the token must have it.
        ("orders:read", LEDGER, "", "ledger:read"),
        ("orders:read", LEDGER, "trace", "invalid_scope"),
        ("orders:read trace", LEDGER, "", "trace ledger:read"),
        ("trace", LEDGER, "trace", "trace"),
        ("trace", LEDGER, "ledger:write", "invalid_scope"),
    ] {
        let more = [("resource", target), ("scope", asked)];
        let answer = fleet.exchange("orders", &with(held), &more).await;
        let json = answer.json();
        let found = if answer.status == 200 { &json["scope"] } else { &json["error"] };
        assert_eq!(found, expected, "{held} for {target}, asked for {asked:?}");
    }
    fleet.edit("orders", |client| client.acting_rules = vec![never]).await;
    let answer = fleet.exchange("orders", &with("orders:read"), &[]).await;
    assert_eq!(answer.error(), (400, "invalid_scope".to_owned()));
    let named = fleet.exchange("orders", &with("orders:write"), &[]).await;
    assert_eq!(named.claims()["scope"], json!("ledger:read"), "one target needs no name");
}
