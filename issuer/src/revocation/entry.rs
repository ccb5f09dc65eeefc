//! What was revoked: the cause as the store knows it, and the entry of the sequence that nodes and verifiers are told
//! (decision 0031): which tokens are no longer good, and until when that matters.

use countersign_keys::Kid;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The most that a verifier forgives a clock (`VerifierBuilder::skew`): tokens may be taken for so long after they expired.
pub const FORGIVEN_SECONDS: i64 = 120;

/// How far ahead of the clock the level of a user lies: the clock of a node may be so far ahead. Tokens of users are made
/// from what the database says at that moment.
const USER_AHEAD_SECONDS: i64 = 2;

/// The same of a client, which a node that lost the database serves for five seconds more.
const CLIENT_AHEAD_SECONDS: i64 = 6;

/// A level never lies further ahead: tokens are dated after it, and verifiers forgive a clock 30 seconds.
pub const FURTHEST_AHEAD_SECONDS: i64 = 20;

/// What somebody revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// One token, and what came from it.
    Token {
        /// Its id.
        jti: String,
        /// Unix seconds.
        expires_at: i64,
    },
    /// What came from one code, or from one family of refresh tokens.
    Grant(Uuid),
    /// What was given in a session.
    Session(Uuid),
    /// What a key signed.
    Key(Kid),
    /// What a user was given until now, by the `sub`: also one that an app names in a namespace of its own.
    User(String),
    /// What a user was given until now through a client.
    UserAtClient {
        /// The user.
        user_id: Uuid,
        /// The client.
        client_id: String,
        /// With this scope only.
        scope: Option<String>,
    },
    /// What a client was given until now, or had a part in.
    Client(String),
}

impl Revoked {
    /// As it is told, if it happens at `at` (Unix seconds) and no token lives longer than `longest` seconds.
    pub fn entry(&self, at: i64, longest: i64) -> Entry {
        let level = match self {
            Self::User(_) | Self::UserAtClient { .. } => Some(at + USER_AHEAD_SECONDS),
            Self::Client(_) => Some(at + CLIENT_AHEAD_SECONDS),
            _ => None,
        };
        let last = match self {
            Self::Token { expires_at, .. } => *expires_at,
            _ => level.unwrap_or(at) + longest,
        };
        let entry = Entry { iat: level, exp: last + FORGIVEN_SECONDS, ..Entry::default() };
        match self {
            Self::Token { jti, .. } => Entry { jti: Some(jti.as_str().into()), ..entry },
            Self::Grant(id) => Entry { grant_id: Some(id.to_string().into()), ..entry },
            Self::Session(id) => Entry { sid: Some(id.to_string().into()), ..entry },
            Self::Key(kid) => Entry { kid: Some(kid.as_ref().into()), ..entry },
            Self::User(sub) => Entry { sub: Some(sub.as_str().into()), ..entry },
            Self::UserAtClient { user_id, client_id, scope } => Entry {
                sub: Some(user_id.to_string().into()),
                client_id: Some(client_id.as_str().into()),
                scope: scope.as_deref().map(Into::into),
                ..entry
            },
            Self::Client(id) => Entry { client_id: Some(id.as_str().into()), ..entry },
        }
    }
}

/// An entry of the sequence: a token that all its members match is no longer good.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
// What a later release says beside would narrow the entry: without it the entry would match too much.
#[serde(deny_unknown_fields)]
pub struct Entry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) jti: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) grant_id: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sid: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kid: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sub: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_id: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scope: Option<Box<str>>,
    /// Unix seconds: what was issued later is not meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) iat: Option<i64>,
    /// Unix seconds after which no token is left that it matches.
    pub(super) exp: i64,
}

/// What an entry says, taken apart.
#[derive(Clone, Copy, Debug)]
pub(super) enum Meant<'e> {
    /// Whatever has this id, of this kind.
    Id(IdKind, &'e str),
    /// What was issued to these until then.
    Level { sub: Option<&'e str>, client_id: Option<&'e str>, scope: Option<&'e str>, iat: i64 },
}

/// What an id is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum IdKind {
    Token,
    Grant,
    Session,
    Key,
}

impl Entry {
    /// The same, above levels of a moment ago that are about some of the same tokens: what was given since is dated after
    /// those, and is meant too.
    #[must_use]
    pub fn above(mut self, recent: &[Self], at: i64) -> Self {
        let Some(iat) = self.iat else { return self };
        let level =
            recent.iter().filter(|other| self.meets(other)).filter_map(|other| other.iat).max();
        let raised = level.map_or(iat, |level| level + 1).min(at + FURTHEST_AHEAD_SECONDS).max(iat);
        self.iat = Some(raised);
        self.exp += raised - iat;
        self
    }

    /// Whether a token can be under both levels.
    fn meets(&self, other: &Self) -> bool {
        let fits = |one: &Option<Box<str>>, other: &Option<Box<str>>| {
            one.is_none() || other.is_none() || one == other
        };
        fits(&self.sub, &other.sub) && fits(&self.client_id, &other.client_id)
    }

    /// Whether what it means depends on when a token was issued.
    pub fn is_level(&self) -> bool {
        self.iat.is_some()
    }

    /// Unix seconds after which it decides nothing.
    pub fn expires_at(&self) -> i64 {
        self.exp
    }

    /// What it says; none if that is not one of the things that an entry can say.
    pub(super) fn meant(&self) -> Option<Meant<'_>> {
        let ids = [
            (IdKind::Token, &self.jti),
            (IdKind::Grant, &self.grant_id),
            (IdKind::Session, &self.sid),
            (IdKind::Key, &self.kid),
        ];
        let mut named = ids.into_iter().filter_map(|(kind, id)| Some((kind, id.as_deref()?)));
        let (sub, client_id) = (self.sub.as_deref(), self.client_id.as_deref());
        let is_level = sub.is_some() || client_id.is_some();
        let is_narrow = self.scope.is_some() && (sub.is_none() || client_id.is_none());
        match (named.next(), named.next(), self.iat) {
            (Some((kind, id)), None, None) if !is_level && self.scope.is_none() => {
                Some(Meant::Id(kind, id))
            }
            // Only of what a user gave to a client can one scope be meant.
            (None, None, Some(iat)) if is_level && !is_narrow => {
                Some(Meant::Level { sub, client_id, scope: self.scope.as_deref(), iat })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_written_with_what_it_says_and_nothing_else() {
        let ada = Revoked::UserAtClient {
            user_id: Uuid::from_u128(7),
            client_id: "web".to_owned(),
            scope: Some("payments:read".to_owned()),
        };
        let token = Revoked::Token { jti: "t1".to_owned(), expires_at: 2_000 };

        let text = |revoked: &Revoked| serde_json::to_string(&revoked.entry(1_000, 600)).unwrap();

        assert_eq!(text(&token), r#"{"jti":"t1","exp":2120}"#);
        assert_eq!(
            text(&ada),
            r#"{"sub":"00000000-0000-0000-0000-000000000007","client_id":"web","scope":"payments:read","iat":1002,"exp":1722}"#
        );
        assert_eq!(
            text(&Revoked::Client("web".to_owned())),
            r#"{"client_id":"web","iat":1006,"exp":1726}"#
        );
    }

    #[test]
    fn what_was_given_after_a_level_is_under_the_next_one() {
        let client = |id: &str, at: i64| Revoked::Client(id.to_owned()).entry(at, 600);
        let user = |sub: &str, at: i64| Revoked::User(sub.to_owned()).entry(at, 600);
        let iat = |entry: Entry, recent: &[Entry]| entry.above(recent, 1_000).iat;

        assert_eq!(iat(user("ada", 1_000), &[]), Some(1_002));
        assert_eq!(iat(user("ada", 1_000), &[user("ada", 900)]), Some(1_002));
        // A token that was made meanwhile says 1003, and one for the client 1007.
        assert_eq!(iat(user("ada", 1_000), &[user("ada", 1_000)]), Some(1_003));
        assert_eq!(iat(user("ada", 1_000), &[client("web", 1_000)]), Some(1_007));
        assert_eq!(iat(client("web", 1_000), &[user("ada", 1_005)]), Some(1_008));
        assert_eq!(iat(user("ada", 1_000), &[user("eve", 1_000)]), Some(1_002));
        assert_eq!(iat(client("web", 1_000), &[client("shop", 1_003)]), Some(1_006));
        assert_eq!(iat(user("ada", 1_000), &[user("ada", 5_000)]), Some(1_020));
        assert_eq!(user("ada", 1_000).above(&[user("ada", 1_000)], 1_000).exp, 1_723);
    }

    #[test]
    fn what_is_not_understood_is_not_matched() {
        for text in [
            r#"{"exp":1}"#,
            r#"{"sub":"ada","exp":1}"#,
            r#"{"jti":"t1","sid":"s1","exp":1}"#,
            r#"{"jti":"t1","sub":"ada","iat":1,"exp":1}"#,
            r#"{"scope":"a","iat":1,"exp":1}"#,
            r#"{"sub":"ada","scope":"a","iat":1,"exp":1}"#,
            r#"{"client_id":"web","scope":"a","iat":1,"exp":1}"#,
        ] {
            let entry: Entry = serde_json::from_str(text).unwrap();
            assert!(entry.meant().is_none(), "{text}");
        }
        assert!(serde_json::from_str::<Entry>(r#"{"jti":"t1","aud":"x","exp":1}"#).is_err());
    }
}
