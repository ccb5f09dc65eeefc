//! Strangers cannot fill the disk: authorization requests that go nowhere leave nothing behind.

use end_to_end::harness::{Database, Deployment, Load, environment};
use std::time::Duration;

const WORKERS: usize = 8;

/// For all the requests of the longest run.
const LIMIT: Duration = Duration::from_hours(1);

/// What PostgreSQL may add to its own bookkeeping of tables that nobody writes to.
const SLACK_BYTES: u64 = 512 * 1024;

/// Bytes on disk.
async fn size(database: &Database) -> u64 {
    match database {
        Database::Sqlite(file) => {
            let log = file.with_extension("db-wal");
            let bytes = |path| std::fs::metadata(path).map_or(0, |file| file.len());
            bytes(file.clone()) + bytes(log)
        }
        Database::Postgres(_) => {
            let rows = database.query("SELECT pg_database_size(current_database())").await;
            rows.first().and_then(|text| text.parse().ok()).expect("a size")
        }
    }
}

async fn requests_that_go_nowhere_leave_nothing(deployment: Deployment) {
    let node = deployment.start().await;
    let web = deployment.web("web", &[]).await;
    node.knows_web(&web).await;
    let request = format!("{}{}", node.url, web.authorize_path());
    // The login page, a refusal that travels to the client, and the two that must not travel.
    let addresses = [
        request.clone(),
        format!("{request}&prompt=none"),
        request.replace("client_id=web", "client_id=nobody"),
        request.replace("callback", "elsewhere"),
    ];
    let wanted = [200, 303, 400, 400];
    let count = environment::soak_authorizations();
    let http = node.http.clone();
    let load = Load::start(WORKERS, move || {
        let (http, addresses) = (http.clone(), addresses.clone());
        async move {
            for (address, status) in addresses.iter().zip(wanted) {
                let answer =
                    http.get(address).send().await.map_err(|error| format!("{error:?}"))?;
                if answer.status() != status {
                    return Err(format!("{} for {address}", answer.status()));
                }
                let read = answer.bytes().await;
                read.map_err(|error| format!("{error:?}"))?;
            }
            Ok(())
        }
    });

    load.reaches(count / 100, LIMIT).await;
    let before = (deployment.database.row_counts().await, size(&deployment.database).await);
    load.reaches(count / 4, LIMIT).await;
    let after = (deployment.database.row_counts().await, size(&deployment.database).await);
    let outcome = load.stop().await;

    println!("{} requests: {} bytes, then {}", outcome.succeeded * 4, before.1, after.1);
    assert_eq!(outcome.failures, Vec::<String>::new());
    assert_eq!(before.0, after.0);
    assert!(after.1 <= before.1 + SLACK_BYTES, "{} bytes grew to {}", before.1, after.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn cve_2021_22119_authorization_requests_that_go_nowhere_leave_sqlite_as_it_is() {
    requests_that_go_nowhere_leave_nothing(Deployment::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cve_2021_22119_authorization_requests_that_go_nowhere_leave_postgres_as_it_is() {
    requests_that_go_nowhere_leave_nothing(Deployment::postgres().await).await;
}
