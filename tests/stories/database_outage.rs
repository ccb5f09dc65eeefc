//! The database goes away and comes back: 503 meanwhile, and nobody has to restart anything.

use crate::assertion::AssertionKey;
use end_to_end::harness::{Deployment, FaultProxy, eventually};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_database_is_503_and_the_node_recovers_by_itself() {
    let mut relay = None;
    let deployment = Deployment::postgres_by(async |server| {
        let proxy = FaultProxy::to(server).await;
        relay.insert(proxy).address()
    })
    .await;
    let relay = relay.expect("a relay");
    let node = deployment.start().await;
    let key = AssertionKey::es256();
    let app = key.register(&deployment, "orders").await;
    node.knows(&app).await;
    let assertion =
        |jti: &str| app.form_with_assertion(&key.sign("orders", &deployment.issuer, jti));
    assert_eq!(node.post(&assertion("before")).await.expect("an answer").status, 200);

    relay.cut();
    eventually("not ready", Duration::from_secs(15), || async {
        (node.status("/readyz").await == Some(503)).then_some(())
    })
    .await;
    // What must be remembered cannot be: the replay check has nowhere to write.
    let refused = node.post(&assertion("meanwhile")).await.expect("an answer");
    let alive = node.status("/livez").await;

    relay.heal();
    eventually("ready again", Duration::from_secs(15), || async {
        (node.status("/readyz").await == Some(200)).then_some(())
    })
    .await;
    let accepted = node.post(&assertion("after")).await.expect("an answer");

    assert_eq!(refused.status, 503, "{}", refused.body);
    assert_eq!(alive, Some(200), "an orchestrator must not restart it for this");
    assert_eq!(accepted.status, 200, "{}", accepted.body);
}
