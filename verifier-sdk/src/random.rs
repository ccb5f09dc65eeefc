//! The door to randomness: values that nobody may guess.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// 256 bits in 43 characters of base64url: a `state`, a `nonce`, a `code_verifier`, a `jti`, the name of a session.
#[expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "this is the door, and without randomness every answer would be unsafe"
)]
pub(crate) fn unguessable() -> String {
    let mut bytes = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut bytes).expect("the operating system provides randomness");
    URL_SAFE_NO_PAD.encode(bytes)
}
