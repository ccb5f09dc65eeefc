//! The content (RFC 7518 §5): authenticated encryption under a key that is used once. What was altered is never decrypted,
//! so that no padding can be asked about.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::cipher::{
    AES_128, AES_CBC_IV_LEN, DecryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;

use super::{ContentEncryption, EncryptedToken, KEY_BYTES};
use crate::base64url;
use crate::error::JweError;

/// Bytes of an authentication tag; a shorter one is no tag (RFC 7518 §5.2.2.1, §5.3).
pub(super) const TAG_BYTES: usize = 16;
const BLOCK_BYTES: usize = 16;

impl ContentEncryption {
    pub(super) const fn iv_bytes(self) -> usize {
        match self {
            Self::A256Gcm => NONCE_LEN,
            Self::A128CbcHs256 => AES_CBC_IV_LEN,
        }
    }

    /// Whether a ciphertext can have this size.
    pub(super) const fn has_size(self, bytes: usize) -> bool {
        match self {
            Self::A256Gcm => bytes > 0,
            Self::A128CbcHs256 => bytes > 0 && bytes.is_multiple_of(BLOCK_BYTES),
        }
    }

    /// Bytes of the ciphertext of so many bytes.
    pub(super) const fn ciphertext_bytes(self, bytes: usize) -> usize {
        match self {
            Self::A256Gcm => bytes,
            Self::A128CbcHs256 => (bytes / BLOCK_BYTES + 1) * BLOCK_BYTES,
        }
    }
}

/// What encryption yields besides the ciphertext.
pub(super) struct Sealed {
    pub(super) iv: Vec<u8>,
    pub(super) ciphertext: Vec<u8>,
    pub(super) tag: Vec<u8>,
}

/// Opens the content; every failure is the same.
pub(super) fn open(token: &EncryptedToken<'_>, key: &[u8; KEY_BYTES]) -> Result<Vec<u8>, JweError> {
    let aad = token.protected.as_bytes();
    let mut iv = [0; AES_CBC_IV_LEN];
    let mut tag = [0; TAG_BYTES];
    let iv = base64url::decode_into(token.iv, &mut iv);
    let tag = base64url::decode_into(token.tag, &mut tag);
    let (iv, tag) = iv.zip(tag).ok_or(JweError::NotOpened)?;
    let opened = match token.header.encryption {
        ContentEncryption::A256Gcm => open_gcm(token, key, (aad, iv, tag)),
        ContentEncryption::A128CbcHs256 => open_cbc(token, key, (aad, iv, tag)),
    };
    opened.map_err(|_| JweError::NotOpened)
}

/// Header, nonce and tag.
type Around<'a> = (&'a [u8], &'a [u8], &'a [u8]);

fn open_gcm(
    token: &EncryptedToken<'_>,
    key: &[u8; KEY_BYTES],
    (aad, iv, tag): Around<'_>,
) -> Result<Vec<u8>, Unspecified> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, key)?;
    let nonce = Nonce::try_assume_unique_for_key(iv)?;
    let mut content = base64url::decode(token.ciphertext).ok_or(Unspecified)?;
    content.extend_from_slice(tag);
    let bytes = key.open_in_place(nonce, Aad::from(aad), &mut content)?.len();
    content.truncate(bytes);
    Ok(content)
}

fn open_cbc(
    token: &EncryptedToken<'_>,
    key: &[u8; KEY_BYTES],
    (aad, iv, tag): Around<'_>,
) -> Result<Vec<u8>, Unspecified> {
    let mut content = base64url::decode(token.ciphertext).ok_or(Unspecified)?;
    let (mac_key, encryption_key) = key.split_at(KEY_BYTES / 2);
    // RFC 7518 §5.2.2.2 step 2: the tag first.
    let expected = cbc_tag(mac_key, aad, iv, &content);
    verify_slices_are_equal(expected.as_ref().get(..TAG_BYTES).unwrap_or_default(), tag)?;
    let key = UnboundCipherKey::new(&AES_128, encryption_key)?;
    let vector = DecryptionContext::Iv128(FixedLength::try_from(iv)?);
    let bytes = PaddedBlockDecryptingKey::cbc_pkcs7(key)?.decrypt(&mut content, vector)?.len();
    content.truncate(bytes);
    Ok(content)
}

/// RFC 7518 §5.2.2.1 step 5: over header, vector, ciphertext and the size of the header in bits.
fn cbc_tag(mac_key: &[u8], aad: &[u8], iv: &[u8], ciphertext: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, mac_key));
    let bits = u64::try_from(aad.len()).unwrap_or_default() * 8;
    for part in [aad, iv, ciphertext, &bits.to_be_bytes()] {
        context.update(part);
    }
    context.sign()
}

/// Encrypts under a key that is never used again.
pub(super) fn seal(
    encryption: ContentEncryption,
    key: &[u8; KEY_BYTES],
    aad: &[u8],
    content: &[u8],
) -> Result<Sealed, Unspecified> {
    let mut ciphertext = Vec::with_capacity(content.len() + TAG_BYTES);
    ciphertext.extend_from_slice(content);
    match encryption {
        ContentEncryption::A256Gcm => {
            let key = RandomizedNonceKey::new(&AES_256_GCM, key)?;
            let nonce = key.seal_in_place_append_tag(Aad::from(aad), &mut ciphertext)?;
            let tag = ciphertext.split_off(content.len());
            Ok(Sealed { iv: nonce.as_ref().to_vec(), ciphertext, tag })
        }
        ContentEncryption::A128CbcHs256 => {
            let (mac_key, encryption_key) = key.split_at(KEY_BYTES / 2);
            let key = UnboundCipherKey::new(&AES_128, encryption_key)?;
            let vector = PaddedBlockEncryptingKey::cbc_pkcs7(key)?.encrypt(&mut ciphertext)?;
            let iv: &[u8] = (&vector).try_into()?;
            let tag = cbc_tag(mac_key, aad, iv, &ciphertext);
            let tag = tag.as_ref().get(..TAG_BYTES).unwrap_or_default().to_vec();
            Ok(Sealed { iv: iv.to_vec(), ciphertext, tag })
        }
    }
}
