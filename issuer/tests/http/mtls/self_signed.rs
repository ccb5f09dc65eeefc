//! `self_signed_tls_client_auth` (RFC 8705 §2.2): the key of the certificate is one that the client registered, and nobody
//! vouches for more.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::registry::{Client, ClientAuthentication, ClientKeys};
use countersign_keys::JwkSet;
use countersign_keys::algorithm::{ALGORITHMS, Algorithm};
use rcgen::{
    ExtendedKeyUsagePurpose, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, date_time_ymd,
};
use url::Url;

use super::{Authority, Holder, ask, wrong_client};
use crate::harness::Issuer;

fn every() -> Vec<Algorithm> {
    ALGORITHMS.iter().map(|row| row.algorithm).collect()
}

/// The key of a certificate as a JWK set, under names that say nothing.
fn jwks(holders: &[&Holder]) -> JwkSet {
    let keys: Vec<_> = holders.iter().map(|holder| key(holder)).collect();
    JwkSet::from_keys(keys)
}

fn key(holder: &Holder) -> countersign_keys::VerifyingKey {
    let pem = holder.key.public_key_pem();
    let fits =
        |algorithm: &Algorithm| countersign_keys::VerifyingKey::from_pem(&pem, *algorithm).ok();
    every().iter().find_map(fits).unwrap()
}

fn with_keys(keys: ClientKeys) -> impl FnOnce(&mut Client) {
    |client: &mut Client| {
        client.auth = ClientAuthentication::SelfSignedTlsClientAuth;
        client.keys = keys;
    }
}

#[tokio::test]
async fn whoever_shows_a_certificate_of_a_registered_key_is_the_client() {
    let issuer = Issuer::new().await;
    let kinds = [
        KeyPair::generate(),
        KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
        KeyPair::generate_for(&PKCS_ED25519),
    ];
    let holders = kinds.map(|key| Holder::renewed(key.unwrap(), |_| {}));
    let keys = jwks(&holders.iter().collect::<Vec<_>>());
    issuer.client("orders", with_keys(ClientKeys::Inline(keys))).await;

    for holder in &holders {
        assert_eq!(ask(&issuer, "orders", Some(&holder.shown)).await.status, 200);
    }
}

#[tokio::test]
async fn a_renewed_certificate_of_the_same_key_needs_no_new_registration() {
    let issuer = Issuer::new().await;
    let first = Holder::self_signed(|params| params.not_after = date_time_ymd(2027, 1, 14));
    issuer.client("orders", with_keys(ClientKeys::Inline(jwks(&[&first])))).await;

    assert_eq!(ask(&issuer, "orders", Some(&first.shown)).await.error(), wrong_client(), "expired");
    let second = Holder::renewed(first.key, |params| params.extended_key_usages.clear());
    assert_eq!(ask(&issuer, "orders", Some(&second.shown)).await.status, 200);
}

#[tokio::test]
async fn another_key_is_another_client_whatever_its_certificate_says() {
    let authority = Authority::new();
    let issuer = authority.issuer(|_| {}).await;
    let registered = Holder::self_signed(|_| {});
    issuer.client("orders", with_keys(ClientKeys::Inline(jwks(&[&registered])))).await;
    issuer.client("batch", with_keys(ClientKeys::None)).await;

    let copied = Holder::self_signed(|_| {});
    let vouched = authority.certificate(|_| {});
    let early = Holder::self_signed(|params| params.not_before = date_time_ymd(2027, 1, 16));
    for other in [&copied, &vouched, &early] {
        assert_eq!(ask(&issuer, "orders", Some(&other.shown)).await.error(), wrong_client());
    }
    assert_eq!(ask(&issuer, "batch", Some(&registered.shown)).await.error(), wrong_client());
    let server = Holder::renewed(registered.key, |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    assert_eq!(ask(&issuer, "orders", Some(&server.shown)).await.status, 200, "nobody vouches");
}

#[tokio::test]
async fn keys_behind_a_jwks_uri_are_fetched_again_when_the_key_is_new() {
    let issuer = Issuer::with(|config| {
        config.outbound.allow = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let (first, second) = (Holder::self_signed(|_| {}), Holder::self_signed(|_| {}));
    let published = Arc::new(Mutex::new(jwks(&[&first])));
    let shared = Arc::clone(&published);
    let document = axum::routing::get(async move || axum::Json(shared.lock().unwrap().clone()));
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = Url::parse(&format!("http://{}/jwks", socket.local_addr().unwrap())).unwrap();
    let router = axum::Router::new().route("/jwks", document);
    tokio::spawn(async move { axum::serve(socket, router).await });
    issuer.client("orders", with_keys(ClientKeys::Uri(uri))).await;

    assert_eq!(ask(&issuer, "orders", Some(&first.shown)).await.status, 200);
    assert_eq!(ask(&issuer, "orders", Some(&second.shown)).await.error(), wrong_client());
    *published.lock().unwrap() = jwks(&[&first, &second]);
    // An unknown key is asked for again, but not at once.
    issuer.clock.advance(Duration::from_mins(2));
    issuer.follow().await;
    assert_eq!(ask(&issuer, "orders", Some(&second.shown)).await.status, 200);
}
