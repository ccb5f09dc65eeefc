//! Values that leave the issuer and come back unchanged: authorization codes, and the state of a sign-in between two
//! pages. Sealed, they need no row, reveal nothing and cannot be altered; each is bound to one purpose. The same room
//! computes the values that follow from a secret: hashes of cookies, refresh tokens, pairwise subjects.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

const NONCE_BYTES: usize = 12;

/// Longer than any value that was sealed here: what is longer is not even decoded.
const MAX_SEALED_CHARACTERS: usize = 16 * 1024;

/// What a value is for; it opens for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An authorization code (RFC 6749 §4.1.2).
    AuthorizationCode,
    /// An authorization request that waits for the user.
    Interaction,
    /// A request to sign out that waits for the user.
    Logout,
    /// The hash of a session cookie.
    SessionCookie,
    /// The hash of the cookie that names a browser before anybody signed in.
    BrowserCookie,
    /// A refresh token (RFC 6749 §1.5).
    RefreshToken,
    /// A `sub` that is different for each sector (OpenID Connect Core §8.1).
    PairwiseSubject,
    /// The hash of something that is good once.
    OneTime,
    /// A sign-in at an upstream provider that was begun in this browser.
    Upstream,
    /// The `request_uri` of a pushed authorization request (RFC 9126).
    PushedRequest,
    /// What a device asks for its tokens with (RFC 8628).
    DeviceCode,
    /// The hash of the code that a device shows (RFC 8628).
    UserCode,
    /// The key of nonces for proofs of possession (RFC 9449 §8).
    ProofNonce,
    /// A sign-in that was begun at a host behind a gateway.
    GatewaySignIn,
    /// The session of a browser at a host behind a gateway.
    GatewaySession,
    /// The header with which a receiver of signals is called (RFC 8935 §3).
    ReceiverAuthorization,
}

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::AuthorizationCode => b"authorization code",
            Self::Interaction => b"interaction",
            Self::Logout => b"logout",
            Self::SessionCookie => b"session cookie",
            Self::BrowserCookie => b"browser cookie",
            Self::RefreshToken => b"refresh token",
            Self::PairwiseSubject => b"pairwise subject",
            Self::OneTime => b"one time",
            Self::Upstream => b"upstream",
            Self::PushedRequest => b"pushed request",
            Self::DeviceCode => b"device code",
            Self::UserCode => b"user code",
            Self::ProofNonce => b"proof nonce",
            Self::GatewaySignIn => b"gateway sign-in",
            Self::GatewaySession => b"gateway session",
            Self::ReceiverAuthorization => b"receiver authorization",
        }
    }
}

/// The cryptographic library could not seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a value could not be sealed")]
pub struct SealFailed;

/// Seals and opens. Prints nothing of its keys.
pub struct Sealer {
    key: RandomizedNonceKey,
    mac_key: hmac::Key,
}

impl Sealer {
    /// A sealer with the store's sealed key.
    ///
    /// # Errors
    ///
    /// If the library refuses the key, which it never does.
    pub fn new(root: &[u8]) -> Result<Self, SealFailed> {
        let root = hmac::Key::new(hmac::HMAC_SHA256, root);
        let sealing = hmac::sign(&root, b"seal");
        let mac = hmac::sign(&root, b"mac");
        // AES-GCM-SIV: random nonces may repeat by chance without harm, however many values are sealed (RFC 8452).
        let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, sealing.as_ref());
        let mac_key = hmac::Key::new(hmac::HMAC_SHA256, mac.as_ref());
        Ok(Self { key: key.map_err(|_| SealFailed)?, mac_key })
    }

    /// Seals a value.
    ///
    /// # Errors
    ///
    /// If the library fails.
    pub fn seal(&self, purpose: Purpose, value: &impl Serialize) -> Result<String, SealFailed> {
        let mut sealed = serde_json::to_vec(value).map_err(|_| SealFailed)?;
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(purpose.label()), &mut sealed)
            .map_err(|_| SealFailed)?;
        sealed.extend_from_slice(nonce.as_ref());
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens what was sealed for this purpose; `None` for anything else.
    pub fn open<T: DeserializeOwned>(&self, purpose: Purpose, text: &str) -> Option<T> {
        if text.len() > MAX_SEALED_CHARACTERS {
            return None;
        }
        let mut sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let nonce = sealed.split_off(sealed.len().checked_sub(NONCE_BYTES)?);
        let nonce = Nonce::try_assume_unique_for_key(&nonce).ok()?;
        let opened = self.key.open_in_place(nonce, Aad::from(purpose.label()), &mut sealed).ok()?;
        serde_json::from_slice(opened).ok()
    }

    /// 256 bits that follow from some parts, and that nobody else can compute. Each part is prefixed by its length, so
    /// that no two lists of parts look alike.
    pub fn mac(&self, purpose: Purpose, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.mac_key);
        for part in [purpose.label()].iter().chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let tag = context.sign();
        let mut mac = [0; 32];
        mac.copy_from_slice(tag.as_ref());
        mac
    }

    /// The same as text.
    pub fn mac_text(&self, purpose: Purpose, parts: &[&[u8]]) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(purpose, parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cve_2026_27840_a_sealed_value_opens_whole_unaltered_and_for_its_purpose_only() {
        let sealer = Sealer::new(&[7; 32]).unwrap();
        let text = sealer.seal(Purpose::AuthorizationCode, &("ada", 7)).unwrap();
        let open = |text: &str| sealer.open::<(String, i64)>(Purpose::AuthorizationCode, text);

        assert_eq!(open(&text), Some(("ada".to_owned(), 7)));
        assert_eq!(sealer.open::<(String, i64)>(Purpose::Interaction, &text), None);
        assert_eq!(
            Sealer::new(&[8; 32]).unwrap().open::<(String, i64)>(Purpose::AuthorizationCode, &text),
            None
        );
        for cut in 0..text.len() {
            assert_eq!(open(&text[..cut]), None);
            let other = if text.as_bytes()[cut] == b'A' { "B" } else { "A" };
            let altered = format!("{}{other}{}", &text[..cut], &text[cut + 1..]);
            assert_eq!(open(&altered), None, "{cut}");
        }
        assert_eq!(open(&format!("{text}A")), None);
    }

    #[test]
    fn sealing_twice_gives_different_texts_and_macs_differ_by_purpose_and_parts() {
        let sealer = Sealer::new(&[7; 32]).unwrap();
        let seal = || sealer.seal(Purpose::Interaction, &1).unwrap();

        assert_ne!(seal(), seal());
        let macs = [
            sealer.mac(Purpose::RefreshToken, &[b"ab", b"c"]),
            sealer.mac(Purpose::RefreshToken, &[b"a", b"bc"]),
            sealer.mac(Purpose::SessionCookie, &[b"ab", b"c"]),
        ];
        assert!(macs[0] != macs[1] && macs[0] != macs[2]);
    }
}
