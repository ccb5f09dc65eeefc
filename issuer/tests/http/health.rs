//! `/livez` and `/readyz`.

use std::time::Duration;

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
    assert!(lost.body.starts_with("database"));
    assert!(draining.body.starts_with("draining"));
    assert_eq!(issuer.get("/livez").await.status, 200);
}
