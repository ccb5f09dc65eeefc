//! Codes that are bound to a key (RFC 9449 §10), by the authorization request or by pushing it with a proof (§10.1).

use countersign_verifier::testing::TestHolder;

use super::{post, proof, refused, token};
use crate::harness::{Answer, Issuer};
use crate::people::{Browser, CALLBACK, VERIFIER, callback, challenge};

async fn world() -> (Issuer, String) {
    let issuer = Issuer::new().await;
    issuer.user("ada").await;
    let secret = issuer.web("web", |_, _| {}).await;
    (issuer, secret)
}

async fn redeem(issuer: &Issuer, secret: &str, code: &str, holder: Option<&TestHolder>) -> Answer {
    let parameters = [
        ("grant_type", "authorization_code"),
        ("client_id", "web"),
        ("client_secret", secret),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    token(issuer, holder, &parameters).await
}

/// Pushes a request with a proof, if there is one; the answer.
async fn push(issuer: &Issuer, secret: &str, more: &[(&str, &str)], proofs: &[&str]) -> Answer {
    let challenge = challenge();
    let usual = [
        ("client_id", "web"),
        ("client_secret", secret),
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid"),
        ("state", "s1"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    post(issuer, "/par", &[&usual[..], more].concat(), proofs).await
}

/// Signs in with a pushed request; the code.
async fn code_of(issuer: &Issuer, pushed: &Answer) -> String {
    let uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    let browser = Browser::new(issuer);
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("client_id", "web"), ("request_uri", &uri)])
        .finish();
    let page = browser.get(&format!("/authorize?{query}")).await;
    let answer = browser.log_in(&page, "ada", crate::people::PASSWORD).await;
    callback(&answer)["code"].clone()
}

#[tokio::test]
async fn a_code_that_names_a_key_is_for_who_holds_it() {
    let (issuer, secret) = world().await;
    let (holder, thief) = (TestHolder::new(), TestHolder::new());
    let jkt = holder.jkt();
    let code = Browser::new(&issuer).code("web", &[("dpop_jkt", &jkt)]).await;

    let without = redeem(&issuer, &secret, &code, None).await;
    let stolen = redeem(&issuer, &secret, &code, Some(&thief)).await;
    let honest = redeem(&issuer, &secret, &code, Some(&holder)).await;

    assert_eq!(without.error(), refused("invalid_grant"));
    assert_eq!(stolen.error(), refused("invalid_grant"));
    assert_eq!(honest.status, 200, "{}: and nobody has used the code up", honest.body);
    assert_eq!(honest.claims()["cnf"]["jkt"], jkt);
}

#[tokio::test]
async fn a_dpop_jkt_that_is_no_thumbprint_is_refused() {
    let (issuer, _) = world().await;
    let long = "a".repeat(44);

    for jkt in ["x", "", &long, "0000000000000000000000000000000000000000+/="] {
        let answer = Browser::new(&issuer).authorize("web", &[("dpop_jkt", jkt)]).await;
        let is_refused = answer.header("location").contains("error=invalid_request");
        assert_eq!(is_refused, !jkt.is_empty(), "{jkt:?}: an empty one is none");
    }
}

#[tokio::test]
async fn the_key_of_the_proof_at_par_binds_the_code() {
    let (issuer, secret) = world().await;
    let (holder, other) = (TestHolder::new(), TestHolder::new());
    let pushing = proof(&issuer, &holder, ("POST", "/par")).mint();

    let pushed = push(&issuer, &secret, &[], &[&pushing]).await;
    assert_eq!(pushed.status, 201, "{}", pushed.body);
    let code = code_of(&issuer, &pushed).await;

    assert_eq!(
        redeem(&issuer, &secret, &code, Some(&other)).await.error(),
        refused("invalid_grant")
    );
    assert_eq!(redeem(&issuer, &secret, &code, Some(&holder)).await.status, 200);
}

#[tokio::test]
async fn a_proof_at_par_is_for_par_and_good_once_and_agrees_with_dpop_jkt() {
    let (issuer, secret) = world().await;
    let (holder, other) = (TestHolder::new(), TestHolder::new());
    let (mine, theirs) = (holder.jkt(), other.jkt());
    let at_par = || proof(&issuer, &holder, ("POST", "/par")).mint();
    let invalid = refused("invalid_dpop_proof");
    let pushed =
        async |more: &[(&str, &str)], proofs: &[&str]| push(&issuer, &secret, more, proofs).await;

    let once = at_par();
    assert_eq!(pushed(&[("dpop_jkt", &mine)], &[&once]).await.status, 201);
    assert_eq!(pushed(&[], &[&once]).await.error(), invalid, "used before");
    assert_eq!(pushed(&[("dpop_jkt", &theirs)], &[&at_par()]).await.error(), invalid);
    let at_token = proof(&issuer, &holder, ("POST", "/token")).mint();
    assert_eq!(pushed(&[], &[&at_token]).await.error(), invalid, "of another URL");
    assert_eq!(pushed(&[], &[&at_par(), &at_par()]).await.error(), invalid, "two");
    let nonce = proof(&issuer, &holder, ("POST", "/par")).claim("nonce", "x").mint();
    let asked = pushed(&[], &[&nonce]).await;
    assert_eq!(asked.error(), refused("use_dpop_nonce"));
    assert_ne!(asked.header("dpop-nonce"), "");
}

#[tokio::test]
async fn fa1_a_code_of_another_session_is_of_no_use_with_ones_own_key() {
    let (issuer, secret) = world().await;
    let (ada, mallory) = (TestHolder::new(), TestHolder::new());
    let mine = mallory.jkt();
    // Mallory's request, with her key, in Ada's browser.
    let injected = Browser::new(&issuer).code("web", &[("dpop_jkt", &mine)]).await;

    let answer = redeem(&issuer, &secret, &injected, Some(&ada)).await;

    assert_eq!(answer.error(), refused("invalid_grant"));
}
