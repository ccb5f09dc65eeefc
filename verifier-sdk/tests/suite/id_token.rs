//! ID tokens (OpenID Connect Core §3.1.3.7): each claim wrong, missing or of the wrong type, and the answer held
//! against what was asked.

use std::time::Duration;

use countersign_keys::Algorithm;
use countersign_keys::jws::token_hash;
use countersign_verifier::testing::{TestClock, TestIssuer, TestToken, id_token_corpus};
use countersign_verifier::{AuthenticationRequest, PreviousIdToken, RelyingParty};
use serde_json::json;

use crate::{CLIENT, ISSUER, NOW, code};

const NONCE: &str = "n-0S6_WzA2Mj";

/// With the algorithms that are accepted by default.
fn client(issuer: &TestIssuer) -> RelyingParty {
    let builder = RelyingParty::builder(ISSUER, CLIENT).clock(TestClock::at(NOW));
    builder.build_with(issuer.jwk_set()).unwrap()
}

fn issuer() -> TestIssuer {
    TestIssuer::new(ISSUER).clock(TestClock::at(NOW))
}

fn good(issuer: &TestIssuer) -> TestToken<'_> {
    issuer.id_token("ada", CLIENT).claim("nonce", NONCE)
}

fn request() -> AuthenticationRequest<'static> {
    AuthenticationRequest::new().nonce(NONCE)
}

async fn judged(token: TestToken<'_>, request: AuthenticationRequest<'_>) -> &'static str {
    let client = token_issuer_client(&token);
    code(client.verify_id_token(&token.mint(), &request).await)
}

/// Every token in this file is of `issuer()`, so its own issuer is the one to trust.
fn token_issuer_client(token: &TestToken<'_>) -> RelyingParty {
    token.issuer().relying_party(CLIENT)
}

#[tokio::test]
async fn a_good_id_token_says_who_signed_in_and_how() {
    let issuer = issuer();
    let token = good(&issuer)
        .claim("sid", "s1")
        .claim("acr", "gold")
        .claim("amr", json!(["pwd", "otp"]))
        .claim("auth_time", NOW - 5);

    let client = issuer.relying_party(CLIENT);
    let verified = client.verify_id_token(&token.mint(), &request()).await.unwrap();

    assert_eq!((verified.subject(), verified.session_id()), ("ada", Some("s1")));
    assert_eq!((verified.authenticated_at(), verified.acr()), (Some(NOW - 5), Some("gold")));
    assert_eq!(verified.amr().collect::<Vec<_>>(), ["pwd", "otp"]);
    assert!(!format!("{verified:?} {client:?}").contains("ada"));
}

#[tokio::test]
async fn every_id_token_of_the_corpus_is_refused_with_its_code() {
    let issuer = issuer();
    let client = client(&issuer);
    let corpus = id_token_corpus(&issuer, CLIENT, NONCE);

    assert!(corpus.len() > 100, "{}", corpus.len());
    for hostile in corpus {
        let verdict = client.verify_id_token(&hostile.token, &request()).await;
        assert_eq!(code(verdict), hostile.code, "{}", hostile.name);
    }
}

#[tokio::test]
async fn the_type_is_jwt_or_absent_and_nothing_else() {
    let issuer = issuer();

    for typ in ["JWT", "jwt", "application/jwt"] {
        assert_eq!(judged(good(&issuer).header("typ", typ), request()).await, "accepted", "{typ}");
    }
    assert_eq!(judged(good(&issuer).without_header("typ"), request()).await, "accepted");
    for typ in ["at+jwt", "logout+jwt", "secevent+jwt", "dpop+jwt", "oauth-authz-req+jwt", ""] {
        assert_eq!(
            judged(good(&issuer).header("typ", typ), request()).await,
            "wrong_type",
            "{typ}"
        );
    }
}

#[tokio::test]
async fn rs256_and_es256_are_both_understood() {
    for algorithm in [Algorithm::Rs256, Algorithm::Es256] {
        let issuer = TestIssuer::with_algorithm(ISSUER, algorithm).clock(TestClock::at(NOW));
        let token = good(&issuer).for_access_token("access");

        assert_eq!(
            judged(token, request().access_token("access")).await,
            "accepted",
            "{algorithm}"
        );
    }
}

#[tokio::test]
async fn a_nonce_that_nobody_sent_belongs_to_another_request() {
    let issuer = issuer();
    let none = AuthenticationRequest::new();

    assert_eq!(judged(good(&issuer), none).await, "wrong_nonce");
    assert_eq!(judged(good(&issuer).without("nonce"), none).await, "accepted");
}

#[tokio::test]
async fn the_access_token_must_be_the_one_that_came_along() {
    let issuer = issuer();
    let with_access = request().access_token("access");

    let bound = good(&issuer).for_access_token("access");
    assert_eq!(judged(bound.clone(), with_access).await, "accepted");
    assert_eq!(judged(bound, request().access_token("another")).await, "wrong_access_token");
    // The hash of another algorithm is another hash.
    let longer = token_hash(Algorithm::Es384, "access");
    assert_eq!(
        judged(good(&issuer).claim("at_hash", longer), with_access).await,
        "wrong_access_token"
    );
    // Core §3.1.3.6: optional in the code flow.
    assert_eq!(judged(good(&issuer), with_access).await, "accepted");
}

#[tokio::test]
async fn asked_for_max_age_the_authentication_must_be_recent_and_dated() {
    let issuer = issuer();
    let request = request().max_age(Duration::from_mins(1));
    let at = |at: i64| judged(good(&issuer).claim("auth_time", at), request);

    assert_eq!(at(NOW - 90).await, "accepted");
    assert_eq!(at(NOW - 91).await, "authentication_too_old");
    assert_eq!(judged(good(&issuer).without("auth_time"), request).await, "claim_missing");
}

#[tokio::test]
async fn asked_for_ways_of_authentication_one_of_them_must_have_been_used() {
    let issuer = issuer();
    let asked = request().acr_values(&["gold", "platinum"]);

    assert_eq!(judged(good(&issuer).claim("acr", "gold"), asked).await, "accepted");
    assert_eq!(judged(good(&issuer).claim("acr", "silver"), asked).await, "wrong_acr");
    assert_eq!(judged(good(&issuer), asked).await, "wrong_acr");
}

#[tokio::test]
async fn j26_several_audiences_must_be_trusted_and_name_this_client() {
    let issuer = issuer();
    let trusting = RelyingParty::builder(ISSUER, CLIENT)
        .trusted_audience("api")
        .clock(TestClock::at(NOW))
        .build_with(issuer.jwk_set())
        .unwrap();
    let both = good(&issuer).claim("aud", json!([CLIENT, "api"]));
    let verdict = async |token: TestToken<'_>| {
        code(trusting.verify_id_token(&token.mint(), &request()).await)
    };

    assert_eq!(verdict(both.clone().claim("azp", CLIENT)).await, "accepted");
    assert_eq!(verdict(both.clone()).await, "wrong_authorized_party");
    assert_eq!(verdict(both.claim("azp", "api")).await, "wrong_authorized_party");
    let stranger = good(&issuer).claim("aud", json!([CLIENT, "x"])).claim("azp", CLIENT);
    assert_eq!(verdict(stranger).await, "untrusted_audience");
    assert_eq!(verdict(good(&issuer).claim("aud", json!([CLIENT]))).await, "accepted");
    // The client itself must be among them.
    assert_eq!(verdict(good(&issuer).claim("aud", "api")).await, "wrong_audience");
}

#[tokio::test]
async fn the_applications_own_claims_are_read_or_the_token_is_refused() {
    #[derive(serde::Deserialize)]
    struct Profile {
        email: String,
    }
    let issuer = issuer();
    let client = RelyingParty::builder(ISSUER, CLIENT)
        .claims::<Profile>()
        .clock(TestClock::at(NOW))
        .build_with(issuer.jwk_set())
        .unwrap();

    let token = good(&issuer).claim("email", "ada@example.com").mint();
    assert_eq!(
        client.verify_id_token(&token, &request()).await.unwrap().extra().email,
        "ada@example.com"
    );
    let refused = client.verify_id_token(&good(&issuer).mint(), &request()).await;
    assert_eq!(code(refused), "application_claims");
}

#[tokio::test]
async fn a_refreshed_id_token_is_about_the_same_sign_in() {
    let issuer = issuer();
    let client = issuer.relying_party(CLIENT);
    let before = PreviousIdToken::new("ada").authenticated_at(Some(NOW - 500)).nonce(NONCE);
    let again = issuer.id_token("ada", CLIENT).claim("auth_time", NOW - 500);
    let verdict = async |token: TestToken<'_>| {
        code(client.verify_refreshed_id_token(&token.mint(), &before).await)
    };

    assert_eq!(verdict(again.clone()).await, "accepted");
    assert_eq!(verdict(again.clone().claim("nonce", NONCE)).await, "accepted");
    assert_eq!(verdict(again.clone().without("auth_time")).await, "accepted");
    assert_eq!(verdict(again.clone().claim("nonce", "x")).await, "wrong_nonce");
    assert_eq!(verdict(again.clone().claim("sub", "eve")).await, "wrong_subject");
    assert_eq!(verdict(again.claim("auth_time", NOW)).await, "authentication_too_old");
}
