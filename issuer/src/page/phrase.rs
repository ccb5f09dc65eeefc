//! A sentence with one place for a value. That the place is there is checked when the issuer is
//! compiled; that the value is escaped and may be written in the other direction, here.

use std::fmt::{self, Display, Write as _};

use askama::filters::{Escaper, Html, HtmlSafe};

/// A text without a place for a value.
pub(crate) type Text = &'static str;

/// A text that depends on a number, in all the plural forms of its language.
pub(super) type Count = fn(u32) -> String;

/// A sentence with one place, written `{}`.
#[derive(Debug)]
pub(crate) struct Phrase {
    before: Text,
    after: Text,
}

impl Phrase {
    /// A phrase of the statics of `messages`; a sentence without `{}` does not compile.
    #[expect(clippy::panic, clippy::indexing_slicing, reason = "runs in the compiler only")]
    pub(crate) const fn new(text: Text) -> Self {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at + 1 < bytes.len() {
            if bytes[at] == b'{' && bytes[at + 1] == b'}' {
                let (before, rest) = text.split_at(at);
                return Self { before, after: rest.split_at(2).1 };
            }
            at += 1;
        }
        panic!("the sentence has no place for its value")
    }

    /// The sentence as text, for what cannot hold elements: titles and attributes.
    pub(crate) fn text(&self, value: &str) -> String {
        format!("{}{value}{}", self.before, self.after)
    }

    /// The sentence as HTML, with the value apart: it may run in the other direction.
    pub(super) fn html<'p>(&'p self, value: &'p str) -> Marked<'p> {
        Marked { phrase: self, value }
    }
}

/// A sentence with its value, as HTML.
pub(super) struct Marked<'p> {
    phrase: &'p Phrase,
    value: &'p str,
}

impl HtmlSafe for Marked<'_> {}

impl Display for Marked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Html.write_escaped_str(&mut *f, self.phrase.before)?;
        f.write_str("<bdi>")?;
        Html.write_escaped_str(&mut *f, self.value)?;
        f.write_str("</bdi>")?;
        Html.write_escaped_str(&mut *f, self.phrase.after)
    }
}

/// A piece of HTML that was put together from escaped parts.
pub(super) struct Markup(String);

impl Markup {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self(String::new())
    }

    /// Adds what the source code of the issuer says.
    pub(super) fn literal(mut self, html: &'static str) -> Self {
        self.0.push_str(html);
        self
    }

    /// Adds what is HTML already.
    pub(super) fn markup(mut self, html: &impl HtmlSafe) -> Self {
        let _ = write!(self.0, "{html}");
        self
    }

    /// Adds text from anywhere.
    pub(super) fn text(mut self, text: &str) -> Self {
        // Writing to a string cannot fail.
        let _ = Html.write_escaped_str(&mut self.0, text);
        self
    }
}

impl HtmlSafe for Markup {}

impl Display for Markup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_escaped_and_kept_apart() {
        let phrase = Phrase::new("Back to {} & on");
        assert_eq!(phrase.text("<b>"), "Back to <b> & on");
        let html = phrase.html("<b>").to_string();
        assert!(html.starts_with("Back to <bdi>&#60;b&#62;</bdi> &#38; on"), "{html}");
    }
}
