//! A private key that opens tokens. It cannot be cloned, serialized or printed, and its memory is wiped by aws-lc-rs when it
//! is dropped. One key, one algorithm.

use std::fmt;

use aws_lc_rs::agreement;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrap as _};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::rsa::{
    KeyPairComponents, KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey,
    PrivateDecryptingKey, PublicKeyComponents,
};
use aws_lc_rs::signature::{KeyPair as _, RsaKeyPair};
use zeroize::Zeroizing;

use super::agreement::{CURVES, Curve, PublicPoint, agree};
use super::encryption_key::{EncryptionKey, Public, RsaPublic, algorithm_of};
use super::header::Header;
use super::{KEY_BYTES, KeyManagement, WRAPPED_BYTES};
use crate::base64url;
use crate::error::{JweError, KeyError};
use crate::jwk::{JwkMembers, Kid};

/// RSA with 8192 bits.
const MAX_ENCRYPTED_KEY_BYTES: usize = 1024;

/// A private key with its public half.
pub struct DecryptionKey {
    public: EncryptionKey,
    private: Private,
}

enum Private {
    Rsa(OaepPrivateDecryptingKey),
    Agreement(agreement::PrivateKey),
}

impl DecryptionKey {
    /// Makes a new key: RSA with 2048 bits, or on P-256. There is no way to get it out: for tests, and for services that
    /// register a new one at each start.
    pub fn generate(algorithm: KeyManagement) -> Result<Self, KeyError> {
        if algorithm.agrees() {
            let [curve, ..] = &CURVES;
            let private = agreement::PrivateKey::generate(curve.algorithm);
            let private = private.map_err(|_| KeyError::Operation)?;
            return Self::of_agreement(curve, private, (algorithm, None));
        }
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Operation)?;
        Self::of_rsa(&pair, (algorithm, None))
    }

    /// From a private JWK (RFC 7518 §6, RFC 8037 §2). Its algorithm is its `alg`, or the first of
    /// [`KeyManagement::ALL`] that fits; its `kid` that of the JWK, or the thumbprint.
    pub fn from_jwk(json: &str) -> Result<Self, KeyError> {
        let jwk = JwkMembers::parse(json)?;
        if !jwk.is_for_encryption() && !jwk.has_no_use() {
            return Err(KeyError::NotForEncryption);
        }
        let algorithm = algorithm_of(&jwk, &KeyManagement::ALL)?;
        let kid = jwk.kid.as_deref().map(Kid::try_from).transpose()?;
        if !algorithm.agrees() {
            return Self::of_rsa(&rsa_pair(&jwk)?, (algorithm, kid));
        }
        let point = PublicPoint::from_jwk(&jwk)?;
        let curve = point.curve;
        let bytes = Zeroizing::new(jwk.fixed_bytes("d", jwk.d, curve.size)?);
        let private = agreement::PrivateKey::from_private_key(curve.algorithm, &bytes);
        let private = private.map_err(|_| KeyError::InconsistentKey)?;
        if !PublicPoint::of(curve, &private)?.is_same_as(&point) {
            return Err(KeyError::InconsistentKey);
        }
        Self::of_agreement(curve, private, (algorithm, kid))
    }

    /// From unencrypted PKCS#8 PEM (RFC 5958): RSA, P-256 or P-384. Its `kid` is the thumbprint unless another is given.
    pub fn from_pem(
        pem: &str,
        algorithm: KeyManagement,
        kid: Option<Kid>,
    ) -> Result<Self, KeyError> {
        let decoded = der::pem::decode_vec(pem.as_bytes()).map_err(|_| KeyError::MalformedKey)?;
        let (label, der) = (decoded.0, Zeroizing::new(decoded.1));
        if label != "PRIVATE KEY" {
            return Err(KeyError::UnsupportedPem);
        }
        if !algorithm.agrees() {
            let pair = RsaKeyPair::from_pkcs8(&der).map_err(|_| KeyError::MalformedKey)?;
            return Self::of_rsa(&pair, (algorithm, kid));
        }
        let on = |curve: &'static Curve| {
            let private = agreement::PrivateKey::from_private_key_der(curve.algorithm, &der);
            private.ok().map(|private| (curve, private))
        };
        let (curve, private) = CURVES.iter().find_map(on).ok_or(KeyError::MalformedKey)?;
        Self::of_agreement(curve, private, (algorithm, kid))
    }

    fn of_agreement(
        curve: &'static Curve,
        private: agreement::PrivateKey,
        (algorithm, kid): (KeyManagement, Option<Kid>),
    ) -> Result<Self, KeyError> {
        let public = Public::Agreement(PublicPoint::of(curve, &private)?);
        let public = EncryptionKey::new(public, algorithm, kid)?;
        Ok(Self { public, private: Private::Agreement(private) })
    }

    fn of_rsa(
        pair: &RsaKeyPair,
        (algorithm, kid): (KeyManagement, Option<Kid>),
    ) -> Result<Self, KeyError> {
        let public = RsaPublic::from_pkcs1(pair.public_key().as_ref())?;
        let public = EncryptionKey::new(Public::Rsa(public), algorithm, kid)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::Operation)?;
        let private = PrivateDecryptingKey::from_pkcs8(der.as_ref())
            .map_err(|_| KeyError::MalformedKey)
            .and_then(|key| OaepPrivateDecryptingKey::new(key).map_err(|_| KeyError::Operation))?;
        Ok(Self { public, private: Private::Rsa(private) })
    }

    /// The public half, to be registered where tokens are encrypted.
    pub fn encryption_key(&self) -> &EncryptionKey {
        &self.public
    }

    /// The name by which tokens refer to this key.
    pub fn kid(&self) -> &Kid {
        self.public.kid()
    }

    /// The only algorithm that this key opens.
    pub fn algorithm(&self) -> KeyManagement {
        self.public.algorithm()
    }

    /// The key of the content. One that cannot be had is replaced by a random one, with which the content does not open, so
    /// that nobody can tell the one failure from the other (RFC 7516 §11.5).
    pub(super) fn content_key(
        &self,
        header: &Header,
        encrypted_key: &str,
    ) -> Result<Zeroizing<[u8; KEY_BYTES]>, JweError> {
        let mut buffer = [0; MAX_ENCRYPTED_KEY_BYTES];
        let encrypted =
            base64url::decode_into(encrypted_key, &mut buffer).ok_or(JweError::PartSize)?;
        match &self.private {
            Private::Rsa(key) => {
                // RFC 8017 §7.1.2 step 1: it has exactly the size of the modulus.
                if encrypted.len() != key.key_size_bytes() {
                    return Err(JweError::PartSize);
                }
                let mut opened = Zeroizing::new([0; MAX_ENCRYPTED_KEY_BYTES]);
                let opened =
                    key.decrypt(&OAEP_SHA256_MGF1SHA256, encrypted, &mut *opened, None).ok();
                or_random(opened.as_deref())
            }
            Private::Agreement(private) => {
                let ephemeral = header.ephemeral.as_ref().ok_or(JweError::EphemeralKey)?;
                // RFC 7518 §4.6.1.1: on the curve of the key.
                if ephemeral.curve.algorithm != private.algorithm() {
                    return Err(JweError::EphemeralKey);
                }
                let agreed = agree(private, ephemeral, header)?;
                if header.algorithm == KeyManagement::EcdhEs {
                    return Ok(agreed);
                }
                let mut unwrapped = Zeroizing::new([0; WRAPPED_BYTES]);
                let key = AesKek::new(&AES_256, &*agreed).map_err(|_| JweError::NotOpened)?;
                or_random(key.unwrap(encrypted, &mut *unwrapped).ok().as_deref())
            }
        }
    }
}

/// The key that was had, or a random one; both are always at hand.
fn or_random(key: Option<&[u8]>) -> Result<Zeroizing<[u8; KEY_BYTES]>, JweError> {
    let mut chosen = Zeroizing::new([0; KEY_BYTES]);
    SystemRandom::new().fill(&mut *chosen).map_err(|_| JweError::NotOpened)?;
    if let Some(key) = key.filter(|key| key.len() == KEY_BYTES) {
        chosen.copy_from_slice(key);
    }
    Ok(chosen)
}

fn rsa_pair(jwk: &JwkMembers<'_>) -> Result<RsaKeyPair, KeyError> {
    let number = |name, text| jwk.number(name, text).map(Zeroizing::new);
    let public_key = PublicKeyComponents {
        n: number("n", jwk.n.as_deref())?,
        e: number("e", jwk.e.as_deref())?,
    };
    let components = KeyPairComponents {
        public_key,
        d: number("d", jwk.d)?,
        p: number("p", jwk.p)?,
        q: number("q", jwk.q)?,
        dP: number("dp", jwk.dp)?,
        dQ: number("dq", jwk.dq)?,
        qInv: number("qi", jwk.qi)?,
    };
    RsaKeyPair::from_components(&components).map_err(|_| KeyError::InconsistentKey)
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DecryptionKey")
            .field("kid", self.kid())
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}
