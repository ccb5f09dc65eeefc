//! Whose a stream is while something goes out: no node writes by what it knew before, and no receiver waits for another.

use std::time::Duration;

use countersign::signals::{StreamStatus, deliver_due};
use countersign::store::{Actor, SignalStream, StoreError};
use http::Method;
use serde_json::json;
use tokio::time::timeout;

use super::endpoint::{Endpoint, is_settled, later, pushed, sign_out};
use super::{Receiver, edit_client, issuer};
use crate::harness::Issuer;

const WEEK: Duration = Duration::from_hours(7 * 24);

/// What has to happen without waiting for anything.
const AT_ONCE: Duration = Duration::from_secs(3);

async fn change_status(issuer: &Issuer, stream: &str, status: StreamStatus) {
    let edit = |stream: &mut SignalStream| {
        stream.status = status;
        Ok::<(), StoreError>(())
    };
    let act = Actor::node().at(issuer.clock.now());
    issuer.app.store.update_stream(stream.parse().unwrap(), &act, edit).await.unwrap();
}

async fn move_to(receiver: &Receiver<'_>, stream: &str, endpoint: &Endpoint) {
    let wish = json!({ "stream_id": stream, "delivery": endpoint.delivery() });
    let moved = receiver.call(Method::PATCH, "/ssf/streams", &wish).await;
    assert_eq!(moved.status, 200, "{}", moved.body);
}

#[tokio::test]
async fn what_nobody_needs_to_hear_any_more_keeps_no_node_busy() {
    for how in ["away", "paused"] {
        let (issuer, endpoint) = (issuer().await.0, Endpoint::start().await);
        let (_, stream) = pushed(&issuer, &endpoint).await;
        endpoint.answer(503, "");
        if how == "paused" {
            change_status(&issuer, &stream, StreamStatus::Paused).await;
        }
        sign_out(&issuer).await;
        deliver_due(&issuer.app).await.unwrap();

        later(&issuer, WEEK).await;
        if how == "paused" {
            change_status(&issuer, &stream, StreamStatus::Enabled).await;
        }
        let attempts = timeout(AT_ONCE, deliver_due(&issuer.app)).await;

        assert_eq!(attempts.expect("it ends").unwrap(), 0, "{how}");
        assert!(is_settled(&issuer).await, "{how}");
    }
}

#[tokio::test]
async fn an_attempt_that_fails_does_not_put_off_what_was_changed_meanwhile() {
    let (issuer, old, new) = (issuer().await.0, Endpoint::start().await, Endpoint::start().await);
    let (receiver, stream) = pushed(&issuer, &old).await;
    old.hold();
    sign_out(&issuer).await;

    let (delivered, ()) = tokio::join!(deliver_due(&issuer.app), async {
        old.wait_for(1).await;
        move_to(&receiver, &stream, &new).await;
        old.answer(503, "");
        old.let_go();
    });
    delivered.unwrap();
    deliver_due(&issuer.app).await.unwrap();

    assert_eq!((old.came().len(), new.came().len()), (1, 1));
    assert!(is_settled(&issuer).await);
}

#[tokio::test]
async fn nothing_more_goes_to_an_address_that_a_receiver_left() {
    let (issuer, old, new) = (issuer().await.0, Endpoint::start().await, Endpoint::start().await);
    let (receiver, stream) = pushed(&issuer, &old).await;
    old.hold();
    for _ in 0..3 {
        sign_out(&issuer).await;
    }

    let (delivered, ()) = tokio::join!(deliver_due(&issuer.app), async {
        old.wait_for(1).await;
        move_to(&receiver, &stream, &new).await;
        old.let_go();
    });
    delivered.unwrap();
    deliver_due(&issuer.app).await.unwrap();

    assert_eq!((old.came().len(), new.came().len()), (1, 3), "it hears all of it where it is now");
    assert_eq!(new.jtis(&issuer).await[0], old.jtis(&issuer).await[0]);
}

#[tokio::test]
async fn nothing_more_goes_out_once_it_is_answered_that_it_does_not() {
    for what in ["paused", "disabled", "deleted"] {
        let (issuer, endpoint) = (issuer().await.0, Endpoint::start().await);
        let (receiver, stream) = pushed(&issuer, &endpoint).await;
        endpoint.hold();
        for _ in 0..3 {
            sign_out(&issuer).await;
        }

        let (delivered, ()) = tokio::join!(deliver_due(&issuer.app), async {
            endpoint.wait_for(1).await;
            if what == "deleted" {
                let path = format!("/ssf/streams?stream_id={stream}");
                let deleted = receiver.call(Method::DELETE, &path, &serde_json::Value::Null).await;
                assert_eq!(deleted.status, 204);
            } else {
                receiver.set_status(&stream, what).await;
            }
            endpoint.let_go();
        });
        delivered.unwrap();

        assert_eq!(endpoint.came().len(), 1, "{what}");
    }
}

#[tokio::test]
async fn a_receiver_that_is_slow_keeps_no_other_waiting() {
    let (issuer, slow, other) =
        (issuer().await.0, Endpoint::start().await, Endpoint::start().await);
    pushed(&issuer, &slow).await;
    slow.hold();
    sign_out(&issuer).await;

    let (delivered, ()) = tokio::join!(deliver_due(&issuer.app), async {
        slow.wait_for(1).await;
        let crm = issuer.watcher("crm", &["ssf.manage", "ssf.everyone"]).await;
        crm.stream_by(&other.delivery()).await;
        sign_out(&issuer).await;
        timeout(AT_ONCE, other.wait_for(1)).await.expect("it is not kept waiting");
        slow.let_go();
    });

    assert_eq!((delivered.unwrap(), slow.came().len(), other.came().len()), (3, 2, 1));
}

#[tokio::test]
async fn whoever_took_its_time_lets_others_go_first() {
    let (issuer, endpoint) = (issuer().await.0, Endpoint::start().await);
    pushed(&issuer, &endpoint).await;
    endpoint.hold();
    sign_out(&issuer).await;
    sign_out(&issuer).await;

    let (first, ()) = tokio::join!(deliver_due(&issuer.app), async {
        endpoint.wait_for(1).await;
        later(&issuer, Duration::from_secs(50)).await;
        endpoint.let_go();
    });
    let at_once = deliver_due(&issuer.app).await.unwrap();
    later(&issuer, Duration::from_secs(5)).await;
    let then = deliver_due(&issuer.app).await.unwrap();

    assert_eq!((first.unwrap(), at_once, then), (1, 0, 1));
}

#[tokio::test]
async fn a_node_that_has_not_heard_of_a_change_throws_nothing_away() {
    let (issuer, endpoint) = (issuer().await.0, Endpoint::start().await);
    pushed(&issuer, &endpoint).await;
    edit_client(&issuer, "siem", |client| client.enabled = false).await;
    let behind = issuer.node().await;
    edit_client(&issuer, "siem", |client| client.enabled = true).await;
    sign_out(&issuer).await;

    deliver_due(&behind.app).await.unwrap();
    let came_too_early = endpoint.came().len();
    later(&behind, Duration::from_secs(5)).await;
    deliver_due(&behind.app).await.unwrap();

    assert_eq!((came_too_early, endpoint.came().len()), (0, 1));
}

#[tokio::test]
async fn a_node_that_does_not_follow_the_database_delivers_nothing() {
    let (issuer, endpoint) = (issuer().await.0, Endpoint::start().await);
    pushed(&issuer, &endpoint).await;
    sign_out(&issuer).await;

    issuer.clock.advance(Duration::from_secs(6));
    let blind = deliver_due(&issuer.app).await.unwrap();
    issuer.follow().await;
    let following = deliver_due(&issuer.app).await.unwrap();

    assert_eq!((blind, following), (0, 1));
}

#[tokio::test]
async fn what_a_client_may_not_hear_for_a_while_is_held() {
    let (issuer, endpoint) = (issuer().await.0, Endpoint::start().await);
    pushed(&issuer, &endpoint).await;
    sign_out(&issuer).await;

    edit_client(&issuer, "siem", |client| client.enabled = false).await;
    let attempts = timeout(AT_ONCE, deliver_due(&issuer.app)).await.expect("it ends").unwrap();
    let keeps_nobody_busy = is_settled(&issuer).await;
    edit_client(&issuer, "siem", |client| client.enabled = true).await;
    issuer.follow().await;
    deliver_due(&issuer.app).await.unwrap();

    assert_eq!((attempts, keeps_nobody_busy, endpoint.came().len()), (0, true, 1));
}
