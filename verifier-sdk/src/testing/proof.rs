//! Proofs of possession of `TestHolder`, good and hostile (RFC 9449 §4).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_keys::Algorithm;
use countersign_keys::jws::access_token_hash;
use countersign_keys::signing_key::{KeySize, SigningKey};
use serde_json::{Map, Value, json};

use super::token::signed;
use super::{HostileToken, TestToken};
use crate::binding::ClientCertificate;
use crate::clock::{Clock, SystemClock};

/// Somebody who holds a key, to which tokens can be bound.
#[derive(Clone)]
pub struct TestHolder {
    key: Arc<SigningKey>,
    clock: Arc<dyn Clock>,
}

impl Default for TestHolder {
    fn default() -> Self {
        Self::new()
    }
}

impl TestHolder {
    /// With an ES256 key and the system's clock.
    pub fn new() -> Self {
        Self::with_algorithm(Algorithm::Es256)
    }

    /// With a key of another algorithm.
    ///
    /// # Panics
    /// If no key can be generated.
    #[expect(clippy::expect_used, reason = "for tests, where a panic is the clearest failure")]
    pub fn with_algorithm(algorithm: Algorithm) -> Self {
        let key = SigningKey::generate(algorithm, KeySize::Default).expect("a key is generated");
        Self { key: Arc::new(key), clock: Arc::new(SystemClock) }
    }

    /// Makes proofs by another clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The key, for tests that sign by themselves.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The thumbprint of the key.
    pub fn jkt(&self) -> String {
        self.key.verifying_key().thumbprint().to_string()
    }

    /// A good proof for a request, with a `jti` of its own.
    pub fn proof(&self, method: &str, url: &str) -> TestProof<'_> {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let jwk = json!(self.key.verifying_key());
        // What RFC 9449 §4.2 shows: no `kid`, no `use`, no `alg`.
        let members = ["kty", "crv", "x", "y", "n", "e"];
        let jwk: Map<String, Value> = members
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), jwk.get(name)?.clone())))
            .collect();
        let proof = TestProof { holder: self, header: Map::new(), claims: Map::new() };
        proof
            .header("typ", "dpop+jwt")
            .header("alg", self.key.algorithm().name())
            .header("jwk", jwk)
            .claim("jti", format!("proof-{number}"))
            .claim("htm", method)
            .claim("htu", url)
            .claim("iat", self.clock.wall())
    }
}

impl std::fmt::Debug for TestHolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestHolder").field("jkt", &self.jkt()).finish_non_exhaustive()
    }
}

impl TestToken<'_> {
    /// Bound to the key of a holder.
    pub fn bound_to(self, holder: &TestHolder) -> Self {
        self.claim("cnf", json!({ "jkt": holder.jkt() }))
    }

    /// Bound to a certificate (RFC 8705 §3.1).
    pub fn bound_to_certificate(self, certificate: &ClientCertificate) -> Self {
        self.claim("cnf", json!({ "x5t#S256": certificate.x5t_s256() }))
    }
}

/// A proof under construction: starts out good, and every part of it can be changed.
#[derive(Clone, Debug)]
#[must_use]
pub struct TestProof<'h> {
    holder: &'h TestHolder,
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl TestProof<'_> {
    /// For a request that presents this token.
    pub fn with_token(self, access_token: &str) -> Self {
        self.claim("ath", access_token_hash(access_token))
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

    /// The proof, signed.
    pub fn mint(&self) -> String {
        self.signed_by(self.holder)
    }

    /// The proof, signed by somebody else, with this key in its header.
    pub fn signed_by(&self, other: &TestHolder) -> String {
        let text = |members: &Map<String, Value>| Value::Object(members.clone()).to_string();
        signed(&other.key, &text(&self.header), &text(&self.claims))
    }
}

/// Proofs that must be refused, with the code of each: everything about `good` that can be wrong, one thing at a time.
/// `other` is somebody whose key the token is not bound to.
pub fn proof_corpus(good: &TestProof<'_>, other: &TestHolder) -> Vec<HostileToken> {
    let row = |name: &str, token: String, code| HostileToken { name: name.to_owned(), token, code };
    let of = |proof: TestProof<'_>, name: &str, code| row(name, proof.mint(), code);
    let now = good.holder.clock.wall();
    let again = || good.clone();
    let claims = &good.claims;
    let theirs = TestProof { holder: other, ..other.proof("", "") };
    let theirs = TestProof { claims: claims.clone(), ..theirs };
    let mut private = good.header.get("jwk").cloned().unwrap_or_default();
    if let Value::Object(jwk) = &mut private {
        jwk.insert("d".to_owned(), json!("AAAA"));
    }
    let unsigned = again().header("alg", "none").mint();
    let unsigned =
        unsigned.rsplit_once('.').map_or(String::new(), |(input, _)| format!("{input}."));
    let mut corpus = vec![
        row("nothing", String::new(), "proof_malformed"),
        row("not a JWT", "garbage".to_owned(), "proof_malformed"),
        row("two proofs in one", format!("{}, {}", good.mint(), good.mint()), "proof_malformed"),
        row("no signature", unsigned, "proof_malformed"),
        of(again().without_header("typ"), "no typ", "proof_wrong_type"),
        of(again().header("typ", "JWT"), "typ JWT", "proof_wrong_type"),
        of(again().header("typ", "at+jwt"), "typ at+jwt", "proof_wrong_type"),
        of(again().without_header("alg"), "no alg", "proof_algorithm_not_allowed"),
        of(again().header("alg", "none"), "alg none", "proof_algorithm_not_allowed"),
        of(again().header("alg", "HS256"), "alg HS256", "proof_algorithm_not_allowed"),
        of(again().header("alg", "RS256"), "alg RS256", "proof_algorithm_not_allowed"),
        of(again().header("alg", "ES384"), "alg of another key", "proof_key_refused"),
        of(again().header("crit", json!(["x"])), "crit", "proof_malformed"),
        of(again().without_header("jwk"), "no jwk", "proof_without_key"),
        of(again().header("jwk", "https://evil.example/key"), "jwk is a link", "proof_malformed"),
        of(again().header("jwk", json!({"kty": "oct", "k": "AA"})), "oct", "proof_key_refused"),
        of(again().header("jwk", private), "private key", "proof_private_key"),
        row("key of somebody else", theirs.mint(), "proof_wrong_key"),
        row("signed by somebody else", good.signed_by(other), "proof_invalid_signature"),
        of(again().claim("htm", "DELETE"), "another method", "proof_wrong_method"),
        of(again().claim("htm", "get"), "method in lower case", "proof_wrong_method"),
        of(again().claim("htu", "https://evil.example/pay"), "another host", "proof_wrong_url"),
        of(again().claim("htu", "/pay"), "a relative URL", "proof_wrong_url"),
        of(again().claim("htu", ""), "an empty URL", "proof_wrong_url"),
        of(again().claim("iat", now - 61), "a minute old", "proof_too_old"),
        of(again().claim("iat", now - 3600), "an hour old", "proof_too_old"),
        of(again().claim("iat", now + 11), "eleven seconds ahead", "proof_not_yet_valid"),
        of(again().claim("iat", now + 3600), "an hour ahead", "proof_not_yet_valid"),
        of(again().claim("exp", now - 10), "expired", "proof_too_old"),
        of(again().claim("nbf", now + 11), "not begun", "proof_not_yet_valid"),
        of(again().claim("jti", ""), "empty jti", "proof_claims_refused"),
        of(again().claim("jti", "x".repeat(257)), "long jti", "proof_claims_refused"),
    ];
    for claim in ["jti", "htm", "htu", "iat"] {
        corpus.push(of(again().without(claim), &format!("no {claim}"), "proof_claim_missing"));
        for value in [json!(null), json!(["a"]), json!({}), json!(true)] {
            let name = format!("{claim} is {value}");
            corpus.push(of(again().claim(claim, value), &name, "proof_claims_refused"));
        }
    }
    if claims.contains_key("ath") {
        let code = "proof_wrong_access_token";
        corpus.push(of(again().without("ath"), "no ath", code));
        corpus.push(of(again().with_token("another"), "ath of another token", code));
    }
    corpus
}
