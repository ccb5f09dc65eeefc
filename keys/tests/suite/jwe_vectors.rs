//! C2SP/wycheproof for JWE: every invalid case is refused, and so is every valid one whose algorithms do not exist here.

use countersign_keys::jwe::{DecryptionKey, EncryptedToken};
use serde_json::Value;

const JWE: &str = include_str!("../vectors/wycheproof/json_web_encryption_test.json");

/// The valid cases of RSA-OAEP-256, ECDH-ES and ECDH-ES+A256KW with A256GCM or A128CBC-HS256; no others.
const SUPPORTED: [u64; 7] = [66, 67, 78, 79, 90, 91, 131];

fn opened(group: &Value, case: &Value) -> Option<Vec<u8>> {
    let key = DecryptionKey::from_jwk(&group["private"].to_string()).ok()?;
    let token = EncryptedToken::parse_within(case["jwe"].as_str()?, 16 * 1024).ok()?;
    token.open(&key).ok()
}

#[test]
fn every_invalid_case_is_refused_and_the_supported_ones_open() {
    let file: Value = serde_json::from_str(JWE).unwrap();
    let mut accepted = Vec::new();
    for group in file["testGroups"].as_array().unwrap() {
        for case in group["tests"].as_array().unwrap() {
            let id = case["tcId"].as_u64().unwrap();
            let Some(content) = opened(group, case) else { continue };
            assert_eq!(case["result"], "valid", "case {id}: {}", case["comment"]);
            assert_eq!(crate::forge::from_hex(case["pt"].as_str().unwrap()), content, "case {id}");
            accepted.push(id);
        }
    }

    assert_eq!(accepted, SUPPORTED);
}
