//! For whom a client may act: for the subjects of the tokens that its own resource is given, at another resource
//! (RFC 8693). Default deny: without a rule a client acts for nobody.

use crate::protocol::Identity;

/// What a client may get at one resource for the tokens that another one is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActingRule {
    /// The identifier of the resource that the client runs: the audience of the tokens that it brings.
    pub audience: String,
    /// The identifier of the resource that it calls.
    pub resource: String,
    /// A scope that the token must carry, or none in particular.
    pub needs: Option<String>,
    /// The scopes of the resource that it may have then.
    pub scopes: Vec<String>,
    /// The kinds of identity for which it may act.
    pub identities: Vec<Identity>,
    /// Whether the new token says who acts.
    pub semantics: Semantics,
}

/// How a client stands beside the subject for whom it acts (RFC 8693 §1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Semantics {
    /// The token names the client in `act`.
    Delegation,
    /// It does not: the resource cannot tell the client from the one that the subject came through.
    Impersonation,
}

impl ActingRule {
    /// Whether both are the same rule, of which a client has one at the most.
    pub fn is_about_the_same(&self, other: &Self) -> bool {
        let key = |rule: &Self| (rule.audience.clone(), rule.resource.clone(), rule.needs.clone());
        key(self) == key(other)
    }
}
