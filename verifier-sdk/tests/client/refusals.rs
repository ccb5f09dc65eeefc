//! What is no token is never taken for one, and what goes wrong has a name.

use countersign_keys::signing_key::KeySize;
use countersign_keys::{Algorithm, SigningKey};
use countersign_verifier::client::{ClientAuthentication, TokenError, TokenRequest, TokenSource};
use countersign_verifier::testing::TestClock;
use serde_json::json;

use crate::endpoint::{PAYMENTS, Said, Server};

#[tokio::test]
async fn an_answer_that_is_not_what_was_asked_for_is_refused() {
    let good = json!({ "access_token": "one", "token_type": "Bearer" });
    let with = |name: &str, value: serde_json::Value| {
        let mut answer = good.clone();
        answer[name] = value;
        Said::json(200, &answer)
    };
    let request = TokenRequest::for_resource(PAYMENTS);
    for (what, said, code) in [
        ("another type", with("token_type", json!("mac")), "bad_answer"),
        ("bound to a key that nobody asked for", with("token_type", json!("DPoP")), "bad_answer"),
        ("no token", with("access_token", json!("")), "bad_answer"),
        ("a number", with("access_token", json!(7)), "bad_answer"),
        ("a page", Said::json(200, &json!("<html>")), "bad_answer"),
        ("another status", Said::json(204, &good), "bad_answer"),
        ("a redirect", Said::json(302, &good).with("location", "/elsewhere"), "bad_answer"),
        ("a page of a proxy", Said::json(404, &json!("not found")), "bad_answer"),
        ("too long", Said::token(&"x".repeat(70_000)), "bad_answer"),
        ("refused", Said::json(400, &json!({ "error": "invalid_target" })), "token_refused"),
        ("unknown client", Said::json(401, &json!({ "error": "invalid_client" })), "token_refused"),
        ("a nonce is wanted and none is given", nonce_wanted(), "token_refused"),
        ("busy", Said::json(429, &json!({ "error": "slow_down" })), "token_unavailable"),
        ("broken", Said::json(500, &json!({ "error": "server_error" })), "token_unavailable"),
    ] {
        let source = Server::saying([said]).await.source(&TestClock::at(1_700_000_000));
        let refused = source.token(&request).await.unwrap_err();
        assert_eq!(refused.code(), code, "{what}: {refused}");
        assert_eq!(refused.is_transient(), code == "token_unavailable", "{what}");
    }
}

fn nonce_wanted() -> Said {
    Said::json(400, &json!({ "error": "use_dpop_nonce" }))
}

#[tokio::test]
async fn who_wants_a_bound_token_takes_no_bearer_token() {
    let key = SigningKey::generate(Algorithm::Es256, KeySize::Default).unwrap();
    let server = Server::saying([Said::token("one")]).await;
    let source = server.builder(ClientAuthentication::secret("s")).dpop(key).build().unwrap();

    let refused = source.token(&TokenRequest::for_resource(PAYMENTS)).await.unwrap_err();

    assert_eq!(refused.code(), "bad_answer");
}

#[tokio::test]
async fn what_was_exchanged_must_be_an_access_token() {
    let server = Server::saying([Said::token("one")]).await;
    let source = server.source(&TestClock::at(1_700_000_000));

    let request = TokenRequest::for_resource(PAYMENTS).on_behalf_of("theirs");
    assert_eq!(source.token(&request).await.unwrap_err().code(), "bad_answer");
}

#[tokio::test]
async fn an_error_says_what_the_issuer_said_and_nothing_that_forges_a_log() {
    let said = json!({ "error": "invalid_target", "error_description": "no\n2026 ERROR forged \u{1b}[31m" });
    let source = Server::saying([Said::json(400, &said)]).await;
    let source = source.source(&TestClock::at(1_700_000_000));

    let error = source.token(&TokenRequest::for_resource(PAYMENTS)).await.unwrap_err();

    let text = error.to_string();
    assert!(text.contains("invalid_target: no2026 ERROR forged [31m"), "{text}");
    assert!(!text.contains('\n') && !text.contains('\u{1b}'));
}

#[tokio::test]
async fn secrets_are_sent_over_tls_or_not_beyond_this_machine() {
    let secret = || ClientAuthentication::secret("s3cret");
    for (issuer, endpoint) in [
        ("https://issuer.example", "http://issuer.example/token"),
        ("https://issuer.example", "http://127.0.0.1/token"),
        ("http://issuer.example", "http://issuer.example/token"),
        ("https://issuer.example", "file:///token"),
    ] {
        let url = endpoint.parse().unwrap();
        let built = TokenSource::builder(issuer, "orders", secret()).token_endpoint(url).build();
        assert!(matches!(built, Err(TokenError::Misconfigured(_))), "{endpoint}");
    }
    let shown = format!("{:?}", TokenSource::builder("https://issuer.example", "orders", secret()));
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let source =
        TokenSource::builder("http://127.0.0.1:9", "orders", ClientAuthentication::secret("s"));
    let refused =
        source.build().unwrap().token(&TokenRequest::for_resource(PAYMENTS)).await.unwrap_err();
    assert!(refused.is_transient(), "{refused}");
}
