//! `/livez`, `/readyz` and `/metrics`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use countersign::health;
use http_body_util::BodyExt as _;

use crate::harness::Issuer;

#[tokio::test]
async fn readiness_follows_the_database_and_the_drain() {
    let issuer = Issuer::new().await;
    let ready = issuer.get("/readyz").await.status.as_u16();

    issuer.clock.advance(Duration::from_secs(6));
    let lost = issuer.get("/readyz").await;
    issuer.follow().await;
    let found = issuer.get("/readyz").await.status.as_u16();
    issuer.app.drain();
    let draining = issuer.get("/readyz").await;

    assert_eq!((ready, found), (200, 200));
    assert_eq!((lost.status.as_u16(), draining.status.as_u16()), (503, 503));
    assert!(lost.body.starts_with("database: not followed"), "{}", lost.body);
    assert!(draining.body.starts_with("draining"));
    assert_eq!(issuer.get("/livez").await.status, 200);
}

#[tokio::test]
async fn m1_a_client_row_that_cannot_be_understood_takes_nobody_else_down() {
    let issuer = Issuer::new().await;
    let orders = issuer.client("orders", |_| {}).await;
    let later = issuer.client("later", |_| {}).await;
    let before = issuer.token_as("later", &later, &[]).await.status.as_u16();

    let damage = "UPDATE client SET auth = 'tls_client_auth', generation = 100 WHERE id = 'later'; \
         UPDATE generation SET value = 100";
    sqlx::raw_sql(damage).execute(&database(&issuer).await).await.unwrap();
    issuer.follow().await;

    assert_eq!((before, issuer.token_as("orders", &orders, &[]).await.status.as_u16()), (200, 200));
    let refused = issuer.token_as("later", &later, &[]).await;
    assert_eq!(refused.error(), (401, "invalid_client".to_owned()));
    assert_eq!(issuer.get("/readyz").await.status, 200);
    let metrics = health::metrics(State(Arc::clone(&issuer.app))).await.into_body();
    let metrics = metrics.collect().await.unwrap().to_bytes();
    let metrics = String::from_utf8_lossy(&metrics);
    assert!(metrics.contains("countersign_rows_refused_total 1\n"), "{metrics}");
}

async fn database(issuer: &Issuer) -> sqlx::AnyPool {
    let config = &issuer.app.config;
    let url = config.database.url.as_ref().map_or_else(
        || format!("sqlite://{}", config.data_dir.join("countersign.db").display()),
        |url| url.expose().clone(),
    );
    sqlx::AnyPool::connect(&url).await.unwrap()
}
