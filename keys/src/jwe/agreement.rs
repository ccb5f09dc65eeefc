//! Key agreement (RFC 7518 §4.6, RFC 8037 §3.2): the curves, points on them, and the derivation of a key from what was
//! agreed. aws-lc-rs checks that a point is on its curve, and that an X25519 secret is not all zero.

use arrayvec::ArrayVec;
use aws_lc_rs::agreement::{self, ECDH_P256, ECDH_P384, PrivateKey, UnparsedPublicKey, X25519};
use aws_lc_rs::kdf::{SskdfDigestAlgorithmId, get_sskdf_digest_algorithm, sskdf_digest};
use zeroize::Zeroizing;

use super::header::Header;
use super::{KEY_BYTES, KeyManagement};
use crate::base64url;
use crate::error::{JweError, KeyError};
use crate::jwk::{JwkMembers, PublicMembers};

/// SEC 1 §2.3.3: the first byte of an uncompressed point.
const UNCOMPRESSED: u8 = 4;
/// An uncompressed point of P-384.
const MAX_POINT_BYTES: usize = 97;

/// One curve.
#[derive(Debug)]
pub(super) struct Curve {
    pub(super) name: &'static str,
    key_type: &'static str,
    /// Bytes of a coordinate and of a private key.
    pub(super) size: usize,
    pub(super) algorithm: &'static agreement::Algorithm,
}

#[rustfmt::skip]
pub(super) static CURVES: [Curve; 3] = [
    Curve { name: "P-256",  key_type: "EC",  size: 32, algorithm: &ECDH_P256 },
    Curve { name: "P-384",  key_type: "EC",  size: 48, algorithm: &ECDH_P384 },
    Curve { name: "X25519", key_type: "OKP", size: 32, algorithm: &X25519 },
];

impl Curve {
    /// The curve of a JWK, if it is one of these.
    pub(super) fn of(jwk: &JwkMembers<'_>) -> Option<&'static Self> {
        let is_it =
            |curve: &&Self| curve.key_type == jwk.key_type() && jwk.curve() == Some(curve.name);
        CURVES.iter().find(is_it)
    }

    /// RFC 7518 §6.2: whether a point has two coordinates; those of RFC 8037 have one.
    fn has_y(&self) -> bool {
        self.key_type == "EC"
    }
}

/// A public key of an agreement, as aws-lc-rs takes it. Whether it is on its curve shows when it is used.
#[derive(Clone, Debug)]
pub(super) struct PublicPoint {
    pub(super) curve: &'static Curve,
    bytes: ArrayVec<u8, MAX_POINT_BYTES>,
}

impl PublicPoint {
    pub(super) fn from_jwk(jwk: &JwkMembers<'_>) -> Result<Self, KeyError> {
        let curve = Curve::of(jwk).ok_or(KeyError::UnsupportedAlgorithm)?;
        let x = jwk.fixed_bytes("x", jwk.x.as_deref(), curve.size)?;
        if !curve.has_y() {
            return Ok(Self { curve, bytes: x.into_iter().collect() });
        }
        let y = jwk.fixed_bytes("y", jwk.y.as_deref(), curve.size)?;
        Ok(Self { curve, bytes: std::iter::once(UNCOMPRESSED).chain(x).chain(y).collect() })
    }

    /// The public half of a private key.
    pub(super) fn of(curve: &'static Curve, private: &PrivateKey) -> Result<Self, KeyError> {
        let public = private.compute_public_key().map_err(|_| KeyError::Operation)?;
        let bytes = ArrayVec::try_from(public.as_ref()).map_err(|_| KeyError::Operation)?;
        Ok(Self { curve, bytes })
    }

    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }

    pub(super) fn members(&self) -> PublicMembers {
        let crv = self.curve.name;
        if !self.curve.has_y() {
            return PublicMembers::Okp { crv, x: base64url::encode(&self.bytes) };
        }
        let coordinates = self.bytes.get(1..).unwrap_or_default();
        let (x, y) = coordinates.split_at(coordinates.len() / 2);
        PublicMembers::Ec { crv, x: base64url::encode(x), y: base64url::encode(y) }
    }

    /// That an agreement with it is possible: it is on its curve, and has no small order.
    pub(super) fn check(&self) -> Result<(), KeyError> {
        let mine = PrivateKey::generate(self.curve.algorithm).map_err(|_| KeyError::Operation)?;
        let theirs = UnparsedPublicKey::new(self.curve.algorithm, &self.bytes);
        agreement::agree(&mine, theirs, KeyError::InvalidPoint, |_| Ok(()))
    }
}

/// What is agreed between a private key and a point, made into the key that the header asks for.
pub(super) fn agree(
    private: &PrivateKey,
    point: &PublicPoint,
    header: &Header,
) -> Result<Zeroizing<[u8; KEY_BYTES]>, JweError> {
    let theirs = UnparsedPublicKey::new(point.curve.algorithm, &point.bytes);
    agreement::agree(private, theirs, JweError::EphemeralKey, |secret| derive(secret, header))
}

/// RFC 7518 §4.6.2: one step of the Concat KDF with SHA-256.
fn derive(secret: &[u8], header: &Header) -> Result<Zeroizing<[u8; KEY_BYTES]>, JweError> {
    let purpose = match header.algorithm {
        KeyManagement::EcdhEs => header.encryption.name(),
        wrapping => wrapping.name(),
    };
    let mut info = Vec::with_capacity(64 + header.apu.len() + header.apv.len());
    for field in [purpose.as_bytes(), &header.apu, &header.apv] {
        info.extend_from_slice(&u32::try_from(field.len()).unwrap_or_default().to_be_bytes());
        info.extend_from_slice(field);
    }
    // SuppPubInfo: the size of the key in bits.
    info.extend_from_slice(&256_u32.to_be_bytes());
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    let sha256 = get_sskdf_digest_algorithm(SskdfDigestAlgorithmId::Sha256);
    let sha256 = sha256.ok_or(JweError::NotOpened)?;
    sskdf_digest(sha256, secret, &info, &mut *key).map_err(|_| JweError::NotOpened)?;
    Ok(key)
}
