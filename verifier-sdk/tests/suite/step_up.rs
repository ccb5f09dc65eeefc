//! What a verified token says about the authentication of its user, and RFC 9470.

use std::time::Duration;

use countersign_verifier::TokenCache;
use countersign_verifier::testing::{TestClock, TestIssuer};
use countersign_verifier::{Verified, Verifier, compat};
use serde_json::json;

use crate::{AUDIENCE, ISSUER, NOW, code};

fn user(claims: &[(&str, serde_json::Value)]) -> Verified {
    let issuer = TestIssuer::new(ISSUER).clock(TestClock::at(NOW));
    let token = issuer.user_token("ada", "web").audience(AUDIENCE);
    let token = claims.iter().fold(token, |token, (name, value)| token.claim(name, value.clone()));
    issuer.verifier(AUDIENCE).try_verify(&token.mint()).unwrap()
}

#[test]
fn a_user_token_tells_how_the_user_authenticated() {
    let verified = user(&[
        ("auth_time", json!(NOW - 60)),
        ("acr", json!("gold")),
        ("amr", json!(["pwd", "otp"])),
        ("sid", json!("s1")),
        ("groups", json!(["staff"])),
        ("tid", json!("acme")),
    ]);

    assert_eq!(verified.authenticated_at(), Some(NOW - 60));
    assert_eq!(verified.acr(), Some("gold"));
    assert_eq!(verified.amr().collect::<Vec<_>>(), ["pwd", "otp"]);
    assert_eq!(verified.session_id(), Some("s1"));
    assert_eq!(verified.groups().collect::<Vec<_>>(), ["staff"]);
    assert_eq!(verified.tenant(), Some("acme"));
}

#[test]
fn the_age_of_an_authentication_is_judged_to_the_second() {
    let verified = user(&[("auth_time", json!(NOW - 300))]);

    assert_eq!(code(verified.require_max_age(Duration::from_mins(5))), "accepted");
    let refused = verified.require_max_age(Duration::from_secs(299)).unwrap_err();

    assert_eq!(
        (refused.code(), refused.status().as_u16()),
        ("insufficient_user_authentication", 401)
    );
    assert!(refused.challenge().unwrap().ends_with(r#"max_age="299""#));
}

#[test]
fn an_app_never_authenticated_as_a_user() {
    let issuer = TestIssuer::new(ISSUER);
    let token = issuer.app_token("orders").audience(AUDIENCE).mint();

    let app = issuer.verifier(AUDIENCE).try_verify(&token).unwrap();

    assert!(app.require_max_age(Duration::MAX).is_err());
    assert!(app.require_acr(&["0"]).is_err());
}

#[test]
fn a_remembered_verdict_gets_older_with_the_clock() {
    let clock = TestClock::at(NOW);
    let issuer = TestIssuer::new(ISSUER).clock(clock.clone());
    let token = issuer.user_token("ada", "web").audience(AUDIENCE).mint();
    let verifier = Verifier::builder(ISSUER)
        .audience(AUDIENCE)
        .clock(clock.clone())
        .token_cache(TokenCache::default())
        .build_with(issuer.jwk_set())
        .unwrap();
    let fresh = |token: &str| {
        code(verifier.try_verify(token).unwrap().require_max_age(Duration::from_secs(10)))
    };

    assert_eq!(fresh(&token), "accepted");
    clock.advance(Duration::from_secs(11));

    assert_eq!(fresh(&token), "insufficient_user_authentication");
    assert_eq!(verifier.metrics().cache_hits, Some(1));
}

#[test]
fn one_of_the_accepted_ways_is_enough() {
    let verified = user(&[("acr", json!("silver"))]);

    assert_eq!(code(verified.require_acr(&["gold", "silver"])), "accepted");
    let refused = verified.require_acr(&["gold", "platinum"]).unwrap_err();

    assert!(refused.challenge().unwrap().ends_with(r#"acr_values="gold platinum""#));
}

#[test]
fn all_or_any_of_scopes_and_roles() {
    let verified = user(&[("scope", json!("a b")), ("roles", json!(["clerk", "teller"]))]);

    assert!(verified.require_scopes(&["a", "b"]).is_ok());
    assert!(verified.require_scopes(&["a", "c"]).is_err());
    assert!(verified.require_any_scope(&["c", "a"]).is_ok());
    assert!(verified.require_any_scope(&["c"]).is_err());
    assert!(verified.require_roles(&["clerk", "teller"]).is_ok());
    assert!(verified.require_roles(&["clerk", "admin"]).is_err());
    assert!(verified.require_any_role(&["admin", "teller"]).is_ok());
    // Nothing is held by nobody: an empty demand for any is not met.
    assert!(verified.require_any_scope(&[""; 0]).is_err());
}

#[test]
fn other_issuers_spell_the_tenant_otherwise() {
    let issuer = TestIssuer::new(ISSUER);
    let token = issuer.app_token("orders").claim("azp", "orders").claim("org_id", "acme");
    let builder = Verifier::builder(ISSUER).audience(AUDIENCE).profile(compat::AUTH0);
    let verifier = builder.build_with(issuer.jwk_set()).unwrap();

    let caller = verifier.try_verify(&token.audience(AUDIENCE).mint()).unwrap();

    assert_eq!(caller.tenant(), Some("acme"));
}
