//! Revocations over a bus: a real NATS server, nodes that tell on it, and verifiers of the SDK that listen there alone. How
//! fast it is among many is in `thousand_verifiers`; here is what happens when something is away, or lies.

mod away;
mod crash;
mod permissions;
mod rogue;
mod turns;

use countersign_keys::{Algorithm, JwkSet};
use countersign_verifier::Verifier;
use countersign_verifier::revocation::nats::NatsFeed;
use countersign_verifier::revocation::nats::async_nats::{Client, ConnectOptions};
use countersign_verifier::revocation::{Revocation, Revocations};
use end_to_end::harness::{App, Deployment, NatsServer, Node, eventually};
use std::time::Duration;
use tokio::time::timeout;

/// What is promised of a bus that works.
const SECOND: Duration = Duration::from_secs(1);
/// Until a verifier has found the way back, and caught up.
const HEALED: Duration = Duration::from_secs(30);

/// An issuer with a bus, and an app whose tokens are revoked.
struct World {
    nats: NatsServer,
    deployment: Deployment,
    orders: App,
}

impl World {
    async fn on_postgres() -> Self {
        Self::with(Deployment::postgres().await).await
    }

    async fn with(deployment: Deployment) -> Self {
        Self::at(NatsServer::start().await, deployment).await
    }

    async fn at(nats: NatsServer, deployment: Deployment) -> Self {
        let section = format!("[feed.nats]\nservers = [\"nats://{}\"]", nats.address());
        let deployment = deployment.patient().with(&section);
        let orders = deployment.app("orders").await;
        Self { nats, deployment, orders }
    }

    /// A connection as a service has one.
    async fn connect(&self) -> Client {
        let options = ConnectOptions::new().retry_on_initial_connect();
        let options = options.ping_interval(Duration::from_secs(2));
        options.connect(self.nats.address()).await.expect("a client")
    }

    /// A verifier that knows the keys, and hears of revocations on the bus alone.
    async fn verifier(&self, keys: &JwkSet, policy: Revocation) -> Verifier {
        let feed = NatsFeed::new(self.connect().await, &self.deployment.issuer);
        Verifier::builder(&self.deployment.issuer)
            .audience(&self.orders.resource)
            .feed(feed)
            .revocation(policy)
            .build_with(keys.clone())
            .expect("a verifier")
    }

    async fn revoke(&self, node: &Node, token: &str) {
        assert_eq!(node.revoke(&self.orders, token).await, Some(200));
    }
}

/// Once there are those of both algorithms: of tokens here, and of the feed.
async fn keys(node: &Node) -> JwkSet {
    let both = [Algorithm::Es256, Algorithm::Rs256];
    eventually("there are keys of both", HEALED, async || {
        let text = node.text(&format!("{}/jwks", node.url)).await;
        let keys = JwkSet::parse(text.as_bytes(), &both).expect("a key set").0;
        let has = |algorithm: &Algorithm| keys.iter().any(|key| key.algorithm() == *algorithm);
        both.iter().all(has).then_some(keys)
    })
    .await
}

fn known(verifier: &Verifier) -> &Revocations {
    verifier.revocations().expect("a feed")
}

/// The code with which a token is refused.
fn refusal(verifier: &Verifier, token: &str) -> Option<&'static str> {
    verifier.try_verify(token).err().map(|error| error.code())
}

/// Waits until the token is refused because it was revoked.
async fn refuses(verifier: &Verifier, token: &str, limit: Duration) {
    eventually("the token is refused", limit, async || {
        (refusal(verifier, token) == Some("revoked")).then_some(())
    })
    .await;
}

async fn caught_up(verifier: &Verifier) {
    timeout(HEALED, verifier.ready()).await.expect("ready");
    eventually("all is known", HEALED, async || known(verifier).lag()).await;
}
