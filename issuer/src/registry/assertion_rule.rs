//! Whom a client may assert: users who did not sign in here and whom the client names by an assertion of its own
//! (RFC 7523 §2.1). Default deny: without a rule a client asserts nobody.

use std::fmt;

use uuid::Uuid;

use super::{InvalidValue, User};

/// The longest life of a token about a user whom an app named, in seconds: minutes, not hours.
pub const MAX_ASSERTED_LIFETIME: u32 = 600;

/// The longest name within a namespace, in bytes.
const MAX_EXTERNAL_NAME: usize = 128;

/// The longest subject of a namespace, in bytes.
pub(super) const MAX_EXTERNAL_SUBJECT: usize = MAX_NAMESPACE + 1 + MAX_EXTERNAL_NAME;

/// The longest name of a namespace, in bytes.
const MAX_NAMESPACE: usize = 32;

/// What a client may assert at one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssertionRule {
    /// Whom.
    pub whom: Whom,
    /// The identifier of the resource.
    pub resource: String,
    /// The scopes that such a token may carry.
    pub scopes: Vec<String>,
    /// Seconds that such a token lives, at most [`MAX_ASSERTED_LIFETIME`].
    pub lifetime: u32,
    /// The assertion must say why.
    pub reason_required: bool,
}

/// Whom a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// One user of this issuer.
    User(Uuid),
    /// The users of this issuer who are in a group.
    Group(String),
    /// Everybody in a namespace of the client's own: `crm` for the subjects `crm:…`.
    Namespace(String),
}

/// The user whom an assertion names.
#[derive(Clone, Copy, Debug)]
pub enum AssertedUser<'u> {
    /// A user of this issuer.
    Local(&'u User),
    /// Somebody whom only the client knows.
    External(&'u ExternalSubject),
}

/// A subject in a namespace, as in `crm:4711`. It can never be taken for a user of this issuer, whose ids are UUIDs, nor
/// for a client, whose ids have no colon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalSubject {
    text: String,
    namespace: usize,
}

impl ExternalSubject {
    /// Reads `namespace:name`.
    pub fn parse(text: &str) -> Option<Self> {
        let (namespace, name) = text.split_once(':')?;
        let is_legible = !name.is_empty()
            && name.len() <= MAX_EXTERNAL_NAME
            && name.bytes().all(|byte| byte.is_ascii_graphic());
        let is_subject = is_legible && parse_namespace(namespace).is_ok();
        is_subject.then(|| Self { text: text.to_owned(), namespace: namespace.len() })
    }

    /// The whole: the `sub` of its tokens.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before the colon.
    pub fn namespace(&self) -> &str {
        self.text.get(..self.namespace).unwrap_or_default()
    }
}

impl AssertedUser<'_> {
    /// The `sub` of the user's tokens.
    pub fn subject(&self) -> String {
        match self {
            Self::Local(user) => user.id.to_string(),
            Self::External(subject) => subject.as_str().to_owned(),
        }
    }
}

impl Whom {
    /// Whether this user is meant.
    pub fn includes(&self, user: AssertedUser<'_>) -> bool {
        match (self, user) {
            (Self::User(id), AssertedUser::Local(user)) => *id == user.id,
            (Self::Group(group), AssertedUser::Local(user)) => user.groups.contains(group),
            (Self::Namespace(name), AssertedUser::External(subject)) => subject.namespace() == name,
            _ => false,
        }
    }

    /// The kind and the name, as they are stored.
    pub fn parts(&self) -> (&'static str, String) {
        match self {
            Self::User(id) => ("user", id.to_string()),
            Self::Group(group) => ("group", group.clone()),
            Self::Namespace(namespace) => ("namespace", namespace.clone()),
        }
    }

    /// Reads what [`Self::parts`] wrote.
    pub fn from_parts(kind: &str, name: &str) -> Option<Self> {
        match kind {
            "user" => Uuid::try_parse(name).ok().map(Self::User),
            "group" => Some(Self::Group(name.to_owned())),
            "namespace" => parse_namespace(name).ok().map(|name| Self::Namespace(name.to_owned())),
            _ => None,
        }
    }
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = self.parts();
        write!(f, "{kind} {name}")
    }
}

/// Checks the name of a namespace.
pub fn parse_namespace(name: &str) -> Result<&str, InvalidValue> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    if begins && name.len() <= MAX_NAMESPACE && name.bytes().all(legal) {
        return Ok(name);
    }
    let rule = "use 1 to 32 characters of a-z 0-9 -, a letter first, and no colon";
    Err(InvalidValue::new("namespace", name, rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_external_subject_is_never_a_user_id_a_client_id_or_unreadable() {
        let good = ["crm:4711", "crm:a:b", "b2b-eu:x@y.example"];
        let bad = [
            "crm:",
            ":4711",
            "crm",
            "Crm:1",
            "1crm:1",
            "crm:a b",
            "crm:é",
            "crm:\n",
            "0190a6e2-7c1b-7c3a-9b1e-2f6f3c1d5a77",
        ];

        for text in good {
            let subject = ExternalSubject::parse(text).unwrap();
            assert_eq!(subject.as_str(), text);
            assert!(Uuid::try_parse(text).is_err());
            assert!(super::super::ClientId::parse(text).is_err(), "{text}");
        }
        for text in bad {
            assert_eq!(ExternalSubject::parse(text), None, "{text}");
        }
        let long = format!("crm:{}", "x".repeat(MAX_EXTERNAL_NAME + 1));
        assert_eq!(ExternalSubject::parse(&long), None);
    }
}
