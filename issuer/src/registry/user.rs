//! A user: a person who signs in here. This room keeps what is known; how it is proved is elsewhere.

use unicode_normalization::UnicodeNormalization as _;
use uuid::Uuid;

use super::{InvalidValue, Profile};

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// A UUIDv7 made here: the `sub` of the user's tokens.
    pub id: Uuid,
    /// What the user types; unique without regard to case.
    pub username: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// Whether the person was reached there, or the operator vouches for it.
    pub email_verified: bool,
    /// What else is known.
    pub profile: Profile,
    /// Unix seconds of the last change of the above.
    pub updated_at: i64,
    /// Stand in the user's tokens.
    pub roles: Vec<String>,
    /// Stand in the user's tokens.
    pub groups: Vec<String>,
    /// A disabled user gets nothing from any grant.
    pub enabled: bool,
}

/// Checks a username.
pub fn parse_username(username: &str) -> Result<&str, InvalidValue> {
    let invalid = |rule: &str| Err(InvalidValue::new("username", username, rule));
    if username.is_empty() || username.len() > 128 {
        return invalid("use 1 to 128 bytes");
    }
    if username.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return invalid("it must not contain blanks or control characters");
    }
    // A username shaped like a user id could be taken for somebody else's.
    if Uuid::try_parse(username).is_ok() {
        return invalid("it looks like a UUID, which is the shape of user ids");
    }
    Ok(username)
}

/// The spelling under which a username is unique: every spelling of a name is one user. Without regard to case, width
/// and composition (RFC 8265 §3.3, with the wider equivalence of NFKC).
pub fn username_key(username: &str) -> String {
    folded(username)
}

/// The spelling under which a verified e-mail address belongs to one user.
pub fn email_key(email: &str) -> String {
    folded(email)
}

fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower = text.nfkc().collect::<String>().to_lowercase();
    lower.nfkc().collect()
}

/// Checks the outer shape of an e-mail address; only a message sent there proves it.
pub fn parse_email(email: &str) -> Result<&str, InvalidValue> {
    let (local, domain) = email.rsplit_once('@').unwrap_or(("", ""));
    let plain = !email.chars().any(|c| c.is_control() || c.is_whitespace());
    if plain && !local.is_empty() && !domain.is_empty() && email.len() <= 254 {
        return Ok(email);
    }
    Err(InvalidValue::new("e-mail address", email, "use name@domain, at most 254 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cve_2026_47203_every_spelling_of_a_name_has_one_key() {
        for spelling in ["Ren\u{e9}e", "RENE\u{301}E", "\u{ff52}en\u{e9}e"] {
            assert_eq!(username_key(spelling), "ren\u{e9}e", "{spelling}");
        }
        assert_eq!(email_key("Ada@Example.COM"), "ada@example.com");
    }
}
