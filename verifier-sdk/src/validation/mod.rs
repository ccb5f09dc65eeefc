//! Pure claim checks: (claims, expectations, now) -> result, one row per check and no clock.
//! Used for access tokens here and for client assertions (RFC 7523 §3) in the issuer.
//! Which key signed, and whether the signature holds, was settled before.

use crate::claims::{Claim, ClaimError, StandardClaims};

/// Which `aud` is acceptable.
#[derive(Clone, Copy, Debug)]
pub enum AudienceRule<'a> {
    /// RFC 7519 §4.1.3: one element of `aud` equals one of these.
    Contains(&'a [String]),
    /// `aud` must be one string (not an array) that equals one of these. For client assertions:
    /// an array lets one server's assertion be replayed at another (CVE-2025-27371).
    SingleString(&'a [&'a str]),
    /// `aud` must be this one and no other, as a string or as a list of one: for assertions of issuers that always write a
    /// list.
    Only(&'a str),
    /// The token has no `aud` that means a resource; `client_id` equals one of these (Cognito).
    ClientId(&'a [String]),
}

/// What the recipient expects of the claims. Times are in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Expectations<'a> {
    /// `iss` must equal this, byte for byte. None where the keys say it all: a JWT-SVID of SPIFFE need not have one.
    pub issuer: Option<&'a str>,
    /// `sub` must equal this, if given.
    pub subject: Option<&'a str>,
    /// Which `aud` is acceptable.
    pub audience: AudienceRule<'a>,
    /// Claims that must be there and not empty; `exp` always must.
    pub required: &'a [Claim],
    /// The longest `exp` − `iat` (without `iat`: `exp` − now).
    pub max_lifetime: i64,
    /// How far the clocks may disagree.
    pub skew: i64,
}

/// One check: its name for people, and the rule.
pub struct ClaimCheck {
    /// What is checked, in the words of `token explain`.
    pub name: &'static str,
    rule: fn(&StandardClaims, &Expectations<'_>, i64) -> Result<(), ClaimError>,
}

impl ClaimCheck {
    /// Runs this one check.
    pub fn run(
        &self,
        claims: &StandardClaims,
        expected: &Expectations<'_>,
        now: i64,
    ) -> Result<(), ClaimError> {
        (self.rule)(claims, expected, now)
    }
}

/// Every check, in the order in which they run.
pub static CLAIM_CHECKS: &[ClaimCheck] = &[
    ClaimCheck { name: "issuer", rule: issuer },
    ClaimCheck { name: "audience", rule: audience },
    ClaimCheck { name: "expiry", rule: expiry },
    ClaimCheck { name: "not before", rule: not_before },
    ClaimCheck { name: "issued at", rule: issued_at },
    ClaimCheck { name: "lifetime", rule: lifetime },
    ClaimCheck { name: "subject", rule: subject },
    ClaimCheck { name: "required claims", rule: required },
];

/// Runs all checks and stops at the first refusal. `now` is Unix time in seconds.
pub fn validate(
    claims: &StandardClaims,
    expected: &Expectations<'_>,
    now: i64,
) -> Result<(), ClaimError> {
    CLAIM_CHECKS.iter().try_for_each(|check| check.run(claims, expected, now))
}

/// The checks whose result changes with time, for a token that passed all of them before.
pub(crate) fn still_in_time(
    claims: &StandardClaims,
    expected: &Expectations<'_>,
    now: i64,
) -> Result<(), ClaimError> {
    expiry(claims, expected, now)?;
    not_before(claims, expected, now)?;
    issued_at(claims, expected, now)
}

fn issuer(claims: &StandardClaims, expected: &Expectations<'_>, _: i64) -> Result<(), ClaimError> {
    let Some(expected) = expected.issuer else { return Ok(()) };
    let issuer = claims.issuer().ok_or(ClaimError::Missing(Claim::Iss))?;
    // RFC 8725 §3.8; no normalization, no prefixes (CVE-2025-30144, CVE-2024-53861).
    if issuer == expected { Ok(()) } else { Err(ClaimError::WrongIssuer) }
}

fn audience(
    claims: &StandardClaims,
    expected: &Expectations<'_>,
    _: i64,
) -> Result<(), ClaimError> {
    let claim = match expected.audience {
        AudienceRule::ClientId(_) => Claim::ClientId,
        _ => Claim::Aud,
    };
    if !claims.has(claim) {
        return Err(ClaimError::Missing(claim));
    }
    let accepted = match expected.audience {
        AudienceRule::Contains(ours) => claims.audiences().any(|one| ours.iter().any(|o| o == one)),
        AudienceRule::SingleString(ours) => {
            claims.text(Claim::Aud).is_some_and(|one| ours.contains(&one))
        }
        AudienceRule::Only(ours) => claims.audiences().eq([ours]),
        AudienceRule::ClientId(ours) => {
            claims.text(Claim::ClientId).is_some_and(|one| ours.iter().any(|o| o == one))
        }
    };
    if accepted { Ok(()) } else { Err(ClaimError::WrongAudience) }
}

fn expiry(
    claims: &StandardClaims,
    expected: &Expectations<'_>,
    now: i64,
) -> Result<(), ClaimError> {
    let expires_at = claims.expires_at().ok_or(ClaimError::Missing(Claim::Exp))?;
    // RFC 7519 §4.1.4: the current time must be before `exp`.
    if now < expires_at.saturating_add(expected.skew) { Ok(()) } else { Err(ClaimError::Expired) }
}

fn not_before(
    claims: &StandardClaims,
    expected: &Expectations<'_>,
    now: i64,
) -> Result<(), ClaimError> {
    match claims.not_before() {
        Some(begin) if begin > now.saturating_add(expected.skew) => Err(ClaimError::NotYetValid),
        _ => Ok(()),
    }
}

fn issued_at(
    claims: &StandardClaims,
    expected: &Expectations<'_>,
    now: i64,
) -> Result<(), ClaimError> {
    match claims.issued_at() {
        Some(issued) if issued > now.saturating_add(expected.skew) => {
            Err(ClaimError::IssuedInFuture)
        }
        _ => Ok(()),
    }
}

fn lifetime(
    claims: &StandardClaims,
    expected: &Expectations<'_>,
    now: i64,
) -> Result<(), ClaimError> {
    let expires_at = claims.expires_at().ok_or(ClaimError::Missing(Claim::Exp))?;
    let begins = [claims.issued_at(), claims.not_before()];
    if begins.into_iter().flatten().any(|begin| begin >= expires_at) {
        return Err(ClaimError::EmptyLifetime);
    }
    let longest = match claims.issued_at() {
        Some(issued) => issued.saturating_add(expected.max_lifetime),
        None => now.saturating_add(expected.max_lifetime).saturating_add(expected.skew),
    };
    if expires_at <= longest { Ok(()) } else { Err(ClaimError::LifetimeTooLong) }
}

fn subject(claims: &StandardClaims, expected: &Expectations<'_>, _: i64) -> Result<(), ClaimError> {
    match (expected.subject, claims.subject()) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(ClaimError::Missing(Claim::Sub)),
        (Some(expected), Some(found)) if expected == found => Ok(()),
        (Some(_), Some(_)) => Err(ClaimError::WrongSubject),
    }
}

fn required(
    claims: &StandardClaims,
    expected: &Expectations<'_>,
    _: i64,
) -> Result<(), ClaimError> {
    let missing = |claim: &Claim| !claims.has(*claim) || claims.text(*claim) == Some("");
    match expected.required.iter().find(|claim| missing(claim)) {
        Some(claim) => Err(ClaimError::Missing(*claim)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
