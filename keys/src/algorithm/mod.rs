//! The signature algorithms, one row each. A row and its family hold everything about an algorithm; to add
//! one, add a variant, a row and, when it is a new kind, a family. Symmetric algorithms and `none` have no
//! row, so nothing here can express them (RFC 8725 §3.1).

mod ecdsa;
mod eddsa;
#[cfg(feature = "private")]
pub(crate) mod private;
mod rsa;
pub(crate) mod weak_rsa;

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::ParsedPublicKey;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use spki::SubjectPublicKeyInfoRef;

use crate::error::KeyError;
use crate::jwk::{JwkMembers, PublicMembers};

/// A signature algorithm by its JOSE name (RFC 7518 §3.1, RFC 8037, RFC 9864).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// Ed25519 by its fully specified name (RFC 9864); the name for new keys.
    Ed25519,
    /// Ed25519 by its old, polymorphic name (RFC 8037).
    EdDsa,
}

/// Everything about one algorithm.
#[derive(Debug)]
pub struct AlgorithmRow {
    /// The variant this row belongs to.
    pub algorithm: Algorithm,
    /// The JOSE name, case-sensitive.
    pub name: &'static str,
    /// The JWK `kty` of its keys.
    pub key_type: &'static str,
    /// The JWK `crv` of its keys, for key types that have one.
    pub curve: Option<&'static str>,
    pub(crate) family: &'static dyn Family,
}

/// The table, in the order of [`Algorithm`]. Where several rows fit a key that does not say, the first wins.
#[rustfmt::skip]
pub static ALGORITHMS: &[AlgorithmRow] = &[
    AlgorithmRow { algorithm: Algorithm::Es256,   name: "ES256",   key_type: "EC",  curve: Some("P-256"),   family: &ecdsa::P256 },
    AlgorithmRow { algorithm: Algorithm::Rs256,   name: "RS256",   key_type: "RSA", curve: None,            family: &rsa::PKCS1 },
    AlgorithmRow { algorithm: Algorithm::Es384,   name: "ES384",   key_type: "EC",  curve: Some("P-384"),   family: &ecdsa::P384 },
    AlgorithmRow { algorithm: Algorithm::Ps256,   name: "PS256",   key_type: "RSA", curve: None,            family: &rsa::PSS },
    AlgorithmRow { algorithm: Algorithm::Ed25519, name: "Ed25519", key_type: "OKP", curve: Some("Ed25519"), family: &eddsa::ED25519_FAMILY },
    AlgorithmRow { algorithm: Algorithm::EdDsa,   name: "EdDSA",   key_type: "OKP", curve: Some("Ed25519"), family: &eddsa::ED25519_FAMILY },
];

impl Algorithm {
    /// The JOSE name.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The algorithm of that name. The case must be exact (RFC 7515 §4.1.1); `none` and `HS256` have no
    /// algorithm.
    pub fn from_name(name: &str) -> Option<Self> {
        ALGORITHMS.iter().find(|row| row.name == name).map(|row| row.algorithm)
    }

    /// Whether both names mean the same computation: `EdDSA` and `Ed25519` do (RFC 9864 §2.2).
    pub fn is_same_as(self, other: Self) -> bool {
        self.canonical() == other.canonical()
    }

    fn canonical(self) -> Self {
        if self == Self::EdDsa { Self::Ed25519 } else { self }
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "a test holds the rows to the order of the variants"
    )]
    pub(crate) fn row(self) -> &'static AlgorithmRow {
        &ALGORITHMS[self as usize]
    }
}

impl AlgorithmRow {
    /// Whether a JWK of this `kty` and `crv` can have this algorithm.
    pub(crate) fn fits(&self, key_type: &str, curve: Option<&str>) -> bool {
        // RFC 7518 §6.3: an RSA key has no `crv`; if there is one, it means nothing.
        self.key_type == key_type && (self.curve.is_none() || self.curve == curve)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = KeyError;

    fn from_str(name: &str) -> Result<Self, KeyError> {
        Self::from_name(name).ok_or(KeyError::UnsupportedAlgorithm)
    }
}

impl Serialize for Algorithm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Algorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<str>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

/// A public key that was checked and parsed, once.
#[derive(Debug)]
pub(crate) struct PublicKey {
    pub(crate) parsed: ParsedPublicKey,
    pub(crate) members: PublicMembers,
    /// Size of its signatures in bytes.
    pub(crate) signature_size: usize,
}

/// What one kind of key knows about itself. Every function refuses weak and malformed keys.
pub(crate) trait Family: fmt::Debug + Sync {
    /// From the public members of a JWK whose `kty` and `crv` fit already.
    fn public_from_jwk(&self, jwk: &JwkMembers<'_>) -> Result<PublicKey, KeyError>;

    /// From a SubjectPublicKeyInfo (RFC 5280 §4.1).
    fn public_from_spki(&self, spki: &SubjectPublicKeyInfoRef<'_>) -> Result<PublicKey, KeyError>;

    /// The other half, for who signs.
    #[cfg(feature = "private")]
    fn private(&'static self) -> &'static dyn private::PrivateFamily;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_in_the_order_of_the_variants() {
        for (index, row) in ALGORITHMS.iter().enumerate() {
            assert_eq!(row.algorithm as usize, index);
        }
        assert_eq!(ALGORITHMS.len(), Algorithm::EdDsa as usize + 1);
    }

    #[test]
    fn j01_none_and_symmetric_names_are_no_algorithms() {
        for name in
            ["none", "None", "nOnE", "NONE", "", "HS256", "HS384", "HS512", "es256", "ES256 "]
        {
            assert_eq!(Algorithm::from_name(name), None, "{name:?}");
        }
    }

    #[test]
    fn names_go_there_and_back_through_serde() {
        for row in ALGORITHMS {
            let json = serde_json::to_string(&row.algorithm).unwrap();

            assert_eq!(json, format!("\"{}\"", row.name));
            assert_eq!(serde_json::from_str::<Algorithm>(&json).unwrap(), row.algorithm);
        }
    }

    #[test]
    fn j36_both_names_of_ed25519_mean_the_same_and_the_new_one_comes_first() {
        assert!(Algorithm::EdDsa.is_same_as(Algorithm::Ed25519));
        assert!(!Algorithm::Rs256.is_same_as(Algorithm::Ps256));
        let first = ALGORITHMS.iter().find(|row| row.fits("OKP", Some("Ed25519"))).unwrap();
        assert_eq!(first.algorithm, Algorithm::Ed25519);
    }
}
