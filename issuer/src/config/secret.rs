//! `Secret<T>`: a value that is erased from memory when dropped and prints as `***`.
//! In the file it is the value, `{ file = "path" }` or `{ environment = "VARIABLE" }`.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de::Error as _};
use zeroize::{Zeroize, Zeroizing};

/// A secret value.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Takes the value into custody.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value itself: for the one call that needs it, never for a message.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<T: Zeroize> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[expect(clippy::disallowed_methods, reason = "the configuration reads the environment")]
fn from_environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a string, { file = \"path\" } or { environment = \"VARIABLE\" }"
)]
enum Source {
    Value(String),
    File { file: PathBuf },
    Environment { environment: String },
}

impl<'de> Deserialize<'de> for Secret<String> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Source::deserialize(deserializer)? {
            Source::Value(value) => Ok(Self::new(value)),
            Source::Environment { environment } => from_environment(&environment)
                .map(Self::new)
                .ok_or_else(|| D::Error::custom(format!("the variable {environment} is not set"))),
            Source::File { file } => {
                let text = std::fs::read_to_string(&file).map(Zeroizing::new).map_err(|error| {
                    D::Error::custom(format!("cannot read {}: {error}", file.display()))
                })?;
                Ok(Self::new(text.trim_end_matches(['\r', '\n']).to_owned()))
            }
        }
    }
}
