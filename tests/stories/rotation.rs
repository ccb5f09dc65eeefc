//! Keys rotate under load, and no verifier that honors `max-age` ever notices.

use crate::verifiers;
use countersign_verifier::Verifier;
use end_to_end::harness::{Deployment, Judge, PAYMENTS, eventually};
use std::collections::BTreeSet;
use std::time::Duration;

/// Rotates a key about every twelve seconds, where a deployment does in thirty days.
const MAX_AGE: u64 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn keys_rotate_under_load_and_no_judge_refuses_a_token() {
    let deployment =
        Deployment::sqlite().with(&format!("[keys]\njwks_max_age_seconds = {MAX_AGE}"));
    let node = deployment.start().await;
    let app = deployment.app("orders").await;
    node.knows(&app).await;
    let mut judges = Judge::all(&node.expected(&deployment, MAX_AGE), &deployment.path("")).await;
    let sdk =
        Verifier::builder(&deployment.issuer).audience(PAYMENTS).build().await.expect("a verifier");
    let load = node.load(&app, 4);

    let mut kids = BTreeSet::new();
    let mut refusals = Vec::new();
    let mut rounds = 0;
    while kids.len() < 4 {
        let token = node.token(&app).await;
        let kid = verifiers::header(&token)["kid"].to_string();
        if kids.insert(kid) && kids.len() < 4 {
            deployment.cli(&["keys", "rotate"]).await;
        }
        for judge in &mut judges {
            refusals.extend(judge.judge(&token).await.err());
        }
        refusals.extend(sdk.verify(&token).await.err().map(|error| format!("sdk: {error}")));
        rounds += 1;
    }

    let outcome = load.stop().await;
    println!(
        "3 rotations, {rounds} tokens judged by 5 judges, {} more under load",
        outcome.succeeded
    );
    assert_eq!(refusals, Vec::<String>::new());
    assert_eq!(outcome.failures, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_key_is_gone_from_the_key_set_within_a_second_and_signing_goes_on() {
    let deployment = Deployment::sqlite();
    let node = deployment.start().await;
    let app = deployment.app("orders").await;
    node.knows(&app).await;
    let token = node.token(&app).await;
    let kid = verifiers::header(&token)["kid"].as_str().expect("a kid").to_owned();

    deployment.cli(&["keys", "withdraw", &kid]).await;

    let jwks = format!("{}/jwks", node.url);
    eventually("the key is gone", Duration::from_secs(1), || async {
        (!node.text(&jwks).await.contains(&kid)).then_some(())
    })
    .await;
    let next = node.token(&app).await;
    let set = node.text(&jwks).await;
    assert!(verifiers::jsonwebtoken(&next, &set, &deployment.issuer).is_ok());
    assert!(verifiers::jsonwebtoken(&token, &set, &deployment.issuer).is_err());
}
