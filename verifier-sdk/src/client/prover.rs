//! Proofs of possession for requests of this client (RFC 9449 §4): signed with its key, with the last nonce that each server
//! gave (§8, §9).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_keys::SigningKey;
use countersign_keys::jws::{CompactHeader, access_token_hash};
use http::{HeaderMap, HeaderValue, Method};
use serde::Serialize;
use url::Url;

use super::TokenError;
use crate::clock::Clock;
use crate::random::unguessable;

/// RFC 9449 §4.2.
const HEADER_TYPE: &str = "dpop+jwt";
/// RFC 9449 §8.
const NONCE: &str = "dpop-nonce";
/// Nonces of more servers are not kept: a client talks to a handful.
const MAX_SERVERS: usize = 256;
const MAX_NONCE_BYTES: usize = 512;

pub(super) struct Prover {
    key: SigningKey,
    header: CompactHeader,
    clock: Arc<dyn Clock>,
    /// By origin.
    nonces: Mutex<HashMap<String, String>>,
}

#[derive(Serialize)]
struct Claims<'c> {
    jti: String,
    htm: &'c str,
    htu: &'c str,
    iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ath: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
}

impl Prover {
    pub(super) fn new(key: SigningKey, clock: Arc<dyn Clock>) -> Result<Self, TokenError> {
        let header = CompactHeader::with_key(&key, HEADER_TYPE);
        let header = header.map_err(|_| TokenError::Misconfigured("the key for proofs"))?;
        Ok(Self { key, header, clock, nonces: Mutex::default() })
    }

    /// A proof for one request, and for the token that goes with it.
    pub(super) fn proof(
        &self,
        method: &Method,
        url: &Url,
        access_token: Option<&str>,
    ) -> Result<HeaderValue, TokenError> {
        let mut target = url.clone();
        target.set_query(None);
        target.set_fragment(None);
        let nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        let nonce = nonces.get(&url.origin().ascii_serialization()).cloned();
        drop(nonces);
        let claims = Claims {
            jti: unguessable(),
            htm: method.as_str(),
            htu: target.as_str(),
            iat: self.clock.wall(),
            ath: access_token.map(access_token_hash),
            nonce,
        };
        let cannot = TokenError::Misconfigured("a proof cannot be signed");
        let payload = serde_json::to_vec(&claims).map_err(|_| cannot.clone())?;
        let proof = self.header.sign(&self.key, &payload).map_err(|_| cannot.clone())?;
        HeaderValue::try_from(proof).map_err(|_| cannot)
    }

    /// Keeps the nonce of an answer for the next proof; whether it came with one that was not known.
    pub(super) fn learn(&self, url: &Url, headers: &HeaderMap) -> bool {
        let nonce = headers.get(NONCE).and_then(|value| value.to_str().ok());
        let Some(nonce) = nonce.filter(|nonce| nonce.len() <= MAX_NONCE_BYTES) else {
            return false;
        };
        let origin = url.origin().ascii_serialization();
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        if nonces.len() >= MAX_SERVERS && !nonces.contains_key(&origin) {
            nonces.clear();
        }
        nonces.insert(origin, nonce.to_owned()).is_none_or(|known| known != nonce)
    }
}
