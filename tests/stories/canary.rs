//! Secrets stay secret: whatever happens, none of them is found in a log, a metric or an audit record.

use crate::assertion::AssertionKey;
use end_to_end::harness::{App, Deployment, Node};
use std::path::Path;

/// Good, wrong and misplaced credentials, so that each kind of log line is written; returns what must not be in any.
async fn go_through_everything(
    deployment: &Deployment,
    node: &Node,
) -> Vec<(&'static str, String)> {
    let app = deployment.app("orders").await;
    let key = AssertionKey::es256();
    let signed = key.register(deployment, "signed").await;
    node.knows(&app).await;
    node.knows(&signed).await;
    let wrong = App { client_secret: "canary-of-a-wrong-secret".to_owned(), ..app.clone() };
    let assertion = key.sign("signed", &deployment.issuer, "canary");
    let assertion_form = signed.form_with_assertion(&assertion);

    let token = node.token(&app).await;
    let token_by_assertion =
        node.post(&assertion_form).await.expect("an answer").access_token().expect("a token");
    let replayed = node.post(&assertion_form).await.expect("an answer");
    assert_eq!(replayed.status, 401);
    assert_eq!(node.ask(&wrong).await.status, 401);
    let basic = node
        .http
        .post(format!("{}/token", node.url))
        .basic_auth("orders", Some("canary-in-a-header"));
    assert_eq!(basic.form(&app.grant()).send().await.expect("an answer").status(), 401);
    let in_query = node.http.post(format!("{}/token?client_secret=canary-in-the-query", node.url));
    assert_ne!(in_query.form(&app.form()).send().await.expect("an answer").status(), 200);
    let bearer = node.http.get(format!("{}/canary-path", node.url)).bearer_auth(&token);
    assert_eq!(bearer.send().await.expect("an answer").status(), 404);

    vec![
        ("the secret", app.client_secret),
        ("a wrong secret", "canary-of-a-wrong-secret".to_owned()),
        ("a wrong secret in a header", "canary-in-a-header".to_owned()),
        ("a secret in the query", "canary-in-the-query".to_owned()),
        ("a token's signature", signature(&token)),
        ("another token's signature", signature(&token_by_assertion)),
        ("an assertion's signature", signature(&assertion)),
    ]
}

fn signature(token: &str) -> String {
    token.rsplit('.').next().expect("a compact JWS").to_owned()
}

/// Every file of the deployment that is text for operators, by name.
fn logs(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(logs(&path));
        } else if path.extension().is_some_and(|extension| extension == "log") {
            let text = String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).into_owned();
            found.push((path.display().to_string(), text));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn cve_2024_8365_no_secret_token_or_assertion_is_in_any_log_metric_or_audit_record() {
    for format in ["human", "json"] {
        let deployment =
            Deployment::sqlite().with(&format!("[log]\nlevel = \"trace\"\nformat = \"{format}\""));
        let mut node = deployment.start().await;
        let canaries = go_through_everything(&deployment, &node).await;
        let metrics = node.text(&format!("{}/metrics", node.management_url)).await;
        assert!(metrics.contains("countersign_token_requests_total"), "{metrics}");
        let dump = deployment.database.query("SELECT * FROM audit_event").await.join("\n");
        node.process.terminate().await;
        node.process.wait(std::time::Duration::from_secs(15)).await;

        let mut places = logs(&deployment.path(""));
        assert!(
            places
                .iter()
                .any(|(name, text)| name.ends_with("audit.log") && text.contains("orders"))
        );
        assert!(places.iter().any(|(name, text)| name.ends_with("node-0.log") && !text.is_empty()));
        places.push(("metrics".to_owned(), metrics));
        places.push(("audit_event".to_owned(), dump));

        for (place, text) in &places {
            for (what, canary) in &canaries {
                let line = text.lines().find(|line| line.contains(canary));
                assert_eq!(line, None, "{what} is in {place}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r33_the_database_holds_no_usable_secret() {
    let deployment = Deployment::sqlite();
    let mut node = deployment.start().await;
    let app = deployment.app("orders").await;
    node.knows(&app).await;
    node.process.kill().await;

    let files = std::fs::read_dir(deployment.data_dir()).expect("the data folder");
    for path in files.flatten().map(|entry| entry.path()).filter(|path| path.is_file()) {
        let bytes = std::fs::read(&path).expect("a file");
        let found =
            bytes.windows(app.client_secret.len()).any(|part| part == app.client_secret.as_bytes());
        assert!(!found, "the secret is in {}", path.display());
    }
}
