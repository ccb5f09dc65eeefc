//! The alphabets of the small names: scope tokens (RFC 6749 §3.3), roles, and names for people to read.

use super::InvalidValue;

const MAX_NAME_BYTES: usize = 128;

/// Checks one scope token.
pub fn parse_scope_token(token: &str) -> Result<&str, InvalidValue> {
    // RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
    let legal = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    if !token.is_empty() && token.len() <= MAX_NAME_BYTES && token.bytes().all(legal) {
        return Ok(token);
    }
    let rule = "use 1 to 128 printable ASCII characters without space, quote or backslash";
    Err(InvalidValue::new("scope", token, rule))
}

/// Splits a space-separated list of scope tokens, checks each and drops repetitions, keeping the order.
pub fn parse_scope_tokens(list: &str) -> Result<Vec<String>, InvalidValue> {
    let mut tokens: Vec<String> = Vec::new();
    for token in list.split_ascii_whitespace() {
        let token = parse_scope_token(token)?;
        if !tokens.iter().any(|known| known == token) {
            tokens.push(token.to_owned());
        }
    }
    Ok(tokens)
}

/// Checks the name of a role or a group: it stands in tokens, so it is short and has no blanks.
pub fn parse_role(name: &str) -> Result<&str, InvalidValue> {
    let legal = |c: char| !c.is_control() && !c.is_whitespace() && c != '"' && c != '\\';
    if !name.is_empty() && name.len() <= MAX_NAME_BYTES && name.chars().all(legal) {
        return Ok(name);
    }
    let rule = "use 1 to 128 bytes without blanks, control characters, quotes or backslashes";
    Err(InvalidValue::new("role or group", name, rule))
}

/// Checks a name that only people read.
pub fn parse_name(name: &str) -> Result<&str, InvalidValue> {
    if !name.trim().is_empty()
        && name.len() <= MAX_NAME_BYTES
        && !name.chars().any(char::is_control)
    {
        return Ok(name);
    }
    Err(InvalidValue::new("name", name, "use 1 to 128 bytes without control characters"))
}
