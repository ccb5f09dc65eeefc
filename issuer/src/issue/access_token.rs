//! The claims of an access token (RFC 9068 §2.2, and `idtyp`, which says whose identity it carries).

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::binding::Binding;
use crate::protocol::Identity;
use crate::revocation::{Holder, KeptMarks};

/// Who acts for the subject, the one who acts now first (RFC 8693 §4.1): each nests the one before it.
#[derive(Clone, Copy, Default)]
pub(super) struct Actors<'a>(pub &'a [&'a str]);

impl Actors<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Actors<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut actor = serializer.serialize_map(None)?;
        if let [now, before @ ..] = self.0 {
            actor.serialize_entry("sub", now)?;
            if !before.is_empty() {
                actor.serialize_entry("act", &Actors(before))?;
            }
        }
        actor.end()
    }
}

/// What the token is bound to (RFC 7800 §3.1).
#[derive(Clone, Copy, Serialize)]
pub(super) enum Confirmation<'a> {
    /// A key (RFC 9449 §6.1).
    #[serde(rename = "jkt")]
    Jkt(&'a str),
    /// A certificate (RFC 8705 §3.1).
    #[serde(rename = "x5t#S256")]
    X5tS256(&'a str),
}

impl<'a> Confirmation<'a> {
    pub(super) fn of(binding: &'a Binding) -> Self {
        match binding {
            Binding::Dpop(proof) => Self::Jkt(proof.jkt()),
            Binding::Certificate(certificate) => Self::X5tS256(certificate.x5t_s256()),
        }
    }
}

/// Where it is said whether the token was revoked (draft-ietf-oauth-status-list §6.1).
#[derive(Clone, Copy, Serialize)]
pub(super) struct Status<'a> {
    pub status_list: InStatusList<'a>,
}

/// A place in a list.
#[derive(Clone, Copy, Serialize)]
pub(super) struct InStatusList<'a> {
    pub idx: u32,
    pub uri: &'a str,
}

/// The payload, in the order in which it is written.
#[derive(Clone, Copy, Default, Serialize)]
pub(super) struct AccessTokenClaims<'a> {
    pub iss: &'a str,
    pub sub: &'a str,
    pub aud: &'a str,
    pub exp: i64,
    pub iat: i64,
    pub jti: &'a str,
    pub client_id: &'a str,
    pub idtyp: Identity,
    #[serde(skip_serializing_if = "Actors::is_empty")]
    pub act: Actors<'a>,
    /// The client that the first token of a chain of exchanges was issued to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin_client_id: Option<&'a str>,
    /// The ids of the tokens that this one came from, the oldest first: whoever revokes one of them means this one too.
    #[serde(skip_serializing_if = "<[&str]>::is_empty")]
    pub ancestor_jti: &'a [&'a str],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation<'a>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub scope: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub roles: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub groups: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub amr: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<Uuid>,
    /// The code or the family of refresh tokens that it came from: a replay of one of these takes it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<Uuid>,
    /// The claims that the UserInfo endpoint tells beyond those of the scopes; only in tokens for it.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub userinfo_claims: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status<'a>>,
}

impl<'a> AccessTokenClaims<'a> {
    /// For whom it is.
    pub(super) fn holder(&self) -> Holder<'a> {
        let clients = [self.client_id].into_iter().chain(self.origin_client_id);
        Holder {
            sub: self.sub,
            clients: clients.chain(self.act.0.iter().copied()).collect(),
            scopes: self.scope.split(' ').collect(),
        }
    }

    /// What a revocation can match of it, with the key that signed it.
    pub(super) fn kept_marks(&self, kid: &str) -> KeptMarks {
        let Holder { sub, clients, scopes } = self.holder();
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        KeptMarks {
            jti: self.jti.to_owned(),
            ancestors: owned(self.ancestor_jti.to_vec()),
            grant_id: self.grant_id,
            session_id: self.sid,
            kid: kid.to_owned(),
            sub: sub.to_owned(),
            clients: owned(clients),
            scopes: owned(scopes),
            issued_at: self.iat,
        }
    }

    pub(super) fn to_json(self) -> Vec<u8> {
        to_json(&self, 512)
    }
}

/// Serializes a value that has only strings, numbers and lists of them, which cannot fail.
pub(super) fn to_json(value: &impl Serialize, capacity: usize) -> Vec<u8> {
    let mut json = Vec::with_capacity(capacity);
    let written = serde_json::to_writer(&mut json, value);
    debug_assert!(written.is_ok(), "strings, numbers and lists always serialize");
    json
}
