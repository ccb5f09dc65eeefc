//! What a token is for: in whose name, at which resource, with which scopes.

use std::fmt;
use std::sync::Arc;

/// A token that is wanted. Equal requests share one token.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TokenRequest {
    pub(super) name: InTheNameOf,
    pub(super) resource: String,
    pub(super) scope: String,
}

/// In whose name a call is made.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum InTheNameOf {
    /// The client's own (RFC 6749 §4.4).
    Itself,
    /// The subject of a token that the client was given (RFC 8693).
    Caller { subject_token: Arc<str> },
    /// A user whom the client names (RFC 7523 §2.1).
    User { subject: String, reason: Option<String> },
}

impl TokenRequest {
    /// A token for a resource (RFC 8707), in the client's own name, with the scopes that it has there.
    pub fn for_resource(resource: &str) -> Self {
        Self { name: InTheNameOf::Itself, resource: resource.to_owned(), scope: String::new() }
    }

    /// With this scope, and those that were named before.
    #[must_use]
    pub fn scope(mut self, scope: &str) -> Self {
        if !self.scope.is_empty() {
            self.scope.push(' ');
        }
        self.scope.push_str(scope);
        self
    }

    /// In the name of whoever presented this access token to the service (RFC 8693). The new token names all that act.
    #[must_use]
    pub fn on_behalf_of(self, access_token: &str) -> Self {
        Self { name: InTheNameOf::Caller { subject_token: access_token.into() }, ..self }
    }

    /// About a user who did not sign in: by id, by username, or in a namespace of the client's. The client signs that, so it
    /// must authenticate by a private key. The new token says that only the client did.
    #[must_use]
    pub fn about_user(self, subject: &str) -> Self {
        let name = InTheNameOf::User { subject: subject.to_owned(), reason: None };
        Self { name, ..self }
    }

    /// Why a user is named, for the audit log of the issuer.
    #[must_use]
    pub fn reason(mut self, text: &str) -> Self {
        if let InTheNameOf::User { reason, .. } = &mut self.name {
            *reason = Some(text.to_owned());
        }
        self
    }
}

/// Without the token.
impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.name {
            InTheNameOf::Itself => "itself",
            InTheNameOf::Caller { .. } => "its caller",
            InTheNameOf::User { .. } => "a user",
        };
        f.debug_struct("TokenRequest")
            .field("in_the_name_of", &name)
            .field("resource", &self.resource)
            .field("scope", &self.scope)
            .finish()
    }
}
