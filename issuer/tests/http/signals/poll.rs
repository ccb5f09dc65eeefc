//! Polling (RFC 8936).

use std::pin::pin;
use std::time::Duration;

use countersign::store::Actor;
use futures_util::future::select;
use http::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Receiver, issuer};
use crate::harness::{Issuer, START};
use crate::log::Log;

async fn watcher(issuer: &Issuer) -> (Receiver<'_>, String) {
    let watcher = issuer.watcher("siem", &["ssf.manage", "ssf.everyone"]).await;
    let stream = watcher.stream().await;
    (watcher, stream)
}

async fn sign_out(issuer: &Issuer) {
    issuer.app.store.sign_out_user("ada", &Actor::command_line().at(START)).await.unwrap();
}

fn jtis(told: &Value) -> Vec<String> {
    told["sets"].as_object().unwrap().keys().cloned().collect()
}

#[tokio::test]
async fn what_is_acknowledged_is_gone_and_what_is_not_comes_again() {
    let (issuer, _) = issuer().await;
    let (watcher, stream) = watcher(&issuer).await;
    for _ in 0..3 {
        sign_out(&issuer).await;
    }
    let now = |wish: Value| {
        let mut wish = wish;
        wish["returnImmediately"] = json!(true);
        wish
    };

    let two = watcher.ask(&stream, &now(json!({ "maxEvents": 2 }))).await;
    let again = watcher.ask(&stream, &now(json!({ "maxEvents": 2 }))).await;
    let first = jtis(&two);
    let rest = watcher.ask(&stream, &now(json!({ "ack": first }))).await;
    let left = jtis(&rest);
    let acknowledged = watcher
        .ask(&stream, &json!({ "maxEvents": 0, "ack": left, "returnImmediately": false }))
        .await;
    let nothing = watcher.ask(&stream, &now(json!({ "ack": ["unknown"] }))).await;

    assert_eq!((first.len(), &two["moreAvailable"]), (2, &json!(true)));
    assert_eq!(jtis(&again), first);
    assert_eq!((left.len(), rest.get("moreAvailable")), (1, None));
    assert!(!first.contains(&left[0]));
    assert_eq!((acknowledged, nothing), (json!({ "sets": {} }), json!({ "sets": {} })));
}

#[tokio::test]
async fn what_a_receiver_refuses_is_not_sent_again() {
    let (issuer, _) = issuer().await;
    let (watcher, stream) = watcher(&issuer).await;
    sign_out(&issuer).await;
    let told = watcher.ask(&stream, &json!({ "returnImmediately": true })).await;
    let error = json!({ "err": "invalid_audience", "description": "not me" });

    let refused = json!({ jtis(&told)[0].clone(): error });
    let then =
        watcher.ask(&stream, &json!({ "returnImmediately": true, "setErrs": refused })).await;

    assert_eq!(then, json!({ "sets": {} }));
    let metrics = issuer.app.metrics.render(Duration::ZERO, 0);
    let series = "countersign_signal_deliveries_total{method=\"poll\",outcome=\"refused\"} 1";
    assert!(metrics.contains(series), "{metrics}");
}

#[tokio::test]
async fn whoever_waits_is_told_as_it_happens() {
    let (issuer, _) = issuer().await;
    let (watcher, stream) = watcher(&issuer).await;

    let wish = json!({});
    let (told, ()) = tokio::join!(watcher.ask(&stream, &wish), async {
        tokio::task::yield_now().await;
        sign_out(&issuer).await;
    });

    assert_eq!(jtis(&told).len(), 1);
}

#[tokio::test]
async fn a_paused_stream_holds_what_happens_and_a_disabled_one_does_not() {
    let (issuer, _) = issuer().await;
    let (watcher, stream) = watcher(&issuer).await;

    watcher.set_status(&stream, "paused").await;
    sign_out(&issuer).await;
    let paused = watcher.poll(&stream).await;
    watcher.set_status(&stream, "enabled").await;
    let enabled = watcher.poll(&stream).await;
    watcher.set_status(&stream, "disabled").await;
    sign_out(&issuer).await;
    watcher.set_status(&stream, "enabled").await;
    let after = watcher.poll(&stream).await;

    assert_eq!((paused.len(), enabled.len(), after.len()), (0, 1, 0));
}

#[tokio::test]
async fn nothing_is_kept_for_more_than_a_week() {
    let (issuer, _) = issuer().await;
    let (watcher, stream) = watcher(&issuer).await;
    sign_out(&issuer).await;
    let id = stream.parse().unwrap();

    let store = &issuer.app.store;
    let (within, after) = (START + 7 * 86_400 - 1, START + 7 * 86_400);
    assert_eq!(store.pending_signals(id, (within, 9)).await.unwrap().len(), 1);
    assert_eq!(store.pending_signals(id, (after, 9)).await.unwrap().len(), 0);
    assert_eq!(watcher.poll(&stream).await.len(), 1);
    issuer.clock.advance(Duration::from_hours(24 * 8));
    countersign::tasks::sweep(&issuer.app).await;
    assert_eq!(store.signals_held().await.unwrap(), 0);
}

#[tokio::test]
async fn bad_polls_are_refused() {
    let (issuer, _) = issuer().await;
    let (watcher, stream) = watcher(&issuer).await;
    let path = format!("/ssf/poll/{stream}");

    for wish in [json!({ "maxEvents": -1 }), json!({ "ack": "all" }), json!("all")] {
        assert_eq!(watcher.post(&path, &wish).await.status, 400, "{wish}");
    }
    assert_eq!(watcher.call(Method::GET, &path, &Value::Null).await.status, 405);
    assert_eq!(watcher.post("/ssf/poll/not-a-stream", &json!({})).await.status, 404);
    let large = json!({ "ack": ["x".repeat(70_000)] });
    assert_eq!(watcher.post(&path, &large).await.status, 413);
}

#[tokio::test]
async fn a_signal_whose_key_is_not_known_yet_comes_with_a_later_answer() {
    let (issuer, _) = issuer().await;
    let (watcher, stream) = watcher(&issuer).await;
    sign_out(&issuer).await;
    let told = watcher.ask(&stream, &json!({ "returnImmediately": true })).await;
    let error =
        json!({ jtis(&told)[0].clone(): { "err": "invalid_key", "description": "which?" } });

    let at_once =
        watcher.ask(&stream, &json!({ "returnImmediately": true, "setErrs": error })).await;
    let then = watcher.ask(&stream, &json!({ "returnImmediately": true })).await;

    assert_eq!((at_once, jtis(&then)), (json!({ "sets": {} }), jtis(&told)));
}

#[tokio::test]
async fn what_a_receiver_says_of_signals_that_it_never_got_is_not_logged() {
    let (issuer, _) = issuer().await;
    let (watcher, stream) = watcher(&issuer).await;
    let (log, _listening) = Log::listen();

    let error = json!({ "never-sent": { "err": "invalid_audience", "description": "noise" } });
    watcher.ask(&stream, &json!({ "returnImmediately": true, "setErrs": error })).await;

    assert!(!log.text().contains("noise"), "{}", log.text());
}

#[tokio::test]
async fn one_poll_waits_for_a_stream() {
    let (issuer, _) = issuer().await;
    let (watcher, stream) = watcher(&issuer).await;

    let wish = json!({});
    let (one, other) = (pin!(watcher.ask(&stream, &wish)), pin!(watcher.ask(&stream, &wish)));
    let first = timeout(Duration::from_secs(3), select(one, other)).await;
    let (at_once, waits) = first.expect("one does not wait").factor_first();
    sign_out(&issuer).await;

    assert_eq!((at_once, jtis(&waits.await).len()), (json!({ "sets": {} }), 1));
}
