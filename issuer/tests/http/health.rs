//! `/livez`, `/readyz` and `/metrics`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use countersign::config::OnWriteFailure;
use countersign::health;
use http_body_util::BodyExt as _;
use serde_json::Value;

use crate::harness::{Issuer, START};

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

/// `/dev/full` is a disk on which nothing has room; moving another file in its place and opening it anew is what makes
/// room here.
#[tokio::test]
async fn a_full_audit_disk_is_not_ready_and_ready_again_by_itself_once_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.log");
    std::os::unix::fs::symlink("/dev/full", &file).unwrap();
    let issuer = Issuer::with(|config| config.audit.file = Some(file.clone())).await;
    let secret = issuer.client("orders", |_| {}).await;
    let before = issuer.get("/readyz").await.status.as_u16();

    let refused = issuer.token_as("orders", &secret, &[]).await;
    issuer.app.audit.settle(START);
    let full = issuer.get("/readyz").await;
    std::fs::remove_file(&file).unwrap();
    issuer.app.audit.reopen().unwrap();
    issuer.app.audit.settle(START);
    let room = issuer.get("/readyz").await.status.as_u16();
    let granted = issuer.token_as("orders", &secret, &[]).await;

    assert_eq!((before, room), (200, 200));
    assert_eq!(refused.error(), (503, "temporarily_unavailable".to_owned()));
    assert_eq!(full.status, 503);
    assert!(full.body.starts_with("audit log: it cannot be written"), "{}", full.body);
    assert_eq!(granted.status, 200);
    let log = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> =
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["audit_log_resumed", "token_issued"], "{log}");
}

#[tokio::test]
async fn a_full_audit_disk_that_may_be_ignored_does_not_matter() {
    let issuer = Issuer::with(|config| {
        config.audit.file = Some("/dev/full".into());
        config.audit.on_write_failure = OnWriteFailure::Continue;
    })
    .await;
    let secret = issuer.client("orders", |_| {}).await;

    let granted = issuer.token_as("orders", &secret, &[]).await.status.as_u16();

    assert_eq!((granted, issuer.get("/readyz").await.status.as_u16()), (200, 200));
}

#[tokio::test]
async fn m1_a_client_row_that_cannot_be_understood_takes_nobody_else_down() {
    let issuer = Issuer::new().await;
    let orders = issuer.client("orders", |_| {}).await;
    let later = issuer.client("later", |_| {}).await;
    let before = issuer.token_as("later", &later, &[]).await.status.as_u16();

    let damage = "UPDATE client SET auth = 'client_secret_jwt', generation = 100 WHERE id = 'later'; \
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
