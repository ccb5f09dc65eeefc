//! A key set that outlives the process: exported by a running verifier, given to the next one at
//! start (`Start::Warm`), so that it verifies at once with the issuer gone. Keep it where only the
//! service can write: whoever alters it chooses the keys.

use countersign_keys::Algorithm;
use countersign_keys::JwkSet;
use serde::{Deserialize, Serialize};

/// Keys, where they came from and when they were last confirmed. Serializable.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The issuer to which the keys belong.
    pub(crate) issuer: String,
    /// The document, as JSON text.
    pub(crate) jwks: String,
    /// Its `ETag`.
    pub(crate) etag: Option<String>,
    /// When the issuer last confirmed it, Unix seconds.
    pub(crate) confirmed_at: i64,
    /// The issuer's `max-age` in seconds.
    pub(crate) max_age: Option<u64>,
    /// The issuer's `stale-if-error` in seconds.
    pub(crate) stale_if_error: Option<u64>,
}

/// Why a snapshot cannot be used at all. One that is merely too old is not an error.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// It is of another issuer.
    #[error("the snapshot is of another issuer")]
    OtherIssuer,
    /// Its keys do not parse.
    #[error("the snapshot has no usable keys")]
    Malformed,
}

impl Snapshot {
    /// When the issuer last confirmed these keys, Unix seconds.
    pub fn confirmed_at(&self) -> i64 {
        self.confirmed_at
    }

    #[cfg_attr(not(feature = "remote"), expect(dead_code, reason = "only remote keys warm up"))]
    pub(crate) fn keys(
        &self,
        issuer: &str,
        algorithms: &[Algorithm],
    ) -> Result<JwkSet, SnapshotError> {
        if self.issuer != issuer {
            return Err(SnapshotError::OtherIssuer);
        }
        let parsed = JwkSet::parse(self.jwks.as_bytes(), algorithms);
        parsed.map(|(keys, _)| keys).map_err(|_| SnapshotError::Malformed)
    }
}
