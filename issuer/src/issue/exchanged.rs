//! What a token says that a client got for another one (RFC 8693 §4): all that the other said of its subject, who acts now,
//! and where it came from.

use super::access_token::{AccessTokenClaims, Actors};
use crate::protocol::Identity;
use crate::registry::User;
use crate::token::subject_token::SubjectToken;

/// The chain that a new token carries, borrowed from the old one.
pub(super) struct Chain<'a> {
    pub subject: String,
    pub actors: Vec<&'a str>,
    ancestors: Vec<&'a str>,
}

impl<'a> Chain<'a> {
    /// With the client as its new end, unless it acts unseen.
    pub(super) fn new(token: &'a SubjectToken, client_id: &'a str, is_unseen: bool) -> Self {
        let acting = (!is_unseen).then_some(client_id);
        let before = token.actors.iter().map(String::as_str);
        let ancestors = token.ancestors.iter().map(String::as_str);
        Self {
            subject: token.about.subject(),
            actors: acting.into_iter().chain(before).collect(),
            ancestors: ancestors.chain([token.jti.as_str()]).collect(),
        }
    }

    /// What is known of a sign-in is that of the first token: nobody signs in by an exchange.
    pub(super) fn claims(
        &'a self,
        (user, token): (Option<&'a User>, &'a SubjectToken),
        claims: &AccessTokenClaims<'a>,
    ) -> AccessTokenClaims<'a> {
        let groups = match (token.identity, user) {
            (Identity::User, Some(user)) => user.groups.as_slice(),
            _ => &[],
        };
        let sign_in = &token.sign_in;
        AccessTokenClaims {
            sub: &self.subject,
            idtyp: token.identity,
            act: Actors(&self.actors),
            origin_client_id: Some(&token.origin_client_id),
            ancestor_jti: &self.ancestors,
            groups,
            auth_time: sign_in.auth_time,
            acr: sign_in.acr.as_deref(),
            amr: &sign_in.amr,
            sid: sign_in.session_id,
            grant_id: sign_in.grant_id,
            ..*claims
        }
    }
}
