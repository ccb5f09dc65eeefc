//! Measures the delivered server: `/token` beside the bare server in the same run, the key set, starts and memory; code
//! flows, refreshes and sign-ins. One JSON line a figure. For tokens and keys the server runs on one core and the load on
//! the other; what people do is measured on both cores. Start it with `tests/bench/run`; arguments choose groups of
//! figures, none means all.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a tool that prints figures and ends at the first surprise"
)]

mod connection;
mod delegation;
mod figure;
mod flow;
mod gateway;
mod introspection;
mod password;
mod start;
mod token;
mod wrk;

use end_to_end::harness::{App, Deployment, Node, PAYMENTS, READ};
use figure::Figure;
use std::time::Duration;
use tokio::time::sleep;

/// The core of the servers; the load has the other.
const SERVER: [&str; 3] = ["taskset", "-c", "0"];
/// The resource whose tokens are signed with RS256.
const LEDGER: &str = "https://ledger.example";

/// The groups of figures, in the order in which they are measured.
const GROUPS: [&str; 12] = [
    "start",
    "rest",
    "ES256",
    "RS256",
    "JWKS",
    "exchange",
    "assertion",
    "gateway",
    "introspection",
    "code-flow",
    "refresh",
    "password",
];

/// A node under measurement and an app for each algorithm.
struct Subject {
    name: &'static str,
    deployment: Deployment,
    node: Node,
    es256: App,
    rs256: App,
}

impl Subject {
    async fn start(name: &'static str, deployment: Deployment) -> Self {
        let node = deployment.start_with(&SERVER).ready().await;
        for (resource, algorithm) in [(PAYMENTS, "ES256"), (LEDGER, "RS256")] {
            deployment
                .cli(&["resource", "create", resource, "--scope", READ, "--algorithm", algorithm])
                .await;
        }
        let es256 = deployment.app("es256").await;
        let rs256 = deployment.app_of("rs256", &["--resource", LEDGER, "--scope", READ]).await;
        let rs256 = App { resource: LEDGER.to_owned(), ..rs256 };
        node.knows(&es256).await;
        node.knows(&rs256).await;
        Self { name, deployment, node, es256, rs256 }
    }
}

#[tokio::main]
async fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    let unknown = chosen.iter().find(|group| !GROUPS.contains(&group.as_str()));
    assert!(unknown.is_none(), "{unknown:?} is not one of {GROUPS:?}");
    let wants = |group: &str| chosen.is_empty() || chosen.iter().any(|one| one == group);

    if wants("start") {
        start::measure().await;
    }
    if wants("rest") {
        measure_rest().await;
    }
    if ["ES256", "RS256", "JWKS"].into_iter().any(&wants) {
        measure_tokens(&wants).await;
    }
    for act in [delegation::Act::Exchange, delegation::Act::Assertion] {
        if wants(act.group()) {
            delegation::measure(act).await;
        }
    }
    if wants("gateway") {
        gateway::measure().await;
    }
    if wants("introspection") {
        introspection::measure().await;
    }
    for act in [flow::Act::CodeFlow, flow::Act::Refresh] {
        if wants(act.group()) {
            flow::measure(act).await;
        }
    }
    if wants("password") {
        password::measure().await;
    }
}

async fn measure_tokens(wants: &impl Fn(&str) -> bool) {
    let subjects = [
        Subject::start("SQLite", Deployment::sqlite()).await,
        Subject::start("PostgreSQL", Deployment::postgres().await).await,
    ];
    for algorithm in ["ES256", "RS256"].into_iter().filter(|algorithm| wants(algorithm)) {
        token::measure(&subjects, algorithm).await;
    }
    measure_memory_and_rows(&subjects).await;
    if wants("JWKS") {
        measure_jwks(&subjects[0]).await;
    }
}

async fn measure_rest() {
    let at_rest = Deployment::sqlite();
    let node = at_rest.start().await;
    sleep(Duration::from_secs(5)).await;
    let resident = node.process.resident_kib();
    Figure::new("resident at rest, SQLite", mebibytes(resident), "MiB").at_most(16.0).print();
}

async fn measure_jwks(subject: &Subject) {
    for connections in [1, 16, 64] {
        let measured = wrk::get(&format!("{}/jwks", subject.node.url), connections).await;
        let of = format!("JWKS, {connections} connections");
        Figure::new(&format!("{of}, requests"), measured.per_second, "1/s").print();
        Figure::new(&format!("{of}, p50"), measured.p50_ms, "ms").print();
        Figure::new(&format!("{of}, p99"), measured.p99_ms, "ms").print();
    }
}

/// After the tokens: memory is as before, and no row came of them.
async fn measure_memory_and_rows(subjects: &[Subject; 2]) {
    for subject in subjects {
        let resident = mebibytes(subject.node.process.resident_kib());
        Figure::new(&format!("resident after the load, {}", subject.name), resident, "MiB").print();
    }
    let rows = subjects[1].deployment.database.row_counts().await;
    let rows: u64 = rows.iter().map(|(_, count)| count).sum();
    #[expect(clippy::cast_precision_loss, reason = "a handful of rows")]
    Figure::new("rows in PostgreSQL after all those tokens", rows as f64, "rows").print();
}

#[expect(clippy::cast_precision_loss, reason = "memory of one process")]
fn mebibytes(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
