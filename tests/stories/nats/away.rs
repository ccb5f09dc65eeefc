//! The bus is away, comes back with what it had or with nothing, and in the end the issuer is away and the bus alone is there.

use super::{HEALED, SECOND, World, caught_up, keys, known, refusal, refuses};
use countersign_verifier::Verifier;
use countersign_verifier::health::State;
use countersign_verifier::revocation::Revocation;
use end_to_end::harness::{Deployment, NatsServer, Node, eventually};
use std::time::Duration;
use tokio::time::Instant;

const STRICT: Revocation = Revocation::Strict { max_lag: Duration::from_secs(10) };
/// A feed of which nothing is heard for half a minute is late for everybody.
const LATE: Duration = Duration::from_secs(45);

/// Verifiers of both policies, and two nodes.
struct Fleet {
    world: World,
    nodes: [Node; 2],
    strict: Verifier,
    lenient: Verifier,
}

impl Fleet {
    async fn begin() -> Self {
        let world = World::on_postgres().await;
        let nodes = [world.deployment.start().await, world.deployment.start().await];
        let keys = keys(&nodes[0]).await;
        let strict = world.verifier(&keys, STRICT).await;
        let lenient = world.verifier(&keys, Revocation::BestEffort).await;
        caught_up(&strict).await;
        caught_up(&lenient).await;
        Self { world, nodes, strict, lenient }
    }

    async fn token(&self) -> String {
        let token = self.nodes[0].token(&self.world.orders).await;
        assert_eq!(refusal(&self.lenient, &token), None);
        token
    }

    /// Kills the bus and revokes a token while it is away.
    async fn revoke_without_bus(&mut self, token: &str) {
        self.world.nats.process.kill().await;
        let asked = Instant::now();
        self.world.revoke(&self.nodes[1], token).await;
        assert!(asked.elapsed() < SECOND, "a bus that is away makes nobody wait");
    }

    /// What verifiers say while it is away.
    async fn is_late(&self, token: &str) {
        eventually("strict routes are closed", LATE, async || {
            (refusal(&self.strict, token) == Some("revocations_late")).then_some(())
        })
        .await;
        eventually("health says so", LATE, async || {
            (self.lenient.health().state == State::FeedLag).then_some(())
        })
        .await;
        assert_eq!(refusal(&self.lenient, token), None, "the others go on");
        for node in &self.nodes {
            let text = node.text(&format!("{}/readyz", node.management_url)).await;
            assert!(text.starts_with("ready, but the bus"), "{text}");
        }
    }

    async fn agrees(&self, token: &str) {
        for verifier in [&self.strict, &self.lenient] {
            refuses(verifier, token, HEALED).await;
            eventually("all is known up to now", HEALED, async || {
                known(verifier).lag().filter(|lag| *lag <= Duration::from_secs(6))
            })
            .await;
        }
        let good = self.nodes[0].token(&self.world.orders).await;
        assert_eq!((refusal(&self.strict, &good), refusal(&self.lenient, &good)), (None, None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_while_the_bus_is_away_is_known_when_it_is_back_whatever_it_still_has() {
    let mut fleet = Fleet::begin().await;
    let (first, second) = (fleet.token().await, fleet.token().await);

    fleet.revoke_without_bus(&first).await;
    fleet.is_late(&first).await;
    fleet.world.nats.restart().await;
    fleet.agrees(&first).await;

    fleet.revoke_without_bus(&second).await;
    fleet.world.nats.restart_empty().await;
    fleet.agrees(&second).await;

    // Nobody of the issuer is there: what the stream has is known, and that nothing came since nobody says.
    let good = fleet.token().await;
    let keys = keys(&fleet.nodes[0]).await;
    for node in &mut fleet.nodes {
        node.process.kill().await;
    }
    let lenient = fleet.world.verifier(&keys, Revocation::BestEffort).await;
    let strict = fleet.world.verifier(&keys, STRICT).await;
    for token in [&first, &second] {
        refuses(&lenient, token, HEALED).await;
    }
    eventually("strict routes are closed", LATE, async || {
        (refusal(&strict, &good) == Some("revocations_late")).then_some(())
    })
    .await;
    eventually("health says so", LATE, async || {
        let feed = lenient.health().feed.expect("a feed");
        (feed.is_late && feed.last_error.is_some()).then_some(())
    })
    .await;
    assert_eq!(refusal(&lenient, &good), None);
}

/// As where JetStream is off, has no room, or is not for this issuer.
const NOTHING_KEPT: &str = "no_auth_user: \"all\"\nauthorization { users: [
    { user: \"all\", password: \"-\", permissions: { publish: { deny: [\"$JS.API.>\"] } } }
] }";

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_keeps_nothing_tells_nevertheless_and_the_node_says_so() {
    let nats = NatsServer::start_with(NOTHING_KEPT).await;
    let world = World::at(nats, Deployment::postgres().await).await;
    let node = world.deployment.start().await;
    let verifier = world.verifier(&keys(&node).await, STRICT).await;
    caught_up(&verifier).await;

    let token = node.token(&world.orders).await;
    world.revoke(&node, &token).await;

    refuses(&verifier, &token, SECOND).await;
    eventually("the node says so", HEALED, async || {
        let text = node.text(&format!("{}/readyz", node.management_url)).await;
        (text == "ready, but the bus of the feed keeps nothing; the log says why\n").then_some(())
    })
    .await;
    let text = node.text(&format!("{}/metrics", node.management_url)).await;
    assert!(text.contains("countersign_feed_bus_in_trouble 1"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn either_way_is_enough() {
    use countersign_verifier::client::{ClientAuthentication, TokenSource};
    use countersign_verifier::revocation::nats::NatsFeed;
    let mut world = World::on_postgres().await;
    let reader = world.deployment.feed_reader().await;
    let node = world.deployment.start().await;
    let secret = ClientAuthentication::secret(&reader.client_secret);
    let tokens = TokenSource::builder(&world.deployment.issuer, &reader.client_id, secret);
    let verifier = Verifier::builder(&world.deployment.issuer)
        .audience(&world.orders.resource)
        .feed(NatsFeed::new(world.connect().await, &world.deployment.issuer))
        .feed(tokens.build().expect("a source"))
        .build()
        .await
        .expect("a verifier");
    caught_up(&verifier).await;

    world.nats.process.kill().await;
    let token = node.token(&world.orders).await;
    world.revoke(&node, &token).await;

    refuses(&verifier, &token, SECOND).await;
}
