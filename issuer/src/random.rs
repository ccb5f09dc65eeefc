//! The one place where randomness for tokens, secrets and ids is drawn: from the operating system
//! through aws-lc-rs. 128 bits where an id must not repeat, 256 where a value must not be guessed.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;
use zeroize::Zeroizing;

/// Bytes that nobody can predict.
///
/// # Panics
///
/// When the operating system gives no randomness: nothing that needs any may go on.
#[expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "this file is the door to randomness, and without it every answer would be unsafe"
)]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the operating system provides randomness");
    bytes
}

/// A new client secret: 256 bits in 43 characters of base64url.
pub fn client_secret() -> Zeroizing<String> {
    let bytes = Zeroizing::new(bytes::<32>());
    Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()))
}

/// A new `jti` (RFC 7519 §4.1.7): 128 bits in 22 characters of base64url.
pub fn jti() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<16>())
}

/// A new id of a user or a row: a UUIDv7, which sorts by time of creation.
#[expect(clippy::disallowed_methods, reason = "this file is the door to randomness")]
pub fn uuid() -> Uuid {
    Uuid::now_v7()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn r40_a_thousand_secrets_and_ids_neither_repeat_nor_share_a_prefix() {
        let secrets: HashSet<String> = (0..1000).map(|_| client_secret().to_string()).collect();
        let prefixes: HashSet<&str> = secrets.iter().map(|secret| &secret[..6]).collect();
        let ids: HashSet<String> = (0..1000).map(|_| jti()).collect();

        assert_eq!((secrets.len(), ids.len()), (1000, 1000));
        assert!(prefixes.len() > 990, "36 bits repeat in a thousand only by a fault");
        assert!(secrets.iter().all(|secret| secret.len() == 43));
    }
}
