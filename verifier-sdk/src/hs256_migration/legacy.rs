//! Old tokens: a secret of enough bytes, a strict form, and the same pure rules for their claims as for all others.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_keys::json;
use countersign_keys::{JwsError, jws};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

use super::date::first_second;
use crate::claims::{Claim, ClaimError, StandardClaims};
use crate::error::VerifyError;
use crate::validation::{AudienceRule, CLAIM_CHECKS, Expectations};

/// RFC 7518 §3.2: a key of at least the size of the hash.
const LEAST_BYTES: usize = 32;
const SKEW: i64 = 30;
/// Old tokens may live for long; whatever they say, they end with the migration.
const MAX_LIFETIME: i64 = 400 * 86_400;
/// Clients are told apart up to here.
const MAX_CLIENTS: usize = 256;

/// What old tokens look like, and until when they are accepted.
pub struct LegacyTokens {
    key: DecodingKey,
    /// Unix seconds; from then on they are refused.
    until: i64,
    issuer: Option<String>,
    audiences: Vec<String>,
    calls: Mutex<BTreeMap<String, u64>>,
}

/// Why a secret, or a date, cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LegacySecretError {
    /// RFC 7518 §3.2: guessed offline by whoever has one token.
    #[error("the secret is shorter than 32 bytes")]
    TooShort,
    /// A public key is no secret, and everybody could sign with it.
    #[error("the secret is a key in PEM or JSON")]
    IsAKey,
    /// Not like `2027-03-31`.
    #[error("the end of the migration is no date")]
    NoDate,
}

/// Who calls with an old token. Only that somebody holds the secret is proved. Cheap to clone.
#[derive(Clone)]
pub struct LegacyCaller {
    claims: Arc<StandardClaims>,
}

/// The only header of an old token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    #[serde(default)]
    typ: Option<String>,
    /// Means nothing: there is one secret.
    #[serde(default, rename = "kid")]
    _kid: Option<String>,
}

impl LegacyTokens {
    /// Tokens signed with this secret, until the first second of this day in UTC (`2027-03-31`).
    ///
    /// # Errors
    ///
    /// If the secret has less than 32 bytes or is a key in text, or the date is none.
    pub fn signed_with(secret: &[u8], until: &str) -> Result<Self, LegacySecretError> {
        let text = secret.trim_ascii_start();
        if text.starts_with(b"-----BEGIN") || text.starts_with(b"{") {
            return Err(LegacySecretError::IsAKey);
        }
        if secret.len() < LEAST_BYTES {
            return Err(LegacySecretError::TooShort);
        }
        tracing::warn!(
            until,
            "old tokens with a shared secret are accepted: whoever has it can be anybody"
        );
        Ok(Self {
            key: DecodingKey::from_secret(secret),
            until: first_second(until).ok_or(LegacySecretError::NoDate)?,
            issuer: None,
            audiences: Vec::new(),
            calls: Mutex::default(),
        })
    }

    /// Only with this `iss`; without it, any or none.
    #[must_use]
    pub fn issuer(self, issuer: &str) -> Self {
        Self { issuer: Some(issuer.to_owned()), ..self }
    }

    /// Only with this `aud` among theirs; without it, any or none.
    #[must_use]
    pub fn audience(mut self, audience: &str) -> Self {
        self.audiences.push(audience.to_owned());
        self
    }

    pub(super) fn is_accepted_at(&self, now: i64) -> bool {
        now < self.until
    }

    pub(super) fn verify(&self, token: &str, now: i64) -> Result<LegacyCaller, VerifyError> {
        let payload = self.payload(token).map_err(|error| match error {
            JwsError::InvalidSignature => VerifyError::Untrusted(error),
            _ => VerifyError::Malformed(error),
        })?;
        let claims = StandardClaims::parse_unverified(payload)?;
        self.judge(&claims, now)?;
        let caller = LegacyCaller { claims: Arc::new(claims) };
        self.count(caller.client_id().unwrap_or("unknown"));
        Ok(caller)
    }

    /// The payload, once the signature holds.
    fn payload(&self, token: &str) -> Result<String, JwsError> {
        let (input, signature) = token.rsplit_once('.').ok_or(JwsError::NotCompact)?;
        let (_, payload) = input.split_once('.').ok_or(JwsError::NotCompact)?;
        // The module next door compares in constant time.
        let holds =
            jsonwebtoken::crypto::verify(signature, input.as_bytes(), &self.key, Algorithm::HS256);
        if !holds.unwrap_or_default() {
            return Err(JwsError::InvalidSignature);
        }
        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| JwsError::InvalidBase64)?;
        String::from_utf8(payload).map_err(|_| JwsError::PayloadNotUtf8)
    }

    fn judge(&self, claims: &StandardClaims, now: i64) -> Result<(), ClaimError> {
        let expected = Expectations {
            issuer: self.issuer.as_deref(),
            subject: None,
            audience: AudienceRule::Contains(&self.audiences),
            required: &[],
            max_lifetime: MAX_LIFETIME,
            skew: SKEW,
        };
        let is_asked = |name| name != "audience" || !self.audiences.is_empty();
        let checks = CLAIM_CHECKS.iter().filter(|check| is_asked(check.name));
        checks.into_iter().try_for_each(|check| check.run(claims, &expected, now))
    }

    fn count(&self, client: &str) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = calls.len() < MAX_CLIENTS || calls.contains_key(client);
        let client = if is_known { client } else { "others" };
        match calls.get_mut(client) {
            Some(count) => *count += 1,
            None => {
                calls.insert(client.to_owned(), 1);
            }
        }
    }

    pub(super) fn calls(&self) -> Vec<(String, u64)> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.iter().map(|(client, count)| (client.clone(), *count)).collect()
    }
}

/// Whether it is an old token by its form: three parts, and a header that says HS256 and next to nothing else.
pub(super) fn is_hs256(token: &str) -> bool {
    if token.len() > jws::MAX_TOKEN_BYTES || token.bytes().filter(|byte| *byte == b'.').count() != 2
    {
        return false;
    }
    let header = token.split('.').next().unwrap_or_default();
    let Ok(header) = URL_SAFE_NO_PAD.decode(header) else { return false };
    let Ok(text) = String::from_utf8(header) else { return false };
    let header = json::check(&text).ok().and_then(|()| serde_json::from_str::<Header>(&text).ok());
    header.is_some_and(|header| {
        let is_jwt = header.typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
        header.alg == "HS256" && is_jwt
    })
}

impl LegacyCaller {
    /// `sub`, if the old token has one.
    pub fn subject(&self) -> Option<&str> {
        self.claims.subject()
    }

    /// The client, as `client_id` or `azp` says it, if the old token has one.
    pub fn client_id(&self) -> Option<&str> {
        self.claims.text(Claim::ClientId).or_else(|| self.claims.text(Claim::Azp))
    }

    /// What the old token says, as JSON.
    pub fn payload(&self) -> &str {
        self.claims.payload()
    }
}

/// Prints no claims, so that it may end up in a log.
impl fmt::Debug for LegacyCaller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LegacyCaller").finish_non_exhaustive()
    }
}

impl fmt::Debug for LegacyTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LegacyTokens").field("until", &self.until).finish_non_exhaustive()
    }
}
