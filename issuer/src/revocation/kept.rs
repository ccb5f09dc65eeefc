//! What of a token an entry can match, as it is kept for a status list (decision 0037).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Holder, Marks};

/// [`Marks`] of a token that has left.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeptMarks {
    /// Its own id.
    pub jti: String,
    /// Those of the tokens that it came from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ancestors: Vec<String>,
    /// The code or the family that it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<Uuid>,
    /// Its session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Uuid>,
    /// By which key it was signed.
    pub kid: String,
    /// Its `sub`.
    pub sub: String,
    /// The clients that have part in it.
    pub clients: Vec<String>,
    /// Its scopes.
    pub scopes: Vec<String>,
    /// Unix seconds.
    pub issued_at: i64,
}

impl KeptMarks {
    /// Whether one of what is revoked matches it: `is_revoked` is asked as for a token that comes.
    pub fn judged(&self, is_revoked: impl FnOnce(&Marks<'_>) -> bool) -> bool {
        let [grant_id, session_id] =
            [self.grant_id, self.session_id].map(|id| id.map(|id| id.to_string()));
        is_revoked(&Marks {
            jti: &self.jti,
            ancestors: self.ancestors.iter().map(String::as_str).collect(),
            grant_id: grant_id.as_deref(),
            session_id: session_id.as_deref(),
            kid: &self.kid,
            holder: Holder {
                sub: &self.sub,
                clients: self.clients.iter().map(String::as_str).collect(),
                scopes: self.scopes.iter().map(String::as_str).collect(),
            },
            issued_at: self.issued_at,
        })
    }
}
