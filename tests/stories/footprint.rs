//! Small at rest, and no larger after any number of tokens.

use end_to_end::harness::{Database, Deployment, environment, eventually};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// How much the resident memory may move: what an allocator keeps, not what a leak takes.
const SLACK_KIB: u64 = 4 * 1024;

/// For all the tokens of the longest run.
const LIMIT: Duration = Duration::from_mins(30);

async fn no_row_more_and_flat_memory(deployment: Deployment) {
    let node = deployment.start().await;
    let app = deployment.app("orders").await;
    node.knows(&app).await;
    let tokens = environment::soak_tokens();
    let load = node.load(&app, 8);

    // A tenth warms up the allocator, the pools and the time of the last use of the secret.
    load.reaches(tokens / 10, LIMIT).await;
    let (rows, memory) = (deployment.database.row_counts().await, node.process.resident_kib());
    load.reaches(tokens, LIMIT).await;
    let (rows_after, memory_after) =
        (deployment.database.row_counts().await, node.process.resident_kib());
    let outcome = load.stop().await;

    println!(
        "{} tokens: {memory} KiB resident, then {memory_after}; rows {rows_after:?}",
        outcome.succeeded
    );
    assert_eq!(outcome.failures, Vec::<String>::new());
    assert_eq!(rows, rows_after);
    assert!(memory_after <= memory + SLACK_KIB, "{memory} KiB grew to {memory_after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_leave_no_row_in_sqlite_and_memory_flat() {
    no_row_more_and_flat_memory(Deployment::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_leave_no_row_in_postgres_and_memory_flat() {
    no_row_more_and_flat_memory(Deployment::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_rest_the_database_hears_nothing_but_one_heartbeat() {
    let deployment = Deployment::postgres().await;
    let Database::Postgres(url) = &deployment.database else { unreachable!() };
    let (_, name) = url.rsplit_once('/').expect("a database");
    deployment.database.query(&format!("ALTER DATABASE {name} SET log_statement = 'all'")).await;
    let _node = deployment.start().await;
    // Past the work of the start: for two seconds nothing new is heard.
    let heard =
        eventually("nothing but one statement is heard", Duration::from_secs(15), || async {
            let statements = statements(name);
            let newest: BTreeSet<&str> =
                statements.last_chunk::<5>()?.iter().map(|s| text(s)).collect();
            (newest.len() == 1).then_some(statements.len())
        })
        .await;

    let began = Instant::now();
    let statements =
        eventually("a node at rest has a heartbeat", Duration::from_secs(30), || async {
            let heard = statements(name).split_off(heard);
            (heard.len() >= MOST_IN_TEN_SECONDS).then_some(heard)
        })
        .await;
    let seconds = began.elapsed().as_secs_f64();

    let texts: BTreeSet<&str> = statements.iter().map(|line| text(line)).collect();
    println!("{} statements in {seconds:.1} s at rest: {texts:?}", statements.len());
    assert_eq!(texts.len(), 1, "more than a heartbeat: {texts:?}");
    assert!((10.0..=30.0).contains(&seconds), "{} heartbeats in {seconds} s", statements.len());
}

/// More of them would be more than one heartbeat of 400 ms; a third is what a busy machine may leave.
const MOST_IN_TEN_SECONDS: usize = 27;

/// The SQL of a line.
fn text(line: &str) -> &str {
    line.split_once(": ").map_or(line, |(_, sql)| sql)
}

/// What the server's log says that was asked of this database.
fn statements(database: &str) -> Vec<String> {
    let log = std::fs::read_to_string(environment::postgres_log()).expect("the server's log");
    let of_this = log.lines().filter_map(|line| line.strip_prefix(&format!("{database} LOG:  ")));
    of_this
        .filter(|line| line.starts_with("execute") || line.starts_with("statement"))
        .map(str::to_owned)
        .collect()
}
