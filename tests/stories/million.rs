//! As many revocations in force as a large fleet may have: a node that starts knows them, verifiers that start together read
//! them all, what they judge is right, and nobody grows beyond what an entry takes.

use countersign_verifier::Verifier;
use countersign_verifier::client::{ClientAuthentication, TokenSource};
use end_to_end::harness::{
    App, Database, Deployment, Node, PAYMENTS, environment, eventually, resident_kib,
};
use std::time::Duration;
use tokio::time::Instant;

/// So many start together.
const TOGETHER: usize = 4;
const LIMIT: Duration = Duration::from_mins(5);
/// What an entry may take in a verifier, if there are so many that nothing else shows.
const BYTES: u64 = 64;
const MANY: usize = 500_000;
/// How much a node may grow by being asked for all of it.
const GROWTH_KIB: u64 = 32 * 1024;

struct World {
    deployment: Deployment,
    orders: App,
    reader: App,
}

impl World {
    async fn begin(deployment: Deployment) -> Self {
        let deployment = deployment.patient();
        let orders = deployment.app("orders").await;
        let reader = deployment.feed_reader().await;
        Self { deployment, orders, reader }
    }

    async fn verifier(&self, count: usize) -> Verifier {
        let secret = ClientAuthentication::secret(&self.reader.client_secret);
        let source = TokenSource::builder(&self.deployment.issuer, &self.reader.client_id, secret);
        let builder = Verifier::builder(&self.deployment.issuer).audience(PAYMENTS);
        let builder = builder.feed(source.build().expect("a source"));
        // And those that come while the story goes on.
        builder.max_revocations(count + 1_000).build().await.expect("a verifier")
    }

    /// A token, and what of it can be revoked.
    async fn token(&self, node: &Node) -> String {
        node.token(&self.orders).await
    }
}

/// Readiness does not wait as long for so many, where nobody insists.
async fn knows_all(verifier: &Verifier) {
    let known = verifier.revocations().expect("a feed");
    eventually("all is known", LIMIT, || async { known.lag() }).await;
}

/// Writes entries as nodes do, of the kinds that are common, and one for this token in the middle.
async fn revoke_many(database: &Database, count: usize, jti: &str) {
    let rows = match database {
        Database::Postgres(_) => format!("SELECT n FROM generate_series(1, {count}) AS n"),
        Database::Sqlite(_) => format!(
            "WITH RECURSIVE counted (n) AS \
             (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {count}) SELECT n FROM counted"
        ),
    };
    let id = match database {
        Database::Postgres(_) => "'0190b2f4-7c1e-7d3a-9f00-' || lpad(CAST(n AS TEXT), 12, '0')",
        Database::Sqlite(_) => "'0190b2f4-7c1e-7d3a-9f00-' || printf('%012d', n)",
    };
    let expires_at = 4_000_000_000_u64;
    let middle = count / 2;
    database
        .query(&format!(
            "INSERT INTO revocation (seq, entry, expires_at) SELECT n, CASE \
             WHEN n = {middle} THEN '{{\"jti\":\"{jti}\",\"exp\":{expires_at}}}' \
             WHEN n % 10 < 4 THEN '{{\"jti\":\"' || {id} || '\",\"exp\":{expires_at}}}' \
             WHEN n % 10 < 7 THEN '{{\"sid\":\"' || {id} || '\",\"exp\":{expires_at}}}' \
             WHEN n % 10 < 8 THEN '{{\"grant_id\":\"' || {id} || '\",\"exp\":{expires_at}}}' \
             ELSE '{{\"sub\":\"' || {id} || '\",\"iat\":1,\"exp\":{expires_at}}}' END, \
             {expires_at} FROM ({rows}) AS numbers"
        ))
        .await;
    database.query(&format!("UPDATE revocation_feed SET seq = {count} WHERE id = 1")).await;
}

async fn all_are_known(deployment: Deployment) {
    let count = environment::revocations();
    let world = World::begin(deployment).await;
    let mut node = world.deployment.start().await;
    let (bad, good) = (world.token(&node).await, world.token(&node).await);
    let before = world.verifier(count).await;
    let jti =
        before.try_verify(&bad).expect("good").claims().token_id().unwrap_or_default().to_owned();
    drop(before);
    node.process.kill().await;
    revoke_many(&world.deployment.database, count, &jti).await;

    let began = Instant::now();
    let node = world.deployment.restart().await;
    let (start, at_rest) = (began.elapsed(), node.process.resident_kib());
    let (here, began) = (resident_kib(std::process::id()), Instant::now());
    let verifier = world.verifier(count).await;
    knows_all(&verifier).await;
    let (one, grown) = (began.elapsed(), resident_kib(std::process::id()) - here);

    assert!(verifier.revocations().is_some_and(|known| known.entries() == count));
    assert_eq!(verifier.try_verify(&bad).expect_err("it is revoked").code(), "revoked");
    assert_eq!(verifier.try_verify(&good).map(|_| ()), Ok(()));
    let bytes = grown * 1024 / count as u64;
    println!(
        "{count} revocations: a node is ready after {start:.1?} with {at_rest} KiB, a verifier knows all after {one:.1?} \
         with {bytes} bytes each"
    );
    assert!(count < MANY || bytes <= BYTES, "{bytes} bytes an entry");
    together(&world, &node, (count, at_rest), &bad).await;
}

/// Several more, at the same time.
async fn together(world: &World, node: &Node, (count, at_rest): (usize, u64), bad: &str) {
    let began = Instant::now();
    let mut verifiers = Vec::new();
    for _ in 0..TOGETHER {
        verifiers.push(world.verifier(count).await);
    }
    for verifier in &verifiers {
        knows_all(verifier).await;
        verifier.try_verify(bad).expect_err("it is revoked");
    }
    let after = node.process.resident_kib();
    println!("{TOGETHER} more together after {:.1?}; the node has {after} KiB", began.elapsed());
    assert!(after <= at_rest + GROWTH_KIB, "{at_rest} KiB grew to {after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_revocations_are_known_to_who_starts_on_postgresql() {
    all_are_known(Deployment::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_revocations_are_known_to_who_starts_on_sqlite() {
    all_are_known(Deployment::sqlite()).await;
}
