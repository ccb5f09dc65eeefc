//! The one error of values that break a rule: which value, and the rule in words.

use std::fmt;

/// A value that cannot be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidValue {
    what: &'static str,
    value: String,
    rule: String,
}

impl InvalidValue {
    pub(crate) fn new(what: &'static str, value: &str, rule: impl Into<String>) -> Self {
        // Escaped and cut: the value may be anything, and the message goes to a terminal.
        let value = value.chars().take(80).flat_map(char::escape_debug).collect();
        Self { what, value, rule: rule.into() }
    }

    /// A stable name for scripts.
    pub fn code(&self) -> &'static str {
        "invalid_value"
    }
}

impl fmt::Display for InvalidValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a valid {}: {}", self.value, self.what, self.rule)
    }
}

impl std::error::Error for InvalidValue {}
