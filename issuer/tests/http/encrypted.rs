//! Tokens that are encrypted to their recipient: access tokens to a resource, ID tokens and UserInfo answers to a client.

use axum::body::Body;
use countersign::registry::{Encryption, EncryptionKeys, SignIn};
use countersign::store::Actor;
use countersign_keys::jwe::{ContentEncryption, DecryptionKey, EncryptedToken, KeyManagement};
use countersign_keys::{Algorithm, JwkSet};
use countersign_verifier::jwe::DecryptionKeys;
use countersign_verifier::testing::TestClock;
use countersign_verifier::{AuthenticationRequest, RelyingParty, Verifier};
use http::{Request, header};
use serde_json::{Value, json};

use crate::harness::{Answer, Issuer, PAYMENTS, START};
use crate::people::Browser;

const LEDGER: &str = "https://ledger.example";

fn key(algorithm: KeyManagement) -> DecryptionKey {
    DecryptionKey::generate(algorithm).unwrap()
}

fn jwks(keys: &[&DecryptionKey]) -> String {
    let keys: Vec<_> = keys.iter().map(|key| key.encryption_key().to_jwk()).collect();
    json!({ "keys": keys }).to_string()
}

fn encryption(keys: &[&DecryptionKey], enc: ContentEncryption) -> Encryption {
    Encryption { keys: EncryptionKeys::parse(&jwks(keys)).unwrap(), enc }
}

async fn published(issuer: &Issuer) -> JwkSet {
    let set = issuer.get("/jwks").await.body;
    JwkSet::parse(set.as_bytes(), &[Algorithm::Es256, Algorithm::Rs256]).unwrap().0
}

/// A service that runs the ledger.
async fn ledger(issuer: &Issuer, key: DecryptionKey) -> Verifier {
    Verifier::builder("https://issuer.example")
        .audience(LEDGER)
        .clock(TestClock::at(START))
        .decryption_keys(DecryptionKeys::new([key]).required())
        .build_with(published(issuer).await)
        .unwrap()
}

/// An issuer whose ledger has this encryption, and the secret of a client of it.
async fn with_ledger(encryption: Encryption) -> (Issuer, String) {
    let issuer = Issuer::new().await;
    issuer.resource(LEDGER, |resource| resource.encryption = Some(encryption)).await;
    let secret = issuer
        .client("orders", |client| LEDGER.clone_into(&mut client.permissions[0].resource))
        .await;
    (issuer, secret)
}

fn access_token(answer: &Answer) -> String {
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

fn kid(token: &str) -> String {
    EncryptedToken::parse_within(token, 16 * 1024).unwrap().kid().unwrap().to_string()
}

#[tokio::test]
async fn the_tokens_of_a_resource_with_keys_open_for_it_alone_with_every_algorithm() {
    for algorithm in KeyManagement::ALL {
        for enc in ContentEncryption::ALL {
            let key = key(algorithm);
            let (issuer, secret) = with_ledger(encryption(&[&key], enc)).await;

            let answer = issuer.token_as("orders", &secret, &[]).await;

            let token = access_token(&answer);
            assert_eq!(kid(&token), key.kid().as_str());
            let verifier = ledger(&issuer, key).await;
            let opened = verifier.try_verify(&token).unwrap();
            assert_eq!((opened.client_id(), token.len() <= 2048), ("orders", true));
        }
    }
}

#[tokio::test]
async fn another_set_changes_the_key_and_the_old_one_opens_what_was_issued_before() {
    let (old, new) = (key(KeyManagement::EcdhEs), key(KeyManagement::EcdhEsA256Kw));
    let (issuer, secret) = with_ledger(encryption(&[&old], ContentEncryption::A256Gcm)).await;
    let before = access_token(&issuer.token_as("orders", &secret, &[]).await);

    let changed = encryption(&[&new, &old], ContentEncryption::A256Gcm);
    let edit = |resource: &mut countersign::registry::Resource| {
        resource.encryption = Some(changed);
        Ok(())
    };
    issuer.app.store.update_resource(LEDGER, &Actor::node().at(START), edit).await.unwrap();
    issuer.follow().await;
    let after = access_token(&issuer.token_as("orders", &secret, &[]).await);

    assert_eq!((kid(&before), kid(&after)), (old.kid().to_string(), new.kid().to_string()));
    let verifier = Verifier::builder("https://issuer.example")
        .audience(LEDGER)
        .clock(TestClock::at(START))
        .decryption_keys(DecryptionKeys::new([old, new]))
        .build_with(published(&issuer).await)
        .unwrap();
    assert!(verifier.try_verify(&before).is_ok() && verifier.try_verify(&after).is_ok());
}

#[tokio::test]
async fn a_token_that_gets_too_large_by_encryption_is_not_issued() {
    let key = key(KeyManagement::RsaOaep256);
    let issuer = Issuer::new().await;
    let to_ledger = encryption(&[&key], ContentEncryption::A256Gcm);
    issuer
        .resource(LEDGER, |resource| {
            resource.encryption = Some(to_ledger);
            resource.max_token_bytes = 900;
        })
        .await;
    let secret = issuer
        .client("orders", |client| LEDGER.clone_into(&mut client.permissions[0].resource))
        .await;

    assert_eq!(issuer.token_as("orders", &secret, &[]).await.error().1, "server_error");
}

#[tokio::test]
async fn the_issuer_does_not_recognize_a_token_that_it_cannot_open() {
    let key = key(KeyManagement::EcdhEs);
    let (issuer, secret) = with_ledger(encryption(&[&key], ContentEncryption::A256Gcm)).await;
    let token = access_token(&issuer.token_as("orders", &secret, &[]).await);

    let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    let other = issuer.client("ledger", |client| client.grants = vec![exchange.to_owned()]).await;
    let parameters = [
        ("grant_type", exchange),
        ("client_id", "ledger"),
        ("client_secret", &other),
        ("subject_token", &token),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("resource", PAYMENTS),
    ];
    let request =
        Request::get("/userinfo").header(header::AUTHORIZATION, format!("Bearer {token}"));
    let userinfo = issuer.send(request.body(Body::empty()).unwrap()).await;

    assert_eq!(issuer.token(&parameters).await.error(), (400, "invalid_request".to_owned()));
    assert_eq!(userinfo.status, 401);
}

/// A client that signs people in and has these keys.
fn encrypted_web(sign_in: &mut SignIn, keys: &[&DecryptionKey], algorithm: KeyManagement) {
    sign_in.encryption_keys = Some(EncryptionKeys::parse(&jwks(keys)).unwrap());
    sign_in.id_token_encrypted_response_alg = Some(algorithm);
    sign_in.userinfo_signed_response_alg = Some(Algorithm::Es256);
    sign_in.userinfo_encrypted_response_alg = Some(algorithm);
    sign_in.userinfo_encrypted_response_enc = Some(ContentEncryption::A256Gcm);
}

#[tokio::test]
async fn id_tokens_and_userinfo_answers_open_for_the_client_that_wants_them_encrypted() {
    for algorithm in KeyManagement::ALL {
        let [key, other] = [algorithm, KeyManagement::RsaOaep256].map(key);
        let issuer = Issuer::new().await;
        let ada = issuer.user("ada").await;
        let keys =
            if algorithm == KeyManagement::RsaOaep256 { vec![&key] } else { vec![&other, &key] };
        let secret = issuer.web("web", |_, web| encrypted_web(web, &keys, algorithm)).await;

        let code = Browser::new(&issuer).code("web", &[("scope", "openid"), ("nonce", "n1")]).await;
        let tokens = issuer.redeem("web", &secret, &code).await.json();
        let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
        let request = Request::get("/userinfo").header(header::AUTHORIZATION, bearer);
        let userinfo = issuer.send(request.body(Body::empty()).unwrap()).await;

        let id_token = tokens["id_token"].as_str().unwrap();
        let encrypted = EncryptedToken::parse_within(id_token, 16 * 1024).unwrap();
        assert_eq!(encrypted.encryption(), ContentEncryption::A128CbcHs256);
        assert_eq!(userinfo.header("content-type"), "application/jwt");
        let told = EncryptedToken::parse_within(&userinfo.body, 16 * 1024).unwrap();
        assert_eq!(told.encryption(), ContentEncryption::A256Gcm);
        let signed = Value::String(told.open_token(&key).unwrap());
        assert_eq!(crate::people::payload(&signed)["sub"], ada.to_string());
        let client = RelyingParty::builder("https://issuer.example", "web")
            .clock(TestClock::at(START))
            .decryption_keys(DecryptionKeys::new([key]).required())
            .build_with(published(&issuer).await)
            .unwrap();
        let request = AuthenticationRequest::new().nonce("n1");
        let verified = client.verify_id_token(id_token, &request).await.unwrap();
        assert_eq!(verified.subject(), ada.to_string());
    }
}

#[tokio::test]
async fn what_is_to_be_encrypted_and_cannot_be_is_refused_when_it_is_registered() {
    let key = key(KeyManagement::EcdhEs);
    let good = || {
        let mut sign_in = SignIn::default();
        encrypted_web(&mut sign_in, &[&key], KeyManagement::EcdhEs);
        sign_in
    };
    let refused = |edit: fn(&mut SignIn)| {
        let mut sign_in = good();
        edit(&mut sign_in);
        sign_in.check().is_err()
    };

    assert!(good().check().is_ok());
    assert!(refused(|it| it.encryption_keys = None));
    assert!(refused(|it| it.id_token_encrypted_response_alg = Some(KeyManagement::RsaOaep256)));
    assert!(refused(|it| it.userinfo_signed_response_alg = None));
    assert!(refused(|it| it.userinfo_encrypted_response_alg = None));
    for set in [r#"{"keys":[]}"#, "{}", "", r#"{"keys":[{"kty":"oct","k":"AA","use":"enc"}]}"#] {
        assert!(EncryptionKeys::parse(set).is_err(), "{set}");
    }
    let private = jwks(&[&key]).replace(r#""kty":"#, r#""d":"AAAA","kty":"#);
    assert!(EncryptionKeys::parse(&private).is_err());
}

#[tokio::test]
async fn the_metadata_says_what_can_be_encrypted() {
    let metadata = Issuer::new().await.get("/.well-known/openid-configuration").await.json();

    let algs = json!(["RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW"]);
    let encs = json!(["A256GCM", "A128CBC-HS256"]);
    for what in ["id_token", "userinfo"] {
        assert_eq!(metadata[format!("{what}_encryption_alg_values_supported")], algs);
        assert_eq!(metadata[format!("{what}_encryption_enc_values_supported")], encs);
    }
}
