//! A private key in clear: generated, imported, exported, and used to sign. The only place where one exists; it
//! cannot be cloned, serialized or printed, and its memory is wiped by aws-lc-rs when it is dropped.

use std::fmt;

use der::SecretDocument;
use der::pem::LineEnding;
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::algorithm::private::PrivateKey;
use crate::error::KeyError;
use crate::jwk::{JwkMembers, Kid, VerifyingKey};
use crate::signer::{Signature, Signer};

/// Size of a new key. Only RSA has a choice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum KeySize {
    /// RSA with 2048 bits; for other keys their only size.
    #[default]
    Default,
    /// RSA with 2048 bits.
    Rsa2048,
    /// RSA with 3072 bits.
    Rsa3072,
    /// RSA with 4096 bits.
    Rsa4096,
}

/// A private key with its public half; one key, one algorithm. Its `kid` is its thumbprint.
pub struct SigningKey {
    verifying_key: VerifyingKey,
    private: Box<dyn PrivateKey>,
}

impl SigningKey {
    /// Makes a new key. RSA takes 40 to 200 ms, the others microseconds.
    pub fn generate(algorithm: Algorithm, size: KeySize) -> Result<Self, KeyError> {
        Self::new(algorithm, algorithm.row().family.private().generate(size)?)
    }

    /// From unencrypted PKCS#8 (RFC 5958).
    pub fn from_pkcs8_der(der: &[u8], algorithm: Algorithm) -> Result<Self, KeyError> {
        Self::new(algorithm, algorithm.row().family.private().import_pkcs8(der)?)
    }

    /// From unencrypted PEM: `PRIVATE KEY` (PKCS#8), `RSA PRIVATE KEY` (PKCS#1) or `EC PRIVATE KEY` (SEC1).
    pub fn from_pem(pem: &str, algorithm: Algorithm) -> Result<Self, KeyError> {
        let (label, document) =
            SecretDocument::from_pem(key_block(pem)).map_err(|_| KeyError::MalformedKey)?;
        let der = document.as_bytes();
        match label {
            "PRIVATE KEY" => Self::from_pkcs8_der(der, algorithm),
            "RSA PRIVATE KEY" | "EC PRIVATE KEY" => {
                let family = algorithm.row().family.private();
                Self::new(algorithm, family.import_traditional(label, der)?)
            }
            _ => Err(KeyError::UnsupportedPem),
        }
    }

    /// From a private JWK (RFC 7518 §6). Its algorithm is its `alg`, or the first of the table that fits.
    pub fn from_jwk(json: &str) -> Result<Self, KeyError> {
        let jwk = JwkMembers::parse(json)?;
        jwk.refuse_other_uses("sign")?;
        let algorithm = jwk.any_algorithm()?;
        Self::new(algorithm, algorithm.row().family.private().import_jwk(&jwk)?)
    }

    fn new(algorithm: Algorithm, private: Box<dyn PrivateKey>) -> Result<Self, KeyError> {
        let verifying_key = VerifyingKey::new(private.public()?, algorithm, None)?;
        Ok(Self { verifying_key, private })
    }

    /// As PKCS#8 (RFC 5958), to be sealed.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.private.to_pkcs8()
    }

    /// As PKCS#8 PEM.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        to_pem("PRIVATE KEY", &self.private.to_pkcs8()?)
    }

    /// As PEM in the older format of its type: PKCS#1 for RSA, SEC1 for elliptic curves.
    pub fn to_traditional_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let key = self.private.to_traditional()?;
        to_pem(key.label, &key.der)
    }

    /// As a private JWK with `kid`, `use` and `alg`.
    pub fn to_private_jwk(&self) -> Result<Zeroizing<String>, KeyError> {
        let public = serde_json::to_string(&self.verifying_key).map_err(|_| KeyError::Operation)?;
        let members = self.private.jwk_members()?;
        let secret: usize = members.iter().map(|(name, text)| name.len() + text.len() + 6).sum();
        // With its full capacity from the start, so that no copy is left behind by growing.
        let mut jwk = Zeroizing::new(String::with_capacity(public.len() + secret));
        jwk.push_str(public.strip_suffix('}').ok_or(KeyError::Operation)?);
        for (name, text) in &members {
            // base64url needs no escapes.
            for piece in [",\"", name, "\":\"", text, "\""] {
                jwk.push_str(piece);
            }
        }
        jwk.push('}');
        Ok(jwk)
    }

    /// The thumbprint of the public half.
    pub fn kid(&self) -> &Kid {
        self.verifying_key.kid()
    }

    /// The only algorithm that this key signs.
    pub fn algorithm(&self) -> Algorithm {
        self.verifying_key.algorithm()
    }

    /// The public half.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying_key
    }

    /// Signs a message in the form that JWS wants (r‖s for ECDSA).
    pub fn sign(&self, message: &[u8]) -> Result<Signature, KeyError> {
        self.private.sign(message)
    }
}

/// `openssl ecparam -genkey` puts a block with the curve before the key.
fn key_block(pem: &str) -> &str {
    match pem.split_once("-----END EC PARAMETERS-----") {
        Some((_, key)) => key,
        None => pem,
    }
}

fn to_pem(label: &'static str, der: &[u8]) -> Result<Zeroizing<String>, KeyError> {
    let pem = der::pem::encode_string(label, LineEnding::LF, der);
    pem.map(Zeroizing::new).map_err(|_| KeyError::Operation)
}

impl Signer for SigningKey {
    fn algorithm(&self) -> Algorithm {
        self.algorithm()
    }

    fn kid(&self) -> &Kid {
        self.kid()
    }

    fn signature_size(&self) -> usize {
        self.verifying_key.signature_size()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, KeyError> {
        self.sign(message)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SigningKey")
            .field("kid", self.kid())
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}
