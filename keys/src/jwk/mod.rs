//! Public keys as JWK (RFC 7517, RFC 7518 §6, RFC 8037) and PEM. A key that was let in here is sound, can only
//! verify, and has exactly one algorithm. Certificates (`x5c`, `x5u`) are never read.

mod kid;
mod members;
mod set;

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use der::{Decode as _, Document};
use serde::Serialize;
use spki::SubjectPublicKeyInfoRef;

use crate::algorithm::{Algorithm, PublicKey};
use crate::base64url;
use crate::error::{JwsError, KeyError};
use crate::jws::KnownHeader;

pub use kid::Kid;
pub(crate) use members::{JwkMembers, PublicMembers};
pub use set::{JwkSet, MAX_SET_BYTES, MAX_SET_KEYS, SkipReason, SkippedKey};

/// A public key that was checked and parsed once. Cheap to clone.
#[derive(Clone)]
pub struct VerifyingKey(Arc<Inner>);

struct Inner {
    kid: Kid,
    thumbprint: Kid,
    algorithm: Algorithm,
    public: PublicKey,
    access_token_header: KnownHeader,
}

impl VerifyingKey {
    /// From a public JWK.
    ///
    /// Its algorithm is its `alg`, which must be among `allowed`, or the first of `allowed` that fits `kty` and
    /// `crv`; never what a token says. Its `kid` is that of the JWK, or the thumbprint. Private and symmetric
    /// keys, weak keys, and keys whose `use` or `key_ops` are for something else are refused.
    pub fn from_jwk(json: &str, allowed: &[Algorithm]) -> Result<Self, KeyError> {
        let jwk = JwkMembers::parse(json)?;
        jwk.refuse_private()?;
        jwk.refuse_other_uses("verify")?;
        let algorithm = jwk.algorithm(allowed)?;
        let kid = jwk.kid.as_deref().map(Kid::try_from).transpose()?;
        let public = algorithm.row().family.public_from_jwk(&jwk)?;
        Self::new(public, algorithm, kid)
    }

    /// From a PEM text with the label `PUBLIC KEY` (RFC 7468 §13). Its `kid` is the thumbprint.
    pub fn from_pem(pem: &str, algorithm: Algorithm) -> Result<Self, KeyError> {
        let (label, document) = Document::from_pem(pem).map_err(|_| KeyError::MalformedKey)?;
        if label != "PUBLIC KEY" {
            return Err(KeyError::UnsupportedPem);
        }
        Self::from_spki(document.as_bytes(), algorithm)
    }

    /// From a `SubjectPublicKeyInfo` in DER (RFC 5280 §4.1.2.7), as a certificate has it. Its `kid` is the thumbprint.
    pub fn from_spki(der: &[u8], algorithm: Algorithm) -> Result<Self, KeyError> {
        let spki = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| KeyError::MalformedKey)?;
        let public = algorithm.row().family.public_from_spki(&spki)?;
        Self::new(public, algorithm, None)
    }

    pub(crate) fn new(
        public: PublicKey,
        algorithm: Algorithm,
        kid: Option<Kid>,
    ) -> Result<Self, KeyError> {
        let input = public.members.thumbprint_input();
        let hash = digest::digest(&digest::SHA256, input.as_bytes());
        let thumbprint = Kid::try_from(base64url::encode(hash.as_ref()).as_str())?;
        let kid = kid.unwrap_or(thumbprint);
        let access_token_header = KnownHeader::of_access_tokens(algorithm, &kid)?;
        Ok(Self(Arc::new(Inner { kid, thumbprint, algorithm, public, access_token_header })))
    }

    /// The name by which tokens refer to this key.
    pub fn kid(&self) -> &Kid {
        &self.0.kid
    }

    /// The only algorithm that this key verifies.
    pub fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }

    /// The RFC 7638 thumbprint: base64url of the SHA-256.
    pub fn thumbprint(&self) -> Kid {
        self.0.thumbprint
    }

    /// Size of the signatures of this key, in bytes.
    pub fn signature_size(&self) -> usize {
        self.0.public.signature_size
    }

    /// The header that access tokens of this key usually have, for
    /// [`UnverifiedJws::parse_known`](crate::UnverifiedJws::parse_known).
    pub fn access_token_header(&self) -> &KnownHeader {
        &self.0.access_token_header
    }

    /// Checks a raw signature (r‖s for ECDSA) of `message`. The size is checked first.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), JwsError> {
        // RFC 7518 §3.4 and RFC 8017 §8.2.2: a signature has exactly one size.
        if signature.len() != self.signature_size() {
            return Err(JwsError::SignatureSize);
        }
        self.0.public.parsed.verify_sig(message, signature).map_err(|_| JwsError::InvalidSignature)
    }

    /// The JWK to publish.
    pub fn to_jwk(&self) -> PublicJwk {
        PublicJwk {
            key_type: self.0.public.members.key_type(),
            members: self.0.public.members.clone(),
            kid: self.0.kid,
            public_key_use: "sig",
            algorithm: self.0.algorithm,
        }
    }

    /// What makes the key, and nothing else: the members of its thumbprint (RFC 7638 §3.2).
    #[cfg(feature = "private")]
    pub(crate) fn bare_jwk(&self) -> String {
        self.0.public.members.thumbprint_input()
    }

    /// Whether both are the same key for the same algorithm, whatever their `kid`.
    pub fn is_same_key_as(&self, other: &Self) -> bool {
        self.0.thumbprint == other.0.thumbprint && self.0.algorithm.is_same_as(other.0.algorithm)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("VerifyingKey")
            .field("kid", &self.0.kid)
            .field("algorithm", &self.0.algorithm)
            .finish_non_exhaustive()
    }
}

impl Serialize for VerifyingKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_jwk().serialize(serializer)
    }
}

/// A public key in the form in which it is published: `kty` and its members, `kid`, `use` and `alg`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PublicJwk {
    #[serde(rename = "kty")]
    key_type: &'static str,
    #[serde(flatten)]
    members: PublicMembers,
    kid: Kid,
    #[serde(rename = "use")]
    public_key_use: &'static str,
    #[serde(rename = "alg")]
    algorithm: Algorithm,
}
