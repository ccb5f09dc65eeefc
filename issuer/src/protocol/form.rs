//! A form body (`application/x-www-form-urlencoded`) as RFC 6749 §3.2 reads it: no parameter twice,
//! one without a value counts as absent. Values are borrowed from the body where nothing is escaped.

use std::borrow::Cow;

/// The largest body that is read: a form with one client assertion of the largest size fits.
pub const MAX_FORM_BYTES: usize = 64 * 1024;

/// More parameters than this are refused: no request of any specification comes near.
const MAX_PARAMETERS: usize = 64;

/// The parameters that a specification allows more than once (RFC 8707 §2).
const REPEATABLE: &[&str] = &["resource", "audience"];

/// Why a body is not a form that the issuer reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FormError {
    /// A parameter stands twice (RFC 6749 §3.2).
    #[error("a parameter is repeated")]
    Repeated,
    /// There are too many parameters.
    #[error("there are too many parameters")]
    TooMany,
    /// A name or value is not UTF-8, or has a control character.
    #[error("a parameter is not valid UTF-8 text")]
    NotText,
}

/// Whether a parameter stands more than once that must not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Repeats {
    /// None does.
    None,
    /// One does, at least.
    Some,
}

/// The parameters of one request; nothing in it has been judged yet.
pub struct Form<'b> {
    parameters: Vec<(Cow<'b, str>, Cow<'b, str>)>,
}

impl<'b> Form<'b> {
    /// Reads the parameters of a body, and refuses repeated ones (RFC 6749 §3.2).
    ///
    /// # Errors
    ///
    /// If the body is not a form that the issuer reads.
    pub fn parse(body: &'b [u8]) -> Result<Self, FormError> {
        match Self::read(body)? {
            (form, Repeats::None) => Ok(form),
            (_, Repeats::Some) => Err(FormError::Repeated),
        }
    }

    /// The same for an endpoint that must know where to report that a parameter is repeated (RFC 6749 §3.1).
    ///
    /// # Errors
    ///
    /// If the body is not a form that the issuer reads.
    pub fn read(body: &'b [u8]) -> Result<(Self, Repeats), FormError> {
        let mut parameters: Vec<(Cow<'b, str>, Cow<'b, str>)> = Vec::with_capacity(8);
        let mut repeats = Repeats::None;
        for (name, value) in form_urlencoded::parse(body) {
            if parameters.len() == MAX_PARAMETERS {
                return Err(FormError::TooMany);
            }
            if !is_text(&name) || !is_text(&value) {
                return Err(FormError::NotText);
            }
            let repeatable = REPEATABLE.contains(&name.as_ref());
            if !repeatable && parameters.iter().any(|(seen, _)| *seen == name) {
                repeats = Repeats::Some;
            }
            parameters.push((name, value));
        }
        Ok((Self { parameters }, repeats))
    }

    /// Whether a parameter stands more than once.
    pub fn is_repeated(&self, name: &str) -> bool {
        self.parameters.iter().filter(|(candidate, _)| candidate == name).count() > 1
    }

    /// The value of a parameter; an empty one counts as absent (RFC 6749 §3.2).
    pub fn value(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(candidate, _)| candidate == name);
        found.map(|(_, value)| value.as_ref()).filter(|value| !value.is_empty())
    }

    /// Every parameter, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// All values of a parameter that may stand more than once.
    pub fn values<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.parameters
            .iter()
            .filter(move |(candidate, value)| candidate == name && !value.is_empty())
            .map(|(_, value)| value.as_ref())
    }
}

/// The decoder replaces what is not UTF-8 by U+FFFD, which no parameter has a use for.
fn is_text(text: &str) -> bool {
    text.bytes().all(|byte| byte >= 0x20 && byte != 0x7f)
        && (text.is_ascii() || !text.contains('\u{FFFD}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_parameter_is_refused_even_if_nobody_knows_it_or_one_is_empty() {
        for body in ["scope=a&scope=b", "x=1&x=1", "scope=&scope=a", "sc%6Fpe=a&scope=b"] {
            assert_eq!(Form::parse(body.as_bytes()).err(), Some(FormError::Repeated), "{body}");
        }
    }

    #[test]
    fn resource_may_stand_more_than_once() {
        let form = Form::parse(b"resource=https%3A%2F%2Fa&resource=https://b").unwrap();

        assert_eq!(form.values("resource").collect::<Vec<_>>(), ["https://a", "https://b"]);
    }

    #[test]
    fn an_empty_parameter_counts_as_absent() {
        let form = Form::parse(b"scope=&grant_type=client_credentials&flag").unwrap();

        assert_eq!(form.value("scope"), None);
        assert_eq!(form.value("flag"), None);
        assert_eq!(form.value("grant_type"), Some("client_credentials"));
    }

    #[test]
    fn what_is_not_text_is_refused() {
        for body in ["scope=%FF", "scope=%00", "scope=a%0Ab", "%C3%28=x", "scope=%7F"] {
            assert_eq!(Form::parse(body.as_bytes()).err(), Some(FormError::NotText), "{body}");
        }
    }

    #[test]
    fn a_flood_of_parameters_is_refused() {
        let body: Vec<String> = (0..65).map(|number| format!("p{number}=1")).collect();

        assert_eq!(Form::parse(body.join("&").as_bytes()).err(), Some(FormError::TooMany));
    }
}
