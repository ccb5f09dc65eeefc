//! A JWK set (RFC 7517 §5) from somewhere else. One bad key does not take the good ones with it; it is skipped
//! and reported. No fetching, no caching.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::{Kid, VerifyingKey};
use crate::algorithm::Algorithm;
use crate::error::{JwkSetError, KeyError};
use crate::json::{self, Name, Names, Skip};

/// A larger document is refused unread, in bytes.
pub const MAX_SET_BYTES: usize = 256 * 1024;
/// A set with more keys is refused.
pub const MAX_SET_KEYS: usize = 64;

/// Keys by `kid`, which are unique.
#[derive(Clone, Debug, Default)]
pub struct JwkSet {
    /// In the order of their `kid`.
    keys: Vec<VerifyingKey>,
}

/// A key of a set that is not used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedKey {
    /// Its `kid`, if it has one that can be shown.
    pub kid: Option<Kid>,
    /// Why it is not used.
    pub reason: SkipReason,
}

/// Why a key of a set is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SkipReason {
    /// The key itself is refused.
    Unusable(KeyError),
    /// Another key of the set has the same `kid`; neither is used, as nobody can tell which is meant.
    DuplicateKid,
}

impl SkipReason {
    /// A stable name for logs and metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unusable(error) => error.code(),
            Self::DuplicateKid => "duplicate_kid",
        }
    }

    /// Whether somebody must be told: a secret was published, or the set is ambiguous.
    pub const fn is_alarming(&self) -> bool {
        matches!(
            self,
            Self::DuplicateKid | Self::Unusable(KeyError::PrivateMember | KeyError::SymmetricKey)
        )
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable(error) => error.fmt(formatter),
            Self::DuplicateKid => formatter.write_str("another key of the set has the same `kid`"),
        }
    }
}

impl JwkSet {
    /// Reads a JWK set; keys that cannot be used are in the list.
    pub fn parse(
        json: &[u8],
        allowed: &[Algorithm],
    ) -> Result<(Self, Vec<SkippedKey>), JwkSetError> {
        if json.len() > MAX_SET_BYTES {
            return Err(JwkSetError::TooLarge);
        }
        let text = std::str::from_utf8(json).map_err(|_| JwkSetError::Malformed)?;
        let document: SetDocument<'_> = json::from_str(text).map_err(|_| JwkSetError::Malformed)?;
        if document.keys.len() > MAX_SET_KEYS {
            return Err(JwkSetError::TooManyKeys);
        }
        let mut skipped = Vec::new();
        let mut usable = Vec::new();
        for key in document.keys {
            match VerifyingKey::from_jwk(key.get(), allowed) {
                Ok(key) => usable.push(key),
                Err(error) => skipped.push(SkippedKey {
                    kid: kid_of(key.get()),
                    reason: SkipReason::Unusable(error),
                }),
            }
        }
        let (set, duplicates) = Self::without_duplicates(usable);
        skipped.extend(
            duplicates
                .into_iter()
                .map(|kid| SkippedKey { kid: Some(kid), reason: SkipReason::DuplicateKid }),
        );
        if set.is_empty() {
            return Err(JwkSetError::NoUsableKey(skipped));
        }
        Ok((set, skipped))
    }

    /// From keys that were loaded before. Of several keys with one `kid` none is kept, unless they are the
    /// same key.
    pub fn from_keys(keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        Self::without_duplicates(keys.into_iter().collect()).0
    }

    /// The set, and the `kid` of every key that was dropped.
    fn without_duplicates(mut keys: Vec<VerifyingKey>) -> (Self, Vec<Kid>) {
        keys.sort_by(|one, other| one.kid().cmp(other.kid()));
        keys.dedup_by(|one, other| one.kid() == other.kid() && one.is_same_key_as(other));
        let mut set = Self::default();
        let mut dropped = Vec::new();
        for same_kid in keys.chunk_by(|one, other| one.kid() == other.kid()) {
            match same_kid {
                [only] => set.keys.push(only.clone()),
                several => dropped.extend(several.iter().map(|key| *key.kid())),
            }
        }
        (set, dropped)
    }

    /// The key of that name.
    pub fn find(&self, kid: &str) -> Option<&VerifyingKey> {
        let index = self.keys.binary_search_by(|key| key.kid().as_str().cmp(kid)).ok()?;
        self.keys.get(index)
    }

    /// The key, if there is exactly one: for tokens without a `kid`.
    pub fn only(&self) -> Option<&VerifyingKey> {
        match self.keys.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// All keys, in the order of their `kid`.
    pub fn iter(&self) -> std::slice::Iter<'_, VerifyingKey> {
        self.keys.iter()
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl<'a> IntoIterator for &'a JwkSet {
    type Item = &'a VerifyingKey;
    type IntoIter = std::slice::Iter<'a, VerifyingKey>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Serialize for JwkSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("keys", &self.keys)?;
        map.end()
    }
}

/// The `kid` of a key that was refused, if it can be had.
fn kid_of(json: &str) -> Option<Kid> {
    #[derive(Deserialize)]
    struct OnlyKid {
        kid: Kid,
    }
    serde_json::from_str::<OnlyKid>(json).ok().map(|jwk| jwk.kid)
}

/// The outside of a JWK set; each key is judged alone.
struct SetDocument<'a> {
    keys: Vec<&'a RawValue>,
}

impl<'de> Deserialize<'de> for SetDocument<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SetVisitor)
    }
}

struct SetVisitor;

impl<'de> Visitor<'de> for SetVisitor {
    type Value = SetDocument<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JWK set")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut names = Names::default();
        let mut keys = None;
        while let Some(name) = map.next_key_seed(Name)? {
            if name == "keys" {
                keys = Some(map.next_value_seed(Keys)?);
            } else {
                map.next_value_seed(Skip::member())?;
            }
            names.record(name)?;
        }
        let keys = keys.ok_or_else(|| A::Error::missing_field("keys"))?;
        Ok(SetDocument { keys })
    }
}

/// The array `keys`, of which no more is kept than one key over the cap.
struct Keys;

impl<'de> DeserializeSeed<'de> for Keys {
    type Value = Vec<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Keys {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of keys")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut keys = Vec::new();
        while let Some(key) = seq.next_element::<&RawValue>()? {
            if keys.len() <= MAX_SET_KEYS {
                keys.push(key);
            }
        }
        Ok(keys)
    }
}
