//! The examples of RFC 7520, RFC 8037, RFC 7797, RFC 7515 and RFC 7638.

use countersign_keys::{Algorithm, JwsError, SigningKey, UnverifiedJws, VerifyingKey};
use serde_json::Value;

use crate::forge::{all_algorithms, base64url};

/// The RSA key of RFC 7638 §3.1.
const RFC_7638_KEY: &str = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;

/// The key and the token of RFC 7515 §A.3.
const RFC_7515_A3_KEY: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
const RFC_7515_A3_TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

fn example(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The public part of a JWK that may be private.
fn public_part(jwk: &Value) -> String {
    let mut members = jwk.as_object().unwrap().clone();
    for private in ["d", "p", "q", "dp", "dq", "qi"] {
        members.remove(private);
    }
    Value::Object(members).to_string()
}

#[test]
fn rfc_7638_thumbprint_of_the_example() {
    let key = VerifyingKey::from_jwk(RFC_7638_KEY, &[Algorithm::Rs256]).unwrap();

    assert_eq!(key.thumbprint().as_str(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_eq!(key.kid().as_str(), "2011-04-29");
}

#[test]
fn rfc_8037_thumbprint_of_the_example() {
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    let key = VerifyingKey::from_jwk(jwk, &[Algorithm::Ed25519]).unwrap();

    assert_eq!(key.thumbprint().as_str(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn rfc_7515_a3_verifies_and_gives_its_payload() {
    let key = VerifyingKey::from_jwk(RFC_7515_A3_KEY, &[Algorithm::Es256]).unwrap();

    let payload = UnverifiedJws::parse(RFC_7515_A3_TOKEN).unwrap().verify(&key).unwrap();

    assert!(payload.as_str().starts_with("{\"iss\":\"joe\",\r\n"));
}

#[test]
fn rfc_7515_a5_the_unsecured_token_is_refused() {
    let token = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.";

    assert_eq!(UnverifiedJws::parse(token).unwrap_err(), JwsError::NotCompact);
    let with_signature = format!("{token}AAAA");
    assert_eq!(UnverifiedJws::parse(&with_signature).unwrap_err(), JwsError::UnsupportedAlgorithm);
}

#[test]
fn rfc_7520_4_1_rs256_and_rfc_8037_eddsa_verify_and_sign_the_same() {
    for text in [
        include_str!("../vectors/cookbook/jws/4_1.rsa_v15_signature.json"),
        include_str!("../vectors/cookbook/curve25519/jws.json"),
    ] {
        let example = example(text);
        let token = example["output"]["compact"].as_str().unwrap();
        let jwk = &example["input"]["key"];

        let public = VerifyingKey::from_jwk(&public_part(jwk), &all_algorithms()).unwrap();
        let payload = UnverifiedJws::parse(token).unwrap().verify(&public).unwrap();
        assert_eq!(payload.as_str(), example["input"]["payload"].as_str().unwrap());

        // Both algorithms are deterministic, so ours must be the signature of the figure.
        let private = SigningKey::from_jwk(&jwk.to_string()).unwrap();
        let input = example["signing"]["sig-input"].as_str().unwrap();
        let signature = private.sign(input.as_bytes()).unwrap();
        assert_eq!(base64url(signature), example["signing"]["sig"].as_str().unwrap());
    }
}

#[test]
fn rfc_7520_figures_with_algorithms_we_have_not_are_refused() {
    for text in [
        include_str!("../vectors/cookbook/jws/4_2.rsa-pss_signature.json"),
        include_str!("../vectors/cookbook/jws/4_3.ecdsa_signature.json"),
        include_str!("../vectors/cookbook/jws/4_4.hmac-sha2_integrity_protection.json"),
    ] {
        let example = example(text);
        let token = example["output"]["compact"].as_str().unwrap();

        // PS384, ES512, HS256.
        assert_eq!(UnverifiedJws::parse(token).unwrap_err(), JwsError::UnsupportedAlgorithm);
    }
}

#[test]
fn j12_rfc_7520_json_serializations_and_detached_content_are_refused() {
    for text in [
        include_str!("../vectors/cookbook/jws/4_1.rsa_v15_signature.json"),
        include_str!("../vectors/cookbook/jws/4_5.signature_with_detached_content.json"),
        include_str!("../vectors/cookbook/jws/4_6.protecting_specific_header_fields.json"),
        include_str!("../vectors/cookbook/jws/4_7.protecting_content_only.json"),
        include_str!("../vectors/cookbook/jws/4_8.multiple_signatures.json"),
    ] {
        let output = &example(text)["output"];
        for form in ["json", "json_flat"] {
            assert!(UnverifiedJws::parse(&output[form].to_string()).is_err());
        }
    }
    let detached =
        example(include_str!("../vectors/cookbook/jws/4_5.signature_with_detached_content.json"));
    let token = detached["output"]["compact"].as_str().unwrap();
    assert_eq!(UnverifiedJws::parse(token).unwrap_err(), JwsError::UnsupportedAlgorithm);
}

#[test]
fn j11_rfc_7797_unencoded_payloads_are_refused() {
    for text in [
        include_str!("../vectors/cookbook/rfc7797/hmac-sha2_b64_false.json"),
        include_str!("../vectors/cookbook/rfc7797/4.2.hmac-sha2_b64_false.json"),
    ] {
        let example = example(text);
        let signing = &example["signing"];
        let token = format!(
            "{}.{}",
            signing["sig-input"].as_str().unwrap(),
            signing["sig"].as_str().unwrap()
        );
        assert!(UnverifiedJws::parse(&token).is_err());
        for form in example["output"].as_object().unwrap().values() {
            assert!(UnverifiedJws::parse(&form.to_string()).is_err());
        }
    }
}

#[test]
fn rfc_7520_3_keys_are_read_or_refused_for_the_right_reason() {
    let code = |text: &str| match VerifyingKey::from_jwk(text, &all_algorithms()) {
        Ok(_) => "ok",
        Err(error) => error.code(),
    };

    // P-521 is not supported.
    assert_eq!(
        code(include_str!("../vectors/cookbook/jwk/3_1.ec_public_key.json")),
        "unsupported_algorithm"
    );
    assert_eq!(
        code(include_str!("../vectors/cookbook/jwk/3_2.ec_private_key.json")),
        "private_member"
    );
    assert_eq!(code(include_str!("../vectors/cookbook/jwk/3_3.rsa_public_key.json")), "ok");
    assert_eq!(
        code(include_str!("../vectors/cookbook/jwk/3_4.rsa_private_key.json")),
        "private_member"
    );
    for oct in [
        include_str!("../vectors/cookbook/jwk/3_5.symmetric_key_mac_computation.json"),
        include_str!("../vectors/cookbook/jwk/3_6.symmetric_key_encryption.json"),
    ] {
        assert_eq!(code(oct), "symmetric_key");
    }
    let private = include_str!("../vectors/cookbook/jwk/3_4.rsa_private_key.json");
    assert_eq!(SigningKey::from_jwk(private).unwrap().algorithm(), Algorithm::Rs256);
}
