//! Making compact JWS (RFC 7515 §5.1). The header of a key never changes, so it is encoded once.

use super::header;
use crate::algorithm::Algorithm;
use crate::base64url;
use crate::error::KeyError;
use crate::jwk::Kid;
use crate::signer::Signer;
use crate::signing_key::SigningKey;

/// The encoded header of every token of one type and one key.
#[derive(Clone, Debug)]
pub struct CompactHeader {
    kid: Kid,
    algorithm: Algorithm,
    /// base64url, with the dot that follows.
    encoded: String,
}

impl CompactHeader {
    /// For tokens of the media type `typ` (without `application/`) that `signer` signs.
    pub fn new(signer: &(impl Signer + ?Sized), typ: &str) -> Result<Self, KeyError> {
        let (algorithm, kid) = (signer.algorithm(), signer.kid());
        let mut encoded = header::encode(algorithm, typ, kid)?;
        encoded.push('.');
        Ok(Self { kid: *kid, algorithm, encoded })
    }

    /// For tokens that carry the public key itself, which the receiver cannot know: proofs of possession (RFC 9449 §4.2).
    pub fn with_key(key: &SigningKey, typ: &str) -> Result<Self, KeyError> {
        let mut encoded = header::encode_with_key(typ, key.verifying_key())?;
        encoded.push('.');
        Ok(Self { kid: *key.kid(), algorithm: key.algorithm(), encoded })
    }

    /// Length in bytes of a token with a payload of `payload_bytes`.
    pub fn token_bytes(&self, signer: &(impl Signer + ?Sized), payload_bytes: usize) -> usize {
        self.encoded.len()
            + base64url::encoded_len(payload_bytes)
            + 1
            + base64url::encoded_len(signer.signature_size())
    }

    /// Signs a payload. The signer must be the one that the header was made for. Allocates the token, once.
    pub fn sign(
        &self,
        signer: &(impl Signer + ?Sized),
        payload: &[u8],
    ) -> Result<String, KeyError> {
        if *signer.kid() != self.kid || signer.algorithm() != self.algorithm {
            return Err(KeyError::SignerMismatch);
        }
        let mut token = String::with_capacity(self.token_bytes(signer, payload.len()));
        token.push_str(&self.encoded);
        base64url::append(payload, &mut token);
        let signature = signer.sign(token.as_bytes())?;
        token.push('.');
        base64url::append(signature.as_ref(), &mut token);
        Ok(token)
    }
}

/// Signs one payload; for many of the same type keep a [`CompactHeader`].
pub fn sign_compact(key: &SigningKey, typ: &str, payload: &[u8]) -> Result<String, KeyError> {
    CompactHeader::new(key, typ)?.sign(key, payload)
}
