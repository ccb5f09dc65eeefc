//! RSASSA-PKCS1-v1_5 and RSASSA-PSS with SHA-256 (RFC 7518 §3.3 and §3.5). What makes a key weak is in
//! `weak_rsa`; the `rsa` crate is not used at all (RUSTSEC-2023-0071).

use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters, RsaPublicKeyComponents,
};
#[cfg(feature = "private")]
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaSignatureEncoding};
use der::Decode as _;
use pkcs1::RsaPublicKeyRef;
use spki::SubjectPublicKeyInfoRef;

use super::{Family, PublicKey, weak_rsa};
use crate::base64url;
use crate::error::KeyError;
use crate::jwk::{JwkMembers, PublicMembers};

/// One padding with its hash.
#[derive(Debug)]
pub(crate) struct Rsa {
    verification: &'static RsaParameters,
    #[cfg(feature = "private")]
    pub(super) signing: &'static RsaSignatureEncoding,
}

pub(crate) static PKCS1: Rsa = Rsa {
    verification: &RSA_PKCS1_2048_8192_SHA256,
    #[cfg(feature = "private")]
    signing: &RSA_PKCS1_SHA256,
};

pub(crate) static PSS: Rsa = Rsa {
    verification: &RSA_PSS_2048_8192_SHA256,
    #[cfg(feature = "private")]
    signing: &RSA_PSS_SHA256,
};

impl Rsa {
    /// From modulus and exponent, big-endian and without leading zeros.
    fn public_from_numbers(&self, n: &[u8], e: &[u8]) -> Result<PublicKey, KeyError> {
        weak_rsa::check(n, e)?;
        let parsed = RsaPublicKeyComponents { n, e }
            .to_parsed_public_key(self.verification)
            .map_err(|_| KeyError::MalformedKey)?;
        let members = PublicMembers::Rsa { n: base64url::encode(n), e: base64url::encode(e) };
        Ok(PublicKey { parsed, members, signature_size: n.len() })
    }

    /// From a DER-encoded RSAPublicKey (RFC 8017 §A.1.1).
    pub(super) fn public_from_pkcs1(&self, der: &[u8]) -> Result<PublicKey, KeyError> {
        let key = RsaPublicKeyRef::from_der(der).map_err(|_| KeyError::MalformedKey)?;
        self.public_from_numbers(key.modulus.as_bytes(), key.public_exponent.as_bytes())
    }
}

impl Family for Rsa {
    fn public_from_jwk(&self, jwk: &JwkMembers<'_>) -> Result<PublicKey, KeyError> {
        let n = jwk.number("n", jwk.n.as_deref())?;
        let e = jwk.number("e", jwk.e.as_deref())?;
        self.public_from_numbers(&n, &e)
    }

    fn public_from_spki(&self, spki: &SubjectPublicKeyInfoRef<'_>) -> Result<PublicKey, KeyError> {
        // RFC 4055 §1.2: rsaEncryption with NULL; a key bound to PSS parameters is not supported.
        if spki.algorithm != pkcs1::ALGORITHM_ID {
            return Err(KeyError::AlgorithmMismatch);
        }
        let der = spki.subject_public_key.as_bytes().ok_or(KeyError::MalformedKey)?;
        self.public_from_pkcs1(der)
    }

    #[cfg(feature = "private")]
    fn private(&'static self) -> &'static dyn super::private::PrivateFamily {
        self
    }
}
