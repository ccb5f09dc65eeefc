//! ECDSA on the NIST curves with signatures as r‖s (RFC 7518 §3.4). aws-lc-rs checks that points are on
//! their curve; compressed points and explicit curve parameters are refused.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, EcdsaVerificationAlgorithm, ParsedPublicKey,
};
#[cfg(feature = "private")]
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaSigningAlgorithm,
};
use der::asn1::ObjectIdentifier;
use spki::SubjectPublicKeyInfoRef;

use super::{Family, PublicKey};
use crate::base64url;
use crate::error::KeyError;
use crate::jwk::{JwkMembers, PublicMembers};

/// RFC 5480 §2.1.1: id-ecPublicKey.
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// SEC 1 §2.3.3: the first byte of an uncompressed point.
const UNCOMPRESSED: u8 = 4;

/// One curve with its hash.
#[derive(Debug)]
pub(crate) struct Ecdsa {
    curve: &'static str,
    curve_id: ObjectIdentifier,
    /// Bytes of a coordinate, and of each half of a signature.
    pub(super) coordinate_size: usize,
    verification: &'static EcdsaVerificationAlgorithm,
    #[cfg(feature = "private")]
    pub(super) signing: &'static EcdsaSigningAlgorithm,
}

pub(crate) static P256: Ecdsa = Ecdsa {
    curve: "P-256",
    curve_id: ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"),
    coordinate_size: 32,
    verification: &ECDSA_P256_SHA256_FIXED,
    #[cfg(feature = "private")]
    signing: &ECDSA_P256_SHA256_FIXED_SIGNING,
};

pub(crate) static P384: Ecdsa = Ecdsa {
    curve: "P-384",
    curve_id: ObjectIdentifier::new_unwrap("1.3.132.0.34"),
    coordinate_size: 48,
    verification: &ECDSA_P384_SHA384_FIXED,
    #[cfg(feature = "private")]
    signing: &ECDSA_P384_SHA384_FIXED_SIGNING,
};

impl Ecdsa {
    /// From an uncompressed point (SEC 1 §2.3.3).
    pub(super) fn public_from_point(&self, point: &[u8]) -> Result<PublicKey, KeyError> {
        let Some((&UNCOMPRESSED, coordinates)) = point.split_first() else {
            return Err(KeyError::InvalidPoint);
        };
        if coordinates.len() != 2 * self.coordinate_size {
            return Err(KeyError::InvalidPoint);
        }
        let (x, y) = coordinates.split_at(self.coordinate_size);
        // SP 800-56A §5.6.2.3: on the curve and not at infinity, checked while parsing.
        let parsed =
            ParsedPublicKey::new(self.verification, point).map_err(|_| KeyError::InvalidPoint)?;
        let (x, y) = (base64url::encode(x), base64url::encode(y));
        let members = PublicMembers::Ec { crv: self.curve, x, y };
        Ok(PublicKey { parsed, members, signature_size: 2 * self.coordinate_size })
    }

    pub(super) fn point_of(&self, jwk: &JwkMembers<'_>) -> Result<Vec<u8>, KeyError> {
        // RFC 7518 §6.2.1.2: coordinates have the full size of the curve, leading zeros included.
        let x = jwk.fixed_bytes("x", jwk.x.as_deref(), self.coordinate_size)?;
        let y = jwk.fixed_bytes("y", jwk.y.as_deref(), self.coordinate_size)?;
        Ok([&[UNCOMPRESSED], x.as_slice(), &y].concat())
    }
}

impl Family for Ecdsa {
    fn public_from_jwk(&self, jwk: &JwkMembers<'_>) -> Result<PublicKey, KeyError> {
        self.public_from_point(&self.point_of(jwk)?)
    }

    fn public_from_spki(&self, spki: &SubjectPublicKeyInfoRef<'_>) -> Result<PublicKey, KeyError> {
        spki.algorithm
            .assert_oids(EC_PUBLIC_KEY, self.curve_id)
            .map_err(|_| KeyError::AlgorithmMismatch)?;
        let point = spki.subject_public_key.as_bytes().ok_or(KeyError::MalformedKey)?;
        self.public_from_point(point)
    }

    #[cfg(feature = "private")]
    fn private(&'static self) -> &'static dyn super::private::PrivateFamily {
        self
    }
}
