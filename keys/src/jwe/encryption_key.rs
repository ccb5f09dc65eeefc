//! A public key to which tokens are encrypted. It was checked when it was read, and has one algorithm. What it makes is
//! `{"alg":…,"enc":…,"typ":"JWT","cty":"JWT","kid":…}` and five parts, for a token that was signed before (RFC 7519 §11.2).

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::agreement;
use aws_lc_rs::digest;
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrap as _};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::rsa::{
    OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey, PublicKeyComponents,
};
use der::Decode as _;
use pkcs1::RsaPublicKeyRef;
use serde::Serialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::agreement::{Curve, PublicPoint, agree};
use super::content::{self, TAG_BYTES};
use super::header::{Header, Party};
use super::{ContentEncryption, KEY_BYTES, KeyManagement, WRAPPED_BYTES};
use crate::algorithm::weak_rsa;
use crate::base64url;
use crate::error::KeyError;
use crate::json;
use crate::jwk::{JwkMembers, Kid, MAX_SET_BYTES, MAX_SET_KEYS, PublicMembers};

/// A public key. Cheap to clone.
#[derive(Clone)]
pub struct EncryptionKey(Arc<Inner>);

struct Inner {
    kid: Kid,
    algorithm: KeyManagement,
    public: Public,
}

pub(super) enum Public {
    Rsa(RsaPublic),
    Agreement(PublicPoint),
}

/// An RSA key that is not weak.
pub(super) struct RsaPublic {
    key: OaepPublicEncryptingKey,
    members: PublicMembers,
}

impl RsaPublic {
    fn from_numbers(n: &[u8], e: &[u8]) -> Result<Self, KeyError> {
        weak_rsa::check(n, e)?;
        let key: PublicEncryptingKey =
            PublicKeyComponents { n, e }.try_into().map_err(|_| KeyError::MalformedKey)?;
        let key = OaepPublicEncryptingKey::new(key).map_err(|_| KeyError::MalformedKey)?;
        let members = PublicMembers::Rsa { n: base64url::encode(n), e: base64url::encode(e) };
        Ok(Self { key, members })
    }

    /// From a DER-encoded RSAPublicKey (RFC 8017 §A.1.1).
    pub(super) fn from_pkcs1(der: &[u8]) -> Result<Self, KeyError> {
        let key = RsaPublicKeyRef::from_der(der).map_err(|_| KeyError::MalformedKey)?;
        Self::from_numbers(key.modulus.as_bytes(), key.public_exponent.as_bytes())
    }
}

/// The algorithm of a key: its `alg`, which must be among `allowed`, or the first of them that fits.
pub(super) fn algorithm_of(
    jwk: &JwkMembers<'_>,
    allowed: &[KeyManagement],
) -> Result<KeyManagement, KeyError> {
    let fits = |one: &KeyManagement| {
        if one.agrees() { Curve::of(jwk).is_some() } else { jwk.key_type() == "RSA" }
    };
    let Some(name) = jwk.algorithm_name() else {
        return allowed.iter().copied().find(fits).ok_or(KeyError::UnsupportedAlgorithm);
    };
    let named = KeyManagement::from_name(name).filter(|named| allowed.contains(named));
    let named = named.ok_or(KeyError::UnsupportedAlgorithm)?;
    if fits(&named) { Ok(named) } else { Err(KeyError::AlgorithmMismatch) }
}

impl EncryptionKey {
    /// From a public JWK whose `use` is `enc` (RFC 7517 §4.2).
    ///
    /// Its algorithm is its `alg`, which must be among `allowed`, or the first of `allowed` that fits. Its `kid` is that of
    /// the JWK, or the thumbprint. Private, symmetric and weak keys and points that are not on their curve are refused.
    pub fn from_jwk(json: &str, allowed: &[KeyManagement]) -> Result<Self, KeyError> {
        let jwk = JwkMembers::parse(json)?;
        jwk.refuse_private()?;
        if !jwk.is_for_encryption() {
            return Err(KeyError::NotForEncryption);
        }
        let algorithm = algorithm_of(&jwk, allowed)?;
        let kid = jwk.kid.as_deref().map(Kid::try_from).transpose()?;
        let public = if algorithm.agrees() {
            let point = PublicPoint::from_jwk(&jwk)?;
            point.check()?;
            Public::Agreement(point)
        } else {
            let n = jwk.number("n", jwk.n.as_deref())?;
            let e = jwk.number("e", jwk.e.as_deref())?;
            Public::Rsa(RsaPublic::from_numbers(&n, &e)?)
        };
        Self::new(public, algorithm, kid)
    }

    pub(super) fn new(
        public: Public,
        algorithm: KeyManagement,
        kid: Option<Kid>,
    ) -> Result<Self, KeyError> {
        let input = public.members().thumbprint_input();
        let hash = digest::digest(&digest::SHA256, input.as_bytes());
        let thumbprint = Kid::try_from(base64url::encode(hash.as_ref()).as_str())?;
        let kid = kid.unwrap_or(thumbprint);
        Ok(Self(Arc::new(Inner { kid, algorithm, public })))
    }

    /// The name by which tokens refer to this key.
    pub fn kid(&self) -> &Kid {
        &self.0.kid
    }

    /// The only algorithm for which this key is used.
    pub fn algorithm(&self) -> KeyManagement {
        self.0.algorithm
    }

    /// The JWK to register where tokens are encrypted, as JSON.
    pub fn to_jwk(&self) -> EncryptionJwk {
        let members = self.0.public.members();
        EncryptionJwk {
            key_type: members.key_type(),
            members,
            kid: self.0.kid,
            public_key_use: "enc",
            algorithm: self.0.algorithm.name(),
        }
    }

    /// Encrypts a signed token.
    pub fn encrypt(&self, signed: &str, encryption: ContentEncryption) -> Result<String, KeyError> {
        let (ephemeral, point) = self.0.public.ephemeral()?.unzip();
        let algorithm = self.0.algorithm;
        let protected = self.protected(encryption, point.as_ref())?;
        let header = Header {
            algorithm,
            encryption,
            kid: None,
            is_nested: true,
            ephemeral: point,
            apu: Party::new(),
            apv: Party::new(),
        };
        let (content_key, encrypted_key) =
            self.0.public.content_key(&header, ephemeral.as_ref())?;
        let sealed =
            content::seal(encryption, &content_key, protected.as_bytes(), signed.as_bytes())
                .map_err(|_| KeyError::Operation)?;
        let mut token = protected;
        for part in [&encrypted_key, &sealed.iv, &sealed.ciphertext, &sealed.tag] {
            token.push('.');
            token.push_str(&base64url::encode(part));
        }
        Ok(token)
    }

    /// The size of what [`encrypt`](Self::encrypt) makes of a token of so many bytes.
    pub fn encrypted_bytes(&self, signed_bytes: usize, encryption: ContentEncryption) -> usize {
        let header = self.protected(encryption, self.0.public.point()).map_or(0, |it| it.len());
        let parts = [
            self.0.public.encrypted_key_bytes(self.0.algorithm),
            encryption.iv_bytes(),
            encryption.ciphertext_bytes(signed_bytes),
            TAG_BYTES,
        ];
        header + parts.map(|bytes| base64url::encoded_len(bytes) + 1).iter().sum::<usize>()
    }

    fn protected(
        &self,
        encryption: ContentEncryption,
        ephemeral: Option<&PublicPoint>,
    ) -> Result<String, KeyError> {
        let epk = ephemeral.map(PublicPoint::members);
        let members = HeaderMembers {
            alg: self.0.algorithm.name(),
            enc: encryption.name(),
            typ: "JWT",
            cty: "JWT",
            kid: &self.0.kid,
            epk: epk.map(|members| EphemeralJwk { kty: members.key_type(), members }),
        };
        let json = serde_json::to_string(&members).map_err(|_| KeyError::Operation)?;
        Ok(base64url::encode(json.as_bytes()))
    }
}

impl Public {
    fn members(&self) -> PublicMembers {
        match self {
            Self::Rsa(key) => key.members.clone(),
            Self::Agreement(point) => point.members(),
        }
    }

    fn point(&self) -> Option<&PublicPoint> {
        match self {
            Self::Rsa(_) => None,
            Self::Agreement(point) => Some(point),
        }
    }

    fn encrypted_key_bytes(&self, algorithm: KeyManagement) -> usize {
        match (self, algorithm) {
            (Self::Rsa(key), _) => key.key.key_size_bytes(),
            (Self::Agreement(_), KeyManagement::EcdhEs) => 0,
            (Self::Agreement(_), _) => WRAPPED_BYTES,
        }
    }

    /// A key pair for one agreement.
    fn ephemeral(&self) -> Result<Option<(agreement::PrivateKey, PublicPoint)>, KeyError> {
        let Self::Agreement(recipient) = self else { return Ok(None) };
        let curve = recipient.curve;
        let private = agreement::PrivateKey::generate(curve.algorithm);
        let private = private.map_err(|_| KeyError::Operation)?;
        let point = PublicPoint::of(curve, &private)?;
        Ok(Some((private, point)))
    }

    /// The key of the content, and what of it is sent.
    fn content_key(
        &self,
        header: &Header,
        ephemeral: Option<&agreement::PrivateKey>,
    ) -> Result<(Zeroizing<[u8; KEY_BYTES]>, Vec<u8>), KeyError> {
        let failed = |_| KeyError::Operation;
        let mut content_key = Zeroizing::new([0; KEY_BYTES]);
        match self {
            Self::Rsa(public) => {
                SystemRandom::new().fill(&mut *content_key).map_err(failed)?;
                let mut encrypted = vec![0; public.key.ciphertext_size()];
                let oaep = &OAEP_SHA256_MGF1SHA256;
                let written = public
                    .key
                    .encrypt(oaep, &*content_key, &mut encrypted, None)
                    .map_err(failed)?;
                let bytes = written.len();
                encrypted.truncate(bytes);
                Ok((content_key, encrypted))
            }
            Self::Agreement(recipient) => {
                let ephemeral = ephemeral.ok_or(KeyError::Operation)?;
                let agreed =
                    agree(ephemeral, recipient, header).map_err(|_| KeyError::Operation)?;
                if header.algorithm == KeyManagement::EcdhEs {
                    return Ok((agreed, Vec::new()));
                }
                SystemRandom::new().fill(&mut *content_key).map_err(failed)?;
                let mut wrapped = vec![0; WRAPPED_BYTES];
                let key = AesKek::new(&AES_256, &*agreed).map_err(failed)?;
                key.wrap(&*content_key, &mut wrapped).map_err(failed)?;
                Ok((content_key, wrapped))
            }
        }
    }
}

/// The keys for encryption of a JWK set (RFC 7517 §5), in its order. Keys whose `use` is another are passed over; one that is
/// for encryption and cannot be used is an error, and so is a `kid` that occurs twice.
pub fn encryption_keys(
    json: &str,
    allowed: &[KeyManagement],
) -> Result<Vec<EncryptionKey>, KeyError> {
    #[derive(serde::Deserialize)]
    struct Set<'a> {
        #[serde(borrow)]
        keys: Vec<&'a RawValue>,
    }
    json::check(json)?;
    let set: Set<'_> = json::from_str(json)?;
    if json.len() > MAX_SET_BYTES || set.keys.len() > MAX_SET_KEYS {
        return Err(KeyError::MalformedKey);
    }
    let mut keys: Vec<EncryptionKey> = Vec::new();
    for jwk in set.keys {
        match EncryptionKey::from_jwk(jwk.get(), allowed) {
            Ok(key) if keys.iter().any(|known| known.kid() == key.kid()) => {
                return Err(KeyError::InvalidKid);
            }
            Ok(key) => keys.push(key),
            Err(KeyError::NotForEncryption) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(keys)
}

#[derive(Serialize)]
struct HeaderMembers<'a> {
    alg: &'static str,
    enc: &'static str,
    typ: &'static str,
    cty: &'static str,
    kid: &'a Kid,
    #[serde(skip_serializing_if = "Option::is_none")]
    epk: Option<EphemeralJwk>,
}

#[derive(Serialize)]
struct EphemeralJwk {
    kty: &'static str,
    #[serde(flatten)]
    members: PublicMembers,
}

/// A public key in the form in which it is registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EncryptionJwk {
    #[serde(rename = "kty")]
    key_type: &'static str,
    #[serde(flatten)]
    members: PublicMembers,
    kid: Kid,
    #[serde(rename = "use")]
    public_key_use: &'static str,
    #[serde(rename = "alg")]
    algorithm: &'static str,
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EncryptionKey")
            .field("kid", self.kid())
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}
