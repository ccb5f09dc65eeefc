//! A header that is known before the token comes. Whoever has a key knows the text that the header of its access
//! tokens has, so that most headers are compared and not read. What is not that very text is read as ever.

use super::header::{self, Header};
use crate::algorithm::Algorithm;
use crate::error::KeyError;
use crate::jwk::Kid;

/// RFC 9068 §2.1.
const ACCESS_TOKEN_TYPE: &str = "at+jwt";

/// The header of a key's access tokens as `CompactHeader` writes it, and what reading it gives.
#[derive(Clone, Debug)]
pub struct KnownHeader {
    encoded: String,
    header: Header,
}

impl KnownHeader {
    pub(crate) fn of_access_tokens(algorithm: Algorithm, kid: &Kid) -> Result<Self, KeyError> {
        let encoded = header::encode(algorithm, ACCESS_TOKEN_TYPE, kid)?;
        // Read by the strict reader, once: to recognize the text and to read it cannot differ.
        let header = Header::parse(&encoded).map_err(|_| KeyError::Operation)?;
        Ok(Self { encoded, header })
    }

    /// What reading `part`, the first of a token, would give, if it is this text.
    pub(super) fn recognize(&self, part: &str) -> Option<&Header> {
        (self.encoded == part).then_some(&self.header)
    }
}

#[cfg(all(test, feature = "private"))]
mod tests {
    use crate::algorithm::ALGORITHMS;
    use crate::jws::sign_compact;
    use crate::signing_key::{KeySize, SigningKey};

    #[test]
    fn the_header_that_is_written_is_the_one_that_is_known() {
        for row in ALGORITHMS {
            let key = SigningKey::generate(row.algorithm, KeySize::Default).unwrap();
            let known = key.verifying_key().access_token_header();
            let recognized = |typ| {
                let token = sign_compact(&key, typ, b"{}").unwrap();
                known.recognize(token.split('.').next().unwrap()).is_some()
            };

            assert!(recognized("at+jwt"), "{}", row.name);
            assert!(!recognized("JWT"), "{}", row.name);
        }
    }
}
