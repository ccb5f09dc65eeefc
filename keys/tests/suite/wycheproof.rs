//! C2SP/wycheproof: every invalid case is refused; valid cases are refused only where the lists say why.

use countersign_keys::{Algorithm, KeyError, UnverifiedJws, VerifyingKey};
use serde_json::Value;

use crate::forge::{all_algorithms, from_hex};

const JWS: &str = include_str!("../vectors/wycheproof/json_web_signature_test.json");
const ECDSA: &str = include_str!("../vectors/wycheproof/ecdsa_secp256r1_sha256_p1363_test.json");
const ED25519: &str = include_str!("../vectors/wycheproof/ed25519_test.json");
const RSA: &str = include_str!("../vectors/wycheproof/rsa_signature_2048_sha256_test.json");

/// Each case of a file with its group.
fn cases(file: &str, mut judge: impl FnMut(&Value, &Value, u64)) {
    let file: Value = serde_json::from_str(file).unwrap();
    for group in file["testGroups"].as_array().unwrap() {
        for case in group["tests"].as_array().unwrap() {
            judge(group, case, case["tcId"].as_u64().unwrap());
        }
    }
}

/// How a token is verified.
type Verify = fn(&UnverifiedJws<'_>, &VerifyingKey) -> bool;

const AS_JWS: Verify = |jws, key| jws.verify_bytes(key).is_ok();
const AS_TOKEN: Verify = |jws, key| jws.verify(key).is_ok();

/// Verifies with the key of the group and the algorithm that is pinned to it.
fn is_accepted(group: &Value, token: &str, verify: Verify) -> bool {
    let Some(jwk) = group.get("public") else { return false };
    let Ok(key) = VerifyingKey::from_jwk(&jwk.to_string(), &all_algorithms()) else { return false };
    UnverifiedJws::parse(token).is_ok_and(|jws| verify(&jws, &key))
}

/// The valid cases that are refused; no invalid one may be accepted.
fn refused_valid_cases(verify: Verify) -> Vec<u64> {
    let mut refused = Vec::new();
    cases(JWS, |group, case, id| {
        let accepted = is_accepted(group, case["jws"].as_str().unwrap(), verify);
        let valid = case["result"] == "valid";
        assert!(valid || !accepted, "case {id} must be refused: {}", case["comment"]);
        if valid && !accepted {
            refused.push(id);
        }
    });
    refused
}

/// HMAC, in part with a literal `?` in base64url (372, 373).
const SYMMETRIC: [u64; 10] = [1, 348, 352, 357, 358, 359, 372, 373, 376, 377];
/// RS384, RS512, PS384, PS512.
const OTHER_HASHES: [u64; 16] =
    [264, 265, 266, 267, 268, 269, 270, 271, 320, 321, 322, 323, 325, 326, 327, 328];
/// P-521, labeled ES521.
const P521: [u64; 2] = [347, 351];
/// The key says PS256, the figure of RFC 7520 is PS384.
const MISLABELED: [u64; 2] = [346, 350];

#[test]
fn jws_invalid_cases_are_all_refused_and_valid_ones_only_for_listed_reasons() {
    let refused = refused_valid_cases(AS_JWS);

    let mut listed = [&SYMMETRIC[..], &OTHER_HASHES, &P521, &MISLABELED].concat();
    listed.sort_unstable();
    assert_eq!(refused, listed);
}

#[test]
fn a_token_must_be_text_beyond_what_a_jws_must_be() {
    let refused_as_token = refused_valid_cases(AS_TOKEN);
    let refused_as_jws = refused_valid_cases(AS_JWS);

    let only_as_token = refused_as_token.iter().filter(|id| !refused_as_jws.contains(id));
    // Empty payloads, and payloads that are not UTF-8.
    assert_eq!(only_as_token.copied().collect::<Vec<_>>(), [259, 263, 272, 275]);
}

/// The raw signatures of a file.
fn raw_signatures(file: &str, algorithm: Algorithm) {
    cases(file, |group, case, id| {
        let key = match VerifyingKey::from_pem(group["publicKeyPem"].as_str().unwrap(), algorithm) {
            // RSA with e = 3, refused on purpose.
            Err(KeyError::RsaExponent) if [258, 259].contains(&id) => return,
            key => key.unwrap(),
        };
        let message = from_hex(case["msg"].as_str().unwrap());
        let signature = from_hex(case["sig"].as_str().unwrap());

        let accepted = key.verify(&message, &signature).is_ok();

        // The one "acceptable" RSA signature lacks the NULL of its DigestInfo and counts as invalid.
        assert_eq!(accepted, case["result"] == "valid", "case {id}: {}", case["comment"]);
    });
}

#[test]
fn j35_ecdsa_signatures_on_p256_are_judged_right() {
    raw_signatures(ECDSA, Algorithm::Es256);
}

#[test]
fn j35_ed25519_signatures_are_judged_right() {
    raw_signatures(ED25519, Algorithm::Ed25519);
}

#[test]
fn rsa_signatures_with_modified_padding_are_refused() {
    raw_signatures(RSA, Algorithm::Rs256);
}

#[test]
fn the_keys_of_the_vectors_are_the_same_from_jwk_and_pem() {
    cases(ED25519, |group, _, id| {
        let pem =
            VerifyingKey::from_pem(group["publicKeyPem"].as_str().unwrap(), Algorithm::Ed25519);
        let jwk = group["publicKeyJwk"].to_string();
        let jwk = VerifyingKey::from_jwk(&jwk, &[Algorithm::Ed25519]).unwrap();
        assert_eq!(pem.unwrap().thumbprint(), jwk.thumbprint(), "case {id}");
    });
}
