//! A token under construction: starts out good, and every part of it can be changed.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_keys::signing_key::SigningKey;
use serde_json::{Map, Value, json};

use super::{Attack, TestIssuer};

/// Made by [`TestIssuer`]; lives for five minutes unless told otherwise.
#[derive(Clone, Debug)]
#[must_use]
pub struct TestToken<'i> {
    pub(super) issuer: &'i TestIssuer,
    pub(super) header: Map<String, Value>,
    pub(super) claims: Map<String, Value>,
}

impl<'i> TestToken<'i> {
    pub(super) fn new(issuer: &'i TestIssuer) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let token = Self { issuer, header: Map::new(), claims: Map::new() };
        token
            .header("alg", issuer.key().algorithm().name())
            .header("typ", "at+jwt")
            .header("kid", issuer.key().kid().as_str())
            .claim("iss", issuer.issuer())
            .claim("iat", issuer.now())
            .claim("jti", format!("test-{number}"))
            .expires_in(300)
    }

    /// For this audience.
    pub fn audience(self, audience: &str) -> Self {
        self.claim("aud", audience)
    }

    /// With these scopes, separated by spaces.
    pub fn scope(self, scope: &str) -> Self {
        self.claim("scope", scope)
    }

    /// With these roles.
    pub fn roles(self, roles: &[&str]) -> Self {
        self.claim("roles", roles.to_vec())
    }

    /// As the next client gets it that acts for the subject (RFC 8693): it holds the token, and `act` nests who acted
    /// before. Once for each hop, the first one first.
    pub fn acted_by(mut self, client_id: &str) -> Self {
        let mut actor = json!({ "sub": client_id });
        if let (Some(before), Some(members)) = (self.claims.remove("act"), actor.as_object_mut()) {
            members.insert("act".to_owned(), before);
        }
        if !self.claims.contains_key("origin_client_id")
            && let Some(origin) = self.claims.get("client_id").cloned()
        {
            self = self.claim("origin_client_id", origin);
        }
        self.claim("act", actor).claim("client_id", client_id)
    }

    /// Expires so many seconds from now; negative for a token that has expired.
    pub fn expires_in(self, seconds: i64) -> Self {
        let expires_at = self.issuer.now() + seconds;
        self.claim("exp", expires_at)
    }

    /// Was issued so many seconds ago; negative for the future.
    pub fn issued_ago(self, seconds: i64) -> Self {
        let issued_at = self.issuer.now() - seconds;
        self.claim("iat", issued_at)
    }

    /// Of a later second than that up to which the tokens of its user or client were revoked, as the issuer does it.
    pub(super) fn after_levels(self) -> Self {
        match self.issuer.feed.level(&self.claims) {
            Some(level) if level >= self.issuer.now() => self.claim("iat", level + 1),
            _ => self,
        }
    }

    /// Sets any claim to any value.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a claim out.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Sets any header parameter to any value.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a header parameter out.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// The token, signed by the issuer's key.
    pub fn mint(&self) -> String {
        signed(self.issuer.key(), &self.header_json(), &self.payload_json())
    }

    /// The token, signed by this key under its name.
    pub(super) fn signed_by(self, key: &SigningKey) -> String {
        let named = self.header("alg", key.algorithm().name()).header("kid", key.kid().as_str());
        signed(key, &named.header_json(), &named.payload_json())
    }

    /// The token, signed by the issuer's key and encrypted to its recipient.
    ///
    /// # Panics
    /// If the key is not one that can be encrypted to.
    #[cfg(feature = "jwe")]
    #[expect(clippy::expect_used, reason = "for tests, where a panic is the clearest failure")]
    pub fn encrypted_to(&self, key: &crate::jwe::EncryptionKey) -> String {
        let encryption = crate::jwe::ContentEncryption::A256Gcm;
        key.encrypt(&self.mint(), encryption).expect("the key was checked")
    }

    /// The token, signed by another issuer's key under the name of this one's.
    pub fn forged_by(&self, attacker: &TestIssuer) -> String {
        signed(attacker.key(), &self.header_json(), &self.payload_json())
    }

    /// The token with this text as its payload, signed: for payloads that no serializer makes.
    pub fn with_payload(&self, payload: &str) -> String {
        signed(self.issuer.key(), &self.header_json(), payload)
    }

    /// The token with this text as its header, signed.
    pub fn with_header(&self, header: &str) -> String {
        signed(self.issuer.key(), header, &self.payload_json())
    }

    /// The token as an attacker would present it.
    pub fn hostile(&self, attack: Attack) -> String {
        attack.perform(self)
    }

    /// The issuer that mints this token.
    pub fn issuer(&self) -> &'i TestIssuer {
        self.issuer
    }

    /// The payload as JSON text.
    pub fn payload_json(&self) -> String {
        Value::Object(self.claims.clone()).to_string()
    }

    pub(super) fn header_json(&self) -> String {
        Value::Object(self.header.clone()).to_string()
    }
}

#[expect(clippy::expect_used, reason = "for tests, where a panic is the clearest failure")]
pub(super) fn signed(key: &SigningKey, header: &str, payload: &str) -> String {
    let input = signing_input(header, payload);
    let signature = key.sign(input.as_bytes()).expect("signing works");
    format!("{input}.{}", encode(signature.as_ref()))
}

pub(super) fn signing_input(header: &str, payload: &str) -> String {
    format!("{}.{}", encode(header.as_bytes()), encode(payload.as_bytes()))
}

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
