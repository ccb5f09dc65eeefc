//! What a service relies on beyond a single access token: remembered verdicts, keys of its own, ID and logout
//! tokens, arbitrary bytes, silent logs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failing test should fail where it fails"
)]

mod arbitrary_bytes;
mod bound_tokens;
mod confusion;
mod cookie_vectors;
mod custom_keys;
mod encrypted;
mod encrypted_josekit;
mod id_token;
mod logout_token;
mod revocation;
mod silent_logs;
mod step_up;
mod token_cache;

use countersign_verifier::VerifyError;

pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const AUDIENCE: &str = "https://payments.example";
pub(crate) const CLIENT: &str = "web";
pub(crate) const NOW: i64 = 1_700_000_000;

pub(crate) fn code<T>(result: Result<T, VerifyError>) -> &'static str {
    result.err().map_or("accepted", |error| error.code())
}
