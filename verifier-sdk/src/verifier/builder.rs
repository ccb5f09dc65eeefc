//! Building a verifier, of access tokens or of a client's ID tokens. Issuer and audience are mandatory by type;
//! everything else has a default that is safe. `build` is next door and refuses what cannot work.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use countersign_keys::Algorithm;
use countersign_keys::jws::MAX_TOKEN_BYTES;
use serde::de::DeserializeOwned;

use super::DEFAULT_ALGORITHMS;
use super::policy::{AppAsserted, Policy};
use super::settings::{Keys, Start};
use super::token_cache::TokenCache;
use crate::binding::{Dpop, Mtls};
use crate::clock::{Clock, SystemClock};
use crate::key_source::{Fetch, PlainHttp};
use crate::profile::Profile;
use crate::replay::ReplayStore;
use crate::revocation::{Fallback, FeedSource, Introspect, Revocation};

/// Some 50 MiB.
const MAX_REVOCATIONS: usize = 1_000_000;

/// No audience yet: there is no `build`.
#[derive(Debug)]
pub struct NoAudience;

/// Ready to build.
#[derive(Debug)]
pub struct HasAudience;

/// Ready to build a verifier of ID and logout tokens.
#[derive(Debug)]
pub struct IsClient;

/// The states in which access tokens are what it is about.
pub trait OfAccessTokens: sealed::Sealed {}

impl OfAccessTokens for NoAudience {}
impl OfAccessTokens for HasAudience {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::NoAudience {}
    impl Sealed for super::HasAudience {}
}

/// Collects what a verifier needs; made by [`Verifier::builder`](super::Verifier::builder) and
/// [`RelyingParty::builder`](crate::RelyingParty::builder).
#[must_use]
pub struct VerifierBuilder<C, A> {
    pub(super) policy: Policy,
    pub(super) keys: Keys,
    pub(super) start: Start,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) fetch: Option<Arc<dyn Fetch>>,
    pub(super) plain_http: PlainHttp,
    pub(super) max_stale: Duration,
    pub(super) skew: Duration,
    pub(super) max_lifetime: Duration,
    pub(super) token_cache: Option<TokenCache>,
    pub(super) dpop: Option<Dpop>,
    pub(super) mtls: Option<Mtls>,
    pub(super) trusted_audiences: Vec<String>,
    pub(super) replay: Option<Arc<dyn ReplayStore>>,
    pub(super) revocation: Revocation,
    pub(super) feeds: Vec<FeedSource>,
    pub(super) fallback: Option<Fallback>,
    pub(super) max_revocations: usize,
    pub(super) read_extra: fn(&str) -> Option<C>,
    state: PhantomData<A>,
}

impl VerifierBuilder<(), NoAudience> {
    pub(crate) fn new(issuer: &str) -> Self {
        let policy = Policy {
            issuer: issuer.to_owned(),
            audiences: Vec::new(),
            algorithms: DEFAULT_ALGORITHMS.to_vec(),
            profile: Profile::RFC9068,
            app_asserted: AppAsserted::Refused,
            skew: 0,
            max_lifetime: 0,
            max_token_bytes: MAX_TOKEN_BYTES,
            #[cfg(feature = "jwe")]
            decryption: None,
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
            dpop: None,
            mtls: None,
            trusted_audiences: Vec::new(),
            replay: None,
            revocation: Revocation::default(),
            feeds: Vec::new(),
            fallback: None,
            max_revocations: MAX_REVOCATIONS,
            read_extra: |_| Some(()),
            state: PhantomData,
        }
    }

    /// For the ID tokens of a client: that is their audience.
    pub(crate) fn of_client(self, client_id: &str) -> VerifierBuilder<(), IsClient> {
        self.audience(client_id).into_state()
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

impl<C> VerifierBuilder<C, IsClient> {
    /// Accepts ID tokens that are for this audience as well, and not for this client alone
    /// (OpenID Connect Core §3.1.3.7). Such a token must name this client in `azp`.
    pub fn trusted_audience(mut self, audience: &str) -> Self {
        self.trusted_audiences.push(audience.to_owned());
        self
    }

    /// Where used logout tokens are remembered; in this process unless told otherwise.
    pub fn replay_store(mut self, store: impl ReplayStore) -> Self {
        self.replay = Some(Arc::new(store));
        self
    }
}

impl<C, A: OfAccessTokens> VerifierBuilder<C, A> {
    /// What access tokens look like: [`Profile::RFC9068`] by default, or one of
    /// [`compat`](crate::compat).
    pub fn profile(mut self, profile: Profile) -> Self {
        self.policy.profile = profile;
        self
    }

    /// Remembers verified tokens for up to a minute, so that a token that comes again costs half a
    /// microsecond. Off by default: it helps only where the same tokens come often.
    pub fn token_cache(mut self, token_cache: TokenCache) -> Self {
        self.token_cache = Some(token_cache);
        self
    }

    /// Accepts tokens that are bound to a key, with a proof (RFC 9449); without this they are all refused.
    pub fn dpop(mut self, dpop: Dpop) -> Self {
        self.dpop = Some(dpop);
        self
    }

    /// Accepts tokens that are bound to a certificate, from whoever shows it (RFC 8705); without this they are all refused.
    pub fn mtls(mut self, mtls: Mtls) -> Self {
        self.mtls = Some(mtls);
        self
    }
}

impl<C, A> VerifierBuilder<C, A> {
    /// The algorithms of tokens that are accepted: ES256 and RS256 by default. Messages of the revocation feed may be signed with
    /// either, whatever is set here: the issuer takes the one that is checked fastest.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.policy.algorithms = algorithms.into_iter().collect();
        self
    }

    /// The application's own claims, read from the payload after everything else has passed. A
    /// token from which they cannot be read is refused.
    pub fn claims<D: DeserializeOwned>(self) -> VerifierBuilder<D, A> {
        self.with(|payload| serde_json::from_str(payload).ok())
    }

    /// Where the keys are: one of [`Keys`], or the service's own [`KeySource`](crate::key_source::KeySource).
    pub fn keys(mut self, keys: impl Into<Keys>) -> Self {
        self.keys = keys.into();
        self
    }

    /// What happens at start.
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// Where it is told what was revoked: one of [`FeedSource`], or what another verifier of the same issuer knows. Several
    /// ways may be given, of which one that works is enough; each is followed, so that each message comes once by each.
    pub fn feed(mut self, feed: impl Into<FeedSource>) -> Self {
        self.feeds.push(feed.into());
        self
    }

    /// What happens to tokens that may have been revoked: [`Revocation::BestEffort`] by default, if there is a feed.
    pub fn revocation(mut self, revocation: Revocation) -> Self {
        self.revocation = revocation;
        self
    }

    /// Whom to ask about a token (RFC 7662) while the feed is later than [`Revocation::Strict`] allows, or than a route does
    /// that asks for it. Whatever the answer is, what is known to be revoked stays refused.
    pub fn introspection(mut self, introspect: impl Introspect) -> Self {
        self.fallback = Some(Fallback::new(Arc::new(introspect)));
        self
    }

    /// How many revocations are kept at most, of up to 64 bytes each: a million by default. What does not fit counts as not
    /// known, so that the feed is late.
    pub fn max_revocations(mut self, entries: usize) -> Self {
        self.max_revocations = entries;
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

    /// Opens tokens that are encrypted to one of these keys; what is inside is verified as any other token.
    #[cfg(feature = "jwe")]
    pub fn decryption_keys(mut self, keys: crate::jwe::DecryptionKeys) -> Self {
        self.policy.decryption = Some(keys);
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
            dpop: self.dpop,
            mtls: self.mtls,
            trusted_audiences: self.trusted_audiences,
            replay: self.replay,
            revocation: self.revocation,
            feeds: self.feeds,
            fallback: self.fallback,
            max_revocations: self.max_revocations,
            read_extra,
            state: PhantomData,
        }
    }
}
