//! What an entry says, and of which tokens (decision 0031): the same eight kinds of names for both sides.

use std::borrow::Cow;

use countersign_keys::json::Name;
use serde::de::{DeserializeSeed as _, Deserializer};
use serde::{Deserialize, Serialize};

/// What a token is refused by. The label says it in metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Kind {
    Token,
    Grant,
    Session,
    User,
    Client,
    UserAtClient,
    Scope,
    Key,
}

impl Kind {
    pub(crate) const ALL: [Self; 8] = [
        Self::Token,
        Self::Grant,
        Self::Session,
        Self::User,
        Self::Client,
        Self::UserAtClient,
        Self::Scope,
        Self::Key,
    ];

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Token => "jti",
            Self::Grant => "grant_id",
            Self::Session => "sid",
            Self::User => "sub",
            Self::Client => "client_id",
            Self::UserAtClient => "sub_client_id",
            Self::Scope => "scope",
            Self::Key => "kid",
        }
    }
}

/// An entry as it is written. All members have to match a token; a member that is not known here might narrow it, so
/// such an entry is not understood.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written<'e> {
    #[serde(borrow, default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub(crate) jti: Option<Cow<'e, str>>,
    #[serde(borrow, default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub(crate) grant_id: Option<Cow<'e, str>>,
    #[serde(borrow, default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<Cow<'e, str>>,
    #[serde(borrow, default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub(crate) sub: Option<Cow<'e, str>>,
    #[serde(borrow, default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub(crate) client_id: Option<Cow<'e, str>>,
    #[serde(borrow, default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<Cow<'e, str>>,
    #[serde(borrow, default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub(crate) kid: Option<Cow<'e, str>>,
    #[serde(default, deserialize_with = "date", skip_serializing_if = "Option::is_none")]
    pub(crate) iat: Option<u64>,
    pub(crate) exp: u64,
}

/// An entry that is understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry<'e> {
    pub(crate) kind: Kind,
    /// As many as the kind has; the others are empty.
    pub(crate) names: [Cow<'e, str>; 3],
    /// The last second of issue that is meant, if not all are.
    pub(crate) issued_until: Option<u64>,
    pub(crate) expires_at: u64,
}

impl<'e> Written<'e> {
    /// What it means; none for a combination that decision 0031 does not have.
    pub(crate) fn understood(self) -> Option<Entry<'e>> {
        let Self { jti, grant_id, sid, sub, client_id, scope, kid, iat, exp } = self;
        let all = [&jti, &grant_id, &sid, &sub, &client_id, &scope, &kid];
        if all.into_iter().flatten().any(|name| name.is_empty()) {
            return None;
        }
        let none = || Cow::Borrowed("");
        let (kind, names) = match (jti, grant_id, sid, kid, sub, client_id, scope) {
            (Some(one), None, None, None, None, None, None) => (Kind::Token, [one, none(), none()]),
            (None, Some(one), None, None, None, None, None) => (Kind::Grant, [one, none(), none()]),
            (None, None, Some(one), None, None, None, None) => {
                (Kind::Session, [one, none(), none()])
            }
            (None, None, None, Some(one), None, None, None) => (Kind::Key, [one, none(), none()]),
            (None, None, None, None, Some(one), None, None) => (Kind::User, [one, none(), none()]),
            (None, None, None, None, None, Some(one), None) => {
                (Kind::Client, [one, none(), none()])
            }
            (None, None, None, None, Some(sub), Some(client), None) => {
                (Kind::UserAtClient, [sub, client, none()])
            }
            // Of a user, of a client, or of a user at a client.
            (None, None, None, None, sub, client, Some(scope))
                if sub.is_some() || client.is_some() =>
            {
                (Kind::Scope, [sub.unwrap_or_default(), client.unwrap_or_default(), scope])
            }
            _ => return None,
        };
        // Levels without a second would mean all tokens, also those of tomorrow.
        let is_level = !matches!(kind, Kind::Token | Kind::Grant | Kind::Session | Kind::Key);
        if is_level && iat.is_none() {
            return None;
        }
        Some(Entry { kind, names, issued_until: iat, expires_at: exp })
    }
}

/// A string that is there: null is not absent.
fn text<'de, D: Deserializer<'de>>(json: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    Name.deserialize(json).map(Some)
}

fn date<'de, D: Deserializer<'de>>(json: D) -> Result<Option<u64>, D::Error> {
    u64::deserialize(json).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(json: &str) -> Option<Kind> {
        serde_json::from_str::<Written<'_>>(json).ok()?.understood().map(|entry| entry.kind)
    }

    #[test]
    fn the_combinations_of_decision_0031_are_understood() {
        let rows = [
            (r#"{"jti":"1","exp":9}"#, Kind::Token),
            (r#"{"grant_id":"1","exp":9}"#, Kind::Grant),
            (r#"{"sid":"1","exp":9}"#, Kind::Session),
            (r#"{"kid":"1","exp":9}"#, Kind::Key),
            (r#"{"sub":"1","iat":8,"exp":9}"#, Kind::User),
            (r#"{"client_id":"1","iat":8,"exp":9}"#, Kind::Client),
            (r#"{"sub":"1","client_id":"2","iat":8,"exp":9}"#, Kind::UserAtClient),
            (r#"{"sub":"1","client_id":"2","scope":"a","iat":8,"exp":9}"#, Kind::Scope),
            (r#"{"sub":"1","scope":"a","iat":8,"exp":9}"#, Kind::Scope),
            (r#"{"client_id":"1","scope":"a","iat":8,"exp":9}"#, Kind::Scope),
        ];

        for (json, expected) in rows {
            assert_eq!(kind(json), Some(expected), "{json}");
        }
    }

    #[test]
    fn what_might_mean_less_or_more_is_not_understood() {
        let rows = [
            r#"{"exp":9}"#,
            r#"{"jti":"1"}"#,
            r#"{"jti":"","exp":9}"#,
            r#"{"jti":null,"exp":9}"#,
            r#"{"jti":1,"exp":9}"#,
            r#"{"jti":"1","exp":-9}"#,
            r#"{"jti":"1","exp":"9"}"#,
            r#"{"jti":"1","tenant":"2","exp":9}"#,
            r#"{"jti":"1","sid":"2","exp":9}"#,
            r#"{"jti":"1","sub":"2","iat":8,"exp":9}"#,
            r#"{"sub":"1","exp":9}"#,
            r#"{"sub":"1","iat":null,"exp":9}"#,
            r#"{"scope":"a","iat":8,"exp":9}"#,
            r#"{"sub":"","scope":"a","iat":8,"exp":9}"#,
            r#"{"sub":"1","scope":"a","exp":9}"#,
            "[]",
        ];

        for json in rows {
            assert_eq!(kind(json), None, "{json}");
        }
    }
}
