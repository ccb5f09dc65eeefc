//! Building a verifier. Issuer and audience are mandatory by type; everything else has a default that
//! is safe. What cannot work is refused here, not at the first token.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use countersign_keys::jws::MAX_TOKEN_BYTES;
use countersign_keys::{Algorithm, JwkSet};
use serde::de::DeserializeOwned;
use url::Url;

use super::policy::{AppAsserted, Policy};
use super::settings::{BuildError, Keys, Start};
use super::token_cache::{TokenCache, VerifiedTokens};
use super::{DEFAULT_ALGORITHMS, Inner, Verifier};
use crate::clock::{Clock, SystemClock};
use crate::key_source::{CustomKeys, Fetch, IssuerKeys, KeySource, PlainHttp};
#[cfg(feature = "remote")]
use crate::key_source::{HttpFetch, RemoteKeys, RemoteOptions, Source, Trigger};
use crate::metrics::Counters;
use crate::profile::Profile;

/// No audience yet: there is no `build`.
#[derive(Debug)]
pub struct NoAudience;

/// Ready to build.
#[derive(Debug)]
pub struct HasAudience;

/// Collects what a verifier needs; made by [`Verifier::builder`].
#[must_use]
pub struct VerifierBuilder<C, A> {
    policy: Policy,
    keys: Keys,
    start: Start,
    clock: Arc<dyn Clock>,
    fetch: Option<Arc<dyn Fetch>>,
    plain_http: PlainHttp,
    max_stale: Duration,
    skew: Duration,
    max_lifetime: Duration,
    token_cache: Option<TokenCache>,
    read_extra: fn(&str) -> Option<C>,
    state: PhantomData<A>,
}

impl VerifierBuilder<(), NoAudience> {
    pub(super) fn new(issuer: &str) -> Self {
        let policy = Policy {
            issuer: issuer.to_owned(),
            audiences: Vec::new(),
            algorithms: DEFAULT_ALGORITHMS.to_vec(),
            profile: Profile::RFC9068,
            app_asserted: AppAsserted::Refused,
            skew: 0,
            max_lifetime: 0,
            max_token_bytes: MAX_TOKEN_BYTES,
        };
        Self {
            policy,
            keys: Keys::default(),
            start: Start::default(),
            clock: Arc::new(SystemClock),
            fetch: None,
            plain_http: PlainHttp::Loopback,
            max_stale: Duration::from_hours(24),
            skew: Duration::from_secs(30),
            max_lifetime: Duration::from_hours(24),
            token_cache: None,
            read_extra: |_| Some(()),
            state: PhantomData,
        }
    }
}

impl<C> VerifierBuilder<C, NoAudience> {
    /// Who this recipient is: one element of `aud` must equal it, byte for byte (RFC 8725 §3.9).
    pub fn audience(mut self, audience: &str) -> VerifierBuilder<C, HasAudience> {
        self.policy.audiences.push(audience.to_owned());
        self.into_state()
    }
}

impl<C> VerifierBuilder<C, HasAudience> {
    /// A second name of this recipient, e.g. while it is being renamed.
    pub fn also_audience(mut self, audience: &str) -> Self {
        self.policy.audiences.push(audience.to_owned());
        self
    }
}

impl<C, A> VerifierBuilder<C, A> {
    /// What access tokens look like: [`Profile::RFC9068`] by default, or one of
    /// [`compat`](crate::compat).
    pub fn profile(mut self, profile: Profile) -> Self {
        self.policy.profile = profile;
        self
    }

    /// The algorithms that are accepted: ES256 and RS256 by default.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.policy.algorithms = algorithms.into_iter().collect();
        self
    }

    /// The application's own claims, read from the payload after everything else has passed. A
    /// token from which they cannot be read is refused.
    pub fn claims<D: DeserializeOwned>(self) -> VerifierBuilder<D, A> {
        self.with(|payload| serde_json::from_str(payload).ok())
    }

    /// Where the keys are: one of [`Keys`], or the service's own [`KeySource`].
    pub fn keys(mut self, keys: impl Into<Keys>) -> Self {
        self.keys = keys.into();
        self
    }

    /// Remembers verified tokens for up to a minute, so that a token that comes again costs half a
    /// microsecond. Off by default: it helps only where the same tokens come often.
    pub fn token_cache(mut self, token_cache: TokenCache) -> Self {
        self.token_cache = Some(token_cache);
        self
    }

    /// What happens at start.
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// Another clock, for tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Another way to fetch documents.
    pub fn fetcher(mut self, fetch: impl Fetch) -> Self {
        self.fetch = Some(Arc::new(fetch));
        self
    }

    /// How long keys serve after the issuer last confirmed them: 24 h by default, from five minutes
    /// to a week. The issuer's `stale-if-error` may lower it.
    pub fn max_stale(mut self, max_stale: Duration) -> Self {
        self.max_stale = max_stale;
        self
    }

    /// How far the issuer's clock may be off: 30 s by default, at most 120 s.
    pub fn skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// The longest lifetime of a token: 24 h by default.
    pub fn max_lifetime(mut self, max_lifetime: Duration) -> Self {
        self.max_lifetime = max_lifetime;
        self
    }

    /// The longest token, 16 KiB by default and at most.
    pub fn max_token_bytes(mut self, max_token_bytes: usize) -> Self {
        self.policy.max_token_bytes = max_token_bytes;
        self
    }

    /// Fetches keys over http without TLS from anywhere, not only from this machine. Whoever is on
    /// the path chooses the keys.
    pub fn danger_allow_plain_http(mut self) -> Self {
        tracing::warn!("keys may be fetched without TLS: whoever is on the path chooses them");
        self.plain_http = PlainHttp::Anywhere;
        self
    }

    fn into_state<B>(self) -> VerifierBuilder<C, B> {
        let read_extra = self.read_extra;
        self.with(read_extra)
    }

    fn with<D, B>(self, read_extra: fn(&str) -> Option<D>) -> VerifierBuilder<D, B> {
        VerifierBuilder {
            policy: self.policy,
            keys: self.keys,
            start: self.start,
            clock: self.clock,
            fetch: self.fetch,
            plain_http: self.plain_http,
            max_stale: self.max_stale,
            skew: self.skew,
            max_lifetime: self.max_lifetime,
            token_cache: self.token_cache,
            read_extra,
            state: PhantomData,
        }
    }
}

impl<C> VerifierBuilder<C, HasAudience> {
    /// Builds with fixed keys, at once.
    pub fn build_with(mut self, keys: JwkSet) -> Result<Verifier<C>, BuildError> {
        self.check()?;
        Ok(self.finish(IssuerKeys::Fixed(Arc::new(keys))))
    }

    /// Builds with the service's own source of keys, at once and whether it has any yet.
    pub fn build_with_source(mut self, source: impl KeySource) -> Result<Verifier<C>, BuildError> {
        self.check()?;
        Ok(self.finish(IssuerKeys::Custom(CustomKeys(Arc::new(source)))))
    }

    /// Builds, and with [`Start::FailFast`] fetches the keys first. Must be awaited within a tokio
    /// runtime unless the keys are fixed.
    #[cfg(feature = "remote")]
    pub async fn build(mut self) -> Result<Verifier<C>, BuildError> {
        self.check()?;
        let source = match std::mem::take(&mut self.keys) {
            Keys::Fixed(keys) => return Ok(self.finish(IssuerKeys::Fixed(Arc::new(keys)))),
            Keys::Custom(source) => return self.build_custom(source).await,
            Keys::JwksUrl(url) => Source::JwksUrl(url),
            Keys::Discovery => Source::Discovery { issuer: self.policy.issuer.clone() },
        };
        let fetch = match self.fetch.take() {
            Some(fetch) => fetch,
            None => Arc::new(HttpFetch::build().map_err(BuildError::Client)?),
        };
        let mut options = RemoteOptions::new(fetch);
        options.algorithms.clone_from(&self.policy.algorithms);
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
        Ok(self.finish(IssuerKeys::Remote(keys)))
    }

    #[cfg(feature = "remote")]
    async fn build_custom(self, source: CustomKeys) -> Result<Verifier<C>, BuildError> {
        let must_be_ready = !matches!(self.start, Start::Lazy);
        if must_be_ready && source.0.keys().is_err() {
            source.0.refresh().await;
            source.0.keys().map_err(|_| BuildError::NoKeys)?;
        }
        Ok(self.finish(IssuerKeys::Custom(source)))
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
        let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        self.policy.skew = seconds(self.skew);
        self.policy.max_lifetime = seconds(self.max_lifetime);
        Ok(())
    }

    fn finish(self, keys: IssuerKeys) -> Verifier<C> {
        let inner = Inner {
            policy: self.policy,
            keys,
            clock: self.clock,
            counters: Arc::new(Counters::default()),
            cache: self.token_cache.map(VerifiedTokens::new),
            read_extra: self.read_extra,
        };
        Verifier { inner: Arc::new(inner) }
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
