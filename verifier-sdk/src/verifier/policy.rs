//! What one verifier demands of a token: each check once, used by `verify` and by `explain`.

use std::borrow::Cow;

use countersign_keys::{Algorithm, JwkSet, JwsError, UnverifiedJws, VerifiedPayload, VerifyingKey};

use crate::binding::{self, Confirmation, Possession};
use crate::caller::{self, Kind};
use crate::claims::{Claim, ClaimError, StandardClaims};
use crate::error::VerifyError;
use crate::profile::Profile;
use crate::validation::{AudienceRule, Expectations};

/// Whether users who only were named by an app are let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AppAsserted {
    Refused,
    Accepted,
}

#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) issuer: String,
    pub(crate) audiences: Vec<String>,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) profile: Profile,
    pub(crate) app_asserted: AppAsserted,
    /// Seconds.
    pub(crate) skew: i64,
    /// Seconds.
    pub(crate) max_lifetime: i64,
    pub(crate) max_token_bytes: usize,
    #[cfg(feature = "jwe")]
    pub(crate) decryption: Option<crate::jwe::DecryptionKeys>,
}

impl Policy {
    /// The signed token: the token itself, or what is inside of an encrypted one (RFC 7516).
    #[cfg(feature = "jwe")]
    pub(crate) fn open<'t>(&self, token: &'t str) -> Result<Cow<'t, str>, VerifyError> {
        match &self.decryption {
            Some(keys) => keys.open(token, self.max_token_bytes),
            None => Ok(Cow::Borrowed(token)),
        }
    }

    /// The signed token: nothing is opened here.
    #[cfg(not(feature = "jwe"))]
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "the feature `jwe` needs them"
    )]
    pub(crate) fn open<'t>(&self, token: &'t str) -> Result<Cow<'t, str>, VerifyError> {
        Ok(Cow::Borrowed(token))
    }

    /// The keys, if there are any yet, only make it faster: their usual headers need not be read.
    pub(crate) fn parse<'t>(
        &self,
        token: &'t str,
        keys: Option<&JwkSet>,
    ) -> Result<UnverifiedJws<'t>, VerifyError> {
        let known = keys.into_iter().flatten().map(VerifyingKey::access_token_header);
        UnverifiedJws::parse_known(token, self.max_token_bytes, known).map_err(|error| {
            // RFC 7516 §9: five parts are a JWE, whatever is in them.
            let is_encrypted =
                error == JwsError::NotCompact && token.bytes().filter(|b| *b == b'.').count() == 4;
            if is_encrypted { VerifyError::Encrypted } else { VerifyError::Malformed(error) }
        })
    }

    /// RFC 8725 §3.1: the recipient decides which algorithms there are.
    pub(crate) fn check_algorithm(&self, jws: &UnverifiedJws<'_>) -> Result<(), VerifyError> {
        let wanted = jws.algorithm();
        if self.algorithms.iter().any(|allowed| allowed.is_same_as(wanted)) {
            Ok(())
        } else {
            Err(VerifyError::AlgorithmNotAllowed)
        }
    }

    /// RFC 9068 §4, RFC 8725 §3.11: another type is another thing.
    pub(crate) fn check_type(&self, jws: &UnverifiedJws<'_>) -> Result<(), VerifyError> {
        self.profile.header_type.check(jws)
    }

    pub(crate) fn check_signature(
        jws: &UnverifiedJws<'_>,
        key: &VerifyingKey,
    ) -> Result<VerifiedPayload, VerifyError> {
        jws.verify(key).map_err(|error| match error {
            JwsError::PayloadNotUtf8 => VerifyError::Malformed(error),
            _ => VerifyError::Untrusted(error),
        })
    }

    pub(crate) fn expectations(&self) -> Expectations<'_> {
        Expectations {
            issuer: Some(&self.issuer),
            subject: None,
            audience: if self.profile.audience_is_client {
                AudienceRule::ClientId(&self.audiences)
            } else {
                AudienceRule::Contains(&self.audiences)
            },
            required: self.profile.required,
            max_lifetime: self.max_lifetime,
            skew: self.skew,
        }
    }

    /// The payload's own mark, for profiles whose tokens have one.
    pub(crate) fn check_mark(&self, claims: &StandardClaims) -> Result<(), ClaimError> {
        match self.profile.mark {
            Some((claim, value)) if claims.text(claim) != Some(value) => {
                Err(ClaimError::WrongKind(claim))
            }
            _ => Ok(()),
        }
    }

    /// The claim that names the client in this token.
    pub(crate) fn client(&self, claims: &StandardClaims) -> Result<Claim, ClaimError> {
        let named = |claim: &&Claim| claims.text(**claim).is_some_and(|client| !client.is_empty());
        let expected = self.profile.client.first().copied().unwrap_or(Claim::ClientId);
        self.profile.client.iter().find(named).copied().ok_or(ClaimError::Missing(expected))
    }

    /// What the token is bound to, for a proof to be asked for.
    ///
    /// RFC 9449 §7.1, RFC 8705 §3: a bound token without its proof is stolen until shown otherwise.
    pub(crate) fn check_binding(
        claims: &StandardClaims,
        possession: Possession,
    ) -> Result<Option<Confirmation>, ClaimError> {
        if !claims.has(Claim::Cnf) {
            return Ok(None);
        }
        match (possession, binding::confirmation(claims)?) {
            (Possession::ByCertificate, bound @ (None | Some(Confirmation::X5tS256(_))))
            | (Possession::ByProof, bound @ (None | Some(Confirmation::Jkt(_)))) => Ok(bound),
            _ => Err(ClaimError::BoundToKey),
        }
    }

    /// Who calls, if this verifier lets that kind in.
    pub(crate) fn identity(&self, claims: &StandardClaims) -> Result<Kind, ClaimError> {
        match (caller::kind(claims, self.profile.identity)?, self.app_asserted) {
            (Kind::AppAsserted, AppAsserted::Refused) => Err(ClaimError::AppAssertedRefused),
            (kind, _) => Ok(kind),
        }
    }
}
