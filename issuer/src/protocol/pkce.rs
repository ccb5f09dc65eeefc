//! Proof Key for Code Exchange (RFC 7636): S256 only; `plain` protects nobody (RFC 9700 §2.1.1).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// The one value of `code_challenge_method`.
pub const METHOD: &str = "S256";

/// A challenge: the SHA-256 of a verifier that only the client knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeChallenge([u8; 32]);

/// The `code_challenge` of a verifier of our own (RFC 7636 §4.2).
pub fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// A verifier does not belong to the challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongVerifier {
    /// It has not the form of a verifier (RFC 7636 §4.1).
    Malformed,
    /// It is another.
    Mismatch,
}

impl CodeChallenge {
    /// Reads `code_challenge` (RFC 7636 §4.2): 43 characters of base64url.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// Checks a `code_verifier` (RFC 7636 §4.6).
    ///
    /// # Errors
    ///
    /// If it is malformed, or not the one.
    pub fn check(&self, verifier: &str) -> Result<(), WrongVerifier> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(legal) {
            return Err(WrongVerifier::Malformed);
        }
        let presented = digest(&SHA256, verifier.as_bytes());
        verify_slices_are_equal(&self.0, presented.as_ref()).map_err(|_| WrongVerifier::Mismatch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_holds() {
        // RFC 7636 appendix B.
        let challenge =
            CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();

        assert_eq!(challenge.check("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), Ok(()));
    }

    #[test]
    fn r12_r13_neither_the_challenge_itself_nor_a_malformed_verifier_opens_anything() {
        let text = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let challenge = CodeChallenge::parse(text).unwrap();

        assert_eq!(challenge.check(text), Err(WrongVerifier::Mismatch));
        for malformed in [&"a".repeat(42), &"a".repeat(129), "", &format!("{}/", "a".repeat(43))] {
            assert_eq!(challenge.check(malformed), Err(WrongVerifier::Malformed));
        }
    }

    #[test]
    fn a_challenge_has_43_characters_of_base64url() {
        for bad in [
            "",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=",
        ] {
            assert!(CodeChallenge::parse(bad).is_none(), "{bad}");
        }
    }
}
