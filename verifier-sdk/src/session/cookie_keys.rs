//! What the browser keeps is sealed (AES-256-GCM by aws-lc-rs): it can neither be read nor changed outside, nor be
//! moved from one cookie, client or issuer to another.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_keys::seal::{MasterKey, MasterKeys, SealError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The keys under which cookies and stored sessions are sealed: the first seals, each opens. To rotate, put a new one
/// in front and take the old one away after the lifetime of a session. Each is good for four thousand million seals.
#[derive(Debug)]
pub struct CookieKeys {
    keys: MasterKeys,
}

/// The text is not 32 bytes in base64 or hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a cookie key must be 32 random bytes in base64 or hexadecimal")]
pub struct CookieKeyError;

impl CookieKeys {
    /// From the texts of keys, e.g. of `openssl rand -base64 32`, the one that seals first.
    pub fn parse<'k>(
        first: &str,
        former: impl IntoIterator<Item = &'k str>,
    ) -> Result<Self, CookieKeyError> {
        let parse = |text: &str| MasterKey::parse(text).map_err(|_: SealError| CookieKeyError);
        let former = former.into_iter().map(parse).collect::<Result<_, _>>()?;
        Ok(Self { keys: MasterKeys::new(parse(first)?, former) })
    }

    /// Seals for exactly this context.
    pub(super) fn seal(&self, context: &str, value: &impl Serialize) -> Option<String> {
        let json = serde_json::to_vec(value).ok()?;
        let sealed = self.keys.seal(context, &json).ok()?;
        Some(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens what was sealed for exactly this context. What does not open was never ours.
    pub(super) fn open<T: DeserializeOwned>(&self, context: &str, text: &str) -> Option<T> {
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let json = self.keys.open(context, &sealed).ok()?;
        serde_json::from_slice(&json).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const NEW: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

    fn keys(first: &str, former: &[&str]) -> CookieKeys {
        CookieKeys::parse(first, former.iter().copied()).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_in_its_context_only_and_unchanged_only() {
        let keys = keys(NEW, &[]);
        let sealed = keys.seal("session", &"secret").unwrap();

        assert!(!sealed.contains("secret"));
        assert_eq!(keys.open::<String>("session", &sealed).as_deref(), Some("secret"));
        assert_eq!(keys.open::<String>("login", &sealed), None);
        for position in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(keys.open::<String>("session", &changed), None, "{position}");
        }
    }

    #[test]
    fn a_former_key_opens_until_it_is_taken_away() {
        let sealed = keys(OLD, &[]).seal("session", &1).unwrap();

        assert_eq!(keys(NEW, &[OLD]).open::<u8>("session", &sealed), Some(1));
        assert_eq!(keys(NEW, &[]).open::<u8>("session", &sealed), None);
        let resealed = keys(NEW, &[OLD]).seal("session", &1).unwrap();
        assert_eq!(keys(NEW, &[]).open::<u8>("session", &resealed), Some(1));
    }

    #[test]
    fn weak_keys_are_refused() {
        for text in ["", "secret", "AAAA", &"A".repeat(64).replace('A', "z")] {
            assert!(CookieKeys::parse(text, []).is_err(), "{text}");
        }
    }
}
