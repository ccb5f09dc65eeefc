//! Troubles of the feed: nodes, the database and the network fail in turn. While it lasts, strict verifiers answer 503 and
//! accept nothing that was revoked before their bound, the others serve and say that they are late; afterwards every verifier
//! agrees with the database.

use countersign_verifier::client::{ClientAuthentication, TokenSource};
use countersign_verifier::revocation::Revocation;
use countersign_verifier::{Verifier, VerifyError};
use end_to_end::harness::{
    App, Deployment, FaultProxy, Node, PAYMENTS, PostgresServer, READ, environment, eventually,
};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// What strict verifiers allow.
const MAX_LAG: Duration = Duration::from_secs(8);
/// Longer than what the others call late.
const TROUBLE: Duration = Duration::from_secs(40);
const HEALED: Duration = Duration::from_secs(30);

struct World {
    server: PostgresServer,
    deployment: Deployment,
    /// To each node, for verifiers.
    ways: [FaultProxy; 2],
    nodes: [Node; 2],
    orders: App,
    strict: Vec<Verifier>,
    lenient: Vec<Verifier>,
    /// A token of each trouble that stays good.
    kept: Vec<String>,
    revoked: Vec<Victim>,
}

/// A token that was revoked, and when that was answered.
#[derive(Clone)]
struct Victim {
    token: String,
    answered: Instant,
}

/// What was seen while something was wrong.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    /// Strict verifiers that accepted what was revoked longer ago than they allow.
    accepted_too_late: usize,
    /// Verdicts that nobody may give.
    wrong: BTreeSet<String>,
    /// Strict verifiers answered 503.
    strict_was_late: bool,
    /// The others said that they are late.
    lenient_was_late: bool,
    /// Good tokens that the others refused.
    lenient_refused: usize,
}

impl World {
    async fn begin() -> Self {
        let server = PostgresServer::start().await;
        let deployment = Deployment::postgres_on(&server).await.patient();
        let first = FaultProxy::to(&deployment.first_address()).await;
        let deployment = deployment.reached_at(first.address());
        // Longer than any trouble.
        let resource = ["resource", "create", PAYMENTS, "--scope", READ];
        deployment.cli(&[&resource[..], &["--token-lifetime-seconds", "3600"]].concat()).await;
        let orders = deployment.app("orders").await;
        let reader = deployment.feed_reader().await;
        let nodes = [deployment.start().await, deployment.start().await];
        for node in &nodes {
            node.knows(&orders).await;
        }
        let second = FaultProxy::to(nodes[1].url.trim_start_matches("http://")).await;
        let ways = [first, second];
        let mut strict = Vec::new();
        let mut lenient = Vec::new();
        for number in 0..6 {
            let way = &ways[number % 2];
            strict.push(
                verifier(&deployment, way, &reader, Revocation::Strict { max_lag: MAX_LAG }).await,
            );
            lenient.push(verifier(&deployment, way, &reader, Revocation::BestEffort).await);
        }
        let (kept, revoked) = (Vec::new(), Vec::new());
        Self { server, deployment, ways, nodes, orders, strict, lenient, kept, revoked }
    }

    /// A token, and one to keep, that all verifiers know to be good.
    async fn tokens(&mut self) -> String {
        let (kept, token) =
            (self.nodes[1].token(&self.orders).await, self.nodes[1].token(&self.orders).await);
        for verifier in self.strict.iter().chain(&self.lenient) {
            verifier.verify(&kept).await.expect("a good token");
            verifier.verify(&token).await.expect("a good token");
        }
        self.kept.push(kept);
        token
    }

    /// Asks a node to revoke a token; notes it if that was answered, and says how.
    async fn revoke(&mut self, node: usize, token: &str) -> Option<u16> {
        let status = self.nodes[node].revoke(&self.orders, token).await?;
        if status == 200 {
            self.revoked.push(Victim { token: token.to_owned(), answered: Instant::now() });
        }
        Some(status)
    }

    /// Looks at every verifier for a while.
    async fn watch(&self, length: Duration) -> Seen {
        let (mut seen, begun) = (Seen::default(), Instant::now());
        eventually("it lasted for long enough", length + HEALED, || {
            self.strict.iter().for_each(|verifier| self.look_at_strict(verifier, &mut seen));
            self.lenient.iter().for_each(|verifier| self.look_at_lenient(verifier, &mut seen));
            let is_over = begun.elapsed() >= length;
            async move { is_over.then_some(()) }
        })
        .await;
        seen
    }

    fn look_at_strict(&self, verifier: &Verifier, seen: &mut Seen) {
        for victim in &self.revoked {
            // The feed counts in whole seconds.
            let is_due = victim.answered.elapsed() > MAX_LAG + Duration::from_secs(1);
            match verifier.try_verify(&victim.token) {
                Ok(_) => seen.accepted_too_late += usize::from(is_due),
                Err(VerifyError::Revoked) => {}
                Err(error) if error.status() == 503 => seen.strict_was_late = true,
                Err(error) => drop(seen.wrong.insert(error.code().to_owned())),
            }
        }
        for kept in &self.kept {
            match verifier.try_verify(kept) {
                Ok(_) => {}
                Err(error) if error.status() == 503 => seen.strict_was_late = true,
                Err(error) => drop(seen.wrong.insert(error.code().to_owned())),
            }
        }
    }

    fn look_at_lenient(&self, verifier: &Verifier, seen: &mut Seen) {
        seen.lenient_was_late |= verifier.health().feed.is_some_and(|feed| feed.is_late);
        let refused = self.kept.iter().filter(|kept| verifier.try_verify(kept).is_err());
        seen.lenient_refused += refused.count();
    }

    /// Every verifier says of every token what the database says, and none is late.
    async fn agree(&self) {
        let rows = self.deployment.database.query("SELECT entry FROM revocation").await.concat();
        let is_revoked = |token: &str| rows.contains(&jti(token));
        assert!(self.revoked.iter().all(|victim| is_revoked(&victim.token)), "{rows}");
        assert!(!self.kept.iter().any(|kept| is_revoked(kept)), "{rows}");
        let agrees = |verifier: &&Verifier| {
            let refused = |victim: &Victim| {
                verifier.try_verify(&victim.token).is_err_and(|error| error == VerifyError::Revoked)
            };
            self.revoked.iter().all(refused)
                && self.kept.iter().all(|kept| verifier.try_verify(kept).is_ok())
                && verifier.health().feed.is_some_and(|feed| !feed.is_late)
        };
        let verifiers = || self.strict.iter().chain(&self.lenient);
        eventually("every verifier agrees with the database", HEALED, || async {
            verifiers().all(|verifier| agrees(&verifier)).then_some(())
        })
        .await;
    }
}

async fn verifier(
    deployment: &Deployment,
    way: &FaultProxy,
    reader: &App,
    revocation: Revocation,
) -> Verifier {
    let way = reqwest::Proxy::http(format!("http://{}", way.address())).expect("a URL");
    let http = reqwest::Client::builder().proxy(way).build().expect("a client");
    let authentication = ClientAuthentication::secret(&reader.client_secret);
    let source = TokenSource::builder(&deployment.issuer, &reader.client_id, authentication);
    let source = source.http_client(http).build().expect("a source");
    let builder = Verifier::builder(&deployment.issuer).audience(PAYMENTS).feed(source);
    builder.revocation(revocation).build().await.expect("a verifier")
}

fn jti(token: &str) -> String {
    crate::verifiers::claims(token)["jti"].as_str().expect("a jti").to_owned()
}

/// What all see who were cut off for longer than they allow.
fn cut_off() -> Seen {
    Seen { strict_was_late: true, lenient_was_late: true, ..Seen::default() }
}

/// Side by side, each in a world of its own: they mostly wait.
#[tokio::test(flavor = "multi_thread")]
async fn after_any_trouble_every_verifier_agrees_with_the_database() {
    tokio::join!(
        a_node_that_dies_with_the_answer_on_its_lips_loses_nothing(),
        a_database_that_dies_loses_nothing_and_meanwhile_no_node_says_that_all_is_well(),
        a_network_that_is_cut_leaves_nobody_behind_when_it_heals(),
    );
}

async fn a_node_that_dies_with_the_answer_on_its_lips_loses_nothing() {
    let mut world = World::begin().await;
    for _ in 0..5 {
        let token = world.tokens().await;
        assert_eq!(world.revoke(0, &token).await, Some(200));
        world.nodes[0].process.kill().await;
        world.nodes[0] = world.deployment.restart().await;
        world.agree().await;
    }

    // And one that stays away.
    let token = world.tokens().await;
    world.nodes[0].process.kill().await;
    assert_eq!(world.revoke(1, &token).await, Some(200));
    let seen = world.watch(TROUBLE).await;
    world.nodes[0] = world.deployment.restart().await;
    world.agree().await;

    assert_eq!(seen, cut_off());
}

async fn a_database_that_dies_loses_nothing_and_meanwhile_no_node_says_that_all_is_well() {
    let mut world = World::begin().await;
    let (token, refused) = (world.tokens().await, world.tokens().await);
    assert_eq!(world.revoke(0, &token).await, Some(200));
    world.server.kill().await;

    let meanwhile = world.revoke(1, &refused).await;
    let seen = world.watch(TROUBLE).await;
    world.server.restart().await;
    world.agree().await;

    assert_eq!(meanwhile, Some(503));
    assert_eq!(seen, cut_off());
    // Whoever asked and was told 503 asks again.
    assert_eq!(world.revoke(1, &refused).await, Some(200));
    world.agree().await;
}

async fn a_network_that_is_cut_leaves_nobody_behind_when_it_heals() {
    let mut world = World::begin().await;
    let (before, meanwhile) = (world.tokens().await, world.tokens().await);
    assert_eq!(world.revoke(0, &before).await, Some(200));
    world.ways.iter().for_each(FaultProxy::cut);
    assert_eq!(world.revoke(1, &meanwhile).await, Some(200));

    let seen = world.watch(environment::partition()).await;
    world.ways.iter().for_each(FaultProxy::heal);
    world.agree().await;

    assert_eq!(seen, cut_off());
}
