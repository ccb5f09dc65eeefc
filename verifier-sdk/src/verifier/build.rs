//! From settings to a verifier: what must hold of them together, and where the keys come from.

use std::sync::Arc;
use std::time::Duration;

use countersign_keys::jws::MAX_TOKEN_BYTES;
use countersign_keys::{Algorithm, JwkSet};
use url::Url;

use super::builder::{HasAudience, IsClient, VerifierBuilder};
use super::settings::BuildError;
#[cfg(feature = "remote")]
use super::settings::{Keys, Start};
use super::token_cache::{TokenCache, VerifiedTokens};
use super::{DEFAULT_ALGORITHMS, Inner, Policy, Verifier};
use crate::RelyingParty;
use crate::binding::Dpop;
use crate::key_source::{CustomKeys, IssuerKeys, KeySource, PlainHttp};
#[cfg(feature = "remote")]
use crate::key_source::{HttpFetch, RemoteKeys, RemoteOptions, Source, Trigger};
use crate::metrics::Counters;
use crate::revocation::{FeedSource, Parts, Revocation, Revocations, Standing};

const OF_ANOTHER: BuildError = BuildError::Setting("the feed is of another issuer");

impl<C> VerifierBuilder<C, HasAudience> {
    /// Builds with fixed keys, at once.
    pub fn build_with(mut self, keys: JwkSet) -> Result<Verifier<C>, BuildError> {
        self.check()?;
        self.finish(IssuerKeys::Fixed(Arc::new(keys)))
    }

    /// Builds with the service's own source of keys, at once and whether it has any yet.
    pub fn build_with_source(mut self, source: impl KeySource) -> Result<Verifier<C>, BuildError> {
        self.check()?;
        self.finish(IssuerKeys::Custom(CustomKeys(Arc::new(source))))
    }

    /// Builds, and with [`Start::FailFast`] fetches the keys first. Must be awaited within a tokio
    /// runtime unless the keys are fixed.
    #[cfg(feature = "remote")]
    pub async fn build(mut self) -> Result<Verifier<C>, BuildError> {
        self.check()?;
        let keys = self.connect().await?;
        self.finish(keys)
    }

    fn finish(mut self, keys: IssuerKeys) -> Result<Verifier<C>, BuildError> {
        let inner = Inner {
            standing: self.standing(&keys)?,
            policy: self.policy,
            keys,
            clock: self.clock,
            counters: Arc::new(Counters::default()),
            cache: self.token_cache.map(VerifiedTokens::new),
            bound: self.dpop.map(Dpop::build).transpose()?.map(Arc::new),
            mtls: self.mtls.map(Arc::new),
            read_extra: self.read_extra,
        };
        Ok(Verifier { inner: Arc::new(inner) })
    }
}

impl<C> VerifierBuilder<C, IsClient> {
    /// Builds with fixed keys, at once.
    pub fn build_with(mut self, keys: JwkSet) -> Result<RelyingParty<C>, BuildError> {
        self.check()?;
        self.finish(IssuerKeys::Fixed(Arc::new(keys)))
    }

    /// Builds, and with [`Start::FailFast`] fetches the keys first. Must be awaited within a tokio
    /// runtime unless the keys are fixed.
    #[cfg(feature = "remote")]
    pub async fn build(mut self) -> Result<RelyingParty<C>, BuildError> {
        self.check()?;
        let keys = self.connect().await?;
        self.finish(keys)
    }

    fn finish(mut self, keys: IssuerKeys) -> Result<RelyingParty<C>, BuildError> {
        Ok(RelyingParty::assemble(crate::relying_party::Parts {
            standing: self.standing(&keys)?,
            policy: self.policy,
            trusted_audiences: self.trusted_audiences,
            keys,
            clock: self.clock,
            replay: self.replay.unwrap_or_else(crate::replay::in_memory),
            read_extra: self.read_extra,
        }))
    }
}

impl<C, A> VerifierBuilder<C, A> {
    #[cfg(feature = "remote")]
    async fn connect(&mut self) -> Result<IssuerKeys, BuildError> {
        let source = match std::mem::take(&mut self.keys) {
            Keys::Fixed(keys) => return Ok(IssuerKeys::Fixed(Arc::new(keys))),
            Keys::Custom(source) => return self.connect_custom(source).await,
            Keys::JwksUrl(url) => Source::JwksUrl(url),
            Keys::Discovery => Source::Discovery { issuer: self.policy.issuer.clone() },
        };
        let fetch = match self.fetch.take() {
            Some(fetch) => fetch,
            None => Arc::new(HttpFetch::build().map_err(BuildError::Client)?),
        };
        let mut options = RemoteOptions::new(fetch);
        // The feed may be signed with another.
        options.algorithms = if self.feeds.is_empty() {
            self.policy.algorithms.clone()
        } else {
            self.feed_algorithms()
        };
        options.max_stale = self.max_stale;
        options.clock = Arc::clone(&self.clock);
        options.plain_http = self.plain_http;
        let keys = RemoteKeys::new(source, options);
        let fetch_first = match &self.start {
            Start::FailFast => true,
            Start::Lazy => false,
            Start::Warm(snapshot) => !keys.warm(snapshot, &self.policy.issuer)?,
        };
        if fetch_first {
            keys.fetch_now(Trigger::Cold).await?;
        }
        keys.spawn_refresher();
        Ok(IssuerKeys::Remote(keys))
    }

    #[cfg(feature = "remote")]
    async fn connect_custom(&self, source: CustomKeys) -> Result<IssuerKeys, BuildError> {
        let must_be_ready = !matches!(self.start, Start::Lazy);
        if must_be_ready && source.0.keys().is_err() {
            source.0.refresh().await;
            source.0.keys().map_err(|_| BuildError::NoKeys)?;
        }
        Ok(IssuerKeys::Custom(source))
    }

    /// What it knows of revocations; begins to follow them, if there is a feed to follow.
    fn standing(&mut self, keys: &IssuerKeys) -> Result<Option<Standing>, BuildError> {
        let sources = std::mem::take(&mut self.feeds);
        match (self.revocation, sources.is_empty()) {
            (Revocation::Off, _) | (Revocation::BestEffort, true) => return Ok(None),
            (Revocation::Strict { .. }, true) => {
                return Err(BuildError::Setting("strict revocation needs a feed"));
            }
            _ => {}
        }
        let revocations = self.revocations(sources, keys)?;
        revocations.demand(self.revocation.bound());
        let (policy, began) = (self.revocation, self.clock.monotonic());
        Ok(Some(Standing { revocations, policy, fallback: self.fallback.take(), began }))
    }

    /// Those of tokens, and both of which an issuer signs its feed with one: which is its business.
    fn feed_algorithms(&self) -> Vec<Algorithm> {
        let of_tokens = &self.policy.algorithms;
        let others = DEFAULT_ALGORITHMS.iter().filter(|algorithm| !of_tokens.contains(algorithm));
        of_tokens.iter().chain(others).copied().collect()
    }

    fn revocations(
        &self,
        sources: Vec<FeedSource>,
        keys: &IssuerKeys,
    ) -> Result<Revocations, BuildError> {
        let policy = Policy { algorithms: self.feed_algorithms(), ..self.policy.clone() };
        let revocations = Revocations::assemble(Parts {
            policy,
            keys: keys.clone(),
            clock: Arc::clone(&self.clock),
            capacity: self.max_revocations,
        });
        let is_only_one = sources.len() == 1;
        for source in sources {
            match source {
                FeedSource::Shared(known) if known.issuer() != self.policy.issuer => {
                    return Err(OF_ANOTHER);
                }
                FeedSource::Shared(known) if is_only_one => return Ok(known),
                FeedSource::Shared(_) => {
                    let problem = "what another verifier knows is followed there";
                    return Err(BuildError::Setting(problem));
                }
                source => self.begin(&revocations, source)?,
            }
        }
        Ok(revocations)
    }

    /// Begins to follow one feed.
    fn begin(&self, revocations: &Revocations, source: FeedSource) -> Result<(), BuildError> {
        let is_followed = match source {
            FeedSource::Pushed | FeedSource::Shared(_) => true,
            #[cfg(feature = "remote")]
            FeedSource::Custom(feed) => revocations.follow(feed.0),
            #[cfg(feature = "feed")]
            FeedSource::Issuer(tokens) if tokens.issuer() != self.policy.issuer => {
                return Err(OF_ANOTHER);
            }
            #[cfg(feature = "feed")]
            FeedSource::Issuer(tokens) => {
                revocations.follow(Arc::new(crate::revocation::IssuerFeed::new(tokens)))
            }
        };
        let nowhere = BuildError::Setting("a feed is followed within a tokio runtime");
        if is_followed { Ok(()) } else { Err(nowhere) }
    }

    /// What must hold of the settings, together.
    fn check(&mut self) -> Result<(), BuildError> {
        check_issuer(&self.policy.issuer, self.plain_http)?;
        if self.policy.audiences.iter().any(String::is_empty) {
            return Err(BuildError::Audience);
        }
        if self.policy.algorithms.is_empty() {
            return Err(BuildError::Algorithms);
        }
        let minute = Duration::from_mins(1);
        let bounds = [
            (self.skew <= 2 * minute, "skew must be at most 120 s"),
            (self.max_stale >= 5 * minute, "max_stale must be at least 5 min"),
            (self.max_stale <= 7 * 24 * 60 * minute, "max_stale must be at most a week"),
            (self.max_lifetime >= minute, "max_lifetime must be at least a minute"),
            (self.policy.max_token_bytes <= MAX_TOKEN_BYTES, "tokens have at most 16 KiB"),
        ];
        if let Some((_, message)) = bounds.iter().find(|(holds, _)| !holds) {
            return Err(BuildError::Setting(message));
        }
        self.token_cache.map_or(Ok(()), TokenCache::check)?;
        self.revocation.check().map_err(BuildError::Setting)?;
        #[cfg(feature = "jwe")]
        self.policy.decryption.as_ref().map_or(Ok(()), crate::jwe::DecryptionKeys::check)?;
        let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        self.policy.skew = seconds(self.skew);
        self.policy.max_lifetime = seconds(self.max_lifetime);
        Ok(())
    }
}

/// RFC 8414 §2: an https URL without query and fragment.
fn check_issuer(issuer: &str, plain_http: PlainHttp) -> Result<(), BuildError> {
    let url = Url::parse(issuer).map_err(|_| BuildError::Issuer)?;
    let secure = crate::key_source::check_url(&url, plain_http).is_ok();
    if secure && url.query().is_none() && url.fragment().is_none() {
        Ok(())
    } else {
        Err(BuildError::Issuer)
    }
}
