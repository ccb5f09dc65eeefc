//! Starts that must not happen: the node says why, in words, and destroys nothing.

use crate::verifiers;
use end_to_end::harness::{Deployment, Node};
use std::time::Duration;

/// A deployment that has served, and is stopped; with a token that it signed.
async fn stopped() -> (Deployment, end_to_end::harness::App, String) {
    let deployment = Deployment::sqlite();
    let mut node = deployment.start().await;
    let app = deployment.app("orders").await;
    node.knows(&app).await;
    let token = node.token(&app).await;
    node.process.terminate().await;
    node.process.wait(Duration::from_secs(15)).await;
    (deployment, app, token)
}

/// The node ends by itself and unsuccessfully; what it printed.
async fn refusal(mut node: Node) -> String {
    let status = node.process.wait(Duration::from_secs(15)).await;
    assert!(!status.success(), "it started:\n{}", node.process.output());
    node.process.output()
}

/// After the repair the very same keys and clients are there.
async fn nothing_was_destroyed(
    deployment: &Deployment,
    app: &end_to_end::harness::App,
    token: &str,
) {
    let node = deployment.restart().await;
    let jwks = node.text(&format!("{}/jwks", node.url)).await;
    verifiers::jsonwebtoken(token, &jwks, &deployment.issuer)
        .expect("the old token still verifies");
    let next = node.token(app).await;
    assert_eq!(verifiers::header(&next)["kid"], verifiers::header(token)["kid"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_corrupt_or_missing_master_key_refuses_the_start_and_destroys_nothing() {
    let (deployment, app, token) = stopped().await;
    let file = deployment.data_dir().join("master.key");
    let good = std::fs::read(&file).expect("the master key");
    let cases = [
        ("wrong", Some("5b".repeat(32))),
        ("corrupt", Some("not a key".to_owned())),
        ("empty", Some(String::new())),
        ("missing", None),
    ];
    for (case, content) in cases {
        match content {
            Some(text) => std::fs::write(&file, text).expect("another key"),
            None => std::fs::remove_file(&file).expect("no key"),
        }

        let said = refusal(deployment.start_unready()).await;

        assert!(said.to_lowercase().contains("master key"), "{case}: {said}");
        assert_eq!(
            file.exists(),
            case != "missing",
            "{case}: a new master key would hide the loss"
        );
    }

    std::fs::write(&file, good).expect("the good key back");
    nothing_was_destroyed(&deployment, &app, &token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_key_that_was_altered_refuses_the_start_and_says_which() {
    let (deployment, app, token) = stopped().await;
    let kid = verifiers::header(&token)["kid"].as_str().expect("a kid").to_owned();
    let table = "signing_key";
    let sealed = format!("SELECT hex(sealed) FROM {table} WHERE kid = '{kid}'");
    let good = deployment.database.query(&sealed).await.concat();
    let mut altered = good.clone();
    let last = if altered.pop() == Some('0') { '1' } else { '0' };
    altered.push(last);

    deployment
        .database
        .query(&format!("UPDATE {table} SET sealed = X'{altered}' WHERE kid = '{kid}'"))
        .await;
    let said = refusal(deployment.start_unready()).await;

    assert!(said.contains(&kid), "{said}");
    deployment
        .database
        .query(&format!("UPDATE {table} SET sealed = X'{good}' WHERE kid = '{kid}'"))
        .await;
    nothing_was_destroyed(&deployment, &app, &token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_of_a_newer_version_refuses_the_start_and_is_left_alone() {
    let (deployment, app, token) = stopped().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (99990101000000, 'of a later release', 1, X'00', 0)";
    deployment.database.query(newer).await;

    let said = refusal(deployment.start_unready()).await;

    assert!(said.to_lowercase().contains("newer"), "{said}");
    deployment.database.query("DELETE FROM _sqlx_migrations WHERE version = 99990101000000").await;
    nothing_was_destroyed(&deployment, &app, &token).await;
}
