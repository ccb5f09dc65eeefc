//! The keys of Countersign: algorithms, JWK, strict compact JWS, signing keys, rotation and sealing.
//!
//! # The life of a key
//!
//! A key is born in [`signing_key::SigningKey::generate`], or it is imported from PKCS#8, PKCS#1, SEC1 or a
//! private JWK. From then on it is bound to exactly one row of the table [`algorithm::ALGORITHMS`], and its
//! name, the `kid`, is its RFC 7638 thumbprint. At rest it is [sealed](seal) under a master key and
//! bound to its `kid`, so that a row that was swapped or altered does not open.
//!
//! It enters a [ring](ring::KeyRing) as *Pending*: published, not yet signing. When every verifier that honors
//! `max-age` must have seen it, the [plan](rotation::plan) makes it *Active*; the former one becomes *Retired*,
//! published only for the tokens that are still alive, and is deleted after the last of them.
//!
//! Verifiers meet its public half as a [`VerifyingKey`] in a [`JwkSet`], where weak, private and ambiguous
//! keys are refused on load. A token becomes an [`UnverifiedJws`] first, and its payload is only to be
//! had from [`UnverifiedJws::verify`].
//!
//! The crate does no I/O and reads no clock. The private half is behind the feature `private`, so that
//! what a service links contains no signing code; sealing alone is behind `seal`, and encrypted tokens behind `jwe`. Symmetric algorithms cannot be expressed.

pub mod algorithm;
mod base64url;
pub mod error;
pub mod json;
#[cfg(feature = "jwe")]
pub mod jwe;
pub mod jwk;
pub mod jws;

#[cfg(feature = "private")]
pub mod ring;
#[cfg(feature = "private")]
pub mod rotation;
#[cfg(feature = "seal")]
pub mod seal;
#[cfg(feature = "private")]
pub mod signer;
#[cfg(feature = "private")]
pub mod signing_key;

pub use algorithm::Algorithm;
pub use error::{JweError, JwsError, KeyError};
pub use jwk::{JwkSet, Kid, VerifyingKey};
pub use jws::{UnverifiedJws, VerifiedPayload};

#[cfg(feature = "private")]
pub use {ring::KeyRing, seal::MasterKeys, signer::Signer, signing_key::SigningKey};
