//! `at_hash` and `c_hash` (OpenID Connect Core §3.1.3.6, §3.3.2.11): the left half of a hash, by which an ID
//! token names the access token or the code that it came with; and `ath`, by which a proof of possession names its token.

use aws_lc_rs::digest::{self, SHA256, SHA384, SHA512};

use crate::algorithm::Algorithm;
use crate::base64url;

/// The hash of an access token or a code, for an ID token signed with this algorithm.
pub fn token_hash(algorithm: Algorithm, token: &str) -> String {
    // Core §3.1.3.6: the hash that the ID token's `alg` uses. Ed25519 uses SHA-512 (RFC 8032 §5.1).
    let hash = match algorithm {
        Algorithm::Es256 | Algorithm::Rs256 | Algorithm::Ps256 => &SHA256,
        Algorithm::Es384 => &SHA384,
        Algorithm::Ed25519 | Algorithm::EdDsa => &SHA512,
    };
    let digest = digest::digest(hash, token.as_bytes());
    let half = digest.as_ref().len() / 2;
    base64url::encode(digest.as_ref().get(..half).unwrap_or_default())
}

/// The `ath` of a proof of possession (RFC 9449 §4.2): the whole SHA-256 of the access token, whatever signed it.
pub fn access_token_hash(token: &str) -> String {
    base64url::encode(digest::digest(&SHA256, token.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_openid_connect_core_come_out() {
        // Core A.3 and A.4.
        let access_token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        let code = "Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk";

        assert_eq!(token_hash(Algorithm::Rs256, access_token), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(token_hash(Algorithm::Rs256, code), "LDktKdoQak3Pk0cnXxCltA");
    }

    #[test]
    fn the_example_of_rfc_9449_comes_out() {
        // §7.1, figure 13.
        let access_token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";

        assert_eq!(access_token_hash(access_token), "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
    }

    #[test]
    fn the_length_is_half_that_of_the_hash() {
        for (algorithm, length) in
            [(Algorithm::Es256, 22), (Algorithm::Es384, 32), (Algorithm::EdDsa, 43)]
        {
            assert_eq!(token_hash(algorithm, "token").len(), length, "{algorithm}");
        }
    }
}
