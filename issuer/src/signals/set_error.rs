//! Why a receiver does not take a signal (RFC 8935 §2.3, RFC 8936 §2.6), whether it is called or polls.

use std::fmt;

use serde::Deserialize;

/// RFC 8935 §2.4: what is wrong with the request or with the keys of the moment, and not with the signal. It may be mended at
/// the receiver: one that does not know a new key yet will.
const PASSING: [&str; 3] = ["authentication_failed", "access_denied", "invalid_key"];

/// So many characters of what a receiver says are logged.
const MAX_LOGGED: usize = 256;

/// What a receiver says.
#[derive(Deserialize)]
pub(super) struct SetError {
    err: String,
    #[serde(default)]
    description: String,
}

impl SetError {
    /// Whether it does not want the signal again: whoever says what is wrong with it does not.
    pub(super) fn is_final(&self) -> bool {
        !PASSING.contains(&self.err.as_str())
    }
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.MAX_LOGGED$}: {:.MAX_LOGGED$}", self.err, self.description)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_says_what_is_wrong_with_a_signal_does_not_get_it_again() {
        let is_final = |body: &str| {
            let error = serde_json::from_str::<SetError>(body);
            error.is_ok_and(|error| error.is_final())
        };

        assert!(is_final(r#"{"err":"invalid_audience","description":"not me"}"#));
        assert!(is_final(r#"{"err":"invalid_request"}"#));
        for passing in
            ["", "no", "{}", r#"{"err":"authentication_failed"}"#, r#"{"err":"invalid_key"}"#]
        {
            assert!(!is_final(passing), "{passing}");
        }
    }

    #[test]
    fn what_is_logged_of_it_is_short() {
        let error = SetError { err: "e".repeat(9_999), description: "d".repeat(9_999) };

        assert_eq!(error.to_string().len(), 2 * MAX_LOGGED + 2);
    }
}
