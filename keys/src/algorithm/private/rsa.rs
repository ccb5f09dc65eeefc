//! RSA keys: generate, PKCS#8, PKCS#1 (RFC 8017 §A.1.2), JWK, sign. Two primes only; a JWK must have all its
//! CRT members (RFC 7518 §6.3.2 lets a consumer insist).

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{KeyPair as _, RsaKeyPair};
use der::Decode as _;
use der::asn1::{OctetStringRef, UintRef};
use pkcs1::RsaPrivateKeyRef;
use pkcs8::PrivateKeyInfoRef;
use zeroize::Zeroizing;

use super::{PrivateFamily, PrivateKey, TraditionalKey};
use crate::algorithm::PublicKey;
use crate::algorithm::rsa::Rsa;
use crate::base64url;
use crate::error::KeyError;
use crate::jwk::JwkMembers;
use crate::signer::Signature;
use crate::signing_key::KeySize;

/// The PEM label of PKCS#1.
const LABEL: &str = "RSA PRIVATE KEY";

struct RsaPrivateKey {
    family: &'static Rsa,
    pair: RsaKeyPair,
}

impl Rsa {
    fn boxed(&'static self, pair: RsaKeyPair) -> Result<Box<dyn PrivateKey>, KeyError> {
        let bits = pair.public_modulus_len() * 8;
        if bits > Signature::MAX_SIZE * 8 {
            return Err(KeyError::RsaModulusSize { bits });
        }
        Ok(Box::new(RsaPrivateKey { family: self, pair }))
    }
}

impl PrivateFamily for Rsa {
    fn generate(&'static self, size: KeySize) -> Result<Box<dyn PrivateKey>, KeyError> {
        let size = match size {
            KeySize::Default | KeySize::Rsa2048 => aws_lc_rs::rsa::KeySize::Rsa2048,
            KeySize::Rsa3072 => aws_lc_rs::rsa::KeySize::Rsa3072,
            KeySize::Rsa4096 => aws_lc_rs::rsa::KeySize::Rsa4096,
        };
        self.boxed(RsaKeyPair::generate(size).map_err(|_| KeyError::Operation)?)
    }

    fn import_pkcs8(&'static self, der: &[u8]) -> Result<Box<dyn PrivateKey>, KeyError> {
        self.boxed(RsaKeyPair::from_pkcs8(der).map_err(|_| KeyError::MalformedKey)?)
    }

    fn import_traditional(
        &'static self,
        label: &str,
        der: &[u8],
    ) -> Result<Box<dyn PrivateKey>, KeyError> {
        if label != LABEL {
            return Err(KeyError::AlgorithmMismatch);
        }
        self.boxed(RsaKeyPair::from_der(der).map_err(|_| KeyError::MalformedKey)?)
    }

    fn import_jwk(&'static self, jwk: &JwkMembers<'_>) -> Result<Box<dyn PrivateKey>, KeyError> {
        let public_key = PublicKeyComponents {
            n: Zeroizing::new(jwk.number("n", jwk.n.as_deref())?),
            e: Zeroizing::new(jwk.number("e", jwk.e.as_deref())?),
        };
        let number = |name, text| jwk.number(name, text).map(Zeroizing::new);
        let components = KeyPairComponents {
            public_key,
            d: number("d", jwk.d)?,
            p: number("p", jwk.p)?,
            q: number("q", jwk.q)?,
            dP: number("dp", jwk.dp)?,
            dQ: number("dq", jwk.dq)?,
            qInv: number("qi", jwk.qi)?,
        };
        let pair =
            RsaKeyPair::from_components(&components).map_err(|_| KeyError::InconsistentKey)?;
        self.boxed(pair)
    }
}

impl PrivateKey for RsaPrivateKey {
    fn public(&self) -> Result<PublicKey, KeyError> {
        self.family.public_from_pkcs1(self.pair.public_key().as_ref())
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, KeyError> {
        let mut signature = Signature::zeroed(self.pair.public_modulus_len())?;
        self.pair
            .sign(self.family.signing, &SystemRandom::new(), message, signature.as_mut())
            .map_err(|_| KeyError::Operation)?;
        Ok(signature)
    }

    fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let der: Pkcs8V1Der<'_> = self.pair.as_der().map_err(|_| KeyError::Operation)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }

    fn to_traditional(&self) -> Result<TraditionalKey, KeyError> {
        let pkcs8 = self.to_pkcs8()?;
        Ok(TraditionalKey { label: LABEL, der: Zeroizing::new(pkcs1_of(&pkcs8)?.to_vec()) })
    }

    fn jwk_members(&self) -> Result<Vec<(&'static str, Zeroizing<String>)>, KeyError> {
        let pkcs8 = self.to_pkcs8()?;
        let key = RsaPrivateKeyRef::from_der(pkcs1_of(&pkcs8)?).map_err(|_| KeyError::Operation)?;
        let text = |number: UintRef<'_>| Zeroizing::new(base64url::encode(number.as_bytes()));
        Ok(vec![
            ("d", text(key.private_exponent)),
            ("p", text(key.prime1)),
            ("q", text(key.prime2)),
            ("dp", text(key.exponent1)),
            ("dq", text(key.exponent2)),
            ("qi", text(key.coefficient)),
        ])
    }
}

/// The RSAPrivateKey inside a PrivateKeyInfo.
fn pkcs1_of(pkcs8: &[u8]) -> Result<&[u8], KeyError> {
    let info = PrivateKeyInfoRef::from_der(pkcs8).map_err(|_| KeyError::Operation)?;
    let octets: &OctetStringRef = info.private_key;
    Ok(octets.as_bytes())
}
