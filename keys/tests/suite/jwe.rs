//! Encrypted tokens: there and back with every algorithm, and what is refused before and after a key is used.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_keys::jwe::{
    ContentEncryption, DecryptionKey, EncryptedToken, EncryptionKey, KeyManagement, encryption_keys,
};
use countersign_keys::{JweError, KeyError};
use proptest::prelude::*;
use serde_json::{Value, json};

const MAX: usize = 16 * 1024;
const SIGNED: &str = "eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl";

/// Curve, `d`, `x` and `y` of keys that protect nothing.
const ON_OTHER_CURVES: [(&str, &str, &str, &str); 2] = [
    (
        "P-384",
        "H79FU0cS9ZZTnfGnyf0ZYtCIJwLfMlywMDA1SZ9et9ZlAcA_j01VdtDGAxZhLmpy",
        "_52Rr-x5pTVlsYK2MFhUDEIFsLiAlNSeV6jcKE6x123f6IUC5MuFXCOX2tH1DV4Y",
        "JycXbqB-Y8MuCVkzkxkAcsbjz7jECWssTd09iUinvzpoob_0gXIhPNXrJXVyY9Zz",
    ),
    (
        "X25519",
        "KG0aTTKDlm8BUpC1VAtifKIcMqDNSIRKQ2zvYLYfBn8",
        "SQqYvBzyUCbqBWElKxo9TW7bG-wxrdKQshYVxaGptUU",
        "",
    ),
];

fn open(token: &str, key: &DecryptionKey) -> Result<String, JweError> {
    EncryptedToken::parse_within(token, MAX)?.open_token(key)
}

fn code(token: &str, key: &DecryptionKey) -> &'static str {
    open(token, key).err().map_or("opened", JweError::code)
}

fn ecdh() -> DecryptionKey {
    DecryptionKey::generate(KeyManagement::EcdhEs).unwrap()
}

/// One key for each algorithm and curve.
fn keys() -> Vec<DecryptionKey> {
    let mut keys: Vec<_> =
        KeyManagement::ALL.map(|algorithm| DecryptionKey::generate(algorithm).unwrap()).into();
    for algorithm in ["ECDH-ES", "ECDH-ES+A256KW"] {
        for (crv, d, x, y) in ON_OTHER_CURVES {
            let kty = if y.is_empty() { "OKP" } else { "EC" };
            let mut jwk = json!({ "kty": kty, "crv": crv, "x": x, "d": d, "alg": algorithm });
            if !y.is_empty() {
                jwk["y"] = json!(y);
            }
            keys.push(DecryptionKey::from_jwk(&jwk.to_string()).unwrap());
        }
    }
    keys
}

/// The token with another header in front, and the parts of the old one behind it.
fn with_header(token: &str, header: &Value) -> String {
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

fn header_of(token: &str) -> Value {
    let (header, _) = token.split_once('.').unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}

#[test]
fn every_algorithm_goes_there_and_back_and_says_how_large_it_gets() {
    for key in keys() {
        for encryption in ContentEncryption::ALL {
            let public = serde_json::to_string(&key.encryption_key().to_jwk()).unwrap();
            let public = EncryptionKey::from_jwk(&public, &KeyManagement::ALL).unwrap();

            let token = public.encrypt(SIGNED, encryption).unwrap();

            assert_eq!(open(&token, &key).unwrap(), SIGNED);
            assert_eq!(token.len(), public.encrypted_bytes(SIGNED.len(), encryption));
            assert_eq!(header_of(&token)["cty"], "JWT");
            assert_eq!(header_of(&token)["kid"], key.kid().as_str());
        }
    }
}

proptest! {
    #[test]
    fn any_text_goes_there_and_back(text in "\\PC{1,200}", cbc in any::<bool>()) {
        let key = ecdh();
        let encryption = ContentEncryption::ALL[usize::from(cbc)];
        let token = key.encryption_key().encrypt(&text, encryption).unwrap();
        prop_assert_eq!(token.len(), key.encryption_key().encrypted_bytes(text.len(), encryption));
        prop_assert_eq!(open(&token, &key).unwrap(), text);
    }

    #[test]
    fn one_changed_character_is_refused_wherever_it_is(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
        let key = ecdh();
        let mut token = key.encryption_key().encrypt(SIGNED, ContentEncryption::A256Gcm).unwrap();
        let at = at.index(token.len());
        prop_assume!(token[at..=at] != to);
        token.replace_range(at..=at, &to);
        prop_assert!(open(&token, &key).is_err());
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,200}|[A-Za-z0-9_.-]{0,300}") {
        prop_assert!(open(&text, &ecdh()).is_err());
    }
}

#[test]
fn j17_j19_j20_other_algorithms_compression_and_critical_members_are_refused_by_the_header() {
    let key = ecdh();
    let token = key.encryption_key().encrypt(SIGNED, ContentEncryption::A256Gcm).unwrap();
    let good = header_of(&token);
    for alg in
        ["RSA1_5", "RSA-OAEP", "RSA-OAEP-512", "dir", "A256KW", "A256GCMKW", "ECDH-ES+A128KW"]
            .into_iter()
            .chain(["PBES2-HS256+A128KW", "none", "ES256", "ecdh-es", "", "ECDH-1PU"])
    {
        let mut header = good.clone();
        header["alg"] = json!(alg);
        assert_eq!(code(&with_header(&token, &header), &key), "unsupported_encryption_algorithm");
    }
    for enc in ["A128GCM", "A256CBC-HS512", "a256gcm", "XC20P", ""] {
        let mut header = good.clone();
        header["enc"] = json!(enc);
        assert_eq!(code(&with_header(&token, &header), &key), "unsupported_content_encryption");
    }
    for (name, value) in [
        ("zip", json!("DEF")),
        ("zip", json!(null)),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(true)),
        ("p2c", json!(1)),
        ("p2s", json!("AA")),
        ("iv", json!("AA")),
        ("tag", json!("AA")),
    ] {
        let mut header = good.clone();
        header[name] = value;
        assert_eq!(code(&with_header(&token, &header), &key), "unsupported_header_member");
    }
    for (name, value) in [("alg", json!(1)), ("enc", json!(null)), ("epk", json!("x"))] {
        let mut header = good.clone();
        header[name] = value;
        assert_eq!(code(&with_header(&token, &header), &key), "malformed_header");
    }
}

#[test]
fn what_does_not_say_that_a_token_is_inside_is_not_opened_as_one() {
    let key = ecdh();
    let token = key.encryption_key().encrypt(SIGNED, ContentEncryption::A256Gcm).unwrap();
    for cty in [json!("text/plain"), json!(""), json!("JWTs")] {
        let mut header = header_of(&token);
        header["cty"] = cty;
        assert_eq!(code(&with_header(&token, &header), &key), "not_nested");
    }
    let mut header = header_of(&token);
    header.as_object_mut().unwrap().remove("cty");
    assert_eq!(code(&with_header(&token, &header), &key), "not_nested");
}

#[test]
fn j12_j13_j14_other_forms_are_refused() {
    let key = ecdh();
    let token = key.encryption_key().encrypt(SIGNED, ContentEncryption::A256Gcm).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let duplicate = URL_SAFE_NO_PAD.encode(r#"{"alg":"ECDH-ES","alg":"ECDH-ES","enc":"A256GCM"}"#);
    for (bad, expected) in [
        (format!("{token}.AAAA"), "token_not_compact"),
        (format!("{token}="), "invalid_base64url"),
        (format!("{token}\n"), "invalid_base64url"),
        (parts[..4].join("."), "token_not_compact"),
        (format!("{}..{}..{}", parts[0], parts[2], parts[4]), "token_not_compact"),
        (format!("{}.AAAA.{}", parts[0], parts[2..].join(".")), "encrypted_part_size"),
        (format!("{}.{}", parts[..4].join("."), &parts[4][..20]), "encrypted_part_size"),
        (format!("{}..AAAA.{}", parts[0], parts[3..].join(".")), "encrypted_part_size"),
        (format!("{duplicate}.{}", parts[1..].join(".")), "duplicate_header_member"),
        (json!({ "ciphertext": "AAAA", "tag": "AAAA" }).to_string(), "token_not_compact"),
        (".".repeat(1 << 20), "token_too_large"),
        (".".repeat(MAX), "token_not_compact"),
    ] {
        assert_eq!(code(&bad, &key), expected, "{}", &bad[..bad.len().min(200)]);
    }
}

#[test]
fn j18_ephemeral_keys_off_the_curve_of_another_curve_or_with_a_secret_are_refused() {
    let key = ecdh();
    let token = key.encryption_key().encrypt(SIGNED, ContentEncryption::A256Gcm).unwrap();
    let good = header_of(&token)["epk"].clone();
    let changed = |name: &str, value: Value| {
        let mut epk = good.clone();
        epk[name] = value;
        epk
    };
    let zero = URL_SAFE_NO_PAD.encode([0; 32]);
    let p384 = keys()
        .into_iter()
        .find(|key| serde_json::to_value(key.encryption_key().to_jwk()).unwrap()["crv"] == "P-384");
    let p384 = p384.unwrap().encryption_key().encrypt(SIGNED, ContentEncryption::A256Gcm).unwrap();
    for epk in [
        json!({}),
        changed("x", json!(zero)),
        json!({ "kty": "EC", "crv": "P-256", "x": zero, "y": zero }),
        changed("y", json!("AAAA")),
        changed("d", json!(zero)),
        changed("crv", json!("P-521")),
        changed("crv", json!("P-384")),
        changed("kty", json!("RSA")),
        json!({ "kty": "OKP", "crv": "X25519", "x": zero }),
        header_of(&p384)["epk"].clone(),
    ] {
        let mut header = header_of(&token);
        header["epk"] = epk;
        assert_eq!(code(&with_header(&token, &header), &key), "ephemeral_key");
    }
    let x25519 = keys().into_iter().find(|key| {
        serde_json::to_value(key.encryption_key().to_jwk()).unwrap()["crv"] == "X25519"
    });
    let x25519 = x25519.unwrap();
    let token = x25519.encryption_key().encrypt(SIGNED, ContentEncryption::A256Gcm).unwrap();
    let mut header = header_of(&token);
    header["epk"]["x"] = json!(zero);
    assert_eq!(code(&with_header(&token, &header), &x25519), "ephemeral_key");
}

#[test]
fn rfc_7516_11_5_a_key_that_does_not_decrypt_fails_as_a_tag_that_does_not_fit() {
    for algorithm in [KeyManagement::RsaOaep256, KeyManagement::EcdhEsA256Kw] {
        let key = DecryptionKey::generate(algorithm).unwrap();
        for encryption in ContentEncryption::ALL {
            let token = key.encryption_key().encrypt(SIGNED, encryption).unwrap();
            let altered = |part: usize| {
                let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
                let first = if parts[part].starts_with('A') { "B" } else { "A" };
                parts[part].replace_range(..1, first);
                parts.join(".")
            };

            let refusals: Vec<_> = (1..5).map(|part| open(&altered(part), &key)).collect();

            assert_eq!(refusals, vec![Err(JweError::NotOpened); 4]);
        }
    }
}

#[test]
fn a_key_opens_what_was_encrypted_to_it_and_with_its_algorithm_alone() {
    let (key, other) = (ecdh(), ecdh());
    let token = key.encryption_key().encrypt(SIGNED, ContentEncryption::A256Gcm).unwrap();
    let wrapping = DecryptionKey::generate(KeyManagement::EcdhEsA256Kw).unwrap();

    assert_eq!(code(&token, &other), "not_opened");
    assert_eq!(code(&token, &wrapping), "encryption_algorithm_mismatch");
}

#[test]
fn keys_that_must_not_be_encrypted_to_are_refused_when_they_are_read() {
    let good = serde_json::to_value(ecdh().encryption_key().to_jwk()).unwrap();
    let read = |jwk: &Value| EncryptionKey::from_jwk(&jwk.to_string(), &KeyManagement::ALL).err();
    let changed = |name: &str, value: Value| {
        let mut jwk = good.clone();
        jwk[name] = value;
        read(&jwk)
    };
    let zero = URL_SAFE_NO_PAD.encode([0; 32]);

    assert_eq!(read(&good), None);
    assert_eq!(changed("use", json!("sig")), Some(KeyError::NotForEncryption));
    assert_eq!(changed("alg", json!("ES256")), Some(KeyError::UnsupportedAlgorithm));
    assert_eq!(changed("alg", json!("RSA-OAEP-256")), Some(KeyError::AlgorithmMismatch));
    assert_eq!(changed("d", json!(zero)), Some(KeyError::PrivateMember));
    assert_eq!(changed("y", json!(zero)), Some(KeyError::InvalidPoint));
    assert_eq!(changed("k", json!("AAAA")), Some(KeyError::SymmetricKey));
    let small = json!({ "kty": "OKP", "crv": "X25519", "x": zero, "use": "enc" });
    assert_eq!(read(&small), Some(KeyError::InvalidPoint));
}

#[test]
fn a_set_is_read_in_its_order_without_the_keys_of_signatures() {
    let (one, two) = (ecdh(), ecdh());
    let jwk = |key: &DecryptionKey| serde_json::to_value(key.encryption_key().to_jwk()).unwrap();
    let mut signs = jwk(&ecdh());
    signs["use"] = json!("sig");
    let read =
        |keys: Value| encryption_keys(&json!({ "keys": keys }).to_string(), &KeyManagement::ALL);

    let kids: Vec<_> = read(json!([signs, jwk(&one), jwk(&two)])).unwrap();
    let kids: Vec<_> = kids.iter().map(|key| *key.kid()).collect();

    assert_eq!(kids, [*one.kid(), *two.kid()]);
    assert_eq!(read(json!([jwk(&one), jwk(&one)])).unwrap_err(), KeyError::InvalidKid);
    assert!(read(json!([])).unwrap().is_empty());
}

#[test]
fn nothing_private_is_printed() {
    let printed = format!("{:?}", ecdh());

    assert!(!printed.contains("private"), "{printed}");
}
