//! The verifier of a client (OpenID Connect calls it a relying party): ID tokens and logout tokens of one issuer,
//! on the same keys and the same strict JWS layer as access tokens. What each kind must say is `id_token` and
//! `logout_token`; neither ever becomes a [`Verified`](crate::Verified).

use std::fmt;
use std::sync::Arc;

use countersign_keys::{Algorithm, Kid, UnverifiedJws};

use crate::claims::{ClaimError, StandardClaims};
use crate::clock::Clock;
use crate::error::VerifyError;
use crate::health::Health;
use crate::id_token::{self, AuthenticationRequest, IdToken, PreviousIdToken};
use crate::key_source::IssuerKeys;
use crate::logout_token::{self, LogoutToken};
use crate::profile::HeaderType;
use crate::replay::ReplayStore;
use crate::revocation::{Marks, Revocations, Standing};
use crate::validation::{AudienceRule, Expectations};
use crate::verifier::{IsClient, Policy, VerifierBuilder};

/// Verifies ID and logout tokens for one client. Clones are cheap and share the keys.
pub struct RelyingParty<C = ()> {
    parts: Arc<Parts<C>>,
}

pub(crate) struct Parts<C> {
    pub(crate) policy: Policy,
    pub(crate) trusted_audiences: Vec<String>,
    pub(crate) keys: IssuerKeys,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) replay: Arc<dyn ReplayStore>,
    pub(crate) standing: Option<Standing>,
    pub(crate) read_extra: fn(&str) -> Option<C>,
}

/// A token whose signature holds and whose claims are still to be judged.
pub(crate) struct Opened {
    pub(crate) claims: StandardClaims,
    /// With which the token was signed.
    pub(crate) algorithm: Algorithm,
    /// By which key.
    pub(crate) kid: Kid,
}

impl RelyingParty {
    /// Begins with the issuer, exactly as `iss` says it, and the client's identifier at it.
    pub fn builder(issuer: &str, client_id: &str) -> VerifierBuilder<(), IsClient> {
        VerifierBuilder::new(issuer).of_client(client_id)
    }
}

impl<C> RelyingParty<C> {
    pub(crate) fn assemble(parts: Parts<C>) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// Verifies the ID token that came in answer to an authentication request.
    pub async fn verify_id_token(
        &self,
        token: &str,
        request: &AuthenticationRequest<'_>,
    ) -> Result<IdToken<C>, VerifyError> {
        let opened = self.open(token, id_token::HEADER_TYPE).await?;
        self.id_token(opened, |claims, algorithm, now| {
            request.check(claims, algorithm, (now, self.parts.policy.skew))
        })
    }

    /// Verifies the ID token that came with a refreshed access token (OpenID Connect Core §12.2): it must be about the
    /// same sign-in as the one before.
    pub async fn verify_refreshed_id_token(
        &self,
        token: &str,
        previous: &PreviousIdToken<'_>,
    ) -> Result<IdToken<C>, VerifyError> {
        let opened = self.open(token, id_token::HEADER_TYPE).await?;
        self.id_token(opened, |claims, algorithm, _| previous.check(claims, algorithm))
    }

    /// Verifies a logout token and uses it up: act on it at once.
    pub async fn verify_logout_token(&self, token: &str) -> Result<LogoutToken, VerifyError> {
        let opened = self.open(token, logout_token::HEADER_TYPE).await?;
        let parts = &self.parts;
        let now = parts.clock.wall();
        let expected = self.expectations(logout_token::REQUIRED);
        // It names what was revoked, so only its key is asked about.
        let standing = parts.standing.as_ref();
        standing.map_or(Ok(()), |standing| standing.check_key(&opened.claims, &opened.kid))?;
        let logout = LogoutToken::judge(opened.claims, &expected, now)?;
        // Back-Channel Logout §2.6: the same `jti` again is a replay.
        let name = format!("logout {} {}", parts.policy.issuer, logout.token_id());
        let until = logout.expires_at().saturating_add(parts.policy.skew);
        match parts.replay.first_use(&name, until, now).await {
            Ok(true) => Ok(logout),
            Ok(false) => Err(ClaimError::Replayed.into()),
            Err(error) => Err(VerifyError::Unavailable { retry_after: error.retry_after }),
        }
    }

    /// The issuer whose tokens are accepted.
    pub fn issuer(&self) -> &str {
        &self.parts.policy.issuer
    }

    /// The client whose tokens are accepted.
    pub fn client_id(&self) -> &str {
        self.parts.policy.audiences.first().map_or("", String::as_str)
    }

    #[cfg(feature = "session")]
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.parts.clock)
    }

    /// How the keys are, and how well revocations are known.
    pub fn health(&self) -> Health {
        let standing = self.parts.standing.as_ref();
        let feed = standing.map(|standing| standing.health(self.parts.clock.monotonic()));
        self.parts.keys.health().with_feed(feed)
    }

    /// What is known of revocations; none where nothing is asked about them.
    pub fn revocations(&self) -> Option<&Revocations> {
        self.parts.standing.as_ref().map(|standing| &standing.revocations)
    }

    /// Whether an ID token that was verified once was revoked since, with its session or its user, say.
    #[cfg(feature = "session")]
    pub(crate) fn is_revoked(&self, id_token: &str) -> bool {
        let Some(standing) = &self.parts.standing else { return false };
        let Ok(jws) = UnverifiedJws::parse(id_token) else { return false };
        let payload = jws.danger_unverified_payload().ok();
        let text = payload.and_then(|payload| String::from_utf8(payload).ok());
        let claims = text.and_then(|text| StandardClaims::parse_unverified(text).ok());
        claims.is_some_and(|claims| standing.check(&self.marks(&claims, jws.kid())).is_err())
    }

    /// That neither the session nor the user of an ID token was revoked since, nor the key that signed it.
    fn require_standing(&self, opened: &Opened) -> Result<(), VerifyError> {
        let Some(standing) = &self.parts.standing else { return Ok(()) };
        standing.check(&self.marks(&opened.claims, Some(&opened.kid)))?;
        standing.require_fresh()
    }

    fn marks<'t>(&'t self, claims: &'t StandardClaims, kid: Option<&'t Kid>) -> Marks<'t> {
        let client = Some(self.client_id());
        Marks { claims, client, scope: crate::claims::Claim::Scope, kid }
    }

    fn id_token(
        &self,
        opened: Opened,
        answers: impl FnOnce(&StandardClaims, Algorithm, i64) -> Result<(), ClaimError>,
    ) -> Result<IdToken<C>, VerifyError> {
        let parts = &self.parts;
        let now = parts.clock.wall();
        id_token::judge(&opened.claims, &self.expectations(id_token::REQUIRED), now)?;
        id_token::check_parties(&opened.claims, self.client_id(), &parts.trusted_audiences)?;
        answers(&opened.claims, opened.algorithm, now)?;
        self.require_standing(&opened)?;
        let extra = (parts.read_extra)(opened.claims.payload()).ok_or(ClaimError::Application)?;
        Ok(IdToken::new(opened.claims, extra))
    }

    fn expectations(&self, required: &'static [crate::claims::Claim]) -> Expectations<'_> {
        let policy = &self.parts.policy;
        Expectations {
            issuer: Some(&policy.issuer),
            subject: None,
            audience: AudienceRule::Contains(&policy.audiences),
            required,
            max_lifetime: policy.max_lifetime,
            skew: policy.skew,
        }
    }

    /// Form, algorithm, type, key and signature, in this order.
    async fn open(&self, token: &str, header_type: HeaderType) -> Result<Opened, VerifyError> {
        match self.try_open(token, header_type) {
            Err(VerifyError::NeedsKeys) => {
                let signed = self.parts.policy.open(token)?;
                let jws = self.parts.policy.parse(&signed, None)?;
                self.parts.keys.resolve(jws.kid()).await?;
                self.try_open(token, header_type)
            }
            settled => settled,
        }
    }

    fn try_open(&self, token: &str, header_type: HeaderType) -> Result<Opened, VerifyError> {
        let policy = &self.parts.policy;
        let signed = policy.open(token)?;
        let jws: UnverifiedJws<'_> = policy.parse(&signed, None)?;
        policy.check_algorithm(&jws)?;
        header_type.check(&jws)?;
        let (payload, kid) = self.parts.keys.with_key(jws.kid(), |key| {
            let key = key.map_err(VerifyError::from)?;
            Policy::check_signature(&jws, key).map(|payload| (payload, *key.kid()))
        })?;
        let claims = StandardClaims::parse_owned(payload)?;
        Ok(Opened { claims, algorithm: jws.algorithm(), kid })
    }
}

impl<C> Clone for RelyingParty<C> {
    fn clone(&self) -> Self {
        Self { parts: Arc::clone(&self.parts) }
    }
}

impl<C> fmt::Debug for RelyingParty<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelyingParty").field("policy", &self.parts.policy).finish_non_exhaustive()
    }
}
