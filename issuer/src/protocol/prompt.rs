//! The `prompt` parameter (OpenID Connect Core §3.1.2.1).

use serde::{Deserialize, Serialize};

/// What the user must, or must not, be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the four values of the parameter, which may be combined"
)]
pub struct Prompt {
    /// Show nothing: answer at once, or with an error.
    pub none: bool,
    /// Sign in again.
    pub login: bool,
    /// Ask for consent again.
    pub consent: bool,
    /// Let the user choose an account.
    pub select_account: bool,
}

impl Prompt {
    /// Every value, for discovery (`prompt_values_supported`).
    pub const VALUES: [&str; 4] = ["none", "login", "consent", "select_account"];

    /// Reads the parameter. `none` stands alone; a value that nobody knows is an error.
    pub fn parse(text: &str) -> Option<Self> {
        let mut prompt = Self::default();
        for value in text.split(' ') {
            match value {
                "none" => prompt.none = true,
                "login" => prompt.login = true,
                "consent" => prompt.consent = true,
                "select_account" => prompt.select_account = true,
                _ => return None,
            }
        }
        (!prompt.none || prompt == Self { none: true, ..Self::default() }).then_some(prompt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_stands_alone_and_unknown_values_are_refused() {
        assert!(Prompt::parse("none").unwrap().none);
        let both = Prompt::parse("login consent").unwrap();
        assert!(both.login && both.consent && !both.none);
        for bad in ["none login", "", "login  consent", "create", "Login"] {
            assert_eq!(Prompt::parse(bad), None, "{bad:?}");
        }
    }
}
