//! Client assertions (RFC 7523 §3, RFC 7519 §4.1.7) and proofs of possession (RFC 9449 §11.1) are accepted once: one
//! conditional statement decides.

use super::columns::bytes_text;
use super::group_commit::Write;
use super::{Store, StoreError};
use crate::registry::ClientId;

impl Store {
    /// Consumes the `jti` of a client's assertion; true for exactly one caller on all nodes. The record is kept until
    /// `expires_at` (Unix seconds), when the assertion is refused by its `exp`.
    pub async fn consume_assertion_jti(
        &self,
        client_id: &ClientId,
        jti_hash: &[u8],
        expires_at: i64,
    ) -> Result<bool, StoreError> {
        self.will_expire(expires_at);
        let (client_id, jti_hash) = (client_id.to_string(), bytes_text(jti_hash));
        self.writes.ask(Write::ConsumeJti { client_id, jti_hash, expires_at }).await
    }

    /// Uses up a proof by the hash of its name; true for exactly one caller on all nodes. The record is kept until
    /// `expires_at` (Unix seconds), when the proof is refused by its age.
    pub async fn use_proof(&self, hash: String, expires_at: i64) -> Result<bool, StoreError> {
        self.will_expire(expires_at);
        self.writes.ask(Write::UseProof { hash, expires_at }).await
    }
}
