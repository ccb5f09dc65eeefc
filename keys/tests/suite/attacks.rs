//! Tokens of attackers: RFC 8725 and the advisories of other libraries. Ids are those of the failures they guard
//! against.

use aws_lc_rs::hmac;
use countersign_keys::{Algorithm, JwsError, UnverifiedJws, VerifyingKey, json};

use crate::forge::{PAYLOAD, all_algorithms, base64url, good_token, key, parts, token};

fn verify(token: &str, key: &VerifyingKey) -> Result<String, JwsError> {
    Ok(UnverifiedJws::parse(token)?.verify(key)?.as_str().to_owned())
}

/// What becomes of a signed token with this header.
fn refusal(header: &str) -> JwsError {
    let key = key(Algorithm::Es256);
    verify(&token(header, PAYLOAD, key), key.verifying_key()).unwrap_err()
}

#[test]
fn a_good_token_of_each_algorithm_is_accepted() {
    for algorithm in all_algorithms() {
        let payload = verify(&good_token(algorithm), key(algorithm).verifying_key());

        assert_eq!(payload.as_deref(), Ok(PAYLOAD), "{algorithm}");
    }
}

#[test]
fn j01_cve_2015_9235_none_in_every_spelling_is_refused_with_and_without_a_signature() {
    let public = key(Algorithm::Es256).verifying_key();
    for alg in ["none", "None", "nOnE", "noNE", "NONE", ""] {
        let header = format!(r#"{{"alg":"{alg}"}}"#);
        assert_eq!(refusal(&header), JwsError::UnsupportedAlgorithm);
        let unsigned = format!("{}.{}.", base64url(&header), base64url(PAYLOAD));
        assert_eq!(verify(&unsigned, public), Err(JwsError::NotCompact));
    }
}

#[test]
fn j03_cve_2022_23540_an_algorithm_that_is_not_allowed_never_gets_a_key() {
    let jwk = serde_json::to_string(key(Algorithm::Rs256).verifying_key()).unwrap();

    let error = VerifyingKey::from_jwk(&jwk, &[Algorithm::Es256]).unwrap_err();

    assert_eq!(error.code(), "unsupported_algorithm");
}

#[test]
fn j04_cve_2016_10555_cve_2022_29217_cve_2026_34950_public_keys_are_no_hmac_secrets() {
    let pem = include_str!("../vectors/openssl/rsa_2048_public.pem");
    let public = VerifyingKey::from_pem(pem, Algorithm::Rs256).unwrap();
    let jwk = serde_json::to_string(&public).unwrap();
    let secrets = [
        pem.to_owned(),
        pem.trim().to_owned(),
        format!(" {pem}"),
        format!("\u{feff}{pem}"),
        pem.replace('\n', "\r\n"),
        jwk,
        public.thumbprint().to_string(),
    ];

    for secret in secrets {
        let header = format!(r#"{{"alg":"HS256","kid":"{}"}}"#, public.kid());
        let input = format!("{}.{}", base64url(header), base64url(PAYLOAD));
        let mac =
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), input.as_bytes());
        let forged = format!("{input}.{}", base64url(mac));

        assert_eq!(verify(&forged, &public), Err(JwsError::UnsupportedAlgorithm));
    }
}

#[test]
fn j05_j06_a_key_takes_no_other_algorithm_even_of_its_family() {
    for own in all_algorithms() {
        for other in all_algorithms().into_iter().filter(|other| !own.is_same_as(*other)) {
            let signer = key(own);
            let forged = token(format!(r#"{{"alg":"{other}"}}"#), PAYLOAD, signer);

            let refused = verify(&forged, signer.verifying_key());

            assert_eq!(refused, Err(JwsError::AlgorithmMismatch), "{other} with a key for {own}");
        }
    }
}

#[test]
fn j36_ed25519_answers_to_both_of_its_names() {
    for (named, keyed) in
        [(Algorithm::EdDsa, Algorithm::Ed25519), (Algorithm::Ed25519, Algorithm::EdDsa)]
    {
        let header = format!(r#"{{"alg":"{named}"}}"#);

        assert!(verify(&token(header, PAYLOAD, key(keyed)), key(keyed).verifying_key()).is_ok());
    }
}

#[test]
fn j08_cve_2018_0114_a_key_in_the_header_is_not_used() {
    let (ours, attackers) = (key(Algorithm::Es256), key(Algorithm::Es384));
    let attacker = countersign_keys::SigningKey::generate(
        Algorithm::Es256,
        countersign_keys::signing_key::KeySize::Default,
    )
    .unwrap();
    let jwk = serde_json::to_string(attacker.verifying_key()).unwrap();
    for header in [
        format!(r#"{{"alg":"ES256","kid":"{}","jwk":{jwk}}}"#, ours.kid()),
        format!(
            r#"{{"alg":"ES256","kid":"{}","jku":"https://attacker.example/jwks"}}"#,
            ours.kid()
        ),
        format!(
            r#"{{"alg":"ES256","kid":"{}","x5u":"file:///etc/passwd","x5c":["AA=="]}}"#,
            ours.kid()
        ),
    ] {
        let forged = token(header, PAYLOAD, &attacker);
        assert_eq!(verify(&forged, ours.verifying_key()), Err(JwsError::InvalidSignature));
    }
    assert_ne!(ours.kid(), attackers.kid());
}

#[test]
fn j09_a_hostile_kid_is_refused_or_just_a_name() {
    assert_eq!(
        refusal(&format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "k".repeat(129))),
        JwsError::InvalidKid
    );
    assert_eq!(refusal(r#"{"alg":"ES256","kid":"a\u0000b"}"#), JwsError::InvalidKid);
    assert_eq!(refusal(r#"{"alg":"ES256","kid":{"a":1}}"#), JwsError::MalformedHeader);
    assert_eq!(refusal(r#"{"alg":"ES256","kid":7}"#), JwsError::MalformedHeader);
    let huge = format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "k".repeat(2000));
    assert_eq!(refusal(&huge), JwsError::HeaderTooLarge);
    for name in ["../../dev/null", "' OR 1=1 --"] {
        let signer = key(Algorithm::Es256);
        let token = token(format!(r#"{{"alg":"ES256","kid":"{name}"}}"#), PAYLOAD, signer);
        assert_eq!(UnverifiedJws::parse(&token).unwrap().kid().unwrap().as_str(), name);
    }
}

#[test]
fn j10_cve_2025_59420_crit_is_refused_whatever_it_lists() {
    for crit in [r#"["x"]"#, "[]", r#"["alg"]"#, r#"["exp","exp"]"#, r#"["b64"]"#, "null", "{}"] {
        let header = format!(r#"{{"alg":"ES256","x":1,"crit":{crit}}}"#);
        assert_eq!(refusal(&header), JwsError::UnsupportedHeaderMember("crit"));
    }
}

#[test]
fn j11_an_unencoded_payload_is_refused() {
    assert_eq!(refusal(r#"{"alg":"ES256","b64":false}"#), JwsError::UnsupportedHeaderMember("b64"));
    let signer = key(Algorithm::Es256);
    let input = format!("{}.$plain", base64url(r#"{"alg":"ES256"}"#));
    let signature = base64url(signer.sign(input.as_bytes()).unwrap());
    let forged = format!("{input}.{signature}");
    assert_eq!(verify(&forged, signer.verifying_key()), Err(JwsError::InvalidBase64));
}

#[test]
fn j12_pysec_2022_259_json_serialization_and_mixtures_are_refused() {
    let good = good_token(Algorithm::Es256);
    let [header, payload, signature] = parts(&good);
    for forged in [
        format!(r#"{{"payload":"{payload}","protected":"{header}","signature":"{signature}"}}"#),
        format!(
            r#"{{"payload":"{payload}","signatures":[{{"protected":"{header}","signature":"{signature}"}}]}}"#
        ),
        format!(r#"{{"protected":"{good}"}}"#),
        format!(r#"{{"x":"{header}.{payload}.{signature}","payload":"AA"}}"#),
        format!("\"{good}\""),
    ] {
        assert!(verify(&forged, key(Algorithm::Es256).verifying_key()).is_err(), "{forged}");
    }
}

#[test]
fn j13_every_other_way_to_write_a_good_token_is_refused() {
    let good = good_token(Algorithm::Es256);
    let [header, payload, signature] = parts(&good);
    let mut variants = vec![
        format!(" {good}"),
        format!("{good} "),
        format!("{good}\n"),
        format!("{good}\0"),
        format!("{good}="),
        format!("{good}=="),
        format!("{good}%3D"),
        format!("{good}."),
        format!(".{good}"),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{header}.{payload}."),
        format!("{header}.{payload}"),
        header.to_owned(),
        String::new(),
        "..".to_owned(),
        format!("{header}.{payload}.{signature}.{signature}"),
        format!("{header}.{payload}.{signature}\u{e9}"),
        format!("{header}.{payload} .{signature}"),
        format!("{header}.{payload}\r\n.{signature}"),
        format!("{header}.{payload}=.{signature}"),
    ];
    // Stray bits: 64 bytes leave four unused bits in the last of 86 characters.
    let (body, last) = good.split_at(good.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    variants.extend(
        alphabet.chars().filter(|char| !last.contains(*char)).map(|char| format!("{body}{char}")),
    );
    variants.extend(["+", "/"].map(|char| format!("{body}{char}")));

    for forged in variants {
        assert!(verify(&forged, key(Algorithm::Es256).verifying_key()).is_err(), "{forged:?}");
    }
}

#[test]
fn j14_headers_that_are_no_strict_json_are_refused() {
    for header in [
        &br#"{"alg":"ES256","alg":"none"}"#[..],
        b"\xef\xbb\xbf{\"alg\":\"ES256\"}",
        b"{\"alg\":\"ES256\",\"x\":\"\xff\"}",
        b"{\"alg\":\"ES256\",\"x\":\"\xed\xa0\x80\"}",
        br#"{"alg":"ES256","x":1e400}"#,
        br#"{"alg":"ES256"}{}"#,
        br#"["alg","ES256"]"#,
        br#"{"alg":"ES256",}"#,
        b"{\"alg\":\"ES256\",\"x\":\"\n\"}",
    ] {
        let signer = key(Algorithm::Es256);
        assert!(verify(&token(header, PAYLOAD, signer), signer.verifying_key()).is_err());
    }
    let utf_16: Vec<u8> = r#"{"alg":"ES256"}"#.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let signer = key(Algorithm::Es256);
    assert!(verify(&token(utf_16, PAYLOAD, signer), signer.verifying_key()).is_err());
}

#[test]
fn j14_deep_nesting_is_refused_in_header_and_payload() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(
        refusal(&format!(r#"{{"alg":"ES256","x":{}}}"#, nested(400))),
        JwsError::MalformedHeader
    );
    let payload = format!(r#"{{"x":{}}}"#, nested(5000));
    let signer = key(Algorithm::Es256);
    let token = token(r#"{"alg":"ES256"}"#, payload, signer);
    let payload = verify(&token, signer.verifying_key()).unwrap();
    assert!(json::check(&payload).is_err());
}

#[test]
fn j14_a_payload_that_is_not_utf_8_is_refused() {
    let signer = key(Algorithm::Es256);
    let token = token(r#"{"alg":"ES256"}"#, b"{\"sub\":\"\xff\"}", signer);

    assert_eq!(verify(&token, signer.verifying_key()), Err(JwsError::PayloadNotUtf8));
}

#[test]
fn j15_j19_j20_cve_2023_51774_cve_2022_36083_cve_2024_28176_jwe_is_refused_before_any_work() {
    let public = key(Algorithm::Rs256).verifying_key();
    for header in [
        r#"{"alg":"RSA-OAEP-256","enc":"A256GCM"}"#,
        r#"{"alg":"RSA1_5","enc":"A128CBC-HS256"}"#,
        r#"{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":1000000000,"p2s":"AAAAAAAAAAA"}"#,
        r#"{"alg":"dir","enc":"A256GCM","zip":"DEF"}"#,
    ] {
        let five_parts = format!("{}.AAAA.AAAA.AAAA.AAAA", base64url(header));
        assert_eq!(verify(&five_parts, public), Err(JwsError::NotCompact));
        let three_parts = format!("{}.AAAA.AAAA", base64url(header));
        assert!(verify(&three_parts, public).is_err());
    }
    assert_eq!(refusal(r#"{"alg":"ES256","zip":"DEF"}"#), JwsError::UnsupportedHeaderMember("zip"));
}

#[test]
fn j28_typ_is_compared_as_a_media_type() {
    let has = |typ: &str, expected: &str| {
        let token =
            token(format!(r#"{{"alg":"ES256","typ":"{typ}"}}"#), PAYLOAD, key(Algorithm::Es256));
        UnverifiedJws::parse(&token).unwrap().has_typ(expected)
    };

    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        assert!(has(typ, "at+jwt"), "{typ}");
        assert!(has(typ, "application/at+jwt"), "{typ}");
    }
    for typ in ["JWT", "", "at+jwt ", "text/at+jwt", "application/x/at+jwt", "dpop+jwt"] {
        assert!(!has(typ, "at+jwt"), "{typ}");
    }
    let without = token(r#"{"alg":"ES256"}"#, PAYLOAD, key(Algorithm::Es256));
    assert!(!UnverifiedJws::parse(&without).unwrap().has_typ("at+jwt"));
}

#[test]
fn j35_cve_2022_21449_cve_2020_28042_ecdsa_signatures_out_of_shape_are_refused() {
    let good = good_token(Algorithm::Es256);
    let [header, payload, _] = parts(&good);
    let public = key(Algorithm::Es256).verifying_key();
    let order =
        crate::forge::from_hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    let der = [vec![0x30, 0x44, 0x02, 0x20], vec![1; 32], vec![0x02, 0x20], vec![1; 32]].concat();
    let right_size = [
        vec![0; 64],
        [vec![0; 32], vec![1; 32]].concat(),
        [vec![1; 32], vec![0; 32]].concat(),
        [order.clone(), vec![1; 32]].concat(),
        [vec![1; 32], order].concat(),
        vec![0xff; 64],
    ];
    let wrong_size = [vec![1; 63], vec![1; 65], vec![1; 96], vec![1], der];

    for signature in right_size {
        let forged = format!("{header}.{payload}.{}", base64url(signature));
        assert_eq!(verify(&forged, public), Err(JwsError::InvalidSignature));
    }
    for signature in wrong_size {
        let forged = format!("{header}.{payload}.{}", base64url(signature));
        assert_eq!(verify(&forged, public), Err(JwsError::SignatureSize));
    }
}

#[test]
fn j37_ten_thousand_signatures_of_one_message_share_no_nonce() {
    let signer = key(Algorithm::Es256);

    let nonces: std::collections::HashSet<_> =
        (0..10_000).map(|_| signer.sign(b"message").unwrap().as_ref()[..32].to_vec()).collect();

    assert_eq!(nonces.len(), 10_000);
}

#[test]
fn cve_2025_30204_cve_2025_27144_a_megabyte_of_dots_is_refused_by_its_length() {
    assert_eq!(UnverifiedJws::parse(&".".repeat(1 << 20)).unwrap_err(), JwsError::TooLarge);
    assert_eq!(UnverifiedJws::parse(&".".repeat(1 << 14)).unwrap_err(), JwsError::NotCompact);
    let good = good_token(Algorithm::Es256);
    assert!(UnverifiedJws::parse_within(&good, good.len()).is_ok());
    let refused = UnverifiedJws::parse_within(&good, good.len() - 1);
    assert_eq!(refused.unwrap_err(), JwsError::TooLarge);
}

#[test]
fn pysec_2020_69_an_unverified_token_shows_no_claims_in_its_debug_text() {
    let good = good_token(Algorithm::Es256);
    let payload =
        UnverifiedJws::parse(&good).unwrap().verify(key(Algorithm::Es256).verifying_key());

    assert!(!format!("{:?}", payload.unwrap()).contains("orders"));
}
