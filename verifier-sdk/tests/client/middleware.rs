//! Tokens on requests: to one origin, in the right name, and once more where that helps.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_keys::jws::access_token_hash;
use countersign_keys::signing_key::KeySize;
use countersign_keys::{Algorithm, SigningKey};
use countersign_verifier::client::{
    ClientAuthentication, TokenMiddleware, TokenRequest, TokenSource,
};
use countersign_verifier::testing::TestClock;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use serde_json::{Value, json};

use crate::endpoint::{PAYMENTS, Said, Server};

fn client(source: TokenSource, origin: &str) -> ClientWithMiddleware {
    let payments = TokenRequest::for_resource(PAYMENTS);
    ClientBuilder::new(reqwest::Client::new())
        .with(TokenMiddleware::new(source, payments, origin))
        .build()
}

fn clock() -> TestClock {
    TestClock::at(1_700_000_000)
}

fn ok() -> Said {
    Said::json(200, &json!({}))
}

fn claims(proof: &str) -> Value {
    let payload = proof.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn a_request_to_the_service_has_a_token_and_one_to_another_has_none() {
    let issuer = Server::saying([Said::token("one")]).await;
    let (service, other) = (Server::saying([ok()]).await, Server::saying([ok()]).await);
    let http = client(issuer.source(&clock()), &format!("{}/api", service.url));

    http.get(format!("{}/payments", service.url)).send().await.unwrap();
    http.get(format!("{}/payments", other.url)).send().await.unwrap();

    assert_eq!(service.asked()[0].header("authorization"), "Bearer one");
    assert_eq!(other.asked()[0].header("authorization"), "");
}

#[tokio::test]
async fn a_request_may_be_in_the_name_of_whoever_called() {
    let exchanged = json!({
        "access_token": "for ada", "token_type": "Bearer", "expires_in": 60,
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
    });
    let issuer = Server::saying([Said::json(200, &exchanged)]).await;
    let service = Server::saying([ok()]).await;
    let http = client(issuer.source(&clock()), &service.url);
    let for_ada = TokenRequest::for_resource(PAYMENTS).on_behalf_of("of ada");

    http.get(&service.url).with_extension(for_ada).send().await.unwrap();

    assert_eq!(service.asked()[0].header("authorization"), "Bearer for ada");
    assert_eq!(issuer.asked()[0].form()["subject_token"], "of ada");
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once() {
    let issuer = Server::saying(["one", "two"].map(Said::token)).await;
    let refused = || {
        Said::json(401, &json!({}))
            .with("www-authenticate", r#"Bearer realm="x", error="invalid_token""#)
    };
    let service = Server::saying([refused(), ok()]).await;
    let http = client(issuer.source(&clock()), &service.url);

    let answer = http.post(&service.url).body("again").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let shown: Vec<String> = service
        .asked()
        .iter()
        .map(|asked| format!("{} {}", asked.header("authorization"), asked.body))
        .collect();
    assert_eq!(shown, ["Bearer one again", "Bearer two again"]);

    service.say([refused()]);
    assert_eq!(http.get(&service.url).send().await.unwrap().status(), 401);
    assert_eq!(service.asked().len(), 4, "once more, and no oftener");
    // Another 401 is not about the token.
    service.say([Said::json(401, &json!({})).with("www-authenticate", "Bearer")]);
    http.get(&service.url).send().await.unwrap();
    assert_eq!(service.asked().len(), 5);
}

#[tokio::test]
async fn a_bound_token_goes_with_a_proof_for_this_very_request_and_the_nonce_of_the_service() {
    let bound = json!({ "access_token": "one", "token_type": "DPoP", "expires_in": 300 });
    let issuer = Server::saying([Said::json(200, &bound)]).await;
    let wants = Said::json(401, &json!({}))
        .with("www-authenticate", r#"DPoP error="use_dpop_nonce""#)
        .with("dpop-nonce", "of the service");
    let service = Server::saying([wants, ok()]).await;
    let key = SigningKey::generate(Algorithm::Es256, KeySize::Default).unwrap();
    let source = issuer.builder(ClientAuthentication::secret("s")).dpop(key);
    let http = client(source.clock(clock()).build().unwrap(), &service.url);

    let url = format!("{}/payments?page=2", service.url);
    assert_eq!(http.delete(&url).send().await.unwrap().status(), 200);
    assert_eq!(http.delete(&url).send().await.unwrap().status(), 200);

    let asked = service.asked();
    assert_eq!(asked.len(), 3, "the nonce is known the second time");
    assert!(asked.iter().all(|one| one.header("authorization") == "DPoP one"));
    let proofs: Vec<Value> = asked.iter().map(|one| claims(one.header("dpop"))).collect();
    let nonces: Vec<&Value> = proofs.iter().map(|proof| &proof["nonce"]).collect();
    assert_eq!(nonces, [&Value::Null, &json!("of the service"), &json!("of the service")]);
    assert_eq!(proofs[0]["htm"], "DELETE");
    assert_eq!(proofs[0]["htu"], json!(format!("{}/payments", service.url)));
    assert_eq!(proofs[0]["ath"], json!(access_token_hash("one")));
    assert_ne!(proofs[1]["jti"], proofs[2]["jti"]);
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let issuer = Server::saying([Said::json(400, &json!({ "error": "invalid_target" }))]).await;
    let service = Server::saying([ok()]).await;
    let http = client(issuer.source(&clock()), &service.url);

    let refused = http.get(&service.url).send().await.unwrap_err();

    assert!(refused.to_string().contains("invalid_target"), "{refused}");
    assert!(service.asked().is_empty());
}
