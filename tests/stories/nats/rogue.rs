//! Somebody may publish on the subjects of the feed, and answer what is asked there, and has no key of the issuer.

use super::{HEALED, SECOND, World, caught_up, keys, known, refusal, refuses};
use countersign_verifier::Verifier;
use countersign_verifier::revocation::Revocation;
use countersign_verifier::revocation::nats::async_nats::Client;
use countersign_verifier::revocation::nats::{NatsFeed, NatsNames, stored};
use countersign_verifier::testing::TestIssuer;
use end_to_end::harness::{Node, eventually};
use futures_util::StreamExt as _;
use serde_json::json;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};

/// More than a way of its own would be forgiven.
const FLOOD: usize = 2_000;

struct Rogue {
    client: Client,
    names: NatsNames,
    attacker: TestIssuer,
    /// Of another issuer, whose key is real.
    stranger: TestIssuer,
}

impl Rogue {
    async fn join(world: &World) -> Self {
        Self {
            client: world.connect().await,
            names: NatsNames::of(&world.deployment.issuer),
            attacker: TestIssuer::new(&world.deployment.issuer),
            stranger: TestIssuer::new("https://stranger.example"),
        }
    }

    /// What it would like everybody to believe.
    fn lies(&self, kid: &str) -> Vec<String> {
        let everything =
            json!({"client_id": "orders", "iat": 4_000_000_000_u64, "exp": 4_000_000_000_u64});
        let ends =
            json!({"feed": "x", "after": 0, "seq": 9_000, "head": 9_000, "revoked": [everything]});
        let calms = json!({"feed": "x", "after": 0, "seq": 0, "head": 0});
        let of = |issuer: &TestIssuer, told: &serde_json::Value| {
            let message = issuer.feed_message_of(told.clone());
            [message.mint(), issuer.feed_message_of(told.clone()).header("kid", kid).mint()]
        };
        let mut lies = vec![String::new(), "a.b.c".to_owned(), "\u{fffd}".repeat(5_000)];
        for issuer in [&self.attacker, &self.stranger] {
            for told in [&ends, &calms] {
                lies.extend(of(issuer, told));
            }
        }
        lies
    }

    async fn publish(&self, subject: String, message: &str) {
        self.client.publish(subject, message.to_owned().into()).await.expect("published");
    }

    /// Everything, everywhere.
    async fn flood(&self, messages: &[String]) {
        for message in messages.iter().cycle().take(FLOOD) {
            self.publish(self.names.live(), message).await;
        }
        for message in messages {
            let kept = self.client.request(self.names.kept(), message.clone().into());
            kept.await.expect("it is in the stream");
        }
    }

    /// Answers each question, before any node does, with all of these.
    async fn answer(&self, messages: Vec<String>) -> JoinHandle<()> {
        let mut questions = self.client.subscribe(self.names.ask()).await.expect("subscribed");
        self.client.flush().await.expect("flushed");
        let client = self.client.clone();
        tokio::spawn(async move {
            loop {
                let question = questions.next().await.expect("a question");
                let reply_to = question.reply.expect("somewhere to answer to");
                for message in &messages {
                    let answer = client.publish(reply_to.clone(), message.clone().into());
                    answer.await.expect("published");
                }
            }
        })
    }

    /// What the issuer tells meanwhile, to be repeated.
    async fn record(&self, count: usize) -> Vec<String> {
        let mut live = self.client.subscribe(self.names.live()).await.expect("subscribed");
        let mut recorded = Vec::new();
        for _ in 0..count {
            let message = timeout(HEALED, live.next()).await.expect("in time").expect("a message");
            recorded.push(String::from_utf8(message.payload.to_vec()).expect("text"));
        }
        recorded
    }
}

async fn begin(world: &World) -> (Node, Verifier) {
    let node = world.deployment.start().await;
    // It fetches keys: a message that names an unknown one must not hold up the others.
    let verifier = Verifier::builder(&world.deployment.issuer)
        .audience(&world.orders.resource)
        .feed(NatsFeed::new(world.connect().await, &world.deployment.issuer))
        .build()
        .await
        .expect("a verifier");
    caught_up(&verifier).await;
    (node, verifier)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rogue_publisher_can_neither_revoke_nor_take_back_a_revocation_nor_end_the_feed() {
    let world = World::on_postgres().await;
    let (mut node, verifier) = begin(&world).await;
    let rogue = Rogue::join(&world).await;
    let kid = keys(&node).await.iter().next().expect("a key").kid().as_str().to_owned();
    let lies = rogue.lies(&kid);
    let (good, first) = (node.token(&world.orders).await, node.token(&world.orders).await);
    // Of the time before anything was revoked.
    let mut repeated = rogue.record(2).await;

    rogue.flood(&lies).await;
    world.revoke(&node, &first).await;
    refuses(&verifier, &first, SECOND).await;
    assert_eq!(refusal(&verifier, &good), None, "nobody else was revoked");
    assert!(known(&verifier).metrics().refused > 16);

    // Duplicates, in another order, for whoever would begin again by them.
    repeated.reverse();
    rogue.flood(&repeated).await;
    let second = node.token(&world.orders).await;
    world.revoke(&node, &second).await;
    refuses(&verifier, &second, SECOND).await;
    assert_eq!(refusal(&verifier, &first), Some("revoked"));
    assert_eq!(refusal(&verifier, &good), None);
    assert_eq!(known(&verifier).metrics().resets, 0);

    // Whoever begins now gets its answers in between.
    let answering = rogue.answer([lies.clone(), repeated].concat()).await;
    let feed = NatsFeed::new(world.connect().await, &world.deployment.issuer);
    let late =
        Verifier::builder(&world.deployment.issuer).audience(&world.orders.resource).feed(feed);
    let late = late.build().await.expect("a verifier");
    caught_up(&late).await;
    for token in [&first, &second] {
        refuses(&late, token, HEALED).await;
    }
    assert_eq!(refusal(&late, &good), None);
    answering.abort();

    // What it left at the beginning of the stream goes when a node looks at it.
    let is_first = async || {
        let first = stored::from(&rogue.client, &rogue.names, 0).await.expect("the stream");
        first.is_some_and(|first| lies.contains(&first.message))
    };
    assert!(is_first().await);
    node.process.kill().await;
    let _node = world.deployment.restart().await;
    eventually("the stream begins well", HEALED, async || (!is_first().await).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_from_the_stream_is_kept_again_whatever_is_left_in_its_place() {
    let world = World::on_postgres().await;
    let (mut node, _verifier) = begin(&world).await;
    let keys = keys(&node).await;
    let rogue = Rogue::join(&world).await;
    let newest = async || {
        let newest = stored::newest(&rogue.client, &rogue.names).await.expect("the stream");
        newest.map(|newest| newest.number)
    };
    let mut tokens = Vec::new();
    for number in 1..=2_u64 {
        let token = node.token(&world.orders).await;
        world.revoke(&node, &token).await;
        let is_kept = async || newest().await.filter(|newest| *newest == number);
        eventually("it is kept", HEALED, is_kept).await;
        tokens.push(token);
    }

    let place = rogue.names.api("MSG.DELETE");
    let taken = rogue.client.request(place, json!({"seq": 2}).to_string().into()).await;
    assert!(taken.expect("an answer").payload.ends_with(b"\"success\":true}"));
    // That nothing is new, as the issuer says it.
    let repeated = rogue.record(2).await.pop().expect("a message");
    let kept = rogue.client.request(rogue.names.kept(), repeated.into()).await;
    kept.expect("it is in the stream");
    node.process.kill().await;
    node = world.deployment.restart().await;
    let is_healed = async || newest().await.filter(|newest| *newest > 3);
    eventually("it is kept again", HEALED, is_healed).await;
    node.process.kill().await;

    let late = world.verifier(&keys, Revocation::BestEffort).await;
    for token in &tokens {
        refuses(&late, token, HEALED).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_repeats_what_the_issuer_said_hides_no_silence() {
    let world = World::on_postgres().await;
    let (mut node, verifier) = begin(&world).await;
    let rogue = Rogue::join(&world).await;
    let recorded = rogue.record(2).await;
    node.process.kill().await;

    let repeating = tokio::spawn({
        let (client, names) = (rogue.client.clone(), rogue.names.clone());
        async move {
            let mut often = interval(Duration::from_millis(100));
            loop {
                often.tick().await;
                for message in &recorded {
                    let again = client.publish(names.live(), message.clone().into());
                    again.await.expect("published");
                }
            }
        }
    });

    let limit = Duration::from_secs(10);
    eventually("it is late", HEALED, async || known(&verifier).lag().filter(|lag| *lag > limit))
        .await;
    verifier.require_fresh_revocation(limit).expect_err("too late");
    repeating.abort();
}
