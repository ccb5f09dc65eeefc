//! A verifier that knows nothing but token status lists reads them with npm `@sd-jwt/jwt-status-list`.

use end_to_end::harness::{Deployment, PAYMENTS, READ, eventually, foreign_status_list};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_library_of_others_finds_what_was_revoked_in_the_list() {
    let deployment = Deployment::sqlite().patient();
    deployment.cli(&["resource", "create", PAYMENTS, "--scope", READ, "--status-list"]).await;
    let orders = deployment.app("orders").await;
    let billing = deployment.app("billing").await;
    let mut node = deployment.start().await;
    let first = node.token(&orders).await;
    let rest = [node.token(&orders).await, node.token(&billing).await];
    let tokens = json!([first, rest[0], rest[1]]);
    let before = foreign_status_list(&deployment.issuer, &tokens).await;

    assert_eq!(node.revoke(&orders, &first).await, Some(200));
    deployment.cli(&["revoke", "--client", "billing"]).await;
    let limit = Duration::from_secs(20);
    let statuses = eventually("the list says so", limit, || async {
        let statuses = foreign_status_list(&deployment.issuer, &tokens).await.ok()?;
        (statuses != json!([0, 0, 0])).then_some(statuses)
    });
    let after = statuses.await;
    // The places are written down before the tokens leave.
    node.process.kill().await;
    let _node = deployment.restart().await;
    let afterwards = foreign_status_list(&deployment.issuer, &tokens).await;

    assert_eq!(before, Ok(json!([0, 0, 0])));
    assert_eq!(after, json!([1, 0, 1]));
    assert_eq!(afterwards, Ok(json!([1, 0, 1])));
}

#[tokio::test]
async fn after_a_restore_no_list_calls_good_what_was_issued_since_the_backup() {
    let deployment = Deployment::sqlite().patient();
    deployment.cli(&["resource", "create", PAYMENTS, "--scope", READ, "--status-list"]).await;
    let orders = deployment.app("orders").await;
    let mut node = deployment.start().await;
    let before = node.token(&orders).await;
    let backup = deployment.path("copy.db").display().to_string();
    deployment.database.query(&format!(".backup {backup}")).await;
    let since = node.token(&orders).await;
    assert_eq!(node.revoke(&orders, &since).await, Some(200));

    node.process.kill().await;
    deployment.database.query(&format!(".restore {backup}")).await;
    deployment.cli(&["restored"]).await;
    let node = deployment.restart().await;
    let after = node.token(&orders).await;

    for token in [before, since] {
        let status = foreign_status_list(&deployment.issuer, &json!([token])).await;
        let refused = status.expect_err("no list");
        assert!(refused.contains(": 404"), "{refused}");
    }
    let status = foreign_status_list(&deployment.issuer, &json!([after])).await;
    assert_eq!(status, Ok(json!([0])));
}
