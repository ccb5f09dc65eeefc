//! Fuzzing that runs with every `cargo test`: whatever bytes come, there is a verdict, never a panic, and
//! never a good one. The parts that are hard to reach by chance are signed, so that the claims see them too.

use countersign_verifier::testing::{Attack, TestClock, TestIssuer};
use countersign_verifier::{MultiVerifier, Verifier};
use proptest::prelude::*;

use crate::{AUDIENCE, ISSUER, NOW};

fn world() -> (TestIssuer, Verifier) {
    let issuer = TestIssuer::new(ISSUER).clock(TestClock::at(NOW));
    let verifier = issuer.verifier(AUDIENCE);
    (issuer, verifier)
}

const NAMES: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "client_id",
    "scope",
    "idtyp",
    "act",
    "cnf",
    "alg",
    "kid",
    "typ",
    "crit",
    "b64",
    "jwk",
    "zip",
];

/// JSON of any shape, claims and header members that we know among its names.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let text = prop_oneof![".*", Just(ISSUER.to_owned()), Just(AUDIENCE.to_owned())];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        (NOW - 1000..NOW + 1000).prop_map(Into::into),
        text.prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 8, |inner| {
        prop_oneof![prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into), object(inner),]
    })
}

fn object(
    values: impl Strategy<Value = serde_json::Value> + 'static,
) -> impl Strategy<Value = serde_json::Value> {
    let name = prop_oneof![3 => prop::sample::select(NAMES).prop_map(str::to_owned), 1 => ".*"];
    prop::collection::btree_map(name, values, 0..12)
        .prop_map(|members| serde_json::Value::Object(members.into_iter().collect()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_text_is_refused(text in ".*", dots in "[A-Za-z0-9_.=-]{0,400}") {
        let (_, verifier) = world();
        for token in [text, dots] {
            prop_assert!(verifier.try_verify(&token).is_err());
            prop_assert!(!verifier.explain(&token).is_empty());
        }
    }

    #[test]
    fn any_header_over_a_good_payload_is_refused_or_the_usual_one(header in object(json())) {
        let (issuer, verifier) = world();
        let good = issuer.app_token("orders").audience(AUDIENCE);

        let verdict = verifier.try_verify(&good.with_header(&header.to_string()));

        let as_usual = header["alg"] == "ES256" && header["typ"] == "at+jwt";
        prop_assert!(verdict.is_err() || as_usual);
    }

    #[test]
    fn any_signed_payload_is_judged_without_panic(payload in json(), garbage in ".*") {
        let (issuer, verifier) = world();
        let many = MultiVerifier::new([
            verifier.clone(),
            TestIssuer::new("https://other.example").verifier(AUDIENCE),
        ]).unwrap();
        let good = issuer.app_token("orders").audience(AUDIENCE);
        for text in [payload.to_string(), garbage] {
            let token = good.with_payload(&text);
            // A whole set of good claims does not come by chance: `jti` would have to be there, and `exp` near.
            prop_assert!(verifier.try_verify(&token).is_err());
            prop_assert!(many.try_verify(&token).is_err());
            prop_assert!(!verifier.explain(&token).is_empty());
        }
    }

    #[test]
    fn any_changed_byte_of_a_good_token_is_noticed(at in any::<prop::sample::Index>(), byte in 0_u8..128) {
        let (issuer, verifier) = world();
        let mut token = issuer.app_token("orders").audience(AUDIENCE).mint().into_bytes();
        let at = at.index(token.len());
        prop_assume!(token[at] != byte);

        token[at] = byte;

        prop_assert!(verifier.try_verify(&String::from_utf8(token).unwrap()).is_err());
    }

    #[test]
    fn hostile_tokens_with_more_damage_stay_refused(
        which in prop::sample::select(Attack::ALL),
        at in any::<prop::sample::Index>(),
        insert in ".{0,3}",
    ) {
        let (issuer, verifier) = world();
        let mut token = issuer.app_token("orders").audience(AUDIENCE).hostile(which);
        let at = at.index(token.len() + 1);
        prop_assume!(token.is_char_boundary(at));

        token.insert_str(at, &insert);

        prop_assert!(verifier.try_verify(&token).is_err());
    }
}
