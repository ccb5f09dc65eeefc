//! ECDSA keys: generate, PKCS#8, SEC1 (RFC 5915), JWK, sign. Nonces are drawn by aws-lc-rs, mixed with the
//! private key and the message.

use aws_lc_rs::encoding::{AsBigEndian as _, AsDer as _, EcPrivateKeyBin, EcPrivateKeyRfc5915Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{EcdsaKeyPair, KeyPair as _};
use zeroize::Zeroizing;

use super::{PrivateFamily, PrivateKey, TraditionalKey};
use crate::algorithm::PublicKey;
use crate::algorithm::ecdsa::Ecdsa;
use crate::base64url;
use crate::error::KeyError;
use crate::jwk::JwkMembers;
use crate::signer::Signature;
use crate::signing_key::KeySize;

/// RFC 5915 §4.
const LABEL: &str = "EC PRIVATE KEY";

struct EcdsaPrivateKey {
    family: &'static Ecdsa,
    pair: EcdsaKeyPair,
}

impl Ecdsa {
    fn boxed(&'static self, pair: EcdsaKeyPair) -> Box<dyn PrivateKey> {
        Box::new(EcdsaPrivateKey { family: self, pair })
    }
}

impl PrivateFamily for Ecdsa {
    fn generate(&'static self, _size: KeySize) -> Result<Box<dyn PrivateKey>, KeyError> {
        let pair = EcdsaKeyPair::generate(self.signing).map_err(|_| KeyError::Operation)?;
        Ok(self.boxed(pair))
    }

    fn import_pkcs8(&'static self, der: &[u8]) -> Result<Box<dyn PrivateKey>, KeyError> {
        let pair =
            EcdsaKeyPair::from_pkcs8(self.signing, der).map_err(|_| KeyError::MalformedKey)?;
        Ok(self.boxed(pair))
    }

    fn import_traditional(
        &'static self,
        label: &str,
        der: &[u8],
    ) -> Result<Box<dyn PrivateKey>, KeyError> {
        if label != LABEL {
            return Err(KeyError::AlgorithmMismatch);
        }
        let pair = EcdsaKeyPair::from_private_key_der(self.signing, der)
            .map_err(|_| KeyError::MalformedKey)?;
        Ok(self.boxed(pair))
    }

    fn import_jwk(&'static self, jwk: &JwkMembers<'_>) -> Result<Box<dyn PrivateKey>, KeyError> {
        let point = self.point_of(jwk)?;
        let d = Zeroizing::new(jwk.fixed_bytes("d", jwk.d, self.coordinate_size)?);
        let pair = EcdsaKeyPair::from_private_key_and_public_key(self.signing, &d, &point)
            .map_err(|_| KeyError::InconsistentKey)?;
        Ok(self.boxed(pair))
    }
}

impl PrivateKey for EcdsaPrivateKey {
    fn public(&self) -> Result<PublicKey, KeyError> {
        self.family.public_from_point(self.pair.public_key().as_ref())
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, KeyError> {
        let signature =
            self.pair.sign(&SystemRandom::new(), message).map_err(|_| KeyError::Operation)?;
        Signature::from_bytes(signature.as_ref())
    }

    fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let document = self.pair.to_pkcs8v1().map_err(|_| KeyError::Operation)?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }

    fn to_traditional(&self) -> Result<TraditionalKey, KeyError> {
        let der: EcPrivateKeyRfc5915Der<'_> =
            self.pair.private_key().as_der().map_err(|_| KeyError::Operation)?;
        Ok(TraditionalKey { label: LABEL, der: Zeroizing::new(der.as_ref().to_vec()) })
    }

    fn jwk_members(&self) -> Result<Vec<(&'static str, Zeroizing<String>)>, KeyError> {
        let d: EcPrivateKeyBin<'_> =
            self.pair.private_key().as_be_bytes().map_err(|_| KeyError::Operation)?;
        Ok(vec![("d", Zeroizing::new(base64url::encode(d.as_ref())))])
    }
}
