//! A strict reader of JSON (RFC 8259) for headers of tokens: it borrows, recurses at most sixteen levels, and
//! never allocates, not even to refuse. Payloads and keys, which are read later, go through `crate::json`.

use arrayvec::{ArrayString, ArrayVec};

use crate::error::JwsError;
use crate::json::MAX_DEPTH;

/// More members in one object are refused.
const MAX_MEMBERS: usize = 32;

/// The names of one object so far.
pub(crate) type Names<'a> = ArrayVec<JsonString<'a>, MAX_MEMBERS>;

/// Records a name that must be new in its object (RFC 7515 §4).
pub(crate) fn record<'a>(names: &mut Names<'a>, name: JsonString<'a>) -> Result<(), JwsError> {
    if names.iter().any(|known| known.is_same_as(&name)) {
        return Err(JwsError::DuplicateHeaderMember);
    }
    names.try_push(name).map_err(|_| JwsError::HeaderTooLarge)
}

/// A string between its quotes, checked but not yet unescaped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JsonString<'a> {
    raw: &'a str,
    escaped: bool,
}

impl<'a> JsonString<'a> {
    /// The text, if it has at most `CAP` bytes.
    pub(crate) fn unescaped<const CAP: usize>(&self) -> Option<ArrayString<CAP>> {
        let mut text = ArrayString::new();
        if !self.escaped {
            text.try_push_str(self.raw).ok()?;
            return Some(text);
        }
        for character in self.characters() {
            text.try_push(character.ok()?).ok()?;
        }
        Some(text)
    }

    /// Whether the text is `expected`.
    pub(crate) fn is(&self, expected: &'static str) -> bool {
        self.is_same_as(&Self { raw: expected, escaped: false })
    }

    fn is_same_as(&self, other: &Self) -> bool {
        if self.escaped || other.escaped {
            self.characters().eq(other.characters())
        } else {
            self.raw == other.raw
        }
    }

    fn characters(&self) -> Characters<'a> {
        Characters(self.raw.chars())
    }
}

/// The characters that a string means.
struct Characters<'a>(std::str::Chars<'a>);

impl Characters<'_> {
    fn unescape(&mut self) -> Option<char> {
        match self.0.next()? {
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'u' => self.unescape_unicode(),
            same @ ('"' | '\\' | '/') => Some(same),
            _ => None,
        }
    }

    /// RFC 8259 §7: characters beyond U+FFFF are two surrogates. Half a pair means nothing.
    fn unescape_unicode(&mut self) -> Option<char> {
        let unit = self.code_unit()?;
        if !(0xd800..0xdc00).contains(&unit) {
            return char::from_u32(unit);
        }
        if self.0.next() != Some('\\') || self.0.next() != Some('u') {
            return None;
        }
        let low = self.code_unit()?.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
        char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + low)
    }

    fn code_unit(&mut self) -> Option<u32> {
        (0..4).try_fold(0, |unit, _| Some(unit << 4 | self.0.next()?.to_digit(16)?))
    }
}

impl Iterator for Characters<'_> {
    type Item = Result<char, JwsError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.0.next()? {
            '\\' => Some(self.unescape().ok_or(JwsError::MalformedHeader)),
            plain => Some(Ok(plain)),
        }
    }
}

/// Reads a text from front to back.
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The `{` of the top object.
    pub(crate) fn open_object(&mut self) -> Result<(), JwsError> {
        self.expect(b'{')
    }

    /// The name of the next member and its colon; nothing after the `}`.
    pub(crate) fn next_name(&mut self, first: bool) -> Result<Option<JsonString<'a>>, JwsError> {
        if self.take(b'}') {
            return Ok(None);
        }
        if !first {
            self.expect(b',')?;
        }
        let name = self.string()?;
        self.expect(b':')?;
        Ok(Some(name))
    }

    /// A string and nothing else.
    pub(crate) fn string(&mut self) -> Result<JsonString<'a>, JwsError> {
        self.expect(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            match self.peek() {
                Some(b'"') => break,
                // What is escaped is judged below; here it only must not be taken for the quote.
                Some(b'\\') => (self.at, escaped) = (self.at + 2, true),
                // RFC 8259 §7: control characters must be escaped.
                Some(0..0x20) | None => return Err(JwsError::MalformedHeader),
                Some(_) => self.at += 1,
            }
        }
        let raw = self.text.get(start..self.at).ok_or(JwsError::MalformedHeader)?;
        self.at += 1;
        let string = JsonString { raw, escaped };
        if escaped {
            string.characters().try_for_each(|character| character.map(drop))?;
        }
        Ok(string)
    }

    /// The value of a member of the top object, whatever it is.
    pub(crate) fn skip_member_value(&mut self) -> Result<(), JwsError> {
        self.skip_value(MAX_DEPTH - 1)
    }

    /// The value of a member of the top object, which must be an object, as it is written.
    pub(crate) fn member_object(&mut self) -> Result<&'a str, JwsError> {
        self.skip_whitespace();
        let start = self.at;
        if self.peek() != Some(b'{') {
            return Err(JwsError::MalformedHeader);
        }
        self.skip_member_value()?;
        self.text.get(start..self.at).ok_or(JwsError::MalformedHeader)
    }

    fn skip_value(&mut self, levels: u8) -> Result<(), JwsError> {
        self.skip_whitespace();
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'{') => self.skip_object(inside(levels)?),
            Some(b'[') => self.skip_array(inside(levels)?),
            Some(b't') => self.expect_literal("true"),
            Some(b'f') => self.expect_literal("false"),
            Some(b'n') => self.expect_literal("null"),
            _ => self.skip_number(),
        }
    }

    fn skip_object(&mut self, levels: u8) -> Result<(), JwsError> {
        let mut names = Names::new();
        self.expect(b'{')?;
        while let Some(name) = self.next_name(names.is_empty())? {
            record(&mut names, name)?;
            self.skip_value(levels)?;
        }
        Ok(())
    }

    fn skip_array(&mut self, levels: u8) -> Result<(), JwsError> {
        self.expect(b'[')?;
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.skip_value(levels)?;
            if self.take(b']') {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    /// RFC 8259 §6, and no number that is out of range.
    fn skip_number(&mut self) -> Result<(), JwsError> {
        let is_part = |byte: u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let rest = self.rest();
        let length = rest.bytes().take_while(|byte| is_part(*byte)).count();
        let number = rest.get(..length).unwrap_or_default();
        let finite = number.parse::<f64>().is_ok_and(f64::is_finite);
        if !finite || !has_json_grammar(number) {
            return Err(JwsError::MalformedHeader);
        }
        self.at += length;
        Ok(())
    }

    fn expect_literal(&mut self, literal: &str) -> Result<(), JwsError> {
        if !self.rest().starts_with(literal) {
            return Err(JwsError::MalformedHeader);
        }
        self.at += literal.len();
        Ok(())
    }

    /// Nothing but whitespace may follow.
    pub(crate) fn end(mut self) -> Result<(), JwsError> {
        self.skip_whitespace();
        if self.at == self.text.len() { Ok(()) } else { Err(JwsError::MalformedHeader) }
    }

    fn take(&mut self, wanted: u8) -> bool {
        self.skip_whitespace();
        let there = self.peek() == Some(wanted);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, wanted: u8) -> Result<(), JwsError> {
        if self.take(wanted) { Ok(()) } else { Err(JwsError::MalformedHeader) }
    }

    fn skip_whitespace(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }
}

fn inside(levels: u8) -> Result<u8, JwsError> {
    levels.checked_sub(1).ok_or(JwsError::MalformedHeader)
}

/// What Rust parses as a number and JSON does not: a plus in front, leading zeros, a bare dot.
fn has_json_grammar(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    let (integer, fraction) = match digits.split_once('.') {
        Some((integer, fraction)) => (integer, Some(fraction)),
        None => (digits.split(['e', 'E']).next().unwrap_or_default(), None),
    };
    let starts_with_digit = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
    starts_with_digit(integer)
        && (integer == "0" || !integer.starts_with('0'))
        && fraction.is_none_or(starts_with_digit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn accepts(text: &str) -> bool {
        let mut reader = Reader::new(text);
        reader.skip_value(MAX_DEPTH).and_then(|()| reader.end()).is_ok()
    }

    #[test]
    fn numbers_follow_the_grammar_of_json() {
        for number in ["0", "-0", "10", "1.5", "1e3", "1E+3", "-1.25e-3", "0.0"] {
            assert!(accepts(number), "{number}");
        }
        for number in
            ["", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "0x1", "1e400", "NaN", "1.e3"]
        {
            assert!(!accepts(number), "{number}");
        }
    }

    #[test]
    fn j14_sixteen_levels_are_the_limit() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));

        assert!(accepts(&nested(16)));
        assert!(!accepts(&nested(17)));
        assert!(!accepts(&nested(500)));
    }

    proptest! {
        /// Every text made of the characters that matter is judged as `serde_json` judges it.
        #[test]
        fn it_accepts_what_serde_json_accepts(
            text in r#"[\[\]{},:"0-2.eE+\-\\nu\ttruefalsl dDcC8 ]{0,12}"#,
        ) {
            let theirs = crate::json::from_str::<Checked>(&text).is_ok();
            prop_assert_eq!(accepts(&text), theirs, "{:?}", text);
        }

        #[test]
        fn it_accepts_strings_as_serde_json_does(inside in r#"([a"]|\\["\\/bfnrtux]|\\u(d8|dc|00)[0-9a-fA-F]{2}){0,6}"#) {
            let text = format!("\"{inside}\"");
            let theirs = serde_json::from_str::<String>(&text).ok();
            let mut reader = Reader::new(&text);
            let ours = reader.string().and_then(|string| {
                reader.end()?;
                string.unescaped::<64>().ok_or(JwsError::HeaderTooLarge)
            });
            prop_assert_eq!(ours.ok().map(|text| text.to_string()), theirs);
        }
    }

    /// Any JSON value without duplicate members.
    struct Checked;

    impl<'de> serde::Deserialize<'de> for Checked {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            use serde::de::DeserializeSeed as _;
            crate::json::Skip::member().deserialize(deserializer).map(|()| Self)
        }
    }
}
