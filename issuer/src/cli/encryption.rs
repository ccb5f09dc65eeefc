//! Arguments about encryption: the file of a JWK set and the names of its algorithms, read into what is registered.

use countersign_keys::jwe::{ContentEncryption, KeyManagement};
use countersign_keys::jwk::MAX_SET_BYTES;

use crate::registry::EncryptionKeys;

/// The keys in the file of this name.
pub(super) fn read_keys(path: &str) -> Result<EncryptionKeys, String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if usize::try_from(size).is_ok_and(|size| size <= MAX_SET_BYTES) {
        let jwks = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        return EncryptionKeys::parse(&jwks).map_err(|error| error.to_string());
    }
    Err("the file is too large".to_owned())
}

/// The content encryption of this name.
pub(super) fn parse_enc(name: &str) -> Result<ContentEncryption, String> {
    let known = ContentEncryption::ALL.map(ContentEncryption::name);
    ContentEncryption::from_name(name).ok_or_else(|| format!("use one of {}", known.join(", ")))
}

/// The key management of this name.
pub(super) fn parse_alg(name: &str) -> Result<KeyManagement, String> {
    let known = KeyManagement::ALL.map(KeyManagement::name);
    KeyManagement::from_name(name).ok_or_else(|| format!("use one of {}", known.join(", ")))
}
