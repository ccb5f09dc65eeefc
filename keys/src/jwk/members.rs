//! The members of a JWK as they are read (RFC 7517 §4, RFC 7518 §6) and as they are published. Reading is strict:
//! a member of the wrong type is an error, not absent.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::error::KeyError;
use crate::json::{self, present};

/// What a JWK says. Private members are borrowed, so that they are not copied into memory that is not wiped.
#[derive(Deserialize)]
pub(crate) struct JwkMembers<'a> {
    #[serde(borrow)]
    kty: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "present")]
    crv: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    alg: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) kid: Option<Cow<'a, str>>,
    #[serde(rename = "use", borrow, default, deserialize_with = "present")]
    public_key_use: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    key_ops: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) x: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) y: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) n: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) e: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) d: Option<&'a str>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) p: Option<&'a str>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) q: Option<&'a str>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) dp: Option<&'a str>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) dq: Option<&'a str>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) qi: Option<&'a str>,
    #[serde(default, deserialize_with = "present")]
    oth: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    k: Option<IgnoredAny>,
}

impl<'a> JwkMembers<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, KeyError> {
        json::check(text)?;
        let jwk: Self = json::from_str(text)?;
        if jwk.kty == "oct" || jwk.k.is_some() {
            return Err(KeyError::SymmetricKey);
        }
        Ok(jwk)
    }

    /// Where public keys are expected, a private one was published by mistake and is burnt.
    pub(crate) fn refuse_private(&self) -> Result<(), KeyError> {
        let private = [self.d, self.p, self.q, self.dp, self.dq, self.qi];
        if self.oth.is_some() || private.iter().any(Option::is_some) {
            return Err(KeyError::PrivateMember);
        }
        Ok(())
    }

    /// RFC 7517 §4.2 and §4.3: `use` and `key_ops` may reserve the key for something else. What a SPIFFE bundle reserves for
    /// JWT-SVIDs (SPIFFE Trust Domain and Bundle §4.2.2) is for signatures too.
    pub(crate) fn refuse_other_uses(&self, operation: &str) -> Result<(), KeyError> {
        let other_use =
            self.public_key_use.as_deref().is_some_and(|name| !["sig", "jwt-svid"].contains(&name));
        let other_ops =
            self.key_ops.as_ref().is_some_and(|names| names.iter().all(|name| name != operation));
        if other_use || other_ops {
            return Err(KeyError::NotForSignatures);
        }
        Ok(())
    }

    /// RFC 7517 §4.2, OpenID Connect Core §10.2: whether `use` says that the key is for encryption; nothing else does, since
    /// a key that does not say may be one that signs.
    #[cfg(feature = "jwe")]
    pub(crate) fn is_for_encryption(&self) -> bool {
        self.public_key_use.as_deref() == Some("enc")
    }

    /// Whether `use` is absent: the holder of a private key knows what it is for.
    #[cfg(feature = "jwe")]
    pub(crate) fn has_no_use(&self) -> bool {
        self.public_key_use.is_none()
    }

    #[cfg(feature = "jwe")]
    pub(crate) fn key_type(&self) -> &str {
        &self.kty
    }

    #[cfg(feature = "jwe")]
    pub(crate) fn curve(&self) -> Option<&str> {
        self.crv.as_deref()
    }

    #[cfg(feature = "jwe")]
    pub(crate) fn algorithm_name(&self) -> Option<&str> {
        self.alg.as_deref()
    }

    /// The algorithm of the key: its `alg`, or the first of `allowed` that fits.
    pub(crate) fn algorithm(&self, allowed: &[Algorithm]) -> Result<Algorithm, KeyError> {
        let fits = |algorithm: &Algorithm| algorithm.row().fits(&self.kty, self.crv.as_deref());
        let Some(name) = self.alg.as_deref() else {
            return allowed.iter().copied().find(fits).ok_or(KeyError::UnsupportedAlgorithm);
        };
        let algorithm = Algorithm::from_name(name).ok_or(KeyError::UnsupportedAlgorithm)?;
        if !allowed.iter().any(|other| other.is_same_as(algorithm)) {
            return Err(KeyError::UnsupportedAlgorithm);
        }
        if !fits(&algorithm) {
            return Err(KeyError::AlgorithmMismatch);
        }
        Ok(algorithm)
    }

    /// The algorithm of the key when all are allowed.
    #[cfg(feature = "private")]
    pub(crate) fn any_algorithm(&self) -> Result<Algorithm, KeyError> {
        self.algorithm(
            &crate::algorithm::ALGORITHMS.iter().map(|row| row.algorithm).collect::<Vec<_>>(),
        )
    }

    /// A member of exactly `size` bytes.
    #[expect(clippy::unused_self, reason = "reads as what it is: a member of this JWK")]
    pub(crate) fn fixed_bytes(
        &self,
        name: &'static str,
        text: Option<&str>,
        size: usize,
    ) -> Result<Vec<u8>, KeyError> {
        let bytes = base64url::decode(text.ok_or(KeyError::MissingMember(name))?)
            .ok_or(KeyError::InvalidMember(name))?;
        if bytes.len() != size {
            return Err(KeyError::InvalidMember(name));
        }
        Ok(bytes)
    }

    /// A Base64urlUInt (RFC 7518 §2): no leading zeros, so that a number has one text and one thumbprint.
    #[expect(clippy::unused_self, reason = "reads as what it is: a member of this JWK")]
    pub(crate) fn number(
        &self,
        name: &'static str,
        text: Option<&str>,
    ) -> Result<Vec<u8>, KeyError> {
        let bytes = base64url::decode(text.ok_or(KeyError::MissingMember(name))?)
            .ok_or(KeyError::InvalidMember(name))?;
        if matches!(bytes.first(), None | Some(0)) {
            return Err(KeyError::InvalidMember(name));
        }
        Ok(bytes)
    }
}

/// The public members of a key, base64url-encoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum PublicMembers {
    Ec { crv: &'static str, x: String, y: String },
    Okp { crv: &'static str, x: String },
    Rsa { n: String, e: String },
}

impl PublicMembers {
    pub(crate) fn key_type(&self) -> &'static str {
        match self {
            Self::Ec { .. } => "EC",
            Self::Okp { .. } => "OKP",
            Self::Rsa { .. } => "RSA",
        }
    }

    /// RFC 7638 §3.2, RFC 8037 §2: the required members in the order of their names, without whitespace.
    pub(crate) fn thumbprint_input(&self) -> String {
        match self {
            Self::Ec { crv, x, y } => {
                format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Self::Okp { crv, x } => format!(r#"{{"crv":"{crv}","kty":"OKP","x":"{x}"}}"#),
            Self::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
        }
    }
}
