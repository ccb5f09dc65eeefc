//! Everything that a handler needs, and nothing else: data only. `App::open` is the one way to make
//! it, for the server, the command line and the tests alike.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use countersign_keys::MasterKeys;
use countersign_verifier::binding::ProofVerifier;
use tokio::sync::Notify;

use crate::audit::AuditLog;
use crate::binding;
use crate::bootstrap::{self, StartError};
use crate::clock::Clock;
use crate::config::Config;
use crate::credentials::Credentials;
use crate::device::DeviceLimits;
use crate::discovery;
use crate::feed::Feed;
use crate::freshness::Freshness;
use crate::jwks::JwksCaching;
use crate::mail::Mailer;
use crate::outbound::Outbound;
use crate::page::Brand;
use crate::registry::Registry;
use crate::revocation::Revocations;
use crate::sealer::Sealer;
use crate::secret_uses::SecretUses;
use crate::signals::SignalLimits;
use crate::signing::Keychain;
use crate::status_list::StatusLists;
use crate::store::Store;
use crate::telemetry::Metrics;
use crate::token::client_auth::{
    ClientAuthorities, ClientKeySource, FailureLimiter, SecretHasher, WorkloadIssuers,
};
use crate::upstream::Upstream;

/// The state of one node.
pub struct App {
    /// The configuration.
    pub config: Config,
    /// The time.
    pub clock: Clock,
    /// The database.
    pub store: Store,
    /// What opens and seals private keys.
    pub masters: Arc<MasterKeys>,
    /// Clients and resources, as of the last change.
    pub registry: ArcSwap<Registry>,
    /// What was revoked, as of the last that was heard.
    pub revocations: Arc<Revocations>,
    /// What verifiers are told of it.
    pub feed: Feed,
    /// What tells of it by lists.
    pub status_lists: Box<StatusLists>,
    /// The signing keys.
    pub keychain: Keychain,
    /// Whether the database still answers.
    pub freshness: Freshness,
    /// How client secrets are compared.
    pub secret_hasher: SecretHasher,
    /// What seals values that come back.
    pub sealer: Sealer,
    /// When they were last used.
    pub secret_uses: SecretUses,
    /// The keys by which clients sign.
    pub client_keys: ClientKeySource,
    /// The issuers outside that know workloads.
    pub workload_issuers: WorkloadIssuers,
    /// The authorities that issue certificates to clients.
    pub client_authorities: Option<ClientAuthorities>,
    /// What checks proofs of possession.
    pub proofs: ProofVerifier,
    /// How people prove who they are.
    pub credentials: Credentials,
    /// Who guesses the codes of devices, and how often.
    pub device_limits: DeviceLimits,
    /// Which receivers of signals change their streams, and how often.
    pub signal_limits: SignalLimits,
    /// Who failed to authenticate, and how often.
    pub limiter: FailureLimiter,
    /// The log of tokens.
    pub audit: AuditLog,
    /// What asks others, at addresses that were checked.
    pub outbound: Arc<Outbound>,
    /// Other providers at which people sign in.
    pub upstreams: Vec<Upstream>,
    /// Told when a client is due to hear of a session that ended.
    pub logout_is_due: Notify,
    /// The looks of its own pages.
    pub brand: Brand,
    /// What sends mails.
    pub mailer: Mailer,
    /// Counters.
    pub metrics: Metrics,
    /// The metadata document.
    pub discovery: Bytes,
    /// The caching of the key set.
    pub jwks_caching: JwksCaching,
    /// Held while rings are read and swapped.
    pub following_rings: tokio::sync::Mutex<()>,
    /// The newest rings of the store do not all open.
    pub rings_refused: AtomicBool,
    draining: AtomicBool,
}

impl App {
    /// Opens the store and the keys, and makes what is missing in an empty data folder.
    ///
    /// # Errors
    ///
    /// If anything is in the way of issuing tokens: the error says what, and nothing was destroyed.
    pub async fn open(config: Config, clock: Clock) -> Result<Self, StartError> {
        let opened = bootstrap::open(&config, &clock).await?;
        opened.store.follow_revocations(clock.now()).await?;
        let freshness = Freshness::default();
        freshness.seen(clock.elapsed());
        let metrics = Metrics::new();
        let mailer = Mailer::new(&config, &clock, metrics.mail())?;
        let limits = &config.client_authentication;
        let outbound = Arc::new(Outbound::new(&config.outbound));
        Ok(Self {
            keychain: Keychain::new(opened.rings, clock.elapsed()),
            registry: ArcSwap::from_pointee(opened.registry),
            revocations: Arc::clone(opened.store.revocations()),
            feed: Feed::new(opened.feed_id, &config.feed),
            status_lists: Box::default(),
            secret_hasher: opened.secret_hasher,
            client_authorities: client_authorities(&config)?,
            proofs: binding::verifier(&config, &opened.sealer),
            sealer: opened.sealer,
            credentials: opened.credentials,
            secret_uses: SecretUses::default(),
            device_limits: DeviceLimits::default(),
            signal_limits: SignalLimits::default(),
            client_keys: ClientKeySource::new(Arc::clone(&outbound), clock.clone()),
            workload_issuers: WorkloadIssuers::new(&config, &outbound, &clock),
            upstreams: Upstream::all(&config, &outbound, &clock),
            outbound,
            logout_is_due: Notify::new(),
            limiter: FailureLimiter::new(
                limits.failures_per_minute_per_address,
                limits.failures_per_minute_per_client,
            ),
            audit: bootstrap::open_audit_log(&config)?,
            brand: config.brand(),
            mailer,
            metrics,
            discovery: discovery::document(&config),
            jwks_caching: JwksCaching::new(config.keys.jwks_max_age_seconds),
            following_rings: tokio::sync::Mutex::default(),
            rings_refused: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            store: opened.store,
            masters: opened.masters,
            freshness,
            clock,
            config,
        })
    }

    /// From now on `/readyz` asks for no more requests.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the process is about to stop.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

fn client_authorities(config: &Config) -> Result<Option<ClientAuthorities>, StartError> {
    let Some(path) = &config.mtls.certificate_authority_file else { return Ok(None) };
    let loaded = ClientAuthorities::load(path);
    loaded.map(Some).map_err(|cause| StartError::File { path: path.clone(), cause })
}
