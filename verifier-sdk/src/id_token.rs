//! ID tokens (OpenID Connect Core §2): what one must say, and whether it answers the request that was made
//! (§3.1.3.7). An ID token tells a client who signed in; it opens no API, and no access token is an ID token.

use std::fmt;
use std::time::Duration;

use countersign_keys::Algorithm;
use countersign_keys::jws::token_hash;

use crate::claims::{Claim, ClaimError, StandardClaims};
use crate::profile::HeaderType;
use crate::validation::{Expectations, validate};

/// Core §2 names no type; what is typed as something else, an access token above all, is something else.
pub(crate) const HEADER_TYPE: HeaderType = HeaderType::Optional(&["JWT"]);
pub(crate) const REQUIRED: &[Claim] = &[Claim::Sub, Claim::Iat];
/// Core §2: `sub` has at most 255 ASCII characters.
const MAX_SUBJECT_BYTES: usize = 255;

/// A verified ID token: who signed in, when and how. Made only by [`RelyingParty`](crate::RelyingParty).
#[derive(Clone)]
pub struct IdToken<C = ()> {
    claims: StandardClaims,
    extra: C,
}

/// What the authentication request asked for, so that the answer can be held against it.
#[derive(Clone, Copy, Default)]
#[must_use]
pub struct AuthenticationRequest<'a> {
    nonce: Option<&'a str>,
    max_age: Option<Duration>,
    acr_values: &'a [&'a str],
    access_token: Option<&'a str>,
}

/// What an ID token said that is refreshed now (Core §12.2).
#[derive(Clone, Copy, Default)]
#[must_use]
pub struct PreviousIdToken<'a> {
    subject: &'a str,
    authenticated_at: Option<i64>,
    nonce: Option<&'a str>,
    access_token: Option<&'a str>,
}

impl<'a> AuthenticationRequest<'a> {
    /// A request without `nonce`, `max_age` and `acr_values`.
    pub fn new() -> Self {
        Self::default()
    }

    /// The `nonce` that was sent. Without it a token with a `nonce` is refused: it answers another request.
    pub fn nonce(self, nonce: &'a str) -> Self {
        Self { nonce: Some(nonce), ..self }
    }

    /// The `max_age` that was sent: the user must have authenticated within it.
    pub fn max_age(self, max_age: Duration) -> Self {
        Self { max_age: Some(max_age), ..self }
    }

    /// The ways of authentication of which one is needed (`acr_values`, or `acr` as an essential claim).
    pub fn acr_values(self, acr_values: &'a [&'a str]) -> Self {
        Self { acr_values, ..self }
    }

    /// The access token that came along: if the ID token names one by `at_hash`, it must be this.
    pub fn access_token(self, access_token: &'a str) -> Self {
        Self { access_token: Some(access_token), ..self }
    }

    pub(crate) fn check(
        &self,
        claims: &StandardClaims,
        algorithm: Algorithm,
        (now, skew): (i64, i64),
    ) -> Result<(), ClaimError> {
        // Core §3.1.3.7 item 11: the value that was sent, exactly.
        if claims.text(Claim::Nonce) != self.nonce {
            return Err(ClaimError::WrongNonce);
        }
        // Item 12.
        let acr = claims.text(Claim::Acr);
        if !self.acr_values.is_empty() && !self.acr_values.iter().any(|one| acr == Some(one)) {
            return Err(ClaimError::WrongAcr);
        }
        self.max_age.map_or(Ok(()), |max_age| check_age(claims, max_age, (now, skew)))?;
        check_access_token(claims, algorithm, self.access_token)
    }
}

impl<'a> PreviousIdToken<'a> {
    /// The `sub` of the ID token of the sign-in.
    pub fn new(subject: &'a str) -> Self {
        Self { subject, ..Self::default() }
    }

    /// Its `auth_time`.
    pub fn authenticated_at(self, authenticated_at: Option<i64>) -> Self {
        Self { authenticated_at, ..self }
    }

    /// Its `nonce`.
    pub fn nonce(self, nonce: &'a str) -> Self {
        Self { nonce: Some(nonce), ..self }
    }

    /// The access token that came along now.
    pub fn access_token(self, access_token: &'a str) -> Self {
        Self { access_token: Some(access_token), ..self }
    }

    pub(crate) fn check(
        &self,
        claims: &StandardClaims,
        algorithm: Algorithm,
    ) -> Result<(), ClaimError> {
        // Core §12.2: the same user, the same sign-in.
        if claims.subject() != Some(self.subject) {
            return Err(ClaimError::WrongSubject);
        }
        let at = claims.date(Claim::AuthTime);
        if at.is_some() && self.authenticated_at.is_some() && at != self.authenticated_at {
            return Err(ClaimError::AuthenticationTooOld);
        }
        // Core §12.2: better none; if there is one, the old one.
        if claims.has(Claim::Nonce) && claims.text(Claim::Nonce) != self.nonce {
            return Err(ClaimError::WrongNonce);
        }
        check_access_token(claims, algorithm, self.access_token)
    }
}

/// What every ID token must say.
pub(crate) fn judge(
    claims: &StandardClaims,
    expected: &Expectations<'_>,
    now: i64,
) -> Result<(), ClaimError> {
    validate(claims, expected, now)?;
    let subject = claims.subject().unwrap_or_default();
    if subject.len() > MAX_SUBJECT_BYTES || !subject.is_ascii() {
        return Err(ClaimError::BadValue(Claim::Sub));
    }
    // RFC 8417 §2.2: what reports events is a security event token, whatever its type says.
    if claims.has(Claim::Events) { Err(ClaimError::WrongEvents) } else { Ok(()) }
}

/// Core §3.1.3.7 items 3 to 5: for this client, and for others only if they are trusted.
pub(crate) fn check_parties(
    claims: &StandardClaims,
    client_id: &str,
    trusted: &[String],
) -> Result<(), ClaimError> {
    let is_known = |one: &str| one == client_id || trusted.iter().any(|trusted| trusted == one);
    if !claims.audiences().all(is_known) {
        return Err(ClaimError::UntrustedAudience);
    }
    match claims.text(Claim::Azp) {
        Some(azp) if azp != client_id => Err(ClaimError::WrongAuthorizedParty),
        None if claims.audiences().count() > 1 => Err(ClaimError::WrongAuthorizedParty),
        _ => Ok(()),
    }
}

/// Core §3.1.3.7 item 13: asked for `max_age`, the token must say when, and it must be recent.
fn check_age(
    claims: &StandardClaims,
    max_age: Duration,
    (now, skew): (i64, i64),
) -> Result<(), ClaimError> {
    let at = claims.date(Claim::AuthTime).ok_or(ClaimError::Missing(Claim::AuthTime))?;
    let max_age = i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX);
    let latest = at.saturating_add(max_age).saturating_add(skew);
    if now <= latest { Ok(()) } else { Err(ClaimError::AuthenticationTooOld) }
}

/// Core §3.1.3.8: `at_hash` is optional in the code flow; if it is there, it must fit.
fn check_access_token(
    claims: &StandardClaims,
    algorithm: Algorithm,
    access_token: Option<&str>,
) -> Result<(), ClaimError> {
    match (claims.text(Claim::AtHash), access_token) {
        (Some(at_hash), Some(token)) if at_hash != token_hash(algorithm, token) => {
            Err(ClaimError::WrongAccessToken)
        }
        _ => Ok(()),
    }
}

impl<C> IdToken<C> {
    pub(crate) fn new(claims: StandardClaims, extra: C) -> Self {
        Self { claims, extra }
    }

    /// `sub`: who signed in.
    pub fn subject(&self) -> &str {
        self.claims.subject().unwrap_or_default()
    }

    /// `sid`: the session at the issuer, which a logout token will name.
    pub fn session_id(&self) -> Option<&str> {
        self.claims.text(Claim::Sid)
    }

    /// `auth_time`: when the user authenticated, Unix seconds.
    pub fn authenticated_at(&self) -> Option<i64> {
        self.claims.date(Claim::AuthTime)
    }

    /// `acr`: how well the user authenticated.
    pub fn acr(&self) -> Option<&str> {
        self.claims.text(Claim::Acr)
    }

    /// `amr`: with what the user authenticated (RFC 8176).
    pub fn amr(&self) -> impl Iterator<Item = &str> {
        self.claims.list(Claim::Amr)
    }

    /// `exp`, Unix seconds. The sign-in does not end then; the token just proves it no longer.
    pub fn expires_at(&self) -> i64 {
        self.claims.expires_at().unwrap_or_default()
    }

    /// The registered claims, and the payload as signed.
    pub fn claims(&self) -> &StandardClaims {
        &self.claims
    }

    /// The application's own claims.
    pub fn extra(&self) -> &C {
        &self.extra
    }
}

/// Prints the expiry; no identifiers, so that it may end up in a log.
impl<C> fmt::Debug for IdToken<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdToken").field("expires_at", &self.expires_at()).finish_non_exhaustive()
    }
}
