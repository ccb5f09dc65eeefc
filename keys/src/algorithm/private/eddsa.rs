//! Ed25519 keys: generate, PKCS#8 (RFC 8410), JWK (RFC 8037), sign. The public key is always derived from the
//! private one and compared, never taken on trust (RUSTSEC-2022-0093).

use aws_lc_rs::encoding::AsBigEndian as _;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

use super::{PrivateFamily, PrivateKey, TraditionalKey};
use crate::algorithm::PublicKey;
use crate::algorithm::eddsa::{EdDsa, KEY_SIZE};
use crate::base64url;
use crate::error::KeyError;
use crate::jwk::JwkMembers;
use crate::signer::Signature;
use crate::signing_key::KeySize;

struct Ed25519PrivateKey(Ed25519KeyPair);

impl PrivateFamily for EdDsa {
    fn generate(&'static self, _size: KeySize) -> Result<Box<dyn PrivateKey>, KeyError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::Operation)?;
        Ok(Box::new(Ed25519PrivateKey(pair)))
    }

    fn import_pkcs8(&'static self, der: &[u8]) -> Result<Box<dyn PrivateKey>, KeyError> {
        let pair = Ed25519KeyPair::from_pkcs8(der).map_err(|_| KeyError::MalformedKey)?;
        Ok(Box::new(Ed25519PrivateKey(pair)))
    }

    fn import_traditional(
        &'static self,
        _label: &str,
        _der: &[u8],
    ) -> Result<Box<dyn PrivateKey>, KeyError> {
        Err(KeyError::NoSuchFormat)
    }

    fn import_jwk(&'static self, jwk: &JwkMembers<'_>) -> Result<Box<dyn PrivateKey>, KeyError> {
        let x = jwk.fixed_bytes("x", jwk.x.as_deref(), KEY_SIZE)?;
        let d = Zeroizing::new(jwk.fixed_bytes("d", jwk.d, KEY_SIZE)?);
        let pair = Ed25519KeyPair::from_seed_and_public_key(&d, &x)
            .map_err(|_| KeyError::InconsistentKey)?;
        Ok(Box::new(Ed25519PrivateKey(pair)))
    }
}

impl PrivateKey for Ed25519PrivateKey {
    fn public(&self) -> Result<PublicKey, KeyError> {
        EdDsa::public_from_bytes(self.0.public_key().as_ref())
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, KeyError> {
        let signature = self.0.try_sign(message).map_err(|_| KeyError::Operation)?;
        Signature::from_bytes(signature.as_ref())
    }

    fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let document = self.0.to_pkcs8v1().map_err(|_| KeyError::Operation)?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }

    fn to_traditional(&self) -> Result<TraditionalKey, KeyError> {
        Err(KeyError::NoSuchFormat)
    }

    fn jwk_members(&self) -> Result<Vec<(&'static str, Zeroizing<String>)>, KeyError> {
        let seed = self.0.seed().map_err(|_| KeyError::Operation)?;
        let d = seed.as_be_bytes().map_err(|_| KeyError::Operation)?;
        Ok(vec![("d", Zeroizing::new(base64url::encode(d.as_ref())))])
    }
}
