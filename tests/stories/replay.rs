//! A client assertion is good once (RFC 7523 §3, `jti`), on however many nodes it is presented.

use crate::assertion::AssertionKey;
use end_to_end::harness::{Deployment, Reply};

fn accepted(replies: &[Reply]) -> usize {
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        assert_eq!((reply.status, reply.error()), (401, "invalid_client"), "{}", reply.body);
    }
    replies.iter().filter(|reply| reply.status == 200).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn cve_2020_5300_an_assertion_used_twice_in_sequence_is_refused_also_after_a_restart() {
    let deployment = Deployment::sqlite();
    let mut node = deployment.start().await;
    let key = AssertionKey::es256();
    let app = key.register(&deployment, "orders").await;
    node.knows(&app).await;
    let form = app.form_with_assertion(&key.sign("orders", &deployment.issuer, "used-once"));

    let first = node.post(&form).await.expect("an answer");
    let second = node.post(&form).await.expect("an answer");
    node.process.kill().await;
    let third = deployment.restart().await.post(&form).await.expect("an answer");

    assert_eq!(accepted(&[first.clone(), second, third]), 1);
    assert_eq!(first.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn cve_2020_5300_an_assertion_used_in_parallel_on_two_nodes_is_accepted_once() {
    let deployment = Deployment::postgres().await.patient();
    let nodes = [deployment.start().await, deployment.start().await];
    let key = AssertionKey::es256();
    let app = key.register(&deployment, "orders").await;
    for node in &nodes {
        node.knows(&app).await;
    }

    for round in 0..20 {
        let assertion = key.sign("orders", &deployment.issuer, &format!("round-{round}"));
        let form = app.form_with_assertion(&assertion);
        let mut requests = tokio::task::JoinSet::new();
        for request in 0..16 {
            let node = &nodes[request % 2];
            let request = node.http.post(format!("{}/token", node.url)).form(&form);
            requests
                .spawn(async move { Reply::read(request.send().await.expect("an answer")).await });
        }
        let replies = requests.join_all().await;

        assert_eq!(accepted(&replies), 1, "round {round}");
    }
}
