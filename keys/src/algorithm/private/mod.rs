//! The private half of the families: generate, import, export and sign, all with aws-lc-rs. Private keys are
//! in clear only in its key pairs, which it wipes, and in the exports, which are `Zeroizing`.

mod ecdsa;
mod eddsa;
mod rsa;

use zeroize::Zeroizing;

use super::PublicKey;
use crate::error::KeyError;
use crate::jwk::JwkMembers;
use crate::signer::Signature;
use crate::signing_key::KeySize;

/// What one kind of key can do for who signs. Imports check the key as strictly as the public half does.
pub(crate) trait PrivateFamily: Sync {
    /// Makes a new key. Only RSA has sizes to choose from.
    fn generate(&'static self, size: KeySize) -> Result<Box<dyn PrivateKey>, KeyError>;

    /// From unencrypted PKCS#8 (RFC 5958).
    fn import_pkcs8(&'static self, der: &[u8]) -> Result<Box<dyn PrivateKey>, KeyError>;

    /// From the older format of this kind of key, whose PEM label must be `label`.
    fn import_traditional(
        &'static self,
        label: &str,
        der: &[u8],
    ) -> Result<Box<dyn PrivateKey>, KeyError>;

    /// From a JWK with its private members.
    fn import_jwk(&'static self, jwk: &JwkMembers<'_>) -> Result<Box<dyn PrivateKey>, KeyError>;
}

/// One private key.
pub(crate) trait PrivateKey: Send + Sync {
    fn public(&self) -> Result<PublicKey, KeyError>;

    fn sign(&self, message: &[u8]) -> Result<Signature, KeyError>;

    /// PKCS#8 version 1, which OpenSSL reads too.
    fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError>;

    /// PKCS#1 for RSA, SEC1 for elliptic curves.
    fn to_traditional(&self) -> Result<TraditionalKey, KeyError>;

    /// Names and base64url texts of the private members (RFC 7518 §6.2.2 and §6.3.2, RFC 8037 §2).
    fn jwk_members(&self) -> Result<Vec<(&'static str, Zeroizing<String>)>, KeyError>;
}

/// A key in the format that is older than PKCS#8.
pub(crate) struct TraditionalKey {
    pub(crate) label: &'static str,
    pub(crate) der: Zeroizing<Vec<u8>>,
}
