//! Proofs of possession (RFC 9449 §4.2): a JWS that carries its own key. The only place where a `jwk` of a header is read.
//! It says that somebody holds this key, and nothing of who that is: whoever asks compares the thumbprint with what a token
//! or a grant is bound to.

use std::sync::Arc;

use super::header::Header;
use super::{Compact, UnverifiedJws};
use crate::error::{JwsError, KeyError};
use crate::jwk::VerifyingKey;

/// The header of a proof that was read before, and the key in it. A client sends the same header with each of its proofs,
/// so that it can be compared instead of read. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ProofHeader {
    encoded: Arc<str>,
    header: Header,
    key: VerifyingKey,
}

impl ProofHeader {
    /// The first part of the proof.
    pub fn encoded(&self) -> &Arc<str> {
        &self.encoded
    }
}

/// A proof that is well-formed and nothing more.
#[derive(Clone, Debug)]
pub struct UnverifiedProof<'t> {
    jws: UnverifiedJws<'t>,
    carried: Carried<'t>,
}

#[derive(Clone, Debug)]
enum Carried<'t> {
    Known(VerifyingKey),
    Read { encoded: &'t str, jwk: Box<str> },
}

impl<'t> UnverifiedProof<'t> {
    /// Reads a proof of at most `max_bytes`. `known` may know its header, by the whole first part.
    pub fn parse(
        token: &'t str,
        max_bytes: usize,
        known: impl FnOnce(&str) -> Option<ProofHeader>,
    ) -> Result<Self, JwsError> {
        let Compact { header: encoded, signing_input, payload, signature } =
            Compact::split(token, max_bytes)?;
        let known = known(encoded).filter(|known| *known.encoded == *encoded);
        let (header, carried) = if let Some(known) = known {
            (known.header, Carried::Known(known.key))
        } else {
            let (header, jwk) = Header::parse_with_jwk(encoded)?;
            (header, Carried::Read { encoded, jwk })
        };
        Ok(Self { jws: UnverifiedJws { header, signing_input, payload, signature }, carried })
    }

    /// The JWS.
    pub fn jws(&self) -> &UnverifiedJws<'t> {
        &self.jws
    }

    /// The key that the proof carries: public, sound, and for the algorithm of the header. By its thumbprint (RFC 7638) it
    /// is compared with the one that is expected, before anything is verified with it.
    pub fn key(&self) -> Result<VerifyingKey, KeyError> {
        match &self.carried {
            Carried::Known(key) => Ok(key.clone()),
            Carried::Read { jwk, .. } => VerifyingKey::from_jwk(jwk, &[self.jws.algorithm()]),
        }
    }

    /// What to remember of a proof that held with this [`key`](Self::key); nothing if it was known.
    pub fn header(&self, key: &VerifyingKey) -> Option<ProofHeader> {
        match &self.carried {
            Carried::Known(_) => None,
            Carried::Read { encoded, .. } => Some(ProofHeader {
                encoded: (*encoded).into(),
                header: self.jws.header,
                key: key.clone(),
            }),
        }
    }
}

#[cfg(all(test, feature = "private"))]
#[expect(clippy::unwrap_used, reason = "a test may fail by panicking")]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::algorithm::Algorithm;
    use crate::base64url;
    use crate::signing_key::{KeySize, SigningKey};

    fn key() -> SigningKey {
        SigningKey::generate(Algorithm::Es256, KeySize::Default).unwrap()
    }

    fn proof(key: &SigningKey, header: &Value) -> String {
        let part = |json: &Value| base64url::encode(json.to_string().as_bytes());
        let input = format!("{}.{}", part(header), part(&json!({ "jti": "a" })));
        let signature = key.sign(input.as_bytes()).unwrap();
        format!("{input}.{}", base64url::encode(signature.as_ref()))
    }

    fn header(key: &SigningKey) -> Value {
        json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": key.verifying_key() })
    }

    fn read(proof: &str) -> Result<VerifyingKey, KeyError> {
        UnverifiedProof::parse(proof, 4096, |_| None).unwrap().key()
    }

    #[test]
    fn a_proof_verifies_with_the_key_that_it_carries() {
        let key = key();
        let text = proof(&key, &header(&key));
        let proof = UnverifiedProof::parse(&text, 4096, |_| None).unwrap();

        let carried = proof.key().unwrap();

        assert_eq!(carried.thumbprint(), key.verifying_key().thumbprint());
        assert!(proof.jws().verify(&carried).is_ok());
        assert!(proof.jws().has_typ("dpop+jwt"));
    }

    #[test]
    fn a_header_that_is_known_is_known_by_all_its_bytes() {
        let [key, other] = [key(), key()];
        let (mine, theirs) = (proof(&key, &header(&key)), proof(&other, &header(&other)));
        let read = UnverifiedProof::parse(&mine, 4096, |_| None).unwrap();
        let known = read.header(&read.key().unwrap()).unwrap();

        let again = UnverifiedProof::parse(&mine, 4096, |_| Some(known.clone())).unwrap();
        let foreign = UnverifiedProof::parse(&theirs, 4096, |_| Some(known)).unwrap();

        assert!(again.header(&key.verifying_key().clone()).is_none(), "it was known");
        assert_eq!(foreign.key().unwrap().thumbprint(), other.verifying_key().thumbprint());
    }

    #[test]
    fn row_29_private_symmetric_weak_and_foreign_keys_are_refused() {
        let key = key();
        let with = |edit: fn(&mut Value)| {
            let mut header = header(&key);
            edit(&mut header["jwk"]);
            read(&proof(&key, &header)).unwrap_err()
        };

        assert_eq!(with(|jwk| jwk["d"] = json!("AAAA")), KeyError::PrivateMember);
        assert_eq!(with(|jwk| *jwk = json!({"kty": "oct", "k": "AA"})), KeyError::SymmetricKey);
        assert_eq!(with(|jwk| jwk["use"] = json!("enc")), KeyError::NotForSignatures);
        assert_eq!(with(|jwk| jwk["alg"] = json!("ES384")), KeyError::UnsupportedAlgorithm);
        assert_eq!(with(|jwk| jwk["y"] = jwk["x"].clone()), KeyError::InvalidPoint);
    }

    #[test]
    fn without_a_key_that_is_an_object_it_is_no_proof() {
        let key = key();
        let refusal = |jwk: Option<Value>| {
            let mut header = json!({ "typ": "dpop+jwt", "alg": "ES256" });
            if let Some(jwk) = jwk {
                header["jwk"] = jwk;
            }
            UnverifiedProof::parse(&proof(&key, &header), 4096, |_| None).unwrap_err()
        };

        assert_eq!(refusal(None), JwsError::MissingKey);
        for jwk in [json!("a"), json!(null), json!([key.verifying_key()]), json!(1)] {
            assert_eq!(refusal(Some(jwk)), JwsError::MalformedHeader);
        }
    }
}
