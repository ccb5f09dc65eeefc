//! Other OpenID Connect providers at which people sign in: what is known of each, and the client's side of the code flow.
//! Everything that is asked of them goes through the guarded client; their ID tokens are verified by the SDK. Who a
//! person is there, and what follows from it here, is `interaction::upstream`.

mod metadata;
mod redeem;

pub use metadata::Metadata;
pub use redeem::{Answer, UpstreamError};

use std::sync::Arc;
use std::time::Duration;

use countersign_verifier::key_source::{BoxFuture, Fetch, FetchError, FetchRequest, FetchResponse};
use countersign_verifier::{RelyingParty, Start};
use serde_json::{Map, Value};
use tokio::sync::{Mutex, OnceCell};

use crate::clock::Clock;
use crate::config;
use crate::outbound::Outbound;

/// For so long metadata are kept.
const KEPT_FOR: Duration = Duration::from_hours(1);

/// So soon after a failure a provider is not asked again.
const RETRY: Duration = Duration::from_secs(30);

/// The claims of an ID token, beyond those that are checked.
type Claims = Map<String, Value>;

/// One provider.
pub struct Upstream {
    /// Its name in the configuration, and in addresses.
    pub name: String,
    /// What was configured.
    pub settings: config::UpstreamProvider,
    outbound: Arc<Outbound>,
    clock: Clock,
    known: Mutex<Known>,
    client: OnceCell<RelyingParty<Claims>>,
}

/// What was read last, and until when nothing is asked again (monotonic).
#[derive(Default)]
struct Known {
    metadata: Option<Arc<Metadata>>,
    until: Duration,
}

impl Upstream {
    /// The providers of the configuration, by name.
    pub fn all(config: &config::Config, outbound: &Arc<Outbound>, clock: &Clock) -> Vec<Self> {
        let providers = config.upstream.iter().map(|(name, settings)| Self {
            name: name.clone(),
            settings: settings.clone(),
            outbound: Arc::clone(outbound),
            clock: clock.clone(),
            known: Mutex::default(),
            client: OnceCell::new(),
        });
        providers.collect()
    }

    /// How people know it.
    pub fn label(&self) -> &str {
        self.settings.label.as_deref().unwrap_or(&self.name)
    }

    /// Where the provider does what. Those who come while it is asked wait for the same answer.
    ///
    /// # Errors
    ///
    /// If it cannot be reached, and nothing is known from before.
    pub async fn metadata(&self) -> Result<Arc<Metadata>, UpstreamError> {
        let mut known = self.known.lock().await;
        let now = self.clock.elapsed();
        if known.until <= now {
            // Said before it is known: whoever gives up waiting leaves no crowd behind.
            known.until = now.saturating_add(RETRY);
            match Metadata::fetch(&self.outbound, &self.settings.issuer).await {
                Ok(metadata) => {
                    known.metadata = Some(Arc::new(metadata));
                    known.until = now.saturating_add(KEPT_FOR);
                }
                Err(error) => {
                    tracing::warn!(upstream = self.name, %error, "an upstream provider is away");
                }
            }
        }
        known.metadata.clone().ok_or(UpstreamError::Unavailable("its metadata"))
    }

    /// The verifier of its ID tokens; the keys are fetched by the first token.
    async fn client(&self) -> Result<&RelyingParty<Claims>, UpstreamError> {
        let build = || async {
            RelyingParty::builder(&self.settings.issuer, &self.settings.client_id)
                .claims::<Claims>()
                .fetcher(Guarded(Arc::clone(&self.outbound)))
                .clock(self.clock.clone())
                .start(Start::Lazy)
                .build()
                .await
                .map_err(|_| UpstreamError::Unavailable("a verifier of its ID tokens"))
        };
        self.client.get_or_try_init(build).await
    }
}

/// The guarded client, as the SDK fetches with it.
struct Guarded(Arc<Outbound>);

impl Fetch for Guarded {
    fn get(&self, request: FetchRequest) -> BoxFuture<'_, Result<FetchResponse, FetchError>> {
        self.0.get(request)
    }
}
