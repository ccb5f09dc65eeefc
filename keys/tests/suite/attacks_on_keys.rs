//! Keys that must not be trusted, alone and in sets.

use std::fmt::Write as _;

use countersign_keys::error::JwkSetError;
use countersign_keys::{Algorithm, JwkSet, KeyError, UnverifiedJws, VerifyingKey};
use serde_json::{Value, json};

use crate::forge::{PAYLOAD, all_algorithms, good_token, key, token};

/// A modulus made as the flawed generator makes it, for 2048 bits.
const ROCA_MODULUS: &str = "wz4erHQVWvvWblk4o1kOUavNgL-z-04h1VKtwP9NDU91r70t6kH6Jl84QFVyPy_4SymP39wDw5BAQ88yYa6qldwHU_XfvFHuMamHs3U_MYk6nPLXGF_sDVw3dF7l1FeOivAiXKqtxfLV9RRqdTSurzkJ_BcCo9YqHt7RRGWVSat3NXn4f23gALKA3IFvSgeVN8OJ-RwrdSDcnlpdX7lKoSW--80jJt6iJ_WEvmB2psoZwnBLwjbkr2jCLaMZK9MD3M_d1U4TKIR0LmrEhAOuatUtUskmR_3pQAhZYWhfA_I2I3IAHWrx2SYUnzHDJoerPafHvl2J_aVpt5dqlsZ7mQ";

/// A public key as JSON that can be bent.
fn jwk(algorithm: Algorithm) -> Value {
    serde_json::to_value(key(algorithm).verifying_key()).unwrap()
}

fn with(mut jwk: Value, member: &str, value: impl Into<Value>) -> Value {
    jwk[member] = value.into();
    jwk
}

fn without(mut jwk: Value, member: &str) -> Value {
    jwk.as_object_mut().unwrap().remove(member);
    jwk
}

fn code(jwk: &Value) -> &'static str {
    match VerifyingKey::from_jwk(&jwk.to_string(), &all_algorithms()) {
        Ok(_) => "ok",
        Err(error) => error.code(),
    }
}

/// The `kid` of a key that was skipped, and why.
type Skipped = (Option<String>, &'static str);

fn set(keys: &[Value]) -> Result<(JwkSet, Vec<Skipped>), JwkSetError> {
    let document = json!({ "keys": keys }).to_string();
    let (set, skipped) = JwkSet::parse(document.as_bytes(), &all_algorithms())?;
    let skipped = skipped.iter().map(|key| (key.kid.map(|kid| kid.to_string()), key.reason.code()));
    Ok((set, skipped.collect()))
}

#[test]
fn j05_j06_keys_whose_members_contradict_each_other_are_refused() {
    let ec = jwk(Algorithm::Es256);
    assert_eq!(code(&with(ec.clone(), "alg", "ES384")), "algorithm_mismatch");
    assert_eq!(code(&with(ec.clone(), "alg", "RS256")), "algorithm_mismatch");
    assert_eq!(code(&with(ec.clone(), "crv", "P-384")), "algorithm_mismatch");
    assert_eq!(code(&with(ec.clone(), "kty", "RSA")), "algorithm_mismatch");
    assert_eq!(code(&with(ec.clone(), "alg", "none")), "unsupported_algorithm");
    assert_eq!(code(&with(ec.clone(), "alg", "HS256")), "unsupported_algorithm");
    assert_eq!(code(&with(ec.clone(), "use", "enc")), "not_for_signatures");
    assert_eq!(code(&with(ec.clone(), "key_ops", json!(["deriveKey"]))), "not_for_signatures");
    assert_eq!(code(&with(ec.clone(), "key_ops", json!(["sign"]))), "not_for_signatures");
    assert_eq!(code(&with(ec, "key_ops", json!(["verify"]))), "ok");
    let okp = with(without(jwk(Algorithm::Ed25519), "alg"), "crv", "X25519");
    assert_eq!(code(&okp), "unsupported_algorithm");
}

#[test]
fn cve_2026_22817_cve_2026_22818_a_key_without_alg_gets_it_from_its_type_and_the_list() {
    let rsa = without(jwk(Algorithm::Rs256), "alg").to_string();
    let algorithm =
        |allowed: &[Algorithm]| VerifyingKey::from_jwk(&rsa, allowed).map(|key| key.algorithm());

    assert_eq!(
        algorithm(&[Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256]),
        Ok(Algorithm::Rs256)
    );
    assert_eq!(algorithm(&[Algorithm::Ps256]), Ok(Algorithm::Ps256));
    assert_eq!(algorithm(&[Algorithm::Es256]), Err(KeyError::UnsupportedAlgorithm));
    let key_for_rs256 = VerifyingKey::from_jwk(&rsa, &[Algorithm::Rs256]).unwrap();
    let ps256 = token(r#"{"alg":"PS256"}"#, PAYLOAD, key(Algorithm::Ps256));
    assert!(UnverifiedJws::parse(&ps256).unwrap().verify(&key_for_rs256).is_err());
}

#[test]
fn members_of_the_wrong_type_are_malformed_and_not_absent() {
    for member in ["kty", "crv", "x", "y", "alg", "kid", "use", "key_ops"] {
        for value in [json!(null), json!(1), json!({}), json!(true)] {
            let bent = with(jwk(Algorithm::Es256), member, value);
            assert_eq!(code(&bent), "malformed_jwk", "{member}");
        }
    }
}

#[test]
fn coordinates_and_numbers_have_one_way_to_be_written() {
    let ec = jwk(Algorithm::Es256);
    let x = ec["x"].as_str().unwrap();
    for other in
        [format!("{x}="), format!("AA{x}"), x[..42].to_owned(), format!("{x}A"), String::new()]
    {
        assert_eq!(code(&with(ec.clone(), "x", other)), "invalid_member");
    }
    assert_eq!(code(&without(ec, "y")), "missing_member");
    let rsa = jwk(Algorithm::Rs256);
    assert_eq!(code(&with(rsa.clone(), "e", "AAEAAQ")), "invalid_member");
    assert_eq!(code(&with(rsa, "n", "")), "invalid_member");
}

#[test]
fn j18_points_off_the_curve_and_at_infinity_are_refused() {
    let zero = "A".repeat(43);
    for algorithm in [Algorithm::Es256, Algorithm::Es384] {
        let ec = jwk(algorithm);
        let swapped = with(with(ec.clone(), "x", ec["y"].clone()), "y", ec["x"].clone());
        assert_eq!(code(&swapped), "invalid_point");
    }
    let ec = jwk(Algorithm::Es256);
    assert_eq!(code(&with(with(ec.clone(), "x", zero.clone()), "y", zero)), "invalid_point");
    let prime = "_____wAAAAEAAAAAAAAAAAAAAAD_______________8";
    assert_eq!(code(&with(ec, "x", prime)), "invalid_point");
}

#[test]
fn j23_cve_2017_15361_weak_rsa_keys_are_refused() {
    let rsa = jwk(Algorithm::Rs256);
    assert_eq!(code(&with(rsa.clone(), "n", ROCA_MODULUS)), "roca");
    for e in ["AQ", "Aw", "EQ", "AQAA", "AQAC", "AQAAAAE"] {
        assert_eq!(code(&with(rsa.clone(), "e", e)), "rsa_exponent", "{e}");
    }
    let n = rsa["n"].as_str().unwrap();
    assert_eq!(code(&with(rsa.clone(), "n", &n[..172])), "rsa_modulus_size");
    let even = format!("{}g", &n[..341]);
    assert_eq!(code(&with(rsa, "n", even)), "rsa_tiny_factor");
    let small = include_str!("../vectors/openssl/rsa_1024_public.pem");
    assert_eq!(
        VerifyingKey::from_pem(small, Algorithm::Rs256).unwrap_err(),
        KeyError::RsaModulusSize { bits: 1024 }
    );
}

#[test]
fn j31_private_and_symmetric_members_are_refused_in_public_keys() {
    for algorithm in all_algorithms() {
        let private = key(algorithm).to_private_jwk().unwrap();
        let private: Value = serde_json::from_str(&private).unwrap();
        assert_eq!(code(&private), "private_member", "{algorithm}");
    }
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
        assert_eq!(code(&with(jwk(Algorithm::Rs256), member, "AA")), "private_member");
    }
    assert_eq!(code(&json!({"kty":"oct","k":"AAAA","alg":"HS256"})), "symmetric_key");
    assert_eq!(code(&with(jwk(Algorithm::Es256), "k", "AAAA")), "symmetric_key");
}

#[test]
fn j14_duplicate_members_of_a_key_are_refused() {
    let text = jwk(Algorithm::Es256).to_string();
    for extra in [r#""alg":"ES256","#, r#""\u006bid":"x","#, r#""z":1,"z":2,"#] {
        let bent = text.replacen('{', &format!("{{{extra}"), 1);
        let error = VerifyingKey::from_jwk(&bent, &all_algorithms()).unwrap_err();
        assert_eq!(error.code(), "malformed_jwk");
    }
}

#[test]
fn j31_one_bad_key_does_not_take_the_good_ones_with_it() {
    let good = jwk(Algorithm::Es256);
    let keys = [
        good.clone(),
        with(with(jwk(Algorithm::Rs256), "n", ROCA_MODULUS), "kid", "roca"),
        json!({"kty":"EC","crv":"P-521","kid":"p521"}),
        json!({"kty":"OKP","crv":"X25519","x":"AA","kid":"x25519"}),
        json!({"kty":"oct","k":"AAAA","kid":"oct"}),
        with(with(jwk(Algorithm::Es384), "use", "enc"), "kid", "enc"),
        with(with(jwk(Algorithm::Es384), "d", "AA"), "kid", "private"),
        json!({"kty":"AKP","kid":"new"}),
        json!("not a key"),
    ];

    let (set, skipped) = set(&keys).unwrap();

    assert_eq!(set.only().unwrap().kid().as_str(), good["kid"].as_str().unwrap());
    let expected = [
        (Some("roca"), "roca"),
        (Some("p521"), "unsupported_algorithm"),
        (Some("x25519"), "unsupported_algorithm"),
        (Some("oct"), "symmetric_key"),
        (Some("enc"), "not_for_signatures"),
        (Some("private"), "private_member"),
        (Some("new"), "unsupported_algorithm"),
        (None, "malformed_jwk"),
    ];
    let skipped: Vec<_> = skipped.iter().map(|(kid, code)| (kid.as_deref(), *code)).collect();
    assert_eq!(skipped, expected);
}

#[test]
fn j07_one_kid_for_two_keys_means_neither() {
    let twice = |other: Value| set(&[jwk(Algorithm::Es256), other, jwk(Algorithm::Es384)]).unwrap();
    let kid = jwk(Algorithm::Es256)["kid"].clone();

    for other in [jwk(Algorithm::Rs256), jwk(Algorithm::Ed25519)] {
        let (set, skipped) = twice(with(other, "kid", kid.clone()));
        assert_eq!(set.len(), 1);
        assert!(set.find(kid.as_str().unwrap()).is_none());
        assert_eq!(skipped.iter().map(|(_, code)| *code).collect::<Vec<_>>(), ["duplicate_kid"; 2]);
    }
    let (set, skipped) = twice(jwk(Algorithm::Es256));
    assert_eq!((set.len(), skipped.len()), (2, 0));
}

#[test]
fn j31_sets_over_the_caps_or_without_a_usable_key_are_refused() {
    let fails =
        |document: &str| JwkSet::parse(document.as_bytes(), &all_algorithms()).unwrap_err().code();
    let many = json!({ "keys": vec![jwk(Algorithm::Es256); 65] }).to_string();
    let mut huge = json!({ "keys": [jwk(Algorithm::Es256)] }).to_string();
    write!(huge, "{}", " ".repeat(256 * 1024)).unwrap();

    assert_eq!(fails(&many), "jwks_too_many_keys");
    assert_eq!(fails(&huge), "jwks_too_large");
    assert_eq!(fails(r#"{"keys":[]}"#), "jwks_no_usable_key");
    assert_eq!(fails(r#"{"keys":[{"kty":"oct","k":"AA"}]}"#), "jwks_no_usable_key");
    for malformed in [
        "",
        "<html></html>",
        "[]",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":[],"keys":[]}"#,
        "{\"keys\":[]}x",
    ] {
        assert_eq!(fails(malformed), "jwks_malformed", "{malformed}");
    }
    let sixty_four = json!({ "keys": vec![jwk(Algorithm::Es256); 64] }).to_string();
    assert!(JwkSet::parse(sixty_four.as_bytes(), &all_algorithms()).is_ok());
}

#[test]
fn a_set_finds_its_keys_and_is_published_as_it_was_read() {
    let keys: Vec<_> = all_algorithms().into_iter().map(jwk).collect();

    let (parsed, skipped) = set(&keys).unwrap();

    assert!(skipped.is_empty());
    assert!(parsed.only().is_none());
    for algorithm in all_algorithms() {
        let found = parsed.find(key(algorithm).kid()).unwrap();
        assert_eq!(found.algorithm(), algorithm);
        assert!(UnverifiedJws::parse(&good_token(algorithm)).unwrap().verify(found).is_ok());
    }
    assert!(parsed.find("unknown").is_none());
    let document = serde_json::to_vec(&parsed).unwrap();
    let (again, _) = JwkSet::parse(&document, &all_algorithms()).unwrap();
    assert_eq!(
        again.iter().map(VerifyingKey::kid).collect::<Vec<_>>(),
        parsed.iter().map(VerifyingKey::kid).collect::<Vec<_>>()
    );
}

#[test]
fn a_key_without_kid_is_named_by_its_thumbprint() {
    let named =
        VerifyingKey::from_jwk(&jwk(Algorithm::Es256).to_string(), &[Algorithm::Es256]).unwrap();
    let nameless = without(jwk(Algorithm::Es256), "kid").to_string();

    let key = VerifyingKey::from_jwk(&nameless, &[Algorithm::Es256]).unwrap();

    assert_eq!(key.kid(), &key.thumbprint());
    assert_eq!(key.thumbprint(), named.thumbprint());
}
