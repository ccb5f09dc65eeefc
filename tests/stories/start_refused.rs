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
    let read = format!("SELECT sealed FROM signing_key WHERE kid = '{kid}'");
    let good = deployment.database.query(&read).await.concat();
    let (start, end) = good.split_at(good.len() / 2);
    let other = if end.starts_with('A') { 'B' } else { 'A' };
    let altered = format!("{start}{other}{}", &end[1..]);
    let write =
        |sealed: String| format!("UPDATE signing_key SET sealed = '{sealed}' WHERE kid = '{kid}'");

    deployment.database.query(&write(altered)).await;
    let said = refusal(deployment.start_unready()).await;

    assert!(said.contains(&kid), "{said}");
    deployment.database.query(&write(good)).await;
    nothing_was_destroyed(&deployment, &app, &token).await;
}

/// What a later release leaves behind; `oldest_compatible` says which releases may still serve.
async fn migrated_by_a_later_release(deployment: &Deployment, oldest_compatible: u32) {
    let step = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                VALUES (1000, 'of a later release', 1, X'00', 0)";
    deployment.database.query(step).await;
    let bound = format!("UPDATE schema_state SET oldest_compatible = {oldest_compatible}");
    deployment.database.query(&bound).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_of_a_newer_version_refuses_the_start_and_is_left_alone() {
    let (deployment, app, token) = stopped().await;
    migrated_by_a_later_release(&deployment, 1000).await;

    let said = refusal(deployment.start_unready()).await;

    assert!(said.to_lowercase().contains("newer"), "{said}");
    deployment.database.query("DELETE FROM _sqlx_migrations WHERE version = 1000").await;
    deployment.database.query("UPDATE schema_state SET oldest_compatible = 1").await;
    nothing_was_destroyed(&deployment, &app, &token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_previous_release_serves_on_a_newer_schema_that_allows_it() {
    let (deployment, app, token) = stopped().await;

    migrated_by_a_later_release(&deployment, 1).await;

    nothing_was_destroyed(&deployment, &app, &token).await;
}
