//! The `scope` parameter (RFC 6749 §3.3): scope tokens separated by single spaces.

/// The longest `scope` parameter that is read, in bytes.
const MAX_SCOPE_BYTES: usize = 4096;

/// Whether `token` is a scope token: printable ASCII without space, `"` and `\` (RFC 6749 §3.3).
pub fn is_scope_token(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

/// The scope tokens of a parameter, without repetition; `None` if it is malformed.
pub fn parse(parameter: &str) -> Option<Vec<&str>> {
    if parameter.len() > MAX_SCOPE_BYTES {
        return None;
    }
    let mut tokens: Vec<&str> = Vec::new();
    for token in parameter.split(' ') {
        if !is_scope_token(token) {
            return None;
        }
        if !tokens.contains(&token) {
            tokens.push(token);
        }
    }
    Some(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_separated_by_single_spaces_and_stand_once() {
        assert_eq!(parse("a b a"), Some(vec!["a", "b"]));
        for malformed in ["", " a", "a ", "a  b", "a\tb", "a\"b", "a\\b", "é"] {
            assert_eq!(parse(malformed), None, "{malformed:?}");
        }
    }
}
