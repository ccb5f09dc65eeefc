//! Encrypted tokens (RFC 7516, feature `jwe`): opened in front of all checks, and then verified as any other token. Anyone can
//! encrypt to a public key, so that opening proves nothing; and nothing that the outside of a token says is believed.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

pub use countersign_keys::jwe::{
    ContentEncryption, DecryptionKey, EncryptionJwk, EncryptionKey, KeyManagement,
};

use countersign_keys::jwe::{EncryptedToken, is_compact};

use crate::error::VerifyError;
use crate::verifier::BuildError;

/// The private keys of a recipient, by `kid`. Register the public halves ([`EncryptionKey::to_jwk`]) at the issuer.
///
/// To change keys without an outage: give the service the old and the new one, register the new one alone, and take the
/// old one away when the last token that was encrypted to it has expired. One key has one algorithm.
#[derive(Clone)]
#[must_use]
pub struct DecryptionKeys {
    keys: Arc<[DecryptionKey]>,
    plain: Plain,
}

/// Whether a token that is not encrypted is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Plain {
    Accepted,
    Refused,
}

impl DecryptionKeys {
    /// These keys. Tokens that are not encrypted are taken too.
    pub fn new(keys: impl IntoIterator<Item = DecryptionKey>) -> Self {
        Self { keys: keys.into_iter().collect(), plain: Plain::Accepted }
    }

    /// Refuses what is not encrypted.
    pub fn required(self) -> Self {
        Self { plain: Plain::Refused, ..self }
    }

    /// The same keys, which open what is encrypted and take what is not.
    pub(crate) fn accepting_plain(&self) -> Self {
        Self { keys: Arc::clone(&self.keys), plain: Plain::Accepted }
    }

    pub(crate) fn check(&self) -> Result<(), BuildError> {
        if self.keys.is_empty() {
            return Err(BuildError::Setting("there is no decryption key"));
        }
        let mut kids: Vec<_> = self.keys.iter().map(DecryptionKey::kid).collect();
        kids.sort_unstable();
        if kids.windows(2).any(|pair| matches!(pair, [one, other] if one == other)) {
            return Err(BuildError::Setting("two decryption keys have the same kid"));
        }
        Ok(())
    }

    /// The signed token inside, or the token itself.
    pub(crate) fn open<'t>(
        &self,
        token: &'t str,
        max_bytes: usize,
    ) -> Result<Cow<'t, str>, VerifyError> {
        if !is_compact(token, max_bytes) {
            return match self.plain {
                Plain::Accepted => Ok(Cow::Borrowed(token)),
                Plain::Refused => Err(VerifyError::NotEncrypted),
            };
        }
        let encrypted = EncryptedToken::parse_within(token, max_bytes)?;
        let key = match (encrypted.kid(), &*self.keys) {
            (Some(kid), keys) => keys.iter().find(|key| key.kid() == kid),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        let key = key.ok_or(VerifyError::UnknownDecryptionKey)?;
        Ok(Cow::Owned(encrypted.open_token(key)?))
    }
}

impl fmt::Debug for DecryptionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kids: Vec<_> = self.keys.iter().map(DecryptionKey::kid).collect();
        f.debug_struct("DecryptionKeys").field("kids", &kids).field("plain", &self.plain).finish()
    }
}
