//! To whom tokens are encrypted (RFC 7516): the public keys of a recipient, as they were registered. Keys that cannot be used are
//! refused when they are registered, not when a token is due.

use std::fmt;

use countersign_keys::KeyError;
use countersign_keys::jwe::{ContentEncryption, EncryptionKey, KeyManagement, encryption_keys};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::InvalidValue;

/// The keys for encryption of a JWK set. To change keys, the whole set is replaced.
#[derive(Clone)]
pub struct EncryptionKeys {
    /// As it was registered.
    jwks: String,
    /// At least one.
    keys: Vec<EncryptionKey>,
}

/// How the access tokens of a resource are encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encryption {
    /// The first one is encrypted to; that it is in the set is enough to change the key.
    pub keys: EncryptionKeys,
    /// `enc` (RFC 7518 §5.1).
    pub enc: ContentEncryption,
}

/// A key to which something is encrypted, and how.
pub type Recipient<'a> = (&'a EncryptionKey, ContentEncryption);

impl EncryptionKeys {
    /// Reads a JWK set with at least one key whose `use` is `enc`.
    ///
    /// # Errors
    ///
    /// If one of these keys cannot be used, or there is none.
    pub fn parse(jwks: &str) -> Result<Self, InvalidValue> {
        let invalid = |rule: String| InvalidValue::new("set of encryption keys", jwks, rule);
        let keys = encryption_keys(jwks, &KeyManagement::ALL);
        let keys = keys.map_err(|error: KeyError| invalid(error.to_string()))?;
        if keys.is_empty() {
            return Err(invalid("it has no key whose `use` is `enc`".to_owned()));
        }
        Ok(Self { jwks: jwks.to_owned(), keys })
    }

    /// The set as it was registered.
    pub fn jwks(&self) -> &str {
        &self.jwks
    }

    /// The first key.
    pub fn first(&self) -> Option<&EncryptionKey> {
        self.keys.first()
    }

    /// The first key of this algorithm.
    pub fn of(&self, algorithm: KeyManagement) -> Option<&EncryptionKey> {
        self.keys.iter().find(|key| key.algorithm() == algorithm)
    }

    /// The names of the keys, in their order.
    pub fn kids(&self) -> Vec<String> {
        self.keys.iter().map(|key| key.kid().to_string()).collect()
    }
}

impl Encryption {
    /// To whom, and how.
    pub fn recipient(&self) -> Option<Recipient<'_>> {
        self.keys.first().map(|key| (key, self.enc))
    }
}

impl PartialEq for EncryptionKeys {
    fn eq(&self, other: &Self) -> bool {
        self.jwks == other.jwks
    }
}

impl Eq for EncryptionKeys {}

impl fmt::Debug for EncryptionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(EncryptionKey::kid)).finish()
    }
}

impl Serialize for EncryptionKeys {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.jwks)
    }
}

impl<'de> Deserialize<'de> for EncryptionKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let jwks = String::deserialize(deserializer)?;
        Self::parse(&jwks).map_err(serde::de::Error::custom)
    }
}
