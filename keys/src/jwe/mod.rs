//! Strict compact JWE (RFC 7516 §7.1): signed tokens that are encrypted to the one key of their recipient. Few algorithms, one
//! key for each, and everything that can be refused by its form is refused before a key is touched. No JSON
//! serialization, no compression (`zip`), no passwords (PBES2), no RSA1_5, no key that two parties share.

mod agreement;
mod content;
mod decryption_key;
mod encryption_key;
mod header;

use std::borrow::Cow;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base64url;
use crate::error::{JweError, JwsError};
use crate::jwk::Kid;

pub use decryption_key::DecryptionKey;
pub use encryption_key::{EncryptionJwk, EncryptionKey, encryption_keys};
use header::Header;

/// Bytes of a content encryption key, and of a key that wraps one: the same for all that is supported.
const KEY_BYTES: usize = 32;
/// Bytes of a key that A256KW wrapped (RFC 3394 §2.2.1).
const WRAPPED_BYTES: usize = KEY_BYTES + 8;

/// How the key of the content comes to the recipient (`alg`, RFC 7518 §4.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum KeyManagement {
    /// RSAES-OAEP with SHA-256 (RFC 7518 §4.3).
    RsaOaep256,
    /// Agreed between an ephemeral key and the recipient's (RFC 7518 §4.6).
    EcdhEs,
    /// Wrapped by a key that was agreed so.
    EcdhEsA256Kw,
}

impl KeyManagement {
    /// Every one. Where several fit a key that does not say, the first is its own.
    pub const ALL: [Self; 3] = [Self::RsaOaep256, Self::EcdhEs, Self::EcdhEsA256Kw];

    /// The JOSE name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RsaOaep256 => "RSA-OAEP-256",
            Self::EcdhEs => "ECDH-ES",
            Self::EcdhEsA256Kw => "ECDH-ES+A256KW",
        }
    }

    /// The one of that name, in exact case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    fn agrees(self) -> bool {
        matches!(self, Self::EcdhEs | Self::EcdhEsA256Kw)
    }
}

/// How the content is encrypted (`enc`, RFC 7518 §5.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ContentEncryption {
    /// AES-256 in Galois/counter mode (RFC 7518 §5.3).
    A256Gcm,
    /// AES-128 in CBC mode with HMAC-SHA-256 (RFC 7518 §5.2.3).
    A128CbcHs256,
}

impl ContentEncryption {
    /// Every one, the preferred one first.
    pub const ALL: [Self; 2] = [Self::A256Gcm, Self::A128CbcHs256];

    /// The JOSE name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::A256Gcm => "A256GCM",
            Self::A128CbcHs256 => "A128CBC-HS256",
        }
    }

    /// The one of that name, in exact case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

impl Serialize for KeyManagement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for KeyManagement {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<str>::deserialize(deserializer)?;
        Self::from_name(&name).ok_or_else(|| D::Error::custom("no such key management"))
    }
}

impl Serialize for ContentEncryption {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for ContentEncryption {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<str>::deserialize(deserializer)?;
        Self::from_name(&name).ok_or_else(|| D::Error::custom("no such content encryption"))
    }
}

/// Whether a token has the shape of a compact JWE. Looks at no more than `max_bytes`.
pub fn is_compact(token: &str, max_bytes: usize) -> bool {
    token.len() <= max_bytes && token.bytes().filter(|byte| *byte == b'.').count() == 4
}

/// An encrypted token that is well-formed and nothing more.
pub struct EncryptedToken<'t> {
    header: Header,
    /// RFC 7516 §5.2 step 14: the header as it was sent is authenticated with the content.
    protected: &'t str,
    encrypted_key: &'t str,
    iv: &'t str,
    ciphertext: &'t str,
    tag: &'t str,
}

impl<'t> EncryptedToken<'t> {
    /// Reads a token of at most `max_bytes`; no key is needed for that.
    pub fn parse_within(token: &'t str, max_bytes: usize) -> Result<Self, JweError> {
        if token.len() > max_bytes {
            return Err(JwsError::TooLarge.into());
        }
        let mut parts = token.split('.');
        let mut next = || parts.next().ok_or(JweError::NotCompact);
        let (protected, encrypted_key, iv) = (next()?, next()?, next()?);
        let (ciphertext, tag) = (next()?, next()?);
        if parts.next().is_some() {
            return Err(JweError::NotCompact);
        }
        if [protected, iv, ciphertext, tag].iter().any(|part| part.is_empty()) {
            return Err(JweError::NotCompact);
        }
        if ![encrypted_key, iv, ciphertext, tag].iter().all(|part| base64url::is_canonical(part)) {
            return Err(JwsError::InvalidBase64.into());
        }
        let header = Header::parse(protected)?;
        let encrypted = Self { header, protected, encrypted_key, iv, ciphertext, tag };
        encrypted.check_sizes()?;
        Ok(encrypted)
    }

    /// RFC 7518 §4.6, §5.2.2, §5.3: every part but the ciphertext has exactly one size; that of an RSA key is left to
    /// the key.
    fn check_sizes(&self) -> Result<(), JweError> {
        let key_fits = match self.header.algorithm {
            KeyManagement::RsaOaep256 => !self.encrypted_key.is_empty(),
            KeyManagement::EcdhEs => self.encrypted_key.is_empty(),
            KeyManagement::EcdhEsA256Kw => {
                self.encrypted_key.len() == base64url::encoded_len(WRAPPED_BYTES)
            }
        };
        let content = self.header.encryption;
        let fits = key_fits
            && self.iv.len() == base64url::encoded_len(content.iv_bytes())
            && self.tag.len() == base64url::encoded_len(content::TAG_BYTES)
            && content.has_size(base64url::decoded_len(self.ciphertext.len()));
        if fits { Ok(()) } else { Err(JweError::PartSize) }
    }

    /// The key that the header names, if it does.
    pub fn kid(&self) -> Option<&Kid> {
        self.header.kid.as_ref()
    }

    /// How its key comes to the recipient.
    pub fn algorithm(&self) -> KeyManagement {
        self.header.algorithm
    }

    /// How its content is encrypted.
    pub fn encryption(&self) -> ContentEncryption {
        self.header.encryption
    }

    /// Opens a signed token that is inside. Nothing of it is to be believed before it is verified: anyone can encrypt.
    pub fn open_token(&self, key: &DecryptionKey) -> Result<String, JweError> {
        // RFC 7519 §5.2: a nested token says so.
        if !self.header.is_nested {
            return Err(JweError::NotNested);
        }
        String::from_utf8(self.open(key)?).map_err(|_| JweError::NotOpened)
    }

    /// Opens whatever is inside.
    pub fn open(&self, key: &DecryptionKey) -> Result<Vec<u8>, JweError> {
        // RFC 8725 §3.1: one key, one algorithm.
        if self.header.algorithm != key.algorithm() {
            return Err(JweError::AlgorithmMismatch);
        }
        let content_key = key.content_key(&self.header, self.encrypted_key)?;
        content::open(self, &content_key)
    }
}

impl fmt::Debug for EncryptedToken<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EncryptedToken")
            .field("algorithm", &self.algorithm())
            .field("encryption", &self.encryption())
            .field("kid", &self.kid())
            .finish_non_exhaustive()
    }
}
