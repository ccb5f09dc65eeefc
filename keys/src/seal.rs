//! Sealing at rest: AES-256-GCM under a master key, bound to a context such as the `kid`, so that a row that was
//! altered or swapped does not open. The master key rotates: the first seals, any opens.
//!
//! Format: version 1 ‖ master key id (8 bytes) ‖ nonce (12 bytes, random) ‖ ciphertext ‖ tag (16 bytes). Version,
//! id and context are authenticated. Random nonces limit a master key to 2^32 seals.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use thiserror::Error;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const ID_BYTES: usize = 8;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
const PREFIX_BYTES: usize = 1 + ID_BYTES;
const KEY_BYTES: usize = 32;

/// Why something could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SealError {
    /// The text of a master key is not 32 bytes in base64 or hexadecimal.
    #[error("a master key must be 32 bytes in base64 or hexadecimal")]
    MalformedMasterKey,
    /// It was sealed under a master key that is not among those at hand.
    #[error("it was sealed under the master key {0}, which is not among those configured")]
    UnknownMasterKey(MasterKeyId),
    /// It was altered, or sealed for another context.
    #[error("it was altered, or it belongs to something else")]
    Altered,
    /// It was never sealed by this program, or by a newer one.
    #[error("it has not the form of something sealed")]
    Malformed,
    /// The cryptographic library could not seal.
    #[error("the cryptographic operation failed")]
    Operation,
}

impl SealError {
    /// A stable name for logs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::MalformedMasterKey => "malformed_master_key",
            Self::UnknownMasterKey(_) => "unknown_master_key",
            Self::Altered => "seal_altered",
            Self::Malformed => "seal_malformed",
            Self::Operation => "seal_operation_failed",
        }
    }
}

/// A public fingerprint by which messages can name a master key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MasterKeyId([u8; ID_BYTES]);

impl fmt::Display for MasterKeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for MasterKeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// A 256-bit master key. Not clonable; aws-lc-rs wipes it.
pub struct MasterKey {
    id: MasterKeyId,
    key: RandomizedNonceKey,
}

impl MasterKey {
    /// From 32 random bytes, which the caller wipes.
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Result<Self, SealError> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes).map_err(|_| SealError::Operation)?;
        let mac_key = hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let mac = hmac::sign(&mac_key, b"countersign master key id");
        let id = mac.as_ref().first_chunk().ok_or(SealError::Operation)?;
        Ok(Self { id: MasterKeyId(*id), key })
    }

    /// From the content of a file or variable: 32 bytes in base64, base64url or hexadecimal, with or without
    /// padding, surrounded by any whitespace.
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let text = text.trim();
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        if text.len() == 2 * KEY_BYTES {
            decode_hex(text, &mut bytes).ok_or(SealError::MalformedMasterKey)?;
        } else {
            let text = text.strip_suffix('=').unwrap_or(text);
            let mut buffer = Zeroizing::new([0; KEY_BYTES + 1]);
            let length = STANDARD_NO_PAD
                .decode_slice(text, buffer.as_mut_slice())
                .or_else(|_| URL_SAFE_NO_PAD.decode_slice(text, buffer.as_mut_slice()))
                .map_err(|_| SealError::MalformedMasterKey)?;
            let decoded = buffer.get(..length).and_then(|all| all.try_into().ok());
            *bytes = decoded.ok_or(SealError::MalformedMasterKey)?;
        }
        Self::from_bytes(&bytes)
    }

    /// Its fingerprint, which reveals nothing about it.
    pub fn id(&self) -> MasterKeyId {
        self.id
    }

    fn aad(&self, context: &str) -> Aad<Vec<u8>> {
        let prefix = [&[VERSION], self.id.0.as_slice()].concat();
        Aad::from([b"countersign seal\0", prefix.as_slice(), context.as_bytes()].concat())
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MasterKey").field("id", &self.id).finish_non_exhaustive()
    }
}

fn decode_hex(text: &str, bytes: &mut [u8; KEY_BYTES]) -> Option<()> {
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    for ([high, low], byte) in pairs.iter().zip(bytes) {
        let digit = |character: &u8| char::from(*character).to_digit(16);
        *byte = u8::try_from(digit(high)? << 4 | digit(low)?).ok()?;
    }
    Some(())
}

/// The master keys at hand: the first seals, any opens.
#[derive(Debug)]
pub struct MasterKeys {
    first: MasterKey,
    others: Vec<MasterKey>,
}

impl MasterKeys {
    /// With the key that seals from now on, and the former ones.
    pub fn new(first: MasterKey, others: Vec<MasterKey>) -> Self {
        Self { first, others }
    }

    /// The fingerprint of the key that seals.
    pub fn sealing_id(&self) -> MasterKeyId {
        self.first.id
    }

    /// Whether there are keys beside the one that seals.
    pub fn has_former(&self) -> bool {
        !self.others.is_empty()
    }

    /// How everything begins that the first key seals.
    pub fn prefix(&self) -> [u8; PREFIX_BYTES] {
        let mut prefix = [VERSION; PREFIX_BYTES];
        for (byte, of_id) in prefix.iter_mut().skip(1).zip(self.first.id.0) {
            *byte = of_id;
        }
        prefix
    }

    /// Seals under the first key. Only the same `context` opens it again.
    pub fn seal(&self, context: &str, plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        let MasterKey { id, key } = &self.first;
        let size = PREFIX_BYTES + NONCE_BYTES + plaintext.len() + TAG_BYTES;
        let mut sealed = Vec::with_capacity(size);
        sealed.push(VERSION);
        sealed.extend_from_slice(&id.0);
        let mut body = Zeroizing::new(plaintext.to_vec());
        let (nonce, tag) = key
            .seal_in_place_separate_tag(self.first.aad(context), &mut body)
            .map_err(|_| SealError::Operation)?;
        sealed.extend_from_slice(nonce.as_ref());
        sealed.extend_from_slice(&body);
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what was sealed for the same `context`, under whichever key it was.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (id, rest) = split_prefix(sealed)?;
        let master =
            self.iter().find(|master| master.id == id).ok_or(SealError::UnknownMasterKey(id))?;
        let (nonce, body) = rest.split_first_chunk().ok_or(SealError::Malformed)?;
        let mut body = Zeroizing::new(body.to_vec());
        let opened = master
            .key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), master.aad(context), &mut body)
            .map_err(|_| SealError::Altered)?
            .len();
        body.truncate(opened);
        Ok(body)
    }

    /// Whether it opens, but only under a key that is to go.
    pub fn needs_reseal(&self, sealed: &[u8]) -> bool {
        split_prefix(sealed).is_ok_and(|(id, _)| {
            id != self.first.id && self.others.iter().any(|other| other.id == id)
        })
    }

    fn iter(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

fn split_prefix(sealed: &[u8]) -> Result<(MasterKeyId, &[u8]), SealError> {
    let (&[version], rest) = sealed.split_first_chunk().ok_or(SealError::Malformed)?;
    let (id, rest) = rest.split_first_chunk().ok_or(SealError::Malformed)?;
    if version != VERSION || rest.len() < NONCE_BYTES + TAG_BYTES {
        return Err(SealError::Malformed);
    }
    Ok((MasterKeyId(*id), rest))
}
