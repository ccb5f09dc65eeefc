//! Signing addressed by `kid`, so that the key may be in this process, in a PKCS#11 device or in a key service.

use std::fmt;

use arrayvec::ArrayVec;

use crate::algorithm::Algorithm;
use crate::error::KeyError;
use crate::jwk::Kid;

/// Something that signs with exactly one key and one algorithm.
pub trait Signer: Send + Sync {
    /// The algorithm of its signatures.
    fn algorithm(&self) -> Algorithm;

    /// The name of its key.
    fn kid(&self) -> &Kid;

    /// Size of its signatures in bytes.
    fn signature_size(&self) -> usize;

    /// Signs a message in the form that JWS wants (r‖s for ECDSA).
    fn sign(&self, message: &[u8]) -> Result<Signature, KeyError>;
}

/// A raw signature, on the stack.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(ArrayVec<u8, { Self::MAX_SIZE }>);

impl Signature {
    /// The largest in bytes: RSA with 4096 bits.
    pub const MAX_SIZE: usize = 512;

    /// From raw bytes; an error when there are too many.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        ArrayVec::try_from(bytes).map(Self).map_err(|_| KeyError::Operation)
    }

    /// To be filled in.
    pub(crate) fn zeroed(size: usize) -> Result<Self, KeyError> {
        Self::from_bytes([0; Self::MAX_SIZE].get(..size).ok_or(KeyError::Operation)?)
    }
}

impl AsRef<[u8]> for Signature {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AsMut<[u8]> for Signature {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Signature").field("bytes", &self.0.len()).finish()
    }
}
