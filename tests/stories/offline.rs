//! Services outlive the issuer: they verify on without it, and start without it from a snapshot.

use countersign_verifier::{Start, Verifier};
use end_to_end::harness::{Deployment, PAYMENTS, eventually};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_service_verifies_on_when_the_issuer_is_gone_and_starts_from_a_snapshot() {
    let deployment = Deployment::sqlite();
    let mut node = deployment.start().await;
    let app = deployment.app("orders").await;
    node.knows(&app).await;
    let token = node.token(&app).await;
    let verifier =
        Verifier::builder(&deployment.issuer).audience(PAYMENTS).build().await.expect("a verifier");
    verifier.verify(&token).await.expect("a good token");
    let unseen = node.token(&app).await;
    let snapshot = verifier.export().expect("a snapshot");

    node.process.kill().await;

    let caller = verifier.verify(&unseen).await.expect("a good token, with the issuer gone");
    assert_eq!(caller.client_id(), "orders");
    let restarted = Verifier::builder(&deployment.issuer).audience(PAYMENTS);
    let restarted =
        restarted.start(Start::Warm(snapshot)).build().await.expect("a start without the issuer");
    restarted.verify(&unseen).await.expect("a good token, after a start without the issuer");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_snapshot_a_service_says_that_it_is_not_the_tokens_fault_and_recovers_by_itself()
{
    let deployment = Deployment::sqlite();
    let mut node = deployment.start().await;
    let app = deployment.app("orders").await;
    node.knows(&app).await;
    let token = node.token(&app).await;
    node.process.kill().await;

    let verifier = Verifier::builder(&deployment.issuer).audience(PAYMENTS).start(Start::Lazy);
    let verifier = verifier.build().await.expect("a lazy start");
    let refusal = verifier.verify(&token).await.expect_err("no keys yet");

    assert_eq!(refusal.status(), 503, "{refusal}");
    assert!(refusal.is_transient());
    let _node = deployment.restart().await;
    eventually("it recovers", Duration::from_mins(1), || async {
        verifier.verify(&token).await.ok().map(|_| ())
    })
    .await;
}
