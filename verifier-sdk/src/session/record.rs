//! What a session keeps, and what the application sees of it.

use std::fmt;
use std::sync::Arc;

use countersign_keys::UnverifiedJws;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Claims that are about the token, not about the user.
const OF_THE_TOKEN: [&str; 12] = [
    "iss", "aud", "exp", "iat", "nbf", "jti", "nonce", "at_hash", "c_hash", "s_hash", "azp", "sid",
];

/// Sealed, in the cookie or in the store. Everything in it was verified when it came.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Record {
    /// The name of this session in the memory of ended ones.
    #[serde(rename = "n")]
    pub(super) name: String,
    /// When the user signed in here, Unix seconds.
    #[serde(rename = "b")]
    pub(super) began_at: i64,
    #[serde(rename = "i")]
    pub(super) id_token: String,
    #[serde(rename = "o")]
    pub(super) nonce: String,
    /// What UserInfo said at sign-in, beyond the ID token.
    #[serde(rename = "u", default, skip_serializing_if = "Map::is_empty")]
    pub(super) user_info: Map<String, Value>,
    #[serde(flatten)]
    pub(super) tokens: Tokens,
}

/// The tokens that change with each renewal.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Tokens {
    #[serde(rename = "a")]
    pub(super) access_token: String,
    /// Unix seconds.
    #[serde(rename = "e")]
    pub(super) expires_at: i64,
    /// How long the access token lives in seconds.
    #[serde(rename = "l")]
    pub(super) lifetime: i64,
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub(super) refresh_token: Option<String>,
}

/// The session of a person who is signed in. Cheap to clone.
#[derive(Clone)]
pub struct Session {
    facts: Arc<Facts>,
}

struct Facts {
    record: Record,
    /// All claims of the ID token, and behind them those of UserInfo.
    claims: Map<String, Value>,
}

impl Session {
    /// The ID token was verified when it came, and the seal proves that it is still the same.
    pub(super) fn of(record: Record) -> Option<Self> {
        let jws = UnverifiedJws::parse(&record.id_token).ok()?;
        let payload = jws.danger_unverified_payload().ok()?;
        let mut claims = record.user_info.clone();
        claims.extend(serde_json::from_slice::<Map<String, Value>>(&payload).ok()?);
        Some(Self { facts: Arc::new(Facts { record, claims }) })
    }

    /// `sub`: who is signed in.
    pub fn subject(&self) -> &str {
        self.text("sub").unwrap_or_default()
    }

    /// What the issuer says about the user: `sub`, and `name`, `email`, `roles` and so on, as the ID token has it (and
    /// UserInfo, if it is asked).
    pub fn user(&self) -> Map<String, Value> {
        let of_the_user = |(name, _): &(&String, &Value)| !OF_THE_TOKEN.contains(&name.as_str());
        let claims = self.facts.claims.iter().filter(of_the_user);
        claims.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// A claim about the user, e.g. `email`.
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.facts.claims.get(name)
    }

    /// The access token, renewed if it was about to expire: to call an API in the name of the user.
    pub fn access_token(&self) -> &str {
        &self.facts.record.tokens.access_token
    }

    /// When the user signed in here, Unix seconds.
    pub fn began_at(&self) -> i64 {
        self.facts.record.began_at
    }

    pub(super) fn record(&self) -> &Record {
        &self.facts.record
    }

    /// `sid`: the session at the issuer.
    pub(super) fn issuer_session(&self) -> Option<&str> {
        self.text("sid")
    }

    pub(super) fn authenticated_at(&self) -> Option<i64> {
        self.facts.claims.get("auth_time").and_then(Value::as_i64)
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.facts.claims.get(claim).and_then(Value::as_str)
    }
}

/// Prints when it began; no identifiers and no tokens, so that it may end up in a log.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("began_at", &self.began_at()).finish_non_exhaustive()
    }
}
