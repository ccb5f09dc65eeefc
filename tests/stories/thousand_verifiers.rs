//! How long it takes from the answer that something is revoked to the verifiers that refuse it: many of the SDK, half of them
//! at each of two nodes over one PostgreSQL, or all of them on a bus, with a connection each, all on the machine of the nodes.

use crate::verifiers::header;
use countersign_verifier::Verifier;
use countersign_verifier::client::{ClientAuthentication, TokenSource};
use countersign_verifier::revocation::FeedSource;
use countersign_verifier::revocation::nats::{NatsFeed, async_nats};
use end_to_end::harness::{
    App, Deployment, NatsServer, Node, PAYMENTS, Person, READ, WebClient, environment, eventually,
};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// Fewer than what moves a level as far ahead as it may lie.
const ROUNDS: usize = 10;
const LOOK: Duration = Duration::from_millis(1);
/// Milliseconds within which nearly all must know.
const SECOND: f64 = 1_000.0;

/// Of the keys of an issuer, by default.
const RINGS: usize = 2;

/// What is revoked.
#[derive(Clone, Copy)]
enum By {
    Jti,
    Sid,
    Sub,
    Client,
    Kid,
}

struct World {
    deployment: Deployment,
    nodes: [Node; 2],
    orders: App,
    web: WebClient,
    reader: App,
    verifiers: Vec<Verifier>,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_is_refused_everywhere_within_a_second() {
    let mut world = World::begin(Deployment::postgres().await).await;
    world.verifiers = world.streams(environment::verifiers()).await;
    world.is_refused_in_time("streams").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_is_refused_everywhere_within_a_second_over_nats() {
    let nats = NatsServer::start().await;
    let section = format!("[feed.nats]\nservers = [\"nats://{}\"]", nats.address());
    let mut world = World::begin(Deployment::postgres().await.with(&section)).await;
    world.verifiers = world.on_bus(&nats, environment::verifiers()).await;
    world.is_refused_in_time("NATS").await;
}

impl By {
    fn name(self) -> &'static str {
        match self {
            Self::Jti => "jti",
            Self::Sid => "sid",
            Self::Sub => "sub",
            Self::Client => "client",
            Self::Kid => "kid",
        }
    }

    /// A key is withdrawn once: the next successors would be young.
    fn rounds(self) -> usize {
        if matches!(self, Self::Kid) { 1 } else { ROUNDS }
    }
}

impl World {
    async fn is_refused_in_time(&self, way: &str) {
        for by in [By::Jti, By::Sid, By::Sub, By::Client, By::Kid] {
            let mut delays = Vec::new();
            for _ in 0..by.rounds() {
                if matches!(by, By::Kid) {
                    self.all_know_the_successors().await;
                }
                delays.extend(self.round(by).await);
            }
            delays.sort_unstable_by(f64::total_cmp);
            let of =
                |hundredths: usize| delays[(delays.len() * hundredths / 100).min(delays.len() - 1)];
            let (p50, p99) = (of(50), of(99));
            let (count, by) = (self.verifiers.len(), by.name());
            assert_eq!(count, environment::verifiers());
            println!(
                "{count} verifiers by {way}, revoked by {by}: p50 {p50:.1} ms, p99 {p99:.1} ms"
            );
            assert!(p99 <= SECOND, "by {by}: {p99} ms");
        }
    }

    async fn begin(deployment: Deployment) -> Self {
        let deployment = deployment.patient();
        deployment.person("ada").await;
        let orders = deployment.app_of("orders", &["--resource", PAYMENTS, "--scope", READ]).await;
        let redirect_uri = "https://web.example/callback";
        let scope = format!("openid {READ}");
        let arguments = [
            "--first-party",
            "--redirect-uri",
            redirect_uri,
            "--resource",
            PAYMENTS,
            "--scope",
            &scope,
        ];
        let created = deployment.sign_in_client("web", &arguments).await;
        let web = WebClient {
            client_id: "web".to_owned(),
            client_secret: created["client_secret"].as_str().expect("a secret").to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            scope,
        };
        let reader = deployment.feed_reader().await;
        let nodes = [deployment.start().await, deployment.start().await];
        for node in &nodes {
            node.knows_web(&web).await;
        }
        let world = Self { deployment, nodes, orders, web, reader, verifiers: Vec::new() };
        // Who comes while keys change learns the later ones with its next look, minutes later.
        world.successors().await;
        world
    }

    /// Every other one reaches the second node, as through a load balancer.
    async fn streams(&self, count: usize) -> Vec<Verifier> {
        let sources = self.nodes.each_ref().map(|node| {
            let through = reqwest::Proxy::http(&node.url).expect("a URL");
            let http = reqwest::Client::builder().proxy(through).build().expect("a client");
            let reader = &self.reader;
            let secret = ClientAuthentication::secret(&reader.client_secret);
            let source = TokenSource::builder(&self.deployment.issuer, &reader.client_id, secret);
            source.http_client(http).build().expect("a source")
        });
        let feeds = (0..count).map(|number| FeedSource::from(sources[number % 2].clone()));
        self.listen(feeds).await
    }

    /// Each has a connection of its own.
    async fn on_bus(&self, nats: &NatsServer, count: usize) -> Vec<Verifier> {
        let mut feeds = Vec::new();
        for _ in 0..count {
            let client = async_nats::connect(nats.address()).await.expect("a connection");
            feeds.push(FeedSource::from(NatsFeed::new(client, &self.deployment.issuer)));
        }
        self.listen(feeds).await
    }

    async fn listen(&self, feeds: impl IntoIterator<Item = FeedSource>) -> Vec<Verifier> {
        let (mut building, mut verifiers) = (JoinSet::new(), Vec::new());
        for feed in feeds {
            let builder = Verifier::builder(&self.deployment.issuer).audience(PAYMENTS).feed(feed);
            building.spawn(async move {
                let verifier = builder.build().await.expect("a verifier");
                verifier.ready().await;
                verifier
            });
            if building.len() == 32 {
                let built = building.join_next().await;
                verifiers.extend(built.map(|built| built.expect("a verifier")));
            }
        }
        verifiers.extend(building.join_all().await);
        verifiers
    }

    /// Revokes something once; how long each verifier took, in milliseconds.
    async fn round(&self, by: By) -> Vec<f64> {
        let (token, named) = self.token(by).await;
        assert!(self.verifiers.iter().all(|verifier| verifier.try_verify(&token).is_ok()));
        let before: Vec<u64> = self.verifiers.iter().map(ask_from).collect();
        self.revoke(by, &token, &named).await;
        let answered = Instant::now();
        let mut delays = vec![None; self.verifiers.len()];
        while delays.contains(&None) {
            for ((delay, verifier), before) in delays.iter_mut().zip(&self.verifiers).zip(&before) {
                if delay.is_none() && ask_from(verifier) > *before {
                    *delay = Some(answered.elapsed().as_secs_f64() * 1e3);
                }
            }
            assert!(answered.elapsed() < Duration::from_secs(30), "a verifier was not told");
            sleep(LOOK).await;
        }
        for verifier in &self.verifiers {
            verifier.try_verify(&token).expect_err("it is revoked");
        }
        delays.into_iter().flatten().collect()
    }

    /// A good token, and what of it is revoked.
    async fn token(&self, by: By) -> (String, String) {
        let token = match by {
            By::Jti | By::Client | By::Kid => self.nodes[0].token(&self.orders).await,
            By::Sid | By::Sub => {
                let person = Person::signed_in(&self.nodes[0], &self.web, "ada").await;
                let code = person.code(&self.nodes[0], &self.web).await.expect("a code");
                let reply = self.nodes[0].redeem(&self.web, &code).await.expect("an answer");
                reply.access_token().expect("a token")
            }
        };
        let verified = self.verifiers[0].try_verify(&token).expect("a good token");
        let named = match by {
            By::Jti => verified.claims().token_id().unwrap_or_default().to_owned(),
            By::Sid => verified.session_id().expect("a session").to_owned(),
            By::Sub => "ada".to_owned(),
            By::Client => self.orders.client_id.clone(),
            By::Kid => header(&token)["kid"].as_str().expect("a kid").to_owned(),
        };
        (token, named)
    }

    /// As in any deployment that is older than some seconds: each ring has its successor,
    async fn successors(&self) -> Vec<String> {
        eventually("each ring has its successor", Duration::from_secs(30), || async {
            let listed = self.deployment.cli(&["keys", "list"]).await;
            let keys = listed["keys"].as_array().expect("keys");
            let pending = keys.iter().filter(|key| key["state"] == "pending");
            let kids = pending.map(|key| key["kid"].as_str().expect("a kid").to_owned());
            Some(kids.collect::<Vec<_>>()).filter(|kids| kids.len() == RINGS)
        })
        .await
    }

    /// and all know it.
    async fn all_know_the_successors(&self) {
        let kids = self.successors().await;
        eventually("all know the successors", Duration::from_secs(30), || async {
            let knows = |verifier: &Verifier| {
                let known = verifier.health().kids;
                kids.iter().all(|kid| known.iter().any(|known| known.as_str() == kid))
            };
            self.verifiers.iter().all(knows).then_some(())
        })
        .await;
    }

    async fn revoke(&self, by: By, token: &str, named: &str) {
        let flag = match by {
            By::Jti => {
                assert_eq!(self.nodes[0].revoke(&self.orders, token).await, Some(200));
                return;
            }
            By::Sid => "--sid",
            By::Sub => "--user",
            By::Client => "--client",
            By::Kid => "--kid",
        };
        self.deployment.cli(&["revoke", flag, named]).await;
    }
}

fn ask_from(verifier: &Verifier) -> u64 {
    verifier.revocations().expect("a feed").ask_from()
}
