//! How client secrets are kept: one HMAC-SHA256 with a key that is itself sealed in the store. A
//! secret has 256 random bits, so that a slow hash would protect nothing and cost everything.

use aws_lc_rs::{constant_time, hmac};

use crate::registry::StoredSecret;

/// Makes the digests of client secrets. Prints nothing of its key.
pub struct SecretHasher(hmac::Key);

/// The digest of a presented secret.
pub struct SecretDigest([u8; 32]);

impl SecretHasher {
    /// A hasher with the store's sealed key.
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The digest of a client's secret. It is bound to the client: copied to the row of another, it
    /// opens nothing.
    pub fn digest(&self, client_id: &str, secret: &str) -> SecretDigest {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(client_id.as_bytes());
        context.update(&[0]);
        context.update(secret.as_bytes());
        let tag = context.sign();
        let mut digest = [0; 32];
        digest.copy_from_slice(tag.as_ref());
        SecretDigest(digest)
    }
}

impl SecretDigest {
    /// The bytes that the store keeps.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0
    }

    /// The stored secret that has this digest; each is compared in constant time.
    pub fn find<'s>(
        &self,
        stored: impl Iterator<Item = &'s StoredSecret>,
    ) -> Option<&'s StoredSecret> {
        stored.fold(None, |found, candidate| {
            let same = constant_time::verify_slices_are_equal(&self.0, &candidate.digest).is_ok();
            if same { Some(candidate) } else { found }
        })
    }
}
