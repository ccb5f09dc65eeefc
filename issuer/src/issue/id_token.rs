//! The ID token (OpenID Connect Core §2): what a client learns of a sign-in. It is for the client alone, and its `typ`
//! keeps it apart from access tokens.

use aws_lc_rs::digest::{Algorithm as Digest, SHA256, SHA384, SHA512, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_keys::Algorithm;
use serde::Serialize;
use serde_json::{Map, Value};

/// The payload, in the order in which it is written.
#[derive(Serialize)]
pub(super) struct IdTokenClaims<'a> {
    pub iss: &'a str,
    pub sub: &'a str,
    pub aud: &'a str,
    pub exp: i64,
    pub iat: i64,
    pub auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<&'a str>,
    pub acr: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub amr: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    pub azp: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<String>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// OpenID Connect Core §3.1.3.6: the left half of the hash of the access token, by the hash of the algorithm that signs
/// the ID token. Ed25519 hashes with SHA-512 (RFC 8032 §5.1).
pub(super) fn at_hash(access_token: &str, algorithm: Algorithm) -> String {
    let hash: &'static Digest = match algorithm {
        Algorithm::Es384 => &SHA384,
        Algorithm::Ed25519 | Algorithm::EdDsa => &SHA512,
        _ => &SHA256,
    };
    let hash = digest(hash, access_token.as_bytes());
    let half = hash.as_ref().get(..hash.as_ref().len() / 2).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_holds() {
        // OpenID Connect Core appendix A.3 (RS256).
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";

        assert_eq!(at_hash(token, Algorithm::Rs256), "77QmUPtjPfzWtF2AnpK9RQ");
    }
}
