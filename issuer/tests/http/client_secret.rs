//! `client_secret_basic` and `client_secret_post`.

use axum::body::Body;
use countersign::registry::ClientAuthentication;
use http::header;

use crate::harness::{Issuer, START, basic, form, token_request};

#[tokio::test]
async fn a_secret_works_in_the_header_and_in_the_form() {
    let issuer = Issuer::new().await;
    let secret = issuer.client("orders", |_| {}).await;

    let header = issuer.token_as("orders", &secret, &[]).await;
    let form = issuer
        .token(&[
            ("grant_type", "client_credentials"),
            ("client_id", "orders"),
            ("client_secret", &secret),
        ])
        .await;

    assert_eq!((header.status.as_u16(), form.status.as_u16()), (200, 200));
}

#[tokio::test]
async fn cve_2026_23511_unknown_disabled_and_wrong_look_alike() {
    let issuer = Issuer::new().await;
    let secret = issuer.client("orders", |_| {}).await;
    let disabled = issuer.client("stopped", |client| client.enabled = false).await;

    let answers = [
        issuer.token_as("orders", "wrong", &[]).await,
        issuer.token_as("nobody", &secret, &[]).await,
        issuer.token_as("stopped", &disabled, &[]).await,
        issuer.token_as("stopped", "wrong", &[]).await,
        issuer.token_as("", "", &[]).await,
    ];

    for answer in &answers {
        assert_eq!(answer.status, 401);
        assert_eq!(answer.body, answers[0].body);
        assert_eq!(answer.header("www-authenticate"), answers[0].header("www-authenticate"));
        assert!(answer.header("www-authenticate").starts_with("Basic "));
    }
}

#[tokio::test]
async fn two_secrets_are_live_until_each_expires() {
    let issuer = Issuer::new().await;
    let first = issuer
        .client("orders", |client| {
            client.secrets[0].expires_at = Some(START + 10);
            client.secrets.push(issuer.stored("orders", "second", "the-second-secret"));
        })
        .await;

    let before = [
        issuer.token_as("orders", &first, &[]).await.status.as_u16(),
        issuer.token_as("orders", "the-second-secret", &[]).await.status.as_u16(),
    ];
    issuer.clock.advance(std::time::Duration::from_secs(10));
    issuer.follow().await;
    let after = [
        issuer.token_as("orders", &first, &[]).await.status.as_u16(),
        issuer.token_as("orders", "the-second-secret", &[]).await.status.as_u16(),
    ];

    assert_eq!((before, after), ([200, 200], [401, 200]));
}

#[tokio::test]
async fn the_last_use_of_a_secret_is_written_in_a_batch() {
    let issuer = Issuer::new().await;
    let secret = issuer.client("orders", |_| {}).await;

    issuer.token_as("orders", &secret, &[]).await;
    countersign::tasks::write_secret_uses(&issuer.app).await;

    let id = "orders".parse().unwrap();
    let client = issuer.app.store.client(&id).await.unwrap();
    assert_eq!(client.secrets[0].last_used_at, Some(START));
}

#[tokio::test]
async fn two_ways_of_authenticating_at_once_are_refused() {
    let issuer = Issuer::new().await;
    let secret = issuer.client("orders", |_| {}).await;

    let answer = issuer
        .token_as("orders", &secret, &[("client_id", "orders"), ("client_secret", &secret)])
        .await;
    let other = issuer.token_as("orders", &secret, &[("client_id", "other")]).await;

    assert_eq!(answer.error(), (400, "invalid_request".to_owned()));
    assert_eq!(other.error(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn a_malformed_header_is_a_failed_authentication() {
    let issuer = Issuer::new().await;

    for value in ["Basic", "Basic !!!", "Bearer abc", "Basic b3JkZXJz"] {
        let request = token_request()
            .header(header::AUTHORIZATION, value)
            .body(Body::from(form(&[("grant_type", "client_credentials")])));

        assert_eq!(issuer.send(request.unwrap()).await.status, 401, "{value}");
    }
    let repeated = token_request()
        .header(header::AUTHORIZATION, basic("a", "b"))
        .header(header::AUTHORIZATION, basic("c", "d"))
        .body(Body::from(form(&[("grant_type", "client_credentials")])));
    assert_eq!(issuer.send(repeated.unwrap()).await.status, 400);
}

#[tokio::test]
async fn a_client_with_keys_cannot_fall_back_to_a_secret() {
    let issuer = Issuer::new().await;
    let secret =
        issuer.client("batch", |client| client.auth = ClientAuthentication::PrivateKeyJwt).await;

    assert_eq!(issuer.token_as("batch", &secret, &[]).await.status, 401);
}

#[tokio::test]
async fn r33_the_database_holds_no_usable_secret() {
    let issuer = Issuer::new().await;
    let secret = issuer.client("orders", |_| {}).await;

    let client = issuer.app.store.client(&"orders".parse().unwrap()).await.unwrap();

    assert!(!format!("{client:?}").contains(&secret));
    assert_ne!(client.secrets[0].digest, *secret.as_bytes().first_chunk::<32>().unwrap());
}

#[tokio::test]
async fn ghsa_cq42_vhv7_xr7p_failures_get_429_and_the_right_secret_always_gets_in() {
    let issuer = Issuer::with(|config| {
        config.client_authentication.failures_per_minute_per_address = 3;
    })
    .await;
    let secret = issuer.client("orders", |_| {}).await;

    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(issuer.token_as("orders", "wrong", &[]).await.status.as_u16());
    }
    let limited = issuer.token_as("nobody", "wrong", &[]).await;
    // From the very address that failed too often, for a client that never got in from there.
    let right = issuer.token_as("orders", &secret, &[]).await;

    assert_eq!(statuses, [401, 401, 401, 429, 429]);
    assert_eq!(limited.error(), (429, "invalid_client".to_owned()));
    assert!(limited.header("retry-after").parse::<u32>().unwrap() <= 61);
    assert_eq!(right.status, 200);
}

#[tokio::test]
async fn a_flood_of_refusals_does_not_fill_the_audit_log() {
    let issuer = Issuer::with(|config| {
        config.client_authentication.failures_per_minute_per_address = 10;
    })
    .await;

    for _ in 0..500 {
        issuer.token(&[("grant_type", "nonsense")]).await;
    }

    let log = std::fs::read_to_string(issuer.app.config.audit_file()).unwrap();
    assert_eq!(log.lines().count(), 15);
}

#[tokio::test]
async fn cve_2024_8365_a_secret_in_the_place_of_the_client_id_is_not_logged() {
    let issuer = Issuer::new().await;
    let secret = issuer.client("orders", |_| {}).await;

    issuer.token_as(&secret, "orders", &[]).await;

    let log = std::fs::read_to_string(issuer.app.config.audit_file()).unwrap();
    assert!(!log.contains(&secret), "{log}");
}

#[tokio::test]
async fn a_digest_copied_to_another_client_opens_nothing() {
    let issuer = Issuer::new().await;
    let secret = issuer.client("mine", |_| {}).await;
    let copied = issuer.stored("mine", "copied", &secret);
    issuer.client("other", |client| client.secrets = vec![copied]).await;

    assert_eq!(issuer.token_as("mine", &secret, &[]).await.status, 200);
    assert_eq!(issuer.token_as("other", &secret, &[]).await.status, 401);
}
