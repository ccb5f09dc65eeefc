//! The token endpoint (RFC 9449 §5, §8).

use std::time::Duration;

use countersign_verifier::binding::Dpop;
use countersign_verifier::testing::{TestClock, TestHolder, proof_corpus};
use countersign_verifier::{Verifier, credential::Carriers};
use futures_util::future::join_all;
use http::Request;

use super::{post, proof, refused, token};
use crate::harness::{Answer, Issuer, PAYMENTS, START};

const POST: (&str, &str) = ("POST", "/token");

/// An issuer, and the form by which an app asks for its token.
async fn app(issuer: &Issuer) -> Vec<(&'static str, String)> {
    let secret = issuer.client("orders", |_| {}).await;
    vec![
        ("grant_type", "client_credentials".to_owned()),
        ("client_id", "orders".to_owned()),
        ("client_secret", secret),
    ]
}

fn borrowed<'p>(form: &'p [(&'static str, String)]) -> Vec<(&'p str, &'p str)> {
    form.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

async fn ask(issuer: &Issuer, form: &[(&'static str, String)], proofs: &[&str]) -> Answer {
    post(issuer, "/token", &borrowed(form), proofs).await
}

#[tokio::test]
async fn a_proof_binds_the_token_and_a_service_lets_in_who_holds_the_key() {
    let issuer = Issuer::new().await;
    let form = app(&issuer).await;
    let holder = TestHolder::new();

    let answer = token(&issuer, Some(&holder), &borrowed(&form)).await;
    let plain = ask(&issuer, &form, &[]).await;

    assert_eq!((answer.status.as_u16(), &answer.json()["token_type"]), (200, &"DPoP".into()));
    assert_eq!(answer.claims()["cnf"], serde_json::json!({ "jkt": holder.jkt() }));
    assert_eq!((&plain.json()["token_type"], plain.claims().get("cnf")), (&"Bearer".into(), None));
    let access_token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let jwks = issuer.get("/jwks").await.body;
    let every = [countersign_keys::Algorithm::Es256];
    let (keys, _) = countersign_keys::JwkSet::parse(jwks.as_bytes(), &every).unwrap();
    let verifier = Verifier::builder("https://issuer.example")
        .audience(PAYMENTS)
        .clock(TestClock::at(START))
        .dpop(Dpop::at(PAYMENTS))
        .build_with(keys)
        .unwrap();
    let at_service = holder.proof("GET", "https://payments.example/pay").with_token(&access_token);
    let request = Request::get("/pay")
        .header("authorization", format!("DPoP {access_token}"))
        .header("dpop", at_service.claim("iat", START).mint());
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let caller = verifier.verify_request(&parts, &Carriers::bearer()).await.unwrap();
    assert_eq!(caller.client_id(), "orders");
    assert!(verifier.verify(&access_token).await.is_err(), "never as a bearer token");
}

#[tokio::test]
async fn every_proof_that_is_wrong_is_refused_and_then_a_good_one_passes() {
    let issuer = Issuer::new().await;
    let form = app(&issuer).await;
    let holder = TestHolder::new().clock(TestClock::at(START));
    let (good, other) = (proof(&issuer, &holder, POST), TestHolder::new());
    // Which key it is, is for the client to choose here.
    let corpus =
        proof_corpus(&good, &other).into_iter().filter(|one| one.code != "proof_wrong_key");

    for hostile in corpus {
        let answer = ask(&issuer, &form, &[&hostile.token]).await;
        assert_eq!(answer.error(), refused("invalid_dpop_proof"), "{}", hostile.name);
        assert_eq!(answer.header("www-authenticate"), "", "{}", hostile.name);
    }
    let two = [good.mint(), proof(&issuer, &holder, POST).mint()];
    let two = ask(&issuer, &form, &[&two[0], &two[1]]).await;
    assert_eq!(two.error(), refused("invalid_dpop_proof"), "two proofs");
    assert_eq!(ask(&issuer, &form, &[&good.mint()]).await.status, 200);
}

#[tokio::test]
async fn what_means_the_same_passes() {
    let issuer = Issuer::new().await;
    let form = app(&issuer).await;
    let holder = TestHolder::new();
    let good = || proof(&issuer, &holder, POST);

    for (name, proof) in [
        ("ten seconds ahead", good().claim("iat", START + 10)),
        ("ten seconds old", good().claim("iat", START - 10)),
        ("with nbf and exp", good().claim("nbf", START).claim("exp", START + 60)),
        ("with a query", good().claim("htu", "https://issuer.example/token?x=1#y")),
        ("in upper case", good().claim("htu", "HTTPS://ISSUER.example:443/token")),
        ("with unknown claims", good().claim("more", true)),
    ] {
        assert_eq!(ask(&issuer, &form, &[&proof.mint()]).await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn of_64_parallel_uses_of_a_proof_exactly_one_succeeds_also_on_two_nodes() {
    let issuer = Issuer::new().await;
    let form = app(&issuer).await;
    let other = issuer.node().await;
    let holder = TestHolder::new();
    let proof = proof(&issuer, &holder, POST).mint();

    let proofs = [proof.as_str()];
    let uses = (0..64).map(|n| ask(if n % 2 == 0 { &issuer } else { &other }, &form, &proofs));
    let answers = join_all(uses).await;

    let (good, bad): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((good.len(), bad.len()), (1, 63));
    for answer in bad {
        assert_eq!(answer.error(), refused("invalid_dpop_proof"));
    }
    issuer.clock.advance(Duration::from_mins(20));
    issuer.follow().await;
    assert_eq!(countersign::tasks::sweep(&issuer.app).await, 1, "it is not remembered for ever");
    assert_eq!(ask(&issuer, &form, &[&proof]).await.error(), refused("invalid_dpop_proof"));
}

#[tokio::test]
async fn a_proof_of_a_request_that_is_refused_for_something_else_is_not_used_up() {
    let issuer = Issuer::new().await;
    let form = app(&issuer).await;
    let holder = TestHolder::new();
    let proof = proof(&issuer, &holder, POST).mint();
    let greedy = [form.clone(), vec![("scope", "payments:write".to_owned())]].concat();

    assert_eq!(ask(&issuer, &greedy, &[&proof]).await.error(), refused("invalid_scope"));
    assert_eq!(ask(&issuer, &form, &[&proof]).await.status, 200);
}

#[tokio::test]
async fn where_a_nonce_is_required_a_client_learns_it_and_every_node_knows_it() {
    let issuer = Issuer::with(|config| config.dpop.require_nonce = true).await;
    let form = app(&issuer).await;
    let other = issuer.node().await;
    let holder = TestHolder::new();
    let with = |nonce: &str| proof(&issuer, &holder, POST).claim("nonce", nonce).mint();

    let asked = ask(&issuer, &form, &[&proof(&issuer, &holder, POST).mint()]).await;
    let nonce = asked.header("dpop-nonce").to_owned();

    assert_eq!(asked.error(), refused("use_dpop_nonce"));
    assert_eq!(asked.header("access-control-expose-headers"), "dpop-nonce, www-authenticate");
    let good = ask(&other, &form, &[&with(&nonce)]).await;
    assert_eq!((good.status.as_u16(), good.header("dpop-nonce")), (200, ""));
    assert_eq!(ask(&issuer, &form, &[]).await.status, 200, "a bearer token needs none");
    issuer.clock.advance(Duration::from_secs(150));
    issuer.follow().await;
    let late = ask(&issuer, &form, &[&with(&nonce)]).await;
    let next = late.header("dpop-nonce").to_owned();
    assert_eq!(late.status, 200);
    assert!(!next.is_empty() && next != nonce, "the next one comes before the last one ends");
    issuer.clock.advance(Duration::from_mins(5));
    issuer.follow().await;
    assert_eq!(ask(&issuer, &form, &[&with(&nonce)]).await.error(), refused("use_dpop_nonce"));
}

#[tokio::test]
async fn a_nonce_that_is_not_required_is_looked_at_all_the_same() {
    let issuer = Issuer::new().await;
    let form = app(&issuer).await;
    let holder = TestHolder::new();
    let foreign = proof(&issuer, &holder, POST).claim("nonce", "made-up").mint();

    let answer = ask(&issuer, &form, &[&foreign]).await;
    let nonce = answer.header("dpop-nonce").to_owned();
    let again = proof(&issuer, &holder, POST).claim("nonce", nonce).mint();

    assert_eq!(answer.error(), refused("use_dpop_nonce"));
    assert_eq!(ask(&issuer, &form, &[&again]).await.status, 200);
}

#[tokio::test]
async fn the_audit_line_and_the_metadata_speak_of_it() {
    let issuer = Issuer::new().await;
    let form = app(&issuer).await;
    let holder = TestHolder::new();

    token(&issuer, Some(&holder), &borrowed(&form)).await;

    let log = std::fs::read_to_string(issuer.app.config.audit_file()).unwrap();
    let event: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!(event["jkt"], holder.jkt());
    let metadata = issuer.get("/.well-known/openid-configuration").await.json();
    assert_eq!(
        metadata["dpop_signing_alg_values_supported"],
        serde_json::json!(["ES256", "ES384", "PS256", "Ed25519", "EdDSA"])
    );
}
