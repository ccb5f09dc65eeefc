//! A second opinion: what we accept, `jsonwebtoken` accepts too; what it accepts and we refuse is a
//! list that we know and mean.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failing test should fail where it fails"
)]

use countersign_keys::Algorithm;
use countersign_verifier::testing::{TestIssuer, corpus};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, Validation};

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "https://payments.example";

/// What any service would configure.
fn accepts(issuer: &TestIssuer, token: &str) -> bool {
    let jwk: Jwk = serde_json::from_value(serde_json::json!(issuer.key().verifying_key())).unwrap();
    let key = DecodingKey::from_jwk(&jwk).unwrap();
    let algorithm = match issuer.key().algorithm() {
        Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
        _ => jsonwebtoken::Algorithm::ES256,
    };
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[ISSUER]);
    validation.validate_nbf = true;
    validation.leeway = 30;
    jsonwebtoken::decode::<serde_json::Value>(token, &key, &validation).is_ok()
}

#[test]
fn what_we_accept_the_other_accepts() {
    for algorithm in [Algorithm::Es256, Algorithm::Rs256] {
        let issuer = TestIssuer::with_algorithm(ISSUER, algorithm);
        let verifier = issuer.verifier(AUDIENCE);
        let good = issuer.app_token("orders").audience(AUDIENCE);
        let variants = [
            good.clone(),
            good.clone().scope("a b").roles(&["x"]),
            good.clone().claim("aud", serde_json::json!(["https://a.example", AUDIENCE])),
            good.clone().claim("nbf", 1_600_000_000),
            good.clone()
                .claim("own", serde_json::json!({ "a": [1, { "b": null }], "é": "\u{1F600}" })),
            issuer.user_token("0190-user", "web").audience(AUDIENCE),
        ];

        for token in variants.map(|token| token.mint()) {
            assert!(verifier.try_verify(&token).is_ok());
            assert!(accepts(&issuer, &token));
        }
    }
}

#[test]
fn the_other_is_laxer_only_where_we_know_it() {
    let issuer = TestIssuer::new(ISSUER);
    let refused_by_us_only: Vec<_> = corpus(&issuer, AUDIENCE)
        .into_iter()
        .filter(|hostile| accepts(&issuer, &hostile.token))
        .map(|hostile| hostile.code)
        .collect();

    // RFC 9068 claims, strict headers, strict JSON, bounds: none of it is a check of theirs.
    let expected = [
        "app_asserted_refused",
        "bound_to_key",
        "claim_bad_value",
        "claim_missing",
        "claim_wrong_type",
        "claims_duplicate",
        "claims_malformed",
        "duplicate_header_member",
        "invalid_kid",
        "issued_in_future",
        "lifetime_too_long",
        "token_too_large",
        "unknown_identity",
        "unknown_key",
        "unsupported_header_member",
        "header_too_large",
        "wrong_type",
    ];
    for code in &refused_by_us_only {
        assert!(expected.contains(code), "{code}");
    }
    assert!(!refused_by_us_only.contains(&"invalid_signature"));
    assert!(!refused_by_us_only.contains(&"unsupported_algorithm"));
}
