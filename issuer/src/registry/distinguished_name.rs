//! The name of a subject as people write it (RFC 4514), and as certificates carry it: a sequence of sets of attributes. What
//! is compared are the attributes, never text, so that no value can pass for a second attribute.

use std::collections::BTreeSet;

/// Attribute types by their short names (RFC 4514 §3, and those that certificates of companies have).
const TYPES: &[(&str, &str)] = &[
    ("CN", "2.5.4.3"),
    ("SERIALNUMBER", "2.5.4.5"),
    ("C", "2.5.4.6"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("STREET", "2.5.4.9"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("BUSINESSCATEGORY", "2.5.4.15"),
    ("ORGANIZATIONIDENTIFIER", "2.5.4.97"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("EMAILADDRESS", "1.2.840.113549.1.9.1"),
];

/// One relative name: attributes, each with the dotted decimal of its type.
pub type RelativeName = BTreeSet<(String, String)>;

/// A distinguished name.
#[derive(Clone, Debug)]
pub struct DistinguishedName {
    text: String,
    /// In the order of a certificate, which is the reverse of the text's (RFC 4514 §2.1).
    names: Vec<RelativeName>,
}

impl DistinguishedName {
    /// Reads the text; none if it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut names = vec![RelativeName::new()];
        let mut rest = text;
        loop {
            let (name, after) = rest.split_once('=')?;
            let (value, separator, after) = read_value(after)?;
            let is_new = names.last_mut()?.insert((type_of(name.trim())?, value));
            match separator {
                // RFC 5280 §4.1.2.4: a set has no attribute twice.
                _ if !is_new => return None,
                None => break,
                Some(',') => names.push(RelativeName::new()),
                Some(_) => {}
            }
            rest = after;
        }
        names.reverse();
        Some(Self { text: text.to_owned(), names })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a certificate's subject is this: the same attributes with the same values in the same order.
    pub fn is(&self, subject: &[RelativeName]) -> bool {
        self.names == subject
    }
}

impl PartialEq for DistinguishedName {
    fn eq(&self, other: &Self) -> bool {
        self.names == other.names
    }
}

impl Eq for DistinguishedName {}

/// The dotted decimal of a type that is named or written so.
fn type_of(name: &str) -> Option<String> {
    let known = TYPES.iter().find(|(short, _)| short.eq_ignore_ascii_case(name));
    if let Some((_, dotted)) = known {
        return Some((*dotted).to_owned());
    }
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (name.contains('.') && name.split('.').all(is_number)).then(|| name.to_owned())
}

/// A value up to its separator (RFC 4514 §2.4, §3), what separates it from the next, and the rest.
fn read_value(text: &str) -> Option<(String, Option<char>, &str)> {
    let text = text.trim_start_matches(' ');
    // The encoded form is for values that are no text, which nobody is known by.
    if text.starts_with('#') {
        return None;
    }
    let mut value: Vec<u8> = Vec::new();
    // Blanks at the end belong to the value only if they are escaped.
    let mut kept = 0;
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            ',' | '+' => {
                value.truncate(kept);
                let after = text.get(at + 1..)?;
                return Some((String::from_utf8(value).ok()?, Some(letter), after));
            }
            '\\' => {
                value.push(unescape(&mut letters)?);
                kept = value.len();
            }
            '"' | ';' | '<' | '>' | '\0' => return None,
            _ => {
                value.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                if letter != ' ' {
                    kept = value.len();
                }
            }
        }
    }
    value.truncate(kept);
    Some((String::from_utf8(value).ok()?, None, ""))
}

/// What follows a backslash: a special character, or two hexadecimal digits.
fn unescape(letters: &mut std::str::CharIndices<'_>) -> Option<u8> {
    let (_, first) = letters.next()?;
    if " \"#+,;<=>\\".contains(first) {
        return u8::try_from(first).ok();
    }
    let (_, second) = letters.next()?;
    u8::try_from(first.to_digit(16)? * 16 + second.to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(names: &[&[(&str, &str)]]) -> Vec<RelativeName> {
        let owned = |name: &&[(&str, &str)]| {
            name.iter().map(|(kind, value)| ((*kind).to_owned(), (*value).to_owned())).collect()
        };
        names.iter().map(owned).collect()
    }

    fn is(text: &str, names: &[&[(&str, &str)]]) -> bool {
        DistinguishedName::parse(text).is_some_and(|name| name.is(&subject(names)))
    }

    #[test]
    fn the_text_is_the_certificate_backwards() {
        let names: &[&[(&str, &str)]] =
            &[&[("2.5.4.6", "DE")], &[("2.5.4.10", "Example")], &[("2.5.4.3", "orders")]];

        assert!(is("CN=orders,O=Example,C=DE", names));
        assert!(is("cn=orders, 2.5.4.10 = Example , c=DE", names));
        assert!(!is("C=DE,O=Example,CN=orders", names), "another order");
        assert!(!is("CN=orders,O=Example", names), "less");
        assert!(!is("CN=Orders,O=Example,C=DE", names), "another case");
        assert!(!is("CN=orders+O=Example,C=DE", names), "one name of two attributes");
    }

    #[test]
    fn a_value_cannot_pass_for_two_attributes() {
        let one: &[&[(&str, &str)]] = &[&[("2.5.4.3", "orders,O=Example")]];

        assert!(!is("CN=orders,O=Example", one));
        assert!(is("CN=orders\\,O\\=Example", one));
        assert!(is("CN=orders\\2CO=Example", one));
    }

    #[test]
    fn sets_have_no_order_and_escapes_are_undone() {
        let both: &[&[(&str, &str)]] = &[&[("2.5.4.3", " Zoë#"), ("2.5.4.11", "a\\b ")]];

        assert!(is("CN=\\ Zo\\C3\\AB\\#+OU=a\\\\b\\ ", both));
        assert!(is("OU=a\\5Cb\\20+CN=\\20Zoë#", both));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            "orders",
            "CN",
            "=x",
            "CN=a,",
            "CN=a,,O=b",
            "CN=\"a\"",
            "CN=a;O=b",
            "CN=#0401",
            "X=a",
            "1..2=a",
            "CN=a\\",
            "CN=a\\g",
            "CN=\\FF",
            "CN=a+CN=a",
        ] {
            assert!(DistinguishedName::parse(text).is_none(), "{text}");
        }
    }
}
