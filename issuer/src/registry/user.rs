//! A user: a person who will sign in here. This room keeps the row; signing in is elsewhere.

use uuid::Uuid;

use super::InvalidValue;

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// A UUIDv7 made here: the `sub` of the user's tokens.
    pub id: Uuid,
    /// What the user types; unique without regard to case.
    pub username: String,
    /// Unverified.
    pub email: Option<String>,
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

/// The spelling under which a username is unique: every spelling of a name is one user.
pub fn username_key(username: &str) -> String {
    username.to_lowercase()
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
