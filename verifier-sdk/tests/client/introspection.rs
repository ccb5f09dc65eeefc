//! Introspection as this client (RFC 7662 §2.1).

use countersign_verifier::client::{ClientAuthentication, Introspection};
use countersign_verifier::revocation::Introspect as _;
use countersign_verifier::testing::TestClock;
use serde_json::json;

use crate::endpoint::{Said, Server};

#[tokio::test]
async fn the_issuer_is_asked_with_the_authentication_of_the_client() {
    let active = json!({"active": true, "jti": "t1"});
    let server = Server::saying([Said::json(200, &active)]).await;
    let introspection = Introspection::by(server.source(&TestClock::at(1_700_000_000)));

    let answer = introspection.introspect("the.token.itself").await.unwrap();

    assert_eq!(answer, active.to_string());
    let [asked] = server.asked().try_into().ok().unwrap();
    assert_eq!(asked.path, "/introspect");
    assert!(asked.header("authorization").starts_with("Basic "));
    assert_eq!(asked.form()["token"], "the.token.itself");
    assert_eq!(asked.form()["token_type_hint"], "access_token");
}

#[tokio::test]
async fn whatever_is_no_answer_is_a_failure() {
    let long = json!({"active": true, "padding": "p".repeat(70_000)});
    for said in [
        Said::json(401, &json!({"error": "invalid_client"})),
        Said::json(500, &json!({})),
        Said::json(302, &json!({})).with("location", "http://127.0.0.1:1/"),
        Said::json(200, &long),
    ] {
        let server = Server::saying([said]).await;
        let authentication = ClientAuthentication::secret("s3cret");
        let tokens = server.builder(authentication).build().unwrap();
        assert!(Introspection::by(tokens).introspect("t").await.is_err());
    }
}
