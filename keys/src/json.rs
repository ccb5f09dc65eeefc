//! Strict JSON for JOSE on top of serde: one object at the top, no duplicate members at any level, at most
//! sixteen levels (RFC 7515 §4, RFC 8725 §2.6). For payloads and keys; the header of a token, which is read
//! before the signature and must not allocate, has a reader of its own in `jws`.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use arrayvec::ArrayVec;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use thiserror::Error;

/// Levels of nesting, the top object included.
pub const MAX_DEPTH: u8 = 16;

/// Where a JSON text was refused. Never quotes the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JsonError {
    /// It is not JSON.
    #[error("not JSON at line {line}, column {column}")]
    Syntax {
        /// From 1.
        line: usize,
        /// From 1, in bytes.
        column: usize,
    },
    /// It is JSON, but not acceptable: a duplicate member, a wrong type, too deep, a missing member.
    #[error("unacceptable JSON at line {line}, column {column}")]
    Unacceptable {
        /// From 1.
        line: usize,
        /// From 1, in bytes.
        column: usize,
    },
}

impl JsonError {
    /// A stable name for logs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Syntax { .. } => "json_syntax",
            Self::Unacceptable { .. } => "json_unacceptable",
        }
    }
}

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        if error.is_data() {
            Self::Unacceptable { line, column }
        } else {
            Self::Syntax { line, column }
        }
    }
}

/// Reads exactly one value and nothing after it.
///
/// Strictness about members is up to `T`: a visitor that reads names with [`Name`], records them in
/// [`Names`], and reads what it does not know with [`Skip`], checks everything in the same single pass.
pub fn from_str<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = T::deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Checks that `text` is one strict JSON object, for types that do not check it themselves.
pub fn check(text: &str) -> Result<(), JsonError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.deserialize_map(Skip { levels: MAX_DEPTH }.object_only())?;
    deserializer.end()?;
    Ok(())
}

/// Reads the name of a member, borrowed unless it contains escapes.
#[derive(Clone, Copy, Debug)]
pub struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a member name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// The unescaped names seen so far in one object. Sixteen of them need no heap.
#[derive(Debug, Default)]
pub struct Names<'de> {
    first: ArrayVec<Cow<'de, str>, 16>,
    rest: BTreeSet<Cow<'de, str>>,
}

impl<'de> Names<'de> {
    /// Records a name; an error when the object already had it.
    pub fn record<E: serde::de::Error>(&mut self, name: Cow<'de, str>) -> Result<(), E> {
        let known = self.first.contains(&name) || self.rest.contains(&name);
        if known {
            // RFC 7515 §4 and RFC 7519 §4: member names must be unique.
            return Err(E::custom("duplicate member"));
        }
        if let Err(full) = self.first.try_push(name) {
            self.rest.insert(full.element());
        }
        Ok(())
    }
}

/// Reads any value and throws it away, but refuses what is not strict within it.
#[derive(Clone, Copy, Debug)]
pub struct Skip {
    levels: u8,
}

impl Skip {
    /// For the value of a member of the top object.
    pub const fn member() -> Self {
        Self { levels: MAX_DEPTH - 1 }
    }

    const fn object_only(self) -> SkipObject {
        SkipObject(self)
    }

    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        let levels = self.levels.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))?;
        Ok(Self { levels })
    }
}

impl<'de> DeserializeSeed<'de> for Skip {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Skip {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        while seq.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        let mut names = Names::default();
        while let Some(name) = map.next_key_seed(Name)? {
            names.record(name)?;
            map.next_value_seed(inner)?;
        }
        Ok(())
    }
}

struct SkipObject(Skip);

impl<'de> Visitor<'de> for SkipObject {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.visit_map(map)
    }
}

/// For `deserialize_with`: a member that is there must have a value; `null` is not the same as absent.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j14_duplicate_members_at_any_level_are_refused() {
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"b":{"a":1,"a":1}}"#,
            r#"{"b":[0,{"a":1,"a":1}]}"#,
        ] {
            assert!(matches!(check(text), Err(JsonError::Unacceptable { .. })), "{text}");
        }
    }

    #[test]
    fn j14_duplicates_among_many_members_are_refused() {
        let members: Vec<_> = (0..100).map(|n| format!(r#""m{n}":{n}"#)).collect();
        let good = format!("{{{}}}", members.join(","));
        let bad = format!(r#"{{{},"m99":0}}"#, members.join(","));

        assert_eq!(check(&good), Ok(()));
        assert!(check(&bad).is_err());
    }

    #[test]
    fn j14_sixteen_levels_are_the_limit() {
        let nested = |levels: usize| {
            format!(r#"{{"a":{}{}}}"#, "[".repeat(levels - 1), "]".repeat(levels - 1))
        };

        assert_eq!(check(&nested(16)), Ok(()));
        assert!(check(&nested(17)).is_err());
        assert!(check(&nested(10_000)).is_err());
    }

    #[test]
    fn j14_what_is_not_one_object_is_refused() {
        for text in [
            "",
            "[]",
            "1",
            "null",
            "\"a\"",
            "{}{}",
            "{} x",
            "\u{feff}{}",
            "{\"a\":1e400}",
            "{'a':1}",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn errors_never_quote_the_text() {
        let error = from_str::<u8>("\"secret\"").unwrap_err();

        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}
