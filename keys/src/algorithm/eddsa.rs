//! Ed25519 (RFC 8037, RFC 9864, RFC 8410). aws-lc-rs refuses signatures with S ≥ L; keys of small order, which
//! some signatures of any message fit, are refused here. A key off the curve loads but fits no signature.

use aws_lc_rs::signature::{ED25519, ParsedPublicKey};
use der::asn1::ObjectIdentifier;
use spki::SubjectPublicKeyInfoRef;

use super::{Family, PublicKey};
use crate::base64url;
use crate::error::KeyError;
use crate::jwk::{JwkMembers, PublicMembers};

/// RFC 8410 §3: id-Ed25519.
const ED25519_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
pub(super) const KEY_SIZE: usize = 32;
const SIGNATURE_SIZE: usize = 64;

/// The y coordinates of the points of order 1, 2, 4 and 8, little-endian. Those of order 8 have two.
const SMALL_ORDER: [[u8; KEY_SIZE]; 5] = [
    [0; KEY_SIZE],
    [
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0x7f,
    ],
];

/// Ed25519, the only curve.
#[derive(Debug)]
pub(crate) struct EdDsa;

pub(crate) static ED25519_FAMILY: EdDsa = EdDsa;

impl EdDsa {
    /// From the 32 bytes of RFC 8032 §5.1.5.
    pub(super) fn public_from_bytes(bytes: &[u8]) -> Result<PublicKey, KeyError> {
        let key: &[u8; KEY_SIZE] = bytes.try_into().map_err(|_| KeyError::InvalidPoint)?;
        let mut y = *key;
        y[KEY_SIZE - 1] &= 0x7f; // without the sign of x
        if SMALL_ORDER.contains(&y) || !is_canonical(&y) {
            return Err(KeyError::InvalidPoint);
        }
        let parsed = ParsedPublicKey::new(&ED25519, key).map_err(|_| KeyError::InvalidPoint)?;
        let members = PublicMembers::Okp { crv: "Ed25519", x: base64url::encode(key) };
        Ok(PublicKey { parsed, members, signature_size: SIGNATURE_SIZE })
    }
}

/// RFC 8032 §5.1.3: y < 2^255 − 19.
fn is_canonical(y: &[u8; KEY_SIZE]) -> bool {
    let [lowest, middle @ .., highest] = y;
    !(*lowest >= 0xed && middle.iter().all(|byte| *byte == 0xff) && *highest == 0x7f)
}

impl Family for EdDsa {
    fn public_from_jwk(&self, jwk: &JwkMembers<'_>) -> Result<PublicKey, KeyError> {
        Self::public_from_bytes(&jwk.fixed_bytes("x", jwk.x.as_deref(), KEY_SIZE)?)
    }

    fn public_from_spki(&self, spki: &SubjectPublicKeyInfoRef<'_>) -> Result<PublicKey, KeyError> {
        // RFC 8410 §3: the parameters must be absent.
        if spki.algorithm.oid != ED25519_ID || spki.algorithm.parameters.is_some() {
            return Err(KeyError::AlgorithmMismatch);
        }
        let bytes = spki.subject_public_key.as_bytes().ok_or(KeyError::MalformedKey)?;
        Self::public_from_bytes(bytes)
    }

    #[cfg(feature = "private")]
    fn private(&'static self) -> &'static dyn super::private::PrivateFamily {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j35_keys_of_small_order_and_non_canonical_keys_are_refused() {
        for mut key in SMALL_ORDER {
            assert_eq!(EdDsa::public_from_bytes(&key).err(), Some(KeyError::InvalidPoint));
            key[31] |= 0x80;
            assert_eq!(EdDsa::public_from_bytes(&key).err(), Some(KeyError::InvalidPoint));
        }
        for lowest in 0xed..=0xff {
            let mut key = [0xff; KEY_SIZE];
            key[0] = lowest;
            assert_eq!(EdDsa::public_from_bytes(&key).err(), Some(KeyError::InvalidPoint));
        }
    }

    #[test]
    fn a_usual_key_is_accepted() {
        let base_point = [0x66; KEY_SIZE];
        let mut key = base_point;
        key[0] = 0x58;

        assert!(EdDsa::public_from_bytes(&key).is_ok());
    }
}
