//! The name of a key (RFC 7515 §4.1.4, RFC 7517 §4.5). Attackers write it too: it is short, has no control
//! characters, and is only ever compared.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::ops::Deref;

use arrayvec::ArrayString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::KeyError;

/// A `kid`: 1 to 128 bytes without control characters. Lives on the stack.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kid(ArrayString<128>);

impl Kid {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn from_array(name: ArrayString<128>) -> Option<Self> {
        // Nearly all are printable ASCII; one pass without branches tells.
        let plain =
            name.bytes().fold(0, |odd, byte| odd | u8::from(!matches!(byte, b' '..=b'~'))) == 0;
        let acceptable = plain || !name.chars().any(char::is_control);
        (acceptable && !name.is_empty()).then_some(Self(name))
    }
}

impl TryFrom<&str> for Kid {
    type Error = KeyError;

    fn try_from(name: &str) -> Result<Self, KeyError> {
        let name = ArrayString::from(name).map_err(|_| KeyError::InvalidKid)?;
        Self::from_array(name).ok_or(KeyError::InvalidKid)
    }
}

impl Deref for Kid {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Kid {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Kid {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Kid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Kid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), formatter)
    }
}

impl Serialize for Kid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Kid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<str>::deserialize(deserializer)?;
        Self::try_from(name.as_ref()).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j09_empty_long_and_control_characters_are_refused() {
        for name in ["", "a\0b", "a\nb", "\u{85}", &"k".repeat(129)] {
            assert_eq!(Kid::try_from(name), Err(KeyError::InvalidKid), "{name:?}");
        }
        for name in ["k", "../../dev/null", "' OR 1=1 --", "ключ", &"k".repeat(128)] {
            assert_eq!(Kid::try_from(name).unwrap().as_str(), name);
        }
    }
}
