//! The verifier: the checks in order, cheapest first, synchronous and without locks. Only "unknown key
//! while the set may be old" waits, and only in `verify`.

mod build;
mod builder;
mod explain;
mod multi;
mod policy;
mod settings;
mod standing;
mod token_cache;
mod verified;

pub use builder::{HasAudience, IsClient, NoAudience, OfAccessTokens, VerifierBuilder};
pub use explain::{CheckReport, Outcome};
pub use multi::{MultiVerifier, SameIssuerTwice};
pub use settings::{BuildError, Keys, Start};
pub use token_cache::TokenCache;
pub use verified::Verified;

use std::fmt;
use std::sync::Arc;

use countersign_keys::{Algorithm, UnverifiedJws, VerifiedPayload};
use http::request::Parts;

use crate::binding::{Binding, BoundTokens, Mtls, Possession, Presentation, ProofError};
use crate::challenge::{self, Offer};
use crate::claims::{ClaimError, StandardClaims};
use crate::clock::Clock;
use crate::credential::{Carriers, Credential, Scheme};
use crate::error::VerifyError;
use crate::health::Health;
use crate::key_source::{IssuerKeys, Miss};
use crate::metrics::{Counters, Metrics};
use crate::revocation::{Revocations, Standing};
use crate::validation::{still_in_time, validate};
pub(crate) use policy::{AppAsserted, Policy};
use token_cache::{Verdict, VerifiedTokens};
use verified::Facts;

/// What a verifier accepts unless told otherwise.
pub(crate) const DEFAULT_ALGORITHMS: [Algorithm; 2] = [Algorithm::Es256, Algorithm::Rs256];

/// Verifies access tokens of one issuer for one audience. Clones are cheap and share the keys; the
/// last one dropped stops the background task.
///
/// `C` is the application's own claims struct, see [`VerifierBuilder::claims`].
pub struct Verifier<C = ()> {
    inner: Arc<Inner<C>>,
}

/// A verified token with what the answer to its request should carry.
pub(crate) struct Presented<C> {
    pub(crate) verified: Verified<C>,
    /// For the header `DPoP-Nonce`.
    #[cfg_attr(not(feature = "axum"), expect(dead_code, reason = "only a layer answers"))]
    pub(crate) next_nonce: Option<String>,
}

struct Inner<C> {
    policy: Policy,
    keys: IssuerKeys,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
    /// Of this verifier alone, since its entries are verdicts by this policy.
    cache: Option<VerifiedTokens<C>>,
    /// Whether and how bound tokens are taken.
    bound: Option<Arc<BoundTokens>>,
    /// Whether and how tokens that are bound to a certificate are taken.
    mtls: Option<Arc<Mtls>>,
    /// What is known of revocations, and what it means here.
    standing: Option<Standing>,
    read_extra: fn(&str) -> Option<C>,
}

impl Verifier {
    /// Begins with the issuer, exactly as its tokens' `iss` says it. The audience must follow before
    /// `build` exists:
    ///
    /// ```compile_fail,E0599
    /// # async fn example() {
    /// use countersign_verifier::Verifier;
    /// let verifier = Verifier::builder("https://issuer.example").build().await;
    /// # }
    /// ```
    pub fn builder(issuer: &str) -> VerifierBuilder<(), NoAudience> {
        VerifierBuilder::new(issuer)
    }
}

impl<C> Verifier<C> {
    /// Verifies a bearer token without ever waiting. Answers [`VerifyError::NeedsKeys`] where `verify` would
    /// wait; nothing is fetched.
    pub fn try_verify(&self, token: &str) -> Result<Verified<C>, VerifyError> {
        let result =
            self.require_no_binding().and_then(|()| self.check(token, Possession::Unshown));
        let result = result.and_then(|verified| self.require_fresh().map(|()| verified));
        self.inner.counters.record(&result);
        result
    }

    /// Verifies a bearer token. Waits at most a second, and only if a fetch may bring the key it needs.
    pub async fn verify(&self, token: &str) -> Result<Verified<C>, VerifyError> {
        let begin = self.inner.clock.monotonic();
        let result = match self.require_no_binding() {
            Ok(()) => self.check_or_fetch(token, Possession::Unshown).await,
            Err(refused) => Err(refused),
        };
        let result = match result {
            Ok(verified) => self.stand(token, &verified).await.map(|()| verified),
            refused => refused,
        };
        self.count(&result, begin);
        result
    }

    /// Verifies the one token that a request carries, with its proof if it is bound, for frameworks without a layer of
    /// ours. A refusal has its [`status`](VerifyError::status) and its [`challenges`](Self::challenges).
    pub async fn verify_request(
        &self,
        parts: &Parts,
        carriers: &Carriers,
    ) -> Result<Verified<C>, VerifyError> {
        let (method, path) = (parts.method.as_str(), parts.uri.path());
        let (headers, extensions) = (&parts.headers, &parts.extensions);
        let request = Presentation { method, path, headers, extensions };
        Ok(self.verify_presented(&carriers.find(parts, None)?, request).await?.verified)
    }

    pub(crate) async fn verify_presented(
        &self,
        credential: &Credential,
        request: Presentation<'_>,
    ) -> Result<Presented<C>, VerifyError> {
        let token = &credential.token;
        let begin = self.inner.clock.monotonic();
        let result = match (credential.scheme, self.inner.mtls.as_deref()) {
            (Scheme::Dpop, _) => self.verify_with_proof(token, request).await,
            (Scheme::Bearer, Some(mtls)) => {
                self.verify_with_certificate(token, mtls, request).await
            }
            (Scheme::Bearer, None) => {
                let verified = self.verify(token).await?;
                return Ok(Presented { verified, next_nonce: None });
            }
        };
        let result = match result {
            Ok(presented) => self.stand(token, &presented.verified).await.map(|()| presented),
            refused => refused,
        };
        self.count(&result, begin);
        result
    }

    /// RFC 8705 §3: a bearer token, but for the certificate of the connection.
    async fn verify_with_certificate(
        &self,
        token: &str,
        mtls: &Mtls,
        request: Presentation<'_>,
    ) -> Result<Presented<C>, VerifyError> {
        let verified = self.check_or_fetch(token, Possession::ByCertificate).await?;
        match verified.binding() {
            Some(Binding::Certificate { x5t_s256 }) => {
                mtls.prove(x5t_s256, (request.headers, request.extensions))?;
            }
            _ => self.require_no_binding()?,
        }
        Ok(Presented { verified, next_nonce: None })
    }

    /// The token first: only who has a good one may make us look at a proof.
    async fn verify_with_proof(
        &self,
        token: &str,
        request: Presentation<'_>,
    ) -> Result<Presented<C>, VerifyError> {
        let bound = self.inner.bound.as_deref().ok_or(ProofError::NotAccepted)?;
        let verified = self.check_or_fetch(token, Possession::ByProof).await?;
        let now = self.inner.clock.wall();
        let proof = bound.prove((token, verified.jkt()), request, now).await?;
        Ok(Presented { verified, next_nonce: proof.next_nonce().map(str::to_owned) })
    }

    /// The values of `WWW-Authenticate` for a refusal of this verifier: one for each scheme that it takes.
    pub fn challenges(&self, error: &VerifyError) -> Vec<String> {
        challenge::all(error, &self.offer(), None)
    }

    /// What challenges say of DPoP.
    pub(crate) fn offer(&self) -> Offer<'_> {
        let bound = self.inner.bound.as_deref();
        Offer {
            algorithms: bound.map(BoundTokens::algorithms),
            is_required: self.inner.mtls.is_none()
                && bound.is_some_and(BoundTokens::refuses_bearer_tokens),
            presented: None,
        }
    }

    /// The same verifier, which also lets in users who only were named by an app
    /// ([`Caller::AppAsserted`](crate::Caller::AppAsserted)). Use it on the routes that want that.
    #[must_use]
    pub fn accepting_app_asserted(&self) -> Self {
        let mut policy = self.inner.policy.clone();
        policy.app_asserted = AppAsserted::Accepted;
        let inner = Inner {
            policy,
            keys: self.inner.keys.clone(),
            clock: Arc::clone(&self.inner.clock),
            counters: Arc::clone(&self.inner.counters),
            cache: self.inner.cache.as_ref().map(VerifiedTokens::of_another_policy),
            bound: self.inner.bound.clone(),
            mtls: self.inner.mtls.clone(),
            standing: self.inner.standing.clone(),
            read_extra: self.inner.read_extra,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Verifies the ID and logout tokens of a client of the same issuer, with the same keys.
    pub fn relying_party(&self, client_id: &str) -> crate::RelyingParty {
        let mut policy = self.inner.policy.clone();
        policy.audiences = vec![client_id.to_owned()];
        // That access tokens must be encrypted says nothing of ID tokens.
        #[cfg(feature = "jwe")]
        if let Some(keys) = &policy.decryption {
            policy.decryption = Some(keys.accepting_plain());
        }
        crate::RelyingParty::assemble(crate::relying_party::Parts {
            policy,
            trusted_audiences: Vec::new(),
            keys: self.inner.keys.clone(),
            clock: Arc::clone(&self.inner.clock),
            replay: crate::replay::in_memory(),
            standing: self.inner.standing.clone(),
            read_extra: |_| Some(()),
        })
    }

    /// The issuer whose tokens are accepted.
    pub fn issuer(&self) -> &str {
        &self.inner.policy.issuer
    }

    /// The audiences that this recipient answers to.
    pub fn audiences(&self) -> &[String] {
        &self.inner.policy.audiences
    }

    #[cfg(feature = "hs256-migration")]
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.inner.clock)
    }

    /// How the keys are, and how well revocations are known.
    pub fn health(&self) -> Health {
        let standing = self.inner.standing.as_ref();
        let feed = standing.map(|standing| standing.health(self.inner.clock.monotonic()));
        self.inner.keys.health().with_feed(feed)
    }

    /// Returns as soon as tokens can be judged: for a readiness probe. Keys that are not fetched by the SDK are not waited
    /// for. What was revoked is: until all of it is known, or for ten seconds where the policy does not insist.
    #[cfg(feature = "remote")]
    pub async fn ready(&self) {
        if let Some(keys) = self.remote_keys() {
            keys.ready().await;
        }
        while self.health().feed.is_some_and(|feed| !feed.is_ready) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// What was counted so far.
    pub fn metrics(&self) -> Metrics {
        Metrics {
            outcomes: self.inner.counters.outcomes(),
            #[cfg(feature = "remote")]
            keys: self.remote_keys().map(crate::key_source::RemoteKeys::counters),
            health: self.health(),
            seconds: self.inner.counters.seconds(),
            cache_hits: self.inner.cache.as_ref().map(VerifiedTokens::hits),
            revocations: self.revocations().map(Revocations::metrics),
        }
    }

    /// The key source, to refresh it by hand; none for fixed keys.
    #[cfg(feature = "remote")]
    pub fn remote_keys(&self) -> Option<&crate::key_source::RemoteKeys> {
        match &self.inner.keys {
            IssuerKeys::Remote(keys) => Some(keys),
            IssuerKeys::Fixed(_) | IssuerKeys::Custom(_) => None,
        }
    }

    /// The keys for a later [`Start::Warm`]; none if there are none yet, or they are fixed.
    #[cfg(feature = "remote")]
    pub fn export(&self) -> Option<crate::key_source::Snapshot> {
        self.remote_keys()?.export(self.issuer())
    }

    fn count<T>(&self, result: &Result<T, VerifyError>, begin: std::time::Duration) {
        self.inner.counters.record(result);
        self.inner.counters.took(self.inner.clock.monotonic().saturating_sub(begin));
    }

    /// That a token which is bound to nothing may be accepted.
    fn require_no_binding(&self) -> Result<(), VerifyError> {
        let by_proof = self.inner.bound.as_deref().is_some_and(BoundTokens::refuses_bearer_tokens);
        let by_certificate = self.inner.mtls.as_deref().is_some_and(Mtls::refuses_bearer_tokens);
        if by_proof || by_certificate { Err(ProofError::BindingNeeded.into()) } else { Ok(()) }
    }

    fn check(&self, token: &str, possession: Possession) -> Result<Verified<C>, VerifyError> {
        match &self.inner.cache {
            None => self.check_all((token, possession), |_| {}),
            Some(cache) => match self.recall(cache, token, possession) {
                Some(verified) => Ok(verified),
                None => self.check_all((token, possession), |verdict| {
                    cache.insert(token, &verdict, self.inner.clock.monotonic());
                }),
            },
        }
    }

    /// An earlier verdict about exactly these bytes, if everything that may have changed since is as it was:
    /// the time, whether the key is still the issuer's, whether it was revoked, and how it is presented: what was a bound
    /// token is one. The claims and the policy cannot change. The proof is never remembered.
    fn recall(
        &self,
        cache: &VerifiedTokens<C>,
        token: &str,
        possession: Possession,
    ) -> Option<Verified<C>> {
        let hit = cache.find(token, self.inner.clock.monotonic())?;
        let Verdict { verified, kid, key, told } = hit.verdict()?;
        let now = self.inner.clock.wall();
        let is_presented_so = match verified.binding() {
            None => true,
            Some(Binding::Dpop { .. }) => possession == Possession::ByProof,
            Some(Binding::Certificate { .. }) => possession == Possession::ByCertificate,
        };
        let holds = is_presented_so
            && still_in_time(verified.claims(), &self.inner.policy.expectations(), now).is_ok()
            && self.inner.keys.still_trusts(kid.as_ref(), key);
        if !holds {
            return None;
        }
        hit.stands_after(self.still_stands(verified, (key, told))?);
        cache.count_hit();
        Some(verified.clone().at(now))
    }

    /// The checks, in order. Nothing is allocated before the signature holds, but for an encrypted token.
    fn check_all(
        &self,
        (token, possession): (&str, Possession),
        then: impl FnOnce(Verdict<'_, C>),
    ) -> Result<Verified<C>, VerifyError> {
        let policy = &self.inner.policy;
        let signed = policy.open(token)?;
        let jws = self.parse(&signed)?;
        policy.check_algorithm(&jws)?;
        policy.check_type(&jws)?;
        self.inner.keys.with_key(jws.kid(), |key| {
            let key = key.map_err(VerifyError::from)?;
            let verified = self.accept(Policy::check_signature(&jws, key)?, possession)?;
            let told = self.check_standing(&verified, key)?;
            then(Verdict { verified: &verified, kid: jws.kid().copied(), key, told });
            Ok(verified)
        })
    }

    fn parse<'t>(&self, token: &'t str) -> Result<UnverifiedJws<'t>, VerifyError> {
        self.inner.keys.with_set(|keys| self.inner.policy.parse(token, keys))
    }

    fn accept(
        &self,
        payload: VerifiedPayload,
        possession: Possession,
    ) -> Result<Verified<C>, VerifyError> {
        let policy = &self.inner.policy;
        let claims = StandardClaims::parse_owned(payload)?;
        let now = self.inner.clock.wall();
        validate(&claims, &policy.expectations(), now)?;
        policy.check_mark(&claims)?;
        let client = policy.client(&claims)?;
        let bound_to = Policy::check_binding(&claims, possession)?;
        let kind = policy.identity(&claims)?;
        let extra = (self.inner.read_extra)(claims.payload()).ok_or(ClaimError::Application)?;
        let facts = Facts { claims, kind, client, profile: policy.profile, bound_to, extra };
        Ok(Verified::new(facts, now))
    }

    async fn check_or_fetch(
        &self,
        token: &str,
        possession: Possession,
    ) -> Result<Verified<C>, VerifyError> {
        match self.check(token, possession) {
            Err(VerifyError::NeedsKeys) => {}
            settled => return settled,
        }
        let signed = self.inner.policy.open(token)?;
        let jws = self.parse(&signed)?;
        self.inner.keys.resolve(jws.kid()).await?;
        self.check(token, possession)
    }
}

impl From<Miss> for VerifyError {
    fn from(miss: Miss) -> Self {
        match miss {
            Miss::NoKid => Self::NoKid,
            Miss::Unknown => Self::UnknownKey,
            Miss::NeedsKeys => Self::NeedsKeys,
            Miss::Unavailable(retry_after) => Self::Unavailable { retry_after },
        }
    }
}

impl<C> Clone for Verifier<C> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<C> fmt::Debug for Verifier<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("policy", &self.inner.policy).finish_non_exhaustive()
    }
}
