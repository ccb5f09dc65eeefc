//! Everything that can be refused here, one enum for each door. Each variant has a stable `code()` for logs
//! and metrics. No message contains any byte of a token or a private key.

use thiserror::Error;

use crate::json::JsonError;

/// Why a token was refused, before or at its signature. Holds nothing on the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JwsError {
    /// Longer than the cap; nothing of it was read.
    #[error("the token is longer than allowed")]
    TooLarge,
    /// Not three parts with two dots (RFC 7515 §7.1), or one of them is empty.
    #[error("the token is not a compact JWS: three non-empty parts with two dots")]
    NotCompact,
    /// A part is not canonical base64url without padding (RFC 7515 §2).
    #[error("a part of the token is not canonical base64url")]
    InvalidBase64,
    /// The decoded header is over 1 KiB, or has too many or too long members.
    #[error("the header of the token is larger than allowed")]
    HeaderTooLarge,
    /// The header is not strict JSON: UTF-8, one object, 16 levels, members of the right type.
    #[error("the header of the token is not a valid JSON object")]
    MalformedHeader,
    /// A member name occurs twice in one object of the header (RFC 7515 §4).
    #[error("the header of the token has a duplicate member")]
    DuplicateHeaderMember,
    /// The header asks for something that is never supported: `crit`, `b64`, `zip` or `enc`.
    #[error("the header of the token has the unsupported member `{0}`")]
    UnsupportedHeaderMember(&'static str),
    /// A proof of possession carries no key (RFC 9449 §4.2).
    #[error("the header of the proof has no `jwk`")]
    MissingKey,
    /// `alg` is missing, or not one of [`crate::algorithm::ALGORITHMS`]; `none` and `HS256` are not.
    #[error("the algorithm of the token is not supported")]
    UnsupportedAlgorithm,
    /// `kid` is empty, longer than 128 bytes, or contains a control character.
    #[error("the `kid` of the token is not acceptable")]
    InvalidKid,
    /// `alg` is not the algorithm of the key.
    #[error("the algorithm of the token is not the algorithm of the key")]
    AlgorithmMismatch,
    /// The signature has not the size that the key's signatures have.
    #[error("the signature of the token has the wrong size")]
    SignatureSize,
    /// The signature does not fit the key and the bytes.
    #[error("the signature of the token is not valid")]
    InvalidSignature,
    /// The signature holds, but the payload is not UTF-8.
    #[error("the payload of the token is not UTF-8")]
    PayloadNotUtf8,
}

impl JwsError {
    /// A stable name for logs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "token_too_large",
            Self::NotCompact => "token_not_compact",
            Self::InvalidBase64 => "invalid_base64url",
            Self::HeaderTooLarge => "header_too_large",
            Self::MalformedHeader => "malformed_header",
            Self::DuplicateHeaderMember => "duplicate_header_member",
            Self::UnsupportedHeaderMember(_) => "unsupported_header_member",
            Self::MissingKey => "missing_jwk",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::InvalidKid => "invalid_kid",
            Self::AlgorithmMismatch => "algorithm_mismatch",
            Self::SignatureSize => "signature_size",
            Self::InvalidSignature => "invalid_signature",
            Self::PayloadNotUtf8 => "payload_not_utf8",
        }
    }
}

/// Why an encrypted token was refused or does not open (RFC 7516). What depends on a private key is one variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JweError {
    /// Its form or its header is not that of a strict compact JWE.
    #[error("the encrypted token is malformed: {0}")]
    Malformed(JwsError),
    /// Not five parts, or one that must be there is empty.
    #[error("the token is not a compact JWE: five parts with four dots")]
    NotCompact,
    /// `alg` is missing or not one of `jwe::KeyManagement`; RSA1_5, RSA-OAEP with SHA-1, PBES2, `dir`
    /// and all symmetric ones are not.
    #[error("the key management algorithm of the token is not supported")]
    UnsupportedAlgorithm,
    /// `enc` is missing or not one of `jwe::ContentEncryption`.
    #[error("the content encryption of the token is not supported")]
    UnsupportedEncryption,
    /// `epk` is missing, malformed, private, on another curve than the key, or no point of it.
    #[error("the ephemeral key of the token is not acceptable")]
    EphemeralKey,
    /// A part has not the one size that its algorithm gives it.
    #[error("a part of the encrypted token has the wrong size")]
    PartSize,
    /// `cty` does not say that a signed token is inside (RFC 7519 §5.2).
    #[error("the encrypted token does not say that it contains a signed one")]
    NotNested,
    /// `alg` is not the algorithm of the key.
    #[error("the algorithm of the encrypted token is not the algorithm of the key")]
    AlgorithmMismatch,
    /// It does not open: by another key, altered, or no text. Nobody learns which (RFC 7516 §11.5).
    #[error("the encrypted token does not open")]
    NotOpened,
}

impl JweError {
    /// A stable name for logs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed(error) => error.code(),
            Self::NotCompact => "token_not_compact",
            Self::UnsupportedAlgorithm => "unsupported_encryption_algorithm",
            Self::UnsupportedEncryption => "unsupported_content_encryption",
            Self::EphemeralKey => "ephemeral_key",
            Self::PartSize => "encrypted_part_size",
            Self::NotNested => "not_nested",
            Self::AlgorithmMismatch => "encryption_algorithm_mismatch",
            Self::NotOpened => "not_opened",
        }
    }
}

impl From<JwsError> for JweError {
    fn from(error: JwsError) -> Self {
        Self::Malformed(error)
    }
}

/// Why a key was refused or could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The JWK is not strict JSON, or a member has the wrong type.
    #[error("the JWK is not acceptable: {0}")]
    MalformedJwk(#[from] JsonError),
    /// The PEM or DER text does not parse, or holds another kind of key than the algorithm needs.
    #[error("the key does not parse as the format and algorithm that were asked for")]
    MalformedKey,
    /// The PEM label is not one of those that are understood; encrypted keys are not.
    #[error("the PEM label is not supported (encrypted keys must be decrypted first)")]
    UnsupportedPem,
    /// A member that the key type requires is missing (RFC 7518 §6).
    #[error("the JWK lacks the member `{0}`")]
    MissingMember(&'static str),
    /// A member is not canonical base64url, or has the wrong size.
    #[error("the member `{0}` of the JWK is not acceptable")]
    InvalidMember(&'static str),
    /// A public key was expected, and private members came along.
    #[error("the JWK contains private members")]
    PrivateMember,
    /// `kty` is `oct`: symmetric keys have no place here.
    #[error("the JWK is a symmetric key")]
    SymmetricKey,
    /// `use` or `key_ops` reserve the key for something else than signatures.
    #[error("the JWK is not meant for signatures")]
    NotForSignatures,
    /// `use` does not say `enc`.
    #[error("the JWK does not say that it is for encryption (`use`: `enc`)")]
    NotForEncryption,
    /// The algorithm is unknown or not among the allowed ones, or no allowed one fits `kty` and `crv`.
    #[error("the algorithm of the key is not supported or not allowed")]
    UnsupportedAlgorithm,
    /// `alg` does not fit `kty` and `crv`.
    #[error("the algorithm does not fit the type of the key")]
    AlgorithmMismatch,
    /// The `kid` is empty, longer than 128 bytes, or contains a control character.
    #[error("the `kid` is not acceptable: 1 to 128 bytes without control characters")]
    InvalidKid,
    /// The RSA modulus has under 2048 or over 8192 bits (4096 for a signing key).
    #[error("the RSA modulus has {bits} bits: at least 2048 and not too many are needed")]
    RsaModulusSize {
        /// Size of the modulus in bits.
        bits: usize,
    },
    /// The RSA exponent is even, under 65537, or over 32 bits.
    #[error("the RSA exponent is even, too small or too large")]
    RsaExponent,
    /// The RSA modulus has a tiny factor.
    #[error("the RSA modulus has a tiny factor")]
    RsaTinyFactor,
    /// The RSA modulus was made by a generator with the ROCA flaw (CVE-2017-15361).
    #[error("the RSA modulus has the ROCA fingerprint (CVE-2017-15361)")]
    Roca,
    /// The point is not on the curve, is at infinity, or has a small order.
    #[error("the point of the key is not acceptable")]
    InvalidPoint,
    /// The private members do not belong to each other or to the public ones.
    #[error("the private key is not consistent")]
    InconsistentKey,
    /// The key type has no such format: PKCS#1 is for RSA, SEC1 for elliptic curves.
    #[error("the type of the key has no such format")]
    NoSuchFormat,
    /// The signer has another `kid` or algorithm than the header was made for.
    #[error("the header was made for another signing key")]
    SignerMismatch,
    /// The cryptographic library or the device could not generate, export or sign.
    #[error("the cryptographic operation failed")]
    Operation,
}

impl KeyError {
    /// A stable name for logs and metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MalformedJwk(_) => "malformed_jwk",
            Self::MalformedKey => "malformed_key",
            Self::UnsupportedPem => "unsupported_pem",
            Self::MissingMember(_) => "missing_member",
            Self::InvalidMember(_) => "invalid_member",
            Self::PrivateMember => "private_member",
            Self::SymmetricKey => "symmetric_key",
            Self::NotForSignatures => "not_for_signatures",
            Self::NotForEncryption => "not_for_encryption",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::AlgorithmMismatch => "algorithm_mismatch",
            Self::InvalidKid => "invalid_kid",
            Self::RsaModulusSize { .. } => "rsa_modulus_size",
            Self::RsaExponent => "rsa_exponent",
            Self::RsaTinyFactor => "rsa_tiny_factor",
            Self::Roca => "roca",
            Self::InvalidPoint => "invalid_point",
            Self::InconsistentKey => "inconsistent_key",
            Self::NoSuchFormat => "no_such_format",
            Self::SignerMismatch => "signer_mismatch",
            Self::Operation => "operation_failed",
        }
    }
}

/// Why a whole JWK set was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JwkSetError {
    /// Over 256 KiB.
    #[error("the JWK set is larger than 256 KiB")]
    TooLarge,
    /// Over 64 keys.
    #[error("the JWK set has more than 64 keys")]
    TooManyKeys,
    /// Not UTF-8, not strict JSON, or without an array `keys`.
    #[error("the JWK set is not a JSON object with an array `keys`")]
    Malformed,
    /// None of the keys can be used; the reasons are in the list.
    #[error("the JWK set has no usable key")]
    NoUsableKey(Vec<crate::jwk::SkippedKey>),
}

impl JwkSetError {
    /// A stable name for logs and metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "jwks_too_large",
            Self::TooManyKeys => "jwks_too_many_keys",
            Self::Malformed => "jwks_malformed",
            Self::NoUsableKey(_) => "jwks_no_usable_key",
        }
    }
}
