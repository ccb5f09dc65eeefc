//! Strict compact JWS (RFC 7515 §7.1, RFC 8725): three parts, one way to write each of them, and a payload that
//! only a verified token gives away. No JSON serialization, no detached or unencoded payloads (RFC 7797).

mod header;
mod known;
mod proof;
pub(crate) mod reader;
#[cfg(feature = "private")]
mod sign;
mod token_hash;

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::error::JwsError;
use crate::jwk::{Kid, VerifyingKey};

use header::Header;
pub use known::KnownHeader;
pub use proof::{ProofHeader, UnverifiedProof};
#[cfg(feature = "private")]
pub use sign::{CompactHeader, sign_compact};
pub use token_hash::{access_token_hash, token_hash};

/// The longest token that is looked at unless the caller says otherwise.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The largest signature: RSA with 8192 bits.
const MAX_SIGNATURE_BYTES: usize = 1024;

/// The parts of a token, in the right alphabet. Nothing of them was decoded.
struct Compact<'t> {
    header: &'t str,
    signing_input: &'t str,
    payload: &'t str,
    signature: &'t str,
}

impl<'t> Compact<'t> {
    fn split(token: &'t str, max_bytes: usize) -> Result<Self, JwsError> {
        if token.len() > max_bytes {
            return Err(JwsError::TooLarge);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(JwsError::NotCompact)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwsError::NotCompact)?;
        if header.is_empty() || signature.is_empty() || payload.contains('.') {
            return Err(JwsError::NotCompact);
        }
        if !base64url::is_canonical(payload) || !base64url::is_canonical(signature) {
            return Err(JwsError::InvalidBase64);
        }
        Ok(Self { header, signing_input, payload, signature })
    }
}

/// A token that is well-formed and nothing more. Its header may have been written by anyone.
///
/// Uses no heap, and neither do its refusals.
#[derive(Clone, Copy, Debug)]
pub struct UnverifiedJws<'t> {
    header: Header,
    /// RFC 7515 §5.2 step 8: header, dot and payload as they were sent.
    signing_input: &'t str,
    payload: &'t str,
    signature: &'t str,
}

impl<'t> UnverifiedJws<'t> {
    /// Reads a token of at most [`MAX_TOKEN_BYTES`].
    pub fn parse(token: &'t str) -> Result<Self, JwsError> {
        Self::parse_within(token, MAX_TOKEN_BYTES)
    }

    /// Reads a token of at most `max_bytes`.
    pub fn parse_within(token: &'t str, max_bytes: usize) -> Result<Self, JwsError> {
        Self::parse_known(token, max_bytes, [])
    }

    /// As [`parse_within`](Self::parse_within), with the same result, but a header that is among `known` is
    /// recognized and not read.
    pub fn parse_known<'k>(
        token: &'t str,
        max_bytes: usize,
        known: impl IntoIterator<Item = &'k KnownHeader>,
    ) -> Result<Self, JwsError> {
        let Compact { header, signing_input, payload, signature } =
            Compact::split(token, max_bytes)?;
        let header = match known.into_iter().find_map(|known| known.recognize(header)) {
            Some(recognized) => *recognized,
            None => Header::parse(header)?,
        };
        Ok(Self { header, signing_input, payload, signature })
    }

    /// The algorithm that the header names. Only ever compared with that of the key.
    pub fn algorithm(&self) -> Algorithm {
        self.header.algorithm
    }

    /// The key that the header names, if it does.
    pub fn kid(&self) -> Option<&Kid> {
        self.header.kid.as_ref()
    }

    /// The `typ` as it is written.
    pub fn typ(&self) -> Option<&str> {
        self.header.typ.as_deref()
    }

    /// Whether `typ` names the media type `expected`, in any case, with or without `application/`.
    pub fn has_typ(&self, expected: &str) -> bool {
        self.typ()
            .is_some_and(|typ| without_prefix(typ).eq_ignore_ascii_case(without_prefix(expected)))
    }

    /// Checks the signature and gives the payload away. In order: the payload must not be empty, the algorithm
    /// must be that of the key, the signature must have its size and hold, and the payload must be UTF-8.
    pub fn verify(&self, key: &VerifyingKey) -> Result<VerifiedPayload, JwsError> {
        if self.payload.is_empty() {
            return Err(JwsError::NotCompact);
        }
        let payload = self.verify_bytes(key)?;
        String::from_utf8(payload).map(VerifiedPayload).map_err(|_| JwsError::PayloadNotUtf8)
    }

    /// As [`verify`](Self::verify), for a JWS whose payload may be any bytes, or none; not for tokens.
    pub fn verify_bytes(&self, key: &VerifyingKey) -> Result<Vec<u8>, JwsError> {
        // RFC 8725 §3.1: one key, one algorithm.
        if !self.header.algorithm.is_same_as(key.algorithm()) {
            return Err(JwsError::AlgorithmMismatch);
        }
        if self.signature.len() != base64url::encoded_len(key.signature_size()) {
            return Err(JwsError::SignatureSize);
        }
        let mut buffer = [0; MAX_SIGNATURE_BYTES];
        let signature =
            base64url::decode_into(self.signature, &mut buffer).ok_or(JwsError::InvalidBase64)?;
        key.verify(self.signing_input.as_bytes(), signature)?;
        self.danger_unverified_payload()
    }

    /// The payload of a token that nobody has verified. For nothing but the choice of keys to try, or to
    /// explain a refusal.
    pub fn danger_unverified_payload(&self) -> Result<Vec<u8>, JwsError> {
        base64url::decode(self.payload).ok_or(JwsError::InvalidBase64)
    }
}

/// RFC 7515 §4.1.9: `application/` may be omitted when no other slash is there.
pub(crate) fn without_prefix(typ: &str) -> &str {
    match typ.split_once('/') {
        Some((top, rest)) if top.eq_ignore_ascii_case("application") && !rest.contains('/') => rest,
        _ => typ,
    }
}

/// The payload of a token whose signature holds. What it claims is still to be judged.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifiedPayload(String);

impl VerifiedPayload {
    /// The payload as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The payload as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl std::fmt::Debug for VerifiedPayload {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Claims are personal data: they do not belong into logs.
        formatter.debug_struct("VerifiedPayload").field("bytes", &self.0.len()).finish()
    }
}
