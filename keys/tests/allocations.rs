//! No refusal before the signature touches the heap: a flood of bad tokens costs no memory. (What aws-lc
//! allocates in C for the check of an ECDSA signature is not counted; that is after the door.)

#![expect(clippy::unwrap_used, reason = "a test fails loudly")]

use allocation_counter::measure;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_keys::jws::{CompactHeader, sign_compact};
use countersign_keys::signing_key::KeySize;
use countersign_keys::{Algorithm, JwkSet, JwsError, SigningKey, UnverifiedJws};

const PAYLOAD: &str =
    r#"{"iss":"https://issuer.example","sub":"orders","aud":"https://payments.example"}"#;

fn key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm, KeySize::Default).unwrap()
}

/// A token with this header and a signature of the right size that does not hold.
fn forged(header: &[u8]) -> String {
    let signature = URL_SAFE_NO_PAD.encode([7; 64]);
    format!("{}.{}.{signature}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(PAYLOAD))
}

/// Everything that is refused before a key is used, with the code of its refusal.
fn refused_early() -> Vec<(String, &'static str)> {
    let headers: [(&[u8], &str); 18] = [
        (b"{", "malformed_header"),
        (b"[]", "malformed_header"),
        (b"\xff", "malformed_header"),
        (br#"{"alg":"ES256"} x"#, "malformed_header"),
        (br#"{"alg":1}"#, "malformed_header"),
        (br#"{"alg":"ES256","x":"\ud800"}"#, "malformed_header"),
        (br#"{"alg":"ES256","x":1e999}"#, "malformed_header"),
        (br#"{"alg":"ES256","x":[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]}"#, "malformed_header"),
        (br#"{"alg":"none"}"#, "unsupported_algorithm"),
        (br#"{"alg":"HS256"}"#, "unsupported_algorithm"),
        (br#"{"alg":"\u0048S256"}"#, "unsupported_algorithm"),
        (br#"{"typ":"at+jwt"}"#, "unsupported_algorithm"),
        (br#"{"alg":"ES256","alg":"ES256"}"#, "duplicate_header_member"),
        (br#"{"alg":"ES256","x":{"\u0061":1,"a":2}}"#, "duplicate_header_member"),
        (br#"{"alg":"ES256","crit":["x"]}"#, "unsupported_header_member"),
        (br#"{"alg":"ES256","b64":false}"#, "unsupported_header_member"),
        (br#"{"alg":"ES256","kid":""}"#, "invalid_kid"),
        (br#"{"alg":"ES256","kid":"\u0000"}"#, "invalid_kid"),
    ];
    let mut cases: Vec<_> = headers.map(|(header, code)| (forged(header), code)).into();
    let good = forged(br#"{"alg":"ES256"}"#);
    cases.extend([
        (String::new(), "token_not_compact"),
        (good.replace('.', ""), "token_not_compact"),
        (format!("{good}."), "token_not_compact"),
        (".".repeat(1 << 20), "token_too_large"),
        (format!("{good}="), "invalid_base64url"),
        (format!(" {good}"), "invalid_base64url"),
        (format!("{}.AAAA.AAAA", "A".repeat(1400)), "header_too_large"),
        (
            forged(format!(r#"{{"alg":"ES256","typ":"{}"}}"#, "t".repeat(65)).as_bytes()),
            "header_too_large",
        ),
        (
            forged(format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "k".repeat(129)).as_bytes()),
            "invalid_kid",
        ),
    ]);
    cases
}

#[test]
fn no_refusal_of_a_token_allocates() {
    for (token, code) in refused_early() {
        let mut refusal = None;
        let used = measure(|| refusal = UnverifiedJws::parse(&token).err());
        assert_eq!(refusal.map(JwsError::code), Some(code), "{token}");
        assert_eq!(used.count_total, 0, "{code}");
    }
}

#[test]
fn no_refusal_by_a_key_allocates() {
    let es256 = key(Algorithm::Es256);
    let set = JwkSet::from_keys([es256.verifying_key().clone()]);
    let wrong_size = forged(br#"{"alg":"ES256"}"#).replacen("Bw", "AA", 1);
    let wrong_size = format!("{wrong_size}AAAA");
    let cases = [
        (forged(br#"{"alg":"ES384"}"#), JwsError::AlgorithmMismatch),
        (wrong_size, JwsError::SignatureSize),
        (forged(br#"{"alg":"ES256"}"#), JwsError::InvalidSignature),
    ];
    for (token, expected) in cases {
        let mut refusal = None;
        let used = measure(|| {
            refusal = UnverifiedJws::parse(&token)
                .and_then(|jws| jws.verify(es256.verifying_key()))
                .err();
        });
        assert_eq!(refusal, Some(expected));
        assert_eq!(used.count_total, 0, "{expected:?}");
    }
    let miss = measure(|| assert!(set.find("unknown").is_none()));
    assert_eq!(miss.count_total, 0);
}

#[test]
fn a_good_token_allocates_its_payload_and_nothing_else() {
    for algorithm in [Algorithm::Es256, Algorithm::Rs256, Algorithm::Ed25519] {
        let key = key(algorithm);
        let token = sign_compact(&key, "at+jwt", PAYLOAD.as_bytes()).unwrap();

        let used = measure(|| {
            let jws = UnverifiedJws::parse(&token).unwrap();
            drop(jws.verify(key.verifying_key()).unwrap());
        });

        assert_eq!(used.count_total, 1, "{algorithm}");
        assert!(used.bytes_max < 2 * u64::try_from(PAYLOAD.len()).unwrap());
    }
}

#[test]
fn a_token_is_made_in_the_space_that_it_needs() {
    let key = key(Algorithm::Es256);
    let header = CompactHeader::new(&key, "at+jwt").unwrap();
    let token = header.sign(&key, PAYLOAD.as_bytes()).unwrap();

    assert_eq!(token.len(), token.capacity());
    assert_eq!(token.len(), header.token_bytes(&key, PAYLOAD.len()));
}
