//! Keys and tokens for the other files, honest and forged.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_keys::algorithm::ALGORITHMS;
use countersign_keys::signing_key::KeySize;
use countersign_keys::{Algorithm, SigningKey};

/// A payload like that of an access token.
pub(crate) const PAYLOAD: &str =
    r#"{"iss":"https://issuer.example","sub":"orders","aud":"https://payments.example"}"#;

pub(crate) fn all_algorithms() -> Vec<Algorithm> {
    ALGORITHMS.iter().map(|row| row.algorithm).collect()
}

/// One key for each algorithm, made once.
pub(crate) fn key(algorithm: Algorithm) -> &'static SigningKey {
    static KEYS: LazyLock<Vec<SigningKey>> = LazyLock::new(|| {
        let generate = |algorithm| SigningKey::generate(algorithm, KeySize::Default).unwrap();
        all_algorithms().into_iter().map(generate).collect()
    });
    KEYS.iter().find(|key| key.algorithm() == algorithm).unwrap()
}

/// The line with which a PEM text of this label begins (RFC 7468 §2).
pub(crate) fn pem_begin(label: &str) -> String {
    format!("-----BEGIN {label}-----")
}

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with any header at all, signed with a good key.
pub(crate) fn token(
    header: impl AsRef<[u8]>,
    payload: impl AsRef<[u8]>,
    key: &SigningKey,
) -> String {
    let input = format!("{}.{}", base64url(header), base64url(payload));
    let signature = key.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", base64url(signature))
}

/// A token without fault.
pub(crate) fn good_token(algorithm: Algorithm) -> String {
    let key = key(algorithm);
    let header = format!(r#"{{"alg":"{algorithm}","typ":"at+jwt","kid":"{}"}}"#, key.kid());
    token(header, PAYLOAD, key)
}

/// The parts of a token.
pub(crate) fn parts(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().unwrap()
}

pub(crate) fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}
