//! The check of one DPoP proof (RFC 9449 §4.3), cheapest first: form, type and algorithm, then the claims, which cost nothing
//! and stop whoever replays or guesses; then the thumbprint of the key that it carries; only then its signature, so that a
//! stranger cannot buy one. That it is used once is for the caller to see to, by [`Proof::replay_name`].

use countersign_keys::jws::{UnverifiedProof, access_token_hash};
use countersign_keys::{Algorithm, Kid};

use super::error::ProofError;
use super::known_keys::KnownKeys;
use super::nonces::RollingNonces;
use super::target;
use crate::claims::{Claim, ClaimError, StandardClaims};

/// RFC 9449 §4.2.
const HEADER_TYPE: &str = "dpop+jwt";
/// A proof with an RSA key of 4096 bits has under 2 KiB.
const MAX_PROOF_BYTES: usize = 4096;
/// A name that must be remembered is short.
const MAX_JTI_BYTES: usize = 256;
/// Seconds for which a proof is good (RFC 9449 §11.1).
const MAX_AGE_SECONDS: i64 = 60;
/// Seconds by which the clock of a client may be ahead; what FAPI 2.0 asks for (§5.3.2.1).
const MAX_AHEAD_SECONDS: i64 = 10;

/// The algorithms of proofs that are accepted unless told otherwise: asymmetric ones of today. FAPI 2.0 §5.4.1 has no RS256.
pub const DEFAULT_PROOF_ALGORITHMS: &[Algorithm] =
    &[Algorithm::Es256, Algorithm::Es384, Algorithm::Ps256, Algorithm::Ed25519, Algorithm::EdDsa];

/// Checks proofs. Holds no record of those that were used.
#[derive(Debug)]
pub struct ProofVerifier {
    algorithms: Vec<Algorithm>,
    nonces: Option<Nonces>,
    known: KnownKeys,
}

#[derive(Debug)]
struct Nonces {
    rolling: RollingNonces,
    rule: NonceRule,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum NonceRule {
    IfPresent,
    Always,
}

/// What a proof must have been made for.
#[derive(Clone, Copy, Debug)]
pub struct ProofRequest<'r> {
    /// The method of the request.
    pub method: &'r str,
    /// The URL of the request as the client sees it; query and fragment do not matter.
    pub url: &'r str,
    /// The access token that came along; none where one is asked for.
    pub access_token: Option<&'r str>,
    /// The thumbprint of the key, where it is known before.
    pub jkt: Option<&'r str>,
}

/// A proof that holds. It is good once: [`replay_name`](Self::replay_name) until [`expires_at`](Self::expires_at).
#[derive(Clone, Debug)]
pub struct Proof {
    algorithm: Algorithm,
    jkt: Kid,
    jti: Box<str>,
    expires_at: i64,
    next_nonce: Option<String>,
}

impl ProofVerifier {
    /// Accepts [`DEFAULT_PROOF_ALGORITHMS`], and keeps the parsed keys of so many clients.
    pub fn new(known_keys: usize) -> Self {
        let (algorithms, known) = (DEFAULT_PROOF_ALGORITHMS.to_vec(), KnownKeys::new(known_keys));
        Self { algorithms, nonces: None, known }
    }

    /// Accepts these algorithms and no others.
    #[must_use]
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = algorithms.into_iter().collect();
        self
    }

    /// Recognizes nonces that were made here: a proof with another one is sent back for a good one.
    #[must_use]
    pub fn nonces(mut self, nonces: RollingNonces) -> Self {
        self.nonces = Some(Nonces { rolling: nonces, rule: NonceRule::IfPresent });
        self
    }

    /// The same, and a proof without nonce is sent back too.
    #[must_use]
    pub fn require_nonces(mut self, nonces: RollingNonces) -> Self {
        self.nonces = Some(Nonces { rolling: nonces, rule: NonceRule::Always });
        self
    }

    /// The accepted algorithms, separated by spaces (`algs`, RFC 9449 §7.1).
    pub fn algorithm_names(&self) -> String {
        self.algorithms.iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>().join(" ")
    }

    /// Checks the one proof among the values of the header `DPoP`; none is none (RFC 9449 §4.3 item 1).
    pub fn check_header<'h>(
        &self,
        values: impl IntoIterator<Item = &'h http::HeaderValue>,
        request: &ProofRequest<'_>,
        now: i64,
    ) -> Result<Option<Proof>, ProofError> {
        let mut values = values.into_iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(_), Some(_)) => Err(ProofError::Several),
            (Some(only), None) => {
                let proof = only.to_str().map_err(|_| {
                    ProofError::Malformed(countersign_keys::JwsError::InvalidBase64)
                })?;
                self.check(proof, request, now).map(Some)
            }
        }
    }

    /// Checks a proof. `now` is Unix time in seconds.
    pub fn check(
        &self,
        proof: &str,
        request: &ProofRequest<'_>,
        now: i64,
    ) -> Result<Proof, ProofError> {
        let proof =
            UnverifiedProof::parse(proof, MAX_PROOF_BYTES, |header| self.known.find(header))
                .map_err(ProofError::Malformed)?;
        let jws = proof.jws();
        // Items 4 and 5.
        if !jws.has_typ(HEADER_TYPE) {
            return Err(ProofError::WrongType);
        }
        if !self.algorithms.iter().any(|allowed| allowed.is_same_as(jws.algorithm())) {
            return Err(ProofError::AlgorithmNotAllowed);
        }
        let payload = jws.danger_unverified_payload().map_err(ProofError::Malformed)?;
        let payload = String::from_utf8(payload).map_err(|_| ClaimError::Malformed)?;
        // The bytes that are judged here are those over which the signature is checked below.
        let claims = StandardClaims::parse_unverified(payload)?;
        let (jti, issued_at) = self.check_claims(&claims, request, now)?;
        // Items 7 and 11b: public, and the one that the token is bound to.
        let key = proof.key().map_err(ProofError::Key)?;
        let jkt = key.thumbprint();
        if request.jkt.is_some_and(|expected| expected != jkt.as_str()) {
            return Err(ProofError::WrongKey);
        }
        jws.verify(&key).map_err(ProofError::Untrusted)?;
        if let Some(header) = proof.header(&key) {
            self.known.remember(header);
        }
        Ok(Proof {
            algorithm: jws.algorithm(),
            jkt,
            jti: jti.into(),
            expires_at: issued_at.saturating_add(MAX_AGE_SECONDS + 1),
            next_nonce: self.next_nonce(claims.text(Claim::Nonce), now),
        })
    }

    /// Items 3 and 8 to 12; the `jti` and the time of the proof.
    fn check_claims<'c>(
        &self,
        claims: &'c StandardClaims,
        request: &ProofRequest<'_>,
        now: i64,
    ) -> Result<(&'c str, i64), ProofError> {
        let text = |claim| claims.text(claim).ok_or(ClaimError::Missing(claim));
        let jti = text(Claim::Jti)?;
        if jti.is_empty() || jti.len() > MAX_JTI_BYTES {
            return Err(ClaimError::BadValue(Claim::Jti).into());
        }
        // RFC 9110 §9.1: methods are case-sensitive.
        if text(Claim::Htm)? != request.method {
            return Err(ProofError::WrongMethod);
        }
        if !target::is_same(text(Claim::Htu)?, request.url) {
            return Err(ProofError::WrongUrl);
        }
        let issued_at = claims.issued_at().ok_or(ClaimError::Missing(Claim::Iat))?;
        check_time(claims, issued_at, now)?;
        if let Some(token) = request.access_token
            && text(Claim::Ath)? != access_token_hash(token)
        {
            return Err(ProofError::WrongAccessToken);
        }
        self.check_nonce(claims.text(Claim::Nonce), now)?;
        Ok((jti, issued_at))
    }

    /// Item 10.
    fn check_nonce(&self, presented: Option<&str>, now: i64) -> Result<(), ProofError> {
        let Some(Nonces { rolling, rule }) = &self.nonces else { return Ok(()) };
        let is_good = match presented {
            Some(nonce) => rolling.accepts(nonce, now),
            None => *rule == NonceRule::IfPresent,
        };
        if is_good {
            Ok(())
        } else {
            Err(ProofError::NonceNeeded { nonce: rolling.current(now).into() })
        }
    }

    /// RFC 9449 §8.2: the next one comes with the answer, before the old one ends.
    fn next_nonce(&self, presented: Option<&str>, now: i64) -> Option<String> {
        let Nonces { rolling, rule } = self.nonces.as_ref()?;
        let current = rolling.current(now);
        let is_wanted = *rule == NonceRule::Always && presented != Some(current.as_str());
        is_wanted.then_some(current)
    }
}

/// Item 12, and RFC 7519 §4.1.4 and §4.1.5 where a client adds these.
fn check_time(claims: &StandardClaims, issued_at: i64, now: i64) -> Result<(), ProofError> {
    let latest = now.saturating_add(MAX_AHEAD_SECONDS);
    if issued_at > latest || claims.not_before().is_some_and(|begin| begin > latest) {
        return Err(ProofError::NotYetValid);
    }
    let has_ended = |end: i64| now >= end.saturating_add(MAX_AHEAD_SECONDS);
    if issued_at < now.saturating_sub(MAX_AGE_SECONDS) || claims.expires_at().is_some_and(has_ended)
    {
        return Err(ProofError::TooOld);
    }
    Ok(())
}

impl Proof {
    /// What it is signed with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The thumbprint of the key (RFC 7638).
    pub fn jkt(&self) -> &str {
        &self.jkt
    }

    /// The name under which its use is remembered: that of the key and its own, since two clients may choose the same.
    pub fn replay_name(&self) -> String {
        format!("dpop {} {}", self.jkt, self.jti)
    }

    /// The name that the client gave it.
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// Unix seconds from which it is refused by its age, so that its use need not be remembered.
    pub fn expires_at(&self) -> i64 {
        self.expires_at
    }

    /// The nonce for the next proof, if the client should have another.
    pub fn next_nonce(&self) -> Option<&str> {
        self.next_nonce.as_deref()
    }
}
