//! `jsonwebtoken` as a second opinion: what we sign it accepts, what it signs we accept, and what we accept it
//! accepts.

use countersign_keys::jws::sign_compact;
use countersign_keys::{Algorithm, UnverifiedJws, VerifyingKey};
use jsonwebtoken as other;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::forge::{all_algorithms, good_token, key};

/// Their name of an algorithm; they do not know RFC 9864 yet.
fn their(algorithm: Algorithm) -> Option<other::Algorithm> {
    algorithm.name().parse().ok()
}

fn they_accept(token: &str, key: &VerifyingKey) -> bool {
    let jwk: other::jwk::Jwk = serde_json::from_value(serde_json::to_value(key).unwrap()).unwrap();
    let decoding = other::DecodingKey::from_jwk(&jwk).unwrap();
    let mut validation = other::Validation::new(their(key.algorithm()).unwrap());
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    other::decode::<Value>(token, &decoding, &validation).is_ok()
}

fn common_algorithms() -> Vec<Algorithm> {
    all_algorithms().into_iter().filter(|algorithm| their(*algorithm).is_some()).collect()
}

#[test]
fn what_we_sign_they_accept() {
    assert_eq!(common_algorithms().len(), 5);
    for algorithm in common_algorithms() {
        let payload = json!({ "sub": "orders" }).to_string();
        let token = sign_compact(key(algorithm), "at+jwt", payload.as_bytes()).unwrap();

        assert!(they_accept(&token, key(algorithm).verifying_key()), "{algorithm}");
    }
}

#[test]
fn what_they_sign_we_accept() {
    for algorithm in common_algorithms() {
        let key = key(algorithm);
        let pem = key.to_pem().unwrap();
        let encoding = match algorithm {
            Algorithm::Es256 | Algorithm::Es384 => other::EncodingKey::from_ec_pem(pem.as_bytes()),
            Algorithm::EdDsa => other::EncodingKey::from_ed_pem(pem.as_bytes()),
            _ => other::EncodingKey::from_rsa_pem(pem.as_bytes()),
        };
        let header = other::Header::new(their(algorithm).unwrap());
        let token =
            other::encode(&header, &json!({ "sub": "orders" }), &encoding.unwrap()).unwrap();

        let payload = UnverifiedJws::parse(&token).unwrap().verify(key.verifying_key()).unwrap();

        assert_eq!(payload.as_str(), r#"{"sub":"orders"}"#);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// They accept more than we do; the reverse would be our mistake.
    #[test]
    fn what_we_accept_of_bent_tokens_they_accept(
        at in any::<prop::sample::Index>(),
        with in "[A-Za-z0-9._=-]{0,2}",
        cut in 0..3_usize,
    ) {
        let mut token = good_token(Algorithm::Rs256);
        let from = at.index(token.len());
        let to = (from + cut).min(token.len());
        token.replace_range(from..to, &with);
        let public = key(Algorithm::Rs256).verifying_key();

        let ours = UnverifiedJws::parse(&token).and_then(|jws| jws.verify(public)).is_ok();

        prop_assert!(!ours || they_accept(&token, public));
    }
}
