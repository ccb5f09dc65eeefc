//! Pushing (RFC 8935), to receivers on sockets.

use std::time::Duration;

use countersign::signals::deliver_due;
use countersign::store::Actor;
use countersign::tasks;
use serde_json::json;

use super::endpoint::{Endpoint, is_settled, later, pushed, sign_out};
use super::issuer;
use crate::harness::START;
use crate::log::Log;

#[tokio::test]
async fn a_signal_is_posted_with_the_header_that_the_receiver_chose() {
    let (issuer, endpoint) = (issuer().await.0, Endpoint::start().await);
    let (watcher, stream) = pushed(&issuer, &endpoint).await;

    sign_out(&issuer).await;
    let attempts = deliver_due(&issuer.app).await.unwrap();

    let (headers, token) = endpoint.came().remove(0);
    assert_eq!(
        (attempts, headers["content-type"].as_bytes()),
        (1, b"application/secevent+jwt".as_slice())
    );
    assert_eq!(headers["accept"], "application/json");
    assert_eq!(headers["authorization"], "Bearer of-the-receiver");
    assert_eq!(issuer.heard(&token).await["aud"], "siem");
    assert!(is_settled(&issuer).await);
    let shown = watcher.get(&format!("/ssf/streams?stream_id={stream}")).await;
    assert!(!shown.body.contains("of-the-receiver"), "it is not repeated");
    let metrics = issuer.app.metrics.render(Duration::ZERO, 0);
    let series = "countersign_signal_deliveries_total{method=\"push\",outcome=\"delivered\"} 1";
    assert!(metrics.contains(series), "{metrics}");
}

#[tokio::test]
async fn a_receiver_that_was_away_gets_all_that_it_missed_in_order() {
    let (issuer, endpoint) = (issuer().await.0, Endpoint::start().await);
    pushed(&issuer, &endpoint).await;
    endpoint.answer(503, "");

    sign_out(&issuer).await;
    let first = deliver_due(&issuer.app).await.unwrap();
    sign_out(&issuer).await;
    let too_early = deliver_due(&issuer.app).await.unwrap();
    later(&issuer, Duration::from_secs(5)).await;
    let second = deliver_due(&issuer.app).await.unwrap();
    endpoint.answer(202, "");
    later(&issuer, Duration::from_secs(14)).await;
    let still_too_early = deliver_due(&issuer.app).await.unwrap();
    later(&issuer, Duration::from_secs(1)).await;
    let rest = deliver_due(&issuer.app).await.unwrap();

    assert_eq!((first, too_early, second, still_too_early, rest), (1, 0, 1, 0, 2));
    let jtis = endpoint.jtis(&issuer).await;
    assert_eq!(jtis.len(), 4);
    assert!(jtis[0] == jtis[1] && jtis[1] == jtis[2] && jtis[3] != jtis[2], "{jtis:?}");
    assert!(is_settled(&issuer).await);
}

#[tokio::test]
async fn what_a_receiver_refuses_for_good_is_not_sent_again() {
    let (issuer, endpoint) = (issuer().await.0, Endpoint::start().await);
    pushed(&issuer, &endpoint).await;

    endpoint.answer(400, r#"{"err":"authentication_failed","description":"who?"}"#);
    sign_out(&issuer).await;
    deliver_due(&issuer.app).await.unwrap();
    let is_kept = !is_settled(&issuer).await;
    endpoint.answer(400, r#"{"err":"invalid_audience","description":"not me"}"#);
    later(&issuer, Duration::from_secs(5)).await;
    deliver_due(&issuer.app).await.unwrap();

    assert!(is_kept && is_settled(&issuer).await);
    assert_eq!(endpoint.came().len(), 2);
}

#[tokio::test]
async fn a_paused_stream_pushes_nothing_until_it_goes_on() {
    let (issuer, endpoint) = (issuer().await.0, Endpoint::start().await);
    let (watcher, stream) = pushed(&issuer, &endpoint).await;

    watcher.set_status(&stream, "paused").await;
    sign_out(&issuer).await;
    let paused = deliver_due(&issuer.app).await.unwrap();
    let is_at_rest = is_settled(&issuer).await;
    watcher.set_status(&stream, "enabled").await;
    let enabled = deliver_due(&issuer.app).await.unwrap();

    assert_eq!((paused, is_at_rest, enabled), (0, true, 1));
}

#[tokio::test]
async fn of_two_nodes_one_delivers() {
    let (issuer, endpoint) = (issuer().await.0, Endpoint::start().await);
    pushed(&issuer, &endpoint).await;
    let other = issuer.node().await;
    for _ in 0..8 {
        sign_out(&issuer).await;
    }

    let (one, two) = tokio::join!(deliver_due(&issuer.app), deliver_due(&other.app));

    assert_eq!(one.unwrap() + two.unwrap(), 8);
    let jtis = endpoint.jtis(&issuer).await;
    let different: std::collections::BTreeSet<&String> = jtis.iter().collect();
    assert_eq!((jtis.len(), different.len()), (8, 8));
}

#[tokio::test]
async fn whoever_dies_while_it_delivers_leaves_it_to_the_next() {
    let (issuer, endpoint) = (issuer().await.0, Endpoint::start().await);
    pushed(&issuer, &endpoint).await;
    sign_out(&issuer).await;

    let leased = issuer.app.store.lease_due_streams(START, 16).await.unwrap();
    let meanwhile = deliver_due(&issuer.app).await.unwrap();
    later(&issuer, Duration::from_mins(1)).await;
    let later = deliver_due(&issuer.app).await.unwrap();

    assert_eq!((leased.len(), meanwhile, later), (1, 0, 1));
}

#[tokio::test]
async fn a_running_node_pushes_what_the_command_line_caused() {
    let (issuer, endpoint) = (issuer().await.0, Endpoint::start().await);
    let (watcher, stream) = pushed(&issuer, &endpoint).await;
    tasks::spawn(&issuer.app, None);

    let other = issuer.node().await;
    sign_out(&other).await;
    endpoint.wait_for(1).await;
    let wish = json!({ "stream_id": stream, "state": "here" });
    assert_eq!(watcher.post("/ssf/verification", &wish).await.status, 204);
    endpoint.wait_for(2).await;

    let last = issuer.heard(&endpoint.came()[1].1).await;
    assert_eq!(last["events"][super::VERIFICATION], json!({ "state": "here" }));
}

#[tokio::test]
async fn cve_2026_55671_a_private_address_is_not_called_unless_it_is_allowed() {
    let (issuer, endpoint) = (issuer().await.0, Endpoint::start().await);
    pushed(&issuer, &endpoint).await;
    let strict = issuer.node_with(|config| config.outbound.allow.clear()).await;
    sign_out(&issuer).await;

    deliver_due(&strict.app).await.unwrap();

    assert_eq!(endpoint.came().len(), 0);
    assert!(!is_settled(&issuer).await);
}

#[tokio::test]
async fn the_header_is_not_in_the_database_in_clear_and_opens_for_its_stream_alone() {
    let (issuer, endpoint) = (issuer().await.0, Endpoint::start().await);
    let (watcher, stream) = pushed(&issuer, &endpoint).await;
    let delivery = json!({ "method": "urn:ietf:rfc:8935", "endpoint_url": endpoint.url });
    let other = watcher.stream_by(&delivery).await.parse().unwrap();
    let store = &issuer.app.store;
    let kept = store.stream(stream.parse().unwrap()).await.unwrap().unwrap().push.unwrap();
    assert!(!kept.authorization.clone().unwrap().contains("of-the-receiver"));

    let act = Actor::node().at(START);
    let edit = |stream: &mut countersign::store::SignalStream| {
        stream.push = Some(kept.clone());
        Ok::<(), countersign::store::StoreError>(())
    };
    store.update_stream(other, &act, edit).await.unwrap();
    sign_out(&issuer).await;
    deliver_due(&issuer.app).await.unwrap();

    assert_eq!(endpoint.came().len(), 1, "only to the stream that it is of");
}

#[tokio::test]
async fn a_receiver_that_does_not_know_the_key_yet_is_asked_again() {
    let (issuer, endpoint) = (issuer().await.0, Endpoint::start().await);
    pushed(&issuer, &endpoint).await;
    endpoint.answer(400, r#"{"err":"invalid_key","description":"which?"}"#);
    sign_out(&issuer).await;
    deliver_due(&issuer.app).await.unwrap();

    endpoint.answer(202, "");
    later(&issuer, Duration::from_secs(5)).await;
    deliver_due(&issuer.app).await.unwrap();

    assert_eq!(endpoint.came().len(), 2);
    assert!(is_settled(&issuer).await);
}

#[tokio::test]
async fn a_receiver_that_has_it_has_it_whatever_it_adds() {
    let (issuer, endpoint) = (issuer().await.0, Endpoint::start().await);
    pushed(&issuer, &endpoint).await;
    endpoint.answer(200, &"thanks ".repeat(100_000));
    sign_out(&issuer).await;

    deliver_due(&issuer.app).await.unwrap();

    assert_eq!(endpoint.came().len(), 1);
    assert!(is_settled(&issuer).await);
}

#[tokio::test]
async fn the_query_of_an_address_is_in_no_log_and_in_no_record() {
    let issuer = issuer().await.0;
    let watcher = issuer.watcher("siem", &["ssf.manage", "ssf.everyone"]).await;
    let url = "http://127.0.0.1:1/events?token=hush";
    let delivery = json!({ "method": "urn:ietf:rfc:8935", "endpoint_url": url });
    let (log, _listening) = Log::listen();

    watcher.stream_by(&delivery).await;
    let private =
        json!({ "method": "urn:ietf:rfc:8935", "endpoint_url": "https://10.0.0.1/?token=hush" });
    let refused = watcher.post("/ssf/streams", &json!({ "delivery": private })).await;
    sign_out(&issuer).await;
    deliver_due(&issuer.app).await.unwrap();

    let records = issuer.app.store.audit_events(9).await.unwrap();
    let records: String = records.iter().map(|record| record.detail.to_string()).collect();
    let log = log.text();
    assert_eq!(refused.status, 400);
    assert!(
        log.contains("http://127.0.0.1:1/events") && log.contains("https://10.0.0.1/"),
        "{log}"
    );
    assert!(records.contains("http://127.0.0.1:1/events"), "{records}");
    assert!(!log.contains("hush") && !records.contains("hush"), "{log}{records}");
}
