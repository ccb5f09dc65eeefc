//! Typed claims of a verified payload (RFC 7519 §4, RFC 9068 §2.2), read in one strict pass.
//! Absent is not the same as malformed: a claim of the wrong type is an error, never a default.
//! Which claims must be there and what they must say is `validation`.

mod claim;
mod error;
mod reader;
mod text;

pub use claim::Claim;
pub use error::ClaimError;

use countersign_keys::VerifiedPayload;

use claim::Value;
use text::Span;

/// The registered claims of a token, owned. Strings are spans of the payload, so reading copies none.
#[derive(Clone)]
pub struct StandardClaims {
    payload: Payload,
    /// The unescaped form of every string that had escapes.
    unescaped: String,
    values: [Value; Claim::COUNT],
    /// The items of all lists.
    items: Vec<Span>,
}

#[derive(Clone)]
enum Payload {
    Verified(VerifiedPayload),
    /// `explain` reads claims that nobody has verified, and so do the cheap checks of a proof before its signature.
    Unverified(String),
}

impl StandardClaims {
    /// Reads the claims of a payload whose signature holds.
    ///
    /// Refuses wrong types, duplicate members at any level, control characters in strings,
    /// numbers outside `[0, 2^53)` and nesting deeper than 16.
    pub fn parse(payload: &VerifiedPayload) -> Result<Self, ClaimError> {
        Self::parse_owned(payload.clone())
    }

    /// The same without a copy of the payload.
    pub(crate) fn parse_owned(payload: VerifiedPayload) -> Result<Self, ClaimError> {
        Self::read(Payload::Verified(payload))
    }

    /// The same for text of any origin.
    pub(crate) fn parse_unverified(payload: String) -> Result<Self, ClaimError> {
        Self::read(Payload::Unverified(payload))
    }

    fn read(payload: Payload) -> Result<Self, ClaimError> {
        let mut claims = Self {
            payload,
            unescaped: String::new(),
            values: [Value::Absent; Claim::COUNT],
            items: Vec::new(),
        };
        reader::read(&mut claims)?;
        Ok(claims)
    }

    /// The JSON text of the payload, as signed.
    pub fn payload(&self) -> &str {
        self.payload.as_str()
    }

    /// Whether the claim is in the token.
    pub fn has(&self, claim: Claim) -> bool {
        !matches!(self.value(claim), Value::Absent)
    }

    /// A claim with one string value, e.g. [`Claim::Iss`].
    pub fn text(&self, claim: Claim) -> Option<&str> {
        match self.value(claim) {
            Value::Text(span) => Some(self.slice(*span)),
            _ => None,
        }
    }

    /// A claim that is an object, e.g. [`Claim::Events`], as strict JSON text.
    pub fn object(&self, claim: Claim) -> Option<&str> {
        match self.value(claim) {
            Value::Object(span) => Some(self.slice(*span)),
            _ => None,
        }
    }

    /// A NumericDate in seconds (RFC 7519 §2), e.g. [`Claim::Exp`]; a fraction is cut off.
    pub fn date(&self, claim: Claim) -> Option<i64> {
        match self.value(claim) {
            Value::Date(seconds) => Some(*seconds),
            _ => None,
        }
    }

    /// A claim that is a list of strings, e.g. [`Claim::Roles`]. A single string is a list of one,
    /// except for scopes, where it is split at spaces (RFC 6749 §3.3). Nested actors are a list too.
    pub fn list(&self, claim: Claim) -> impl Iterator<Item = &str> {
        let (single, many) = match self.value(claim) {
            Value::Text(span) => (self.slice(*span), [].as_slice()),
            Value::List(range) => ("", self.items.get(range.range()).unwrap_or_default()),
            _ => ("", [].as_slice()),
        };
        single
            .split(move |letter| letter == ' ' && claim.is_scope())
            .chain(many.iter().map(|span| self.slice(*span)))
            .filter(|item| !item.is_empty())
    }

    /// Whether the claim was written as one string, not as a list.
    pub fn is_single(&self, claim: Claim) -> bool {
        matches!(self.value(claim), Value::Text(_))
    }

    /// `iss` (RFC 7519 §4.1.1).
    pub fn issuer(&self) -> Option<&str> {
        self.text(Claim::Iss)
    }

    /// `sub` (RFC 7519 §4.1.2).
    pub fn subject(&self) -> Option<&str> {
        self.text(Claim::Sub)
    }

    /// `aud` as a list (RFC 7519 §4.1.3).
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        self.list(Claim::Aud)
    }

    /// `exp`, Unix seconds (RFC 7519 §4.1.4).
    pub fn expires_at(&self) -> Option<i64> {
        self.date(Claim::Exp)
    }

    /// `iat`, Unix seconds (RFC 7519 §4.1.6).
    pub fn issued_at(&self) -> Option<i64> {
        self.date(Claim::Iat)
    }

    /// `nbf`, Unix seconds (RFC 7519 §4.1.5).
    pub fn not_before(&self) -> Option<i64> {
        self.date(Claim::Nbf)
    }

    /// `jti` (RFC 7519 §4.1.7).
    pub fn token_id(&self) -> Option<&str> {
        self.text(Claim::Jti)
    }

    /// `act.sub`: who acts for the subject now (RFC 8693 §4.1), the outermost actor.
    pub fn actor(&self) -> Option<&str> {
        self.actors().next()
    }

    /// All that act for the subject, the outermost first: the one that acts now, and those before it.
    pub fn actors(&self) -> impl Iterator<Item = &str> {
        self.list(Claim::Act)
    }

    /// The bytes of each string of a claim that has one, or a list of them; those of a scope are not split.
    #[inline]
    pub(crate) fn each(&self, claim: Claim) -> impl Iterator<Item = &[u8]> {
        let spans = match self.value(claim) {
            Value::Text(span) => std::slice::from_ref(span),
            Value::List(range) => self.items.get(range.range()).unwrap_or_default(),
            _ => &[],
        };
        spans.iter().map(|span| {
            let payload = self.payload.as_str();
            let (text, range) = match span.beyond(payload.len()) {
                Some(range) => (self.unescaped.as_str(), range),
                None => (payload, span.range()),
            };
            text.as_bytes().get(range).unwrap_or_default()
        })
    }

    fn value(&self, claim: Claim) -> &Value {
        self.values.get(claim as usize).unwrap_or(&Value::Absent)
    }

    fn slice(&self, span: Span) -> &str {
        let payload = self.payload.as_str();
        let text = match span.beyond(payload.len()) {
            Some(range) => self.unescaped.get(range),
            None => payload.get(span.range()),
        };
        text.unwrap_or_default()
    }
}

impl Payload {
    fn as_str(&self) -> &str {
        match self {
            Self::Verified(payload) => payload.as_str(),
            Self::Unverified(payload) => payload,
        }
    }
}

/// Prints which claims there are, never their values.
impl std::fmt::Debug for StandardClaims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let present = Claim::ALL.iter().filter(|claim| self.has(**claim)).map(|claim| claim.name());
        f.debug_list().entries(present).finish()
    }
}

#[cfg(test)]
mod tests;
