//! Each way of saying who the client is, and in whose name it asks.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_keys::signing_key::KeySize;
use countersign_keys::{Algorithm, SigningKey, UnverifiedJws};
use countersign_verifier::client::{ClientAuthentication, TokenError, TokenRequest};
use countersign_verifier::testing::TestClock;
use serde_json::{Value, json};

use crate::endpoint::{PAYMENTS, Said, Server};

const NOW: i64 = 1_700_000_000;

fn key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256, KeySize::Default).unwrap()
}

fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn a_secret_is_sent_in_the_header_and_form_encoded() {
    let server = Server::saying([Said::token("one")]).await;
    let secret = ClientAuthentication::secret("a:b +/%");
    let source = server.builder(secret).clock(TestClock::at(NOW)).build().unwrap();

    source.token(&TokenRequest::for_resource(PAYMENTS)).await.unwrap();

    let asked = &server.asked()[0];
    let basic = asked.header("authorization").strip_prefix("Basic ").unwrap();
    let basic = base64::engine::general_purpose::STANDARD.decode(basic).unwrap();
    assert_eq!(basic, b"orders:a%3Ab+%2B%2F%25");
    assert!(!asked.form().contains_key("client_id"));
}

#[tokio::test]
async fn a_private_key_signs_a_new_assertion_for_this_issuer_each_time() {
    let server = Server::saying([Said::token("one")]).await;
    let key = key();
    let public = key.verifying_key().clone();
    let source = server.builder(ClientAuthentication::private_key(key));
    let source = source.clock(TestClock::at(NOW)).build().unwrap();

    for scope in ["a", "b"] {
        source.token(&TokenRequest::for_resource(PAYMENTS).scope(scope)).await.unwrap();
    }

    let mut ids = Vec::new();
    for asked in server.asked() {
        let form = asked.form();
        let assertion = &form["client_assertion"];
        UnverifiedJws::parse(assertion).unwrap().verify(&public).unwrap();
        let claims = part(assertion, 1);
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!("orders"), &json!("orders")));
        // One string, and never the token endpoint (CVE-2025-27371).
        assert_eq!(claims["aud"], json!(server.url));
        assert_eq!((&claims["iat"], &claims["exp"]), (&json!(NOW), &json!(NOW + 60)));
        assert!(claims.get("reason").is_none());
        assert_eq!(
            form["client_assertion_type"],
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        );
        ids.push(claims["jti"].clone());
    }
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn the_file_of_a_workload_is_read_each_time() {
    let server = Server::saying([Said::token("one")]).await;
    let file = std::env::temp_dir().join(format!("countersign-workload-{}", std::process::id()));
    let source = server.builder(ClientAuthentication::token_file(&file));
    let source = source.clock(TestClock::at(NOW)).build().unwrap();

    let missing = source.token(&TokenRequest::for_resource("https://a.example")).await;
    std::fs::write(&file, "first\n").unwrap();
    source.token(&TokenRequest::for_resource("https://b.example")).await.unwrap();
    std::fs::write(&file, "second\n").unwrap();
    source.token(&TokenRequest::for_resource("https://c.example")).await.unwrap();
    std::fs::remove_file(&file).unwrap();

    assert!(missing.unwrap_err().is_transient());
    let sent: Vec<String> =
        server.asked().iter().map(|asked| asked.form()["client_assertion"].clone()).collect();
    assert_eq!(sent, ["first", "second"]);
}

#[tokio::test]
async fn a_certificate_is_shown_where_the_issuer_wants_to_see_it() {
    let server = Server::saying([Said::token("one")]).await;
    let certificate = || server.builder(ClientAuthentication::certificate());
    assert!(matches!(certificate().build(), Err(TokenError::Misconfigured(_))));

    let source = certificate().certificate_client(reqwest::Client::new()).build().unwrap();
    source.token(&TokenRequest::for_resource(PAYMENTS)).await.unwrap();

    let asked = &server.asked()[0];
    assert_eq!(asked.path, "/mtls/token");
    assert_eq!(asked.form()["client_id"], "orders");
}

#[tokio::test]
async fn a_caller_is_named_by_the_token_that_it_presented() {
    let exchanged = json!({
        "access_token": "next", "token_type": "Bearer", "expires_in": 60,
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
    });
    let server = Server::saying([Said::json(200, &exchanged)]).await;
    let source = server.source(&TestClock::at(NOW));
    let request = TokenRequest::for_resource(PAYMENTS).scope("payments:read");

    source.token(&request.clone().on_behalf_of("of ada")).await.unwrap();
    source.token(&request.clone().on_behalf_of("of ada")).await.unwrap();
    source.token(&request.clone().on_behalf_of("of bob")).await.unwrap();

    assert_eq!(server.asked().len(), 2, "one for each caller");
    let form = server.asked()[0].form();
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:token-exchange");
    assert_eq!(form["subject_token"], "of ada");
    assert_eq!(form["subject_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    let shown = format!("{:?} {source:?}", request.on_behalf_of("of ada"));
    assert!(!shown.contains("of ada"), "{shown}");
}

#[tokio::test]
async fn a_user_is_named_by_an_assertion_and_only_with_a_private_key() {
    let server = Server::saying([Said::token("one")]).await;
    let about = TokenRequest::for_resource(PAYMENTS).about_user("crm:4711").reason("ticket 12");
    let source = server.builder(ClientAuthentication::private_key(key()));
    let source = source.clock(TestClock::at(NOW)).build().unwrap();

    source.token(&about).await.unwrap();
    let by_secret = server.source(&TestClock::at(NOW)).token(&about).await;

    let form = server.asked()[0].form();
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let claims = part(&form["assertion"], 1);
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!("orders"), &json!("crm:4711")));
    assert_eq!((&claims["aud"], &claims["reason"]), (&json!(server.url), &json!("ticket 12")));
    assert!(matches!(by_secret, Err(TokenError::Misconfigured(_))));
}

#[tokio::test]
async fn a_bound_token_is_asked_for_with_a_proof_and_the_nonce_that_the_issuer_wants() {
    let wants = Said::json(400, &json!({ "error": "use_dpop_nonce" })).with("dpop-nonce", "n1");
    let bound = json!({ "access_token": "one", "token_type": "DPoP", "expires_in": 300 });
    let server = Server::saying([wants, Said::json(200, &bound).with("dpop-nonce", "n2")]).await;
    let key = key();
    let public = key.verifying_key().clone();
    let source = server.builder(ClientAuthentication::secret("s3cret")).dpop(key);
    let source = source.clock(TestClock::at(NOW)).build().unwrap();

    let token = source.token(&TokenRequest::for_resource(PAYMENTS)).await.unwrap();
    source.token(&TokenRequest::for_resource("https://other.example")).await.unwrap();

    assert!(token.is_bound());
    let proofs: Vec<String> =
        server.asked().iter().map(|asked| asked.header("dpop").to_owned()).collect();
    let nonces: Vec<Value> = proofs.iter().map(|proof| part(proof, 1)["nonce"].clone()).collect();
    assert_eq!(nonces, [Value::Null, json!("n1"), json!("n2")]);
    let (header, claims) = (part(&proofs[0], 0), part(&proofs[0], 1));
    assert_eq!((&header["typ"], &header["alg"]), (&json!("dpop+jwt"), &json!("ES256")));
    let members: Vec<&String> = header["jwk"].as_object().unwrap().keys().collect();
    assert_eq!(members, ["crv", "kty", "x", "y"], "the public key and nothing else");
    assert_eq!(claims["htu"], json!(format!("{}/token", server.url)));
    assert_eq!((&claims["htm"], &claims["iat"]), (&json!("POST"), &json!(NOW)));
    UnverifiedJws::parse(&proofs[0]).unwrap().verify(&public).unwrap();
}
