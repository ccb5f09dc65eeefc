//! The metadata and the management API (OpenID Shared Signals Framework 1.0 §7, §8).

use std::time::Duration;

use countersign::signals::StreamStatus;
use countersign::store::Actor;
use http::Method;
use serde_json::{Value, json};

use super::{CREDENTIAL_CHANGE, SESSION_REVOKED, SSF, VERIFICATION, edit_client, issuer, types};
use crate::harness::{Issuer, START};

#[tokio::test]
async fn the_metadata_say_where_everything_is() {
    let issuer = Issuer::new().await;

    let answer = issuer.get("/.well-known/ssf-configuration").await;

    assert_eq!(answer.header("content-type"), "application/json");
    let expected = json!({
        "spec_version": "1_0",
        "issuer": "https://issuer.example",
        "jwks_uri": "https://issuer.example/jwks",
        "delivery_methods_supported": ["urn:ietf:rfc:8935", "urn:ietf:rfc:8936"],
        "configuration_endpoint": format!("{SSF}/streams"),
        "status_endpoint": format!("{SSF}/status"),
        "verification_endpoint": format!("{SSF}/verification"),
        "authorization_schemes": [{ "spec_urn": "urn:ietf:rfc:6749" }],
        "default_subjects": "ALL",
    });
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn an_issuer_with_a_path_has_its_metadata_between_host_and_path() {
    let issuer =
        Issuer::with(|config| config.issuer = "https://host.example/one".parse().unwrap()).await;

    let answer = issuer.get("/.well-known/ssf-configuration/one").await.json();

    assert_eq!(answer["configuration_endpoint"], "https://host.example/one/ssf/streams");
}

#[tokio::test]
async fn a_stream_is_made_read_changed_replaced_and_deleted() {
    let (issuer, _) = issuer().await;
    let receiver = issuer.watcher("crm", &["ssf.manage"]).await;
    let unknown = "urn:example:event";
    let wish = json!({ "events_requested": [SESSION_REVOKED, unknown], "description": "the CRM" });

    let made = receiver.post("/ssf/streams", &wish).await;
    let stream = made.json();
    let id = stream["stream_id"].as_str().unwrap().to_owned();
    let one = receiver.get(&format!("/ssf/streams?stream_id={id}")).await;
    let all = receiver.get("/ssf/streams").await.json();
    let patch =
        json!({ "stream_id": id, "iss": stream["iss"], "events_requested": [CREDENTIAL_CHANGE] });
    let patched = receiver.call(Method::PATCH, "/ssf/streams", &patch).await.json();
    let put = json!({ "stream_id": id, "delivery": stream["delivery"], "aud": "crm" });
    let replaced = receiver.call(Method::PUT, "/ssf/streams", &put).await.json();
    let deleted =
        receiver.call(Method::DELETE, &format!("/ssf/streams?stream_id={id}"), &Value::Null).await;
    let gone = receiver.get(&format!("/ssf/streams?stream_id={id}")).await;

    assert_eq!((made.status.as_u16(), made.header("cache-control")), (201, "no-store"));
    let supported = stream["events_supported"].as_array().unwrap().len();
    assert_eq!((&stream["iss"], &stream["aud"]), (&json!("https://issuer.example"), &json!("crm")));
    assert_eq!((supported, &stream["events_delivered"]), (5, &json!([SESSION_REVOKED])));
    assert_eq!(stream["events_requested"], json!([SESSION_REVOKED, unknown]));
    let polled =
        json!({ "method": "urn:ietf:rfc:8936", "endpoint_url": format!("{SSF}/poll/{id}") });
    assert_eq!((&stream["delivery"], &stream["description"]), (&polled, &json!("the CRM")));
    assert_eq!((one.json(), all), (stream.clone(), json!([stream])));
    assert_eq!(patched["events_delivered"], json!([CREDENTIAL_CHANGE]));
    assert_eq!(patched["description"], "the CRM");
    assert_eq!((&replaced["events_requested"], replaced.get("description")), (&json!([]), None));
    assert_eq!((deleted.status.as_u16(), deleted.body.as_str()), (204, ""));
    assert_eq!(gone.status, 404);
    assert_eq!(receiver.get("/ssf/streams").await.json(), json!([]));
    let actors: Vec<_> = issuer.changes().await.into_iter().take(4).collect();
    assert!(
        actors.iter().all(|(actor, action)| actor == "client:crm" && action.starts_with("stream."))
    );
}

#[tokio::test]
async fn nobody_sees_or_changes_the_stream_of_another() {
    let (issuer, _) = issuer().await;
    let (crm, eve) = (
        issuer.watcher("crm", &["ssf.manage"]).await,
        issuer.watcher("eve", &["ssf.manage"]).await,
    );
    let id = crm.stream().await;
    let about = json!({ "stream_id": id, "status": "disabled" });

    let answers = [
        eve.get(&format!("/ssf/streams?stream_id={id}")).await,
        eve.get(&format!("/ssf/status?stream_id={id}")).await,
        eve.post("/ssf/status", &about).await,
        eve.post("/ssf/verification", &about).await,
        eve.call(Method::PATCH, "/ssf/streams", &about).await,
        eve.call(Method::PUT, "/ssf/streams", &about).await,
        eve.call(Method::DELETE, &format!("/ssf/streams?stream_id={id}"), &Value::Null).await,
        eve.post(&format!("/ssf/poll/{id}"), &json!({})).await,
    ];

    for (number, answer) in answers.iter().enumerate() {
        assert_eq!(answer.error(), (404, "not_found".to_owned()), "{number}");
    }
    assert_eq!(eve.get("/ssf/streams").await.json(), json!([]));
    let status = crm.get(&format!("/ssf/status?stream_id={id}")).await.json();
    assert_eq!(status, json!({ "stream_id": id, "status": "enabled" }));
}

#[tokio::test]
async fn a_token_needs_the_scope_and_must_be_of_an_app() {
    let (issuer, _) = issuer().await;
    let reader = issuer.watcher("reader", &["ssf.read"]).await;
    let nobody = super::Receiver { issuer: &issuer, token: "none".to_owned() };

    assert_eq!(reader.get("/ssf/streams").await.status, 200);
    let refused = reader.post("/ssf/streams", &json!({})).await;
    assert_eq!(refused.error(), (403, "insufficient_scope".to_owned()));
    let unknown = nobody.get("/ssf/streams").await;
    assert_eq!(unknown.error(), (401, "invalid_token".to_owned()));
    assert!(unknown.header("www-authenticate").starts_with("Bearer "));
    // CAEP Interoperability Profile §2.7.3: never in the query.
    let query = issuer.get(&format!("/ssf/streams?access_token={}", reader.token)).await;
    assert_eq!(query.status, 401);
}

#[tokio::test]
async fn a_receiver_has_as_many_streams_as_it_may_have() {
    let (issuer, _) = issuer().await;
    let receiver = issuer.watcher("crm", &["ssf.manage"]).await;
    for _ in 0..4 {
        receiver.stream().await;
    }

    let refused = receiver.post("/ssf/streams", &json!({})).await;

    assert_eq!(refused.error(), (409, "too_many_streams".to_owned()));
}

#[tokio::test]
async fn what_cannot_be_done_is_refused() {
    let (issuer, _) = issuer().await;
    let receiver = issuer.watcher("crm", &["ssf.manage"]).await;
    let id = receiver.stream().await;
    let push =
        |url: &str| json!({ "delivery": { "method": "urn:ietf:rfc:8935", "endpoint_url": url } });
    let long: Vec<String> = (0..65).map(|number| format!("urn:{number}")).collect();

    for wish in [
        json!({ "delivery": { "method": "urn:example:carrier-pigeon" } }),
        json!({ "delivery": { "method": "urn:ietf:rfc:8935" } }),
        push("http://receiver.example/"),
        push("https://10.0.0.1/"),
        push("https://receiver.example/#part"),
        push("https://user:secret@receiver.example/"),
        json!({ "events_requested": long }),
        json!({ "events_requested": "all" }),
        json!([]),
    ] {
        let refused = receiver.post("/ssf/streams", &wish).await;
        assert_eq!(refused.error(), (400, "invalid_request".to_owned()), "{wish}");
    }
    for wish in [
        json!({ "events_requested": [] }),
        json!({ "stream_id": id, "iss": "https://other.example" }),
        json!({ "stream_id": id, "events_delivered": [] }),
        json!({ "stream_id": id, "delivery": { "method": "urn:ietf:rfc:8936", "endpoint_url": "https://a.example" } }),
    ] {
        let refused = receiver.call(Method::PATCH, "/ssf/streams", &wish).await;
        assert_eq!(refused.error(), (400, "invalid_request".to_owned()), "{wish}");
    }
    let status = json!({ "stream_id": id, "status": "asleep" });
    assert_eq!(receiver.post("/ssf/status", &status).await.status, 400);
}

#[tokio::test]
async fn a_receiver_verifies_its_stream_and_not_too_often() {
    let (issuer, _) = issuer().await;
    let receiver = issuer.watcher("crm", &["ssf.manage"]).await;
    let id = receiver.stream().await;
    let wish = json!({ "stream_id": id, "state": "VGhpcyBpcyBteSBzdGF0ZQ" });

    let asked = receiver.post("/ssf/verification", &wish).await;
    let again = receiver.post("/ssf/verification", &wish).await;
    let heard = receiver.poll(&id).await;
    issuer.clock.advance(Duration::from_secs(30));
    issuer.follow().await;
    let later = receiver.post("/ssf/verification", &json!({ "stream_id": id })).await;

    assert_eq!((asked.status.as_u16(), later.status.as_u16()), (204, 204));
    assert_eq!((again.status.as_u16(), again.header("retry-after")), (429, "30"));
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0]["sub_id"], json!({ "format": "opaque", "id": id }));
    assert_eq!(heard[0]["events"], json!({ VERIFICATION: { "state": wish["state"] } }));
}

#[tokio::test]
async fn a_receiver_is_told_when_the_operator_halts_its_stream() {
    let (issuer, _) = issuer().await;
    let receiver = issuer.watcher("crm", &["ssf.manage"]).await;
    let id = receiver.stream().await;
    let act = Actor::command_line().at(START);
    let change = (StreamStatus::Paused, Some("maintenance".to_owned()));

    issuer.app.store.set_stream_status(id.parse().unwrap(), change, &act).await.unwrap();

    let heard = receiver.poll(&id).await;
    let updated = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated";
    assert_eq!(types(&heard), [updated]);
    assert_eq!(heard[0]["events"][updated], json!({ "status": "paused", "reason": "maintenance" }));
    let status = receiver.get(&format!("/ssf/status?stream_id={id}")).await.json();
    assert_eq!(status, json!({ "stream_id": id, "status": "paused", "reason": "maintenance" }));
}

#[tokio::test]
async fn a_client_that_is_deleted_leaves_no_stream() {
    let (issuer, _) = issuer().await;
    issuer.watcher("crm", &["ssf.manage"]).await.stream().await;
    let id = countersign::registry::ClientId::parse("crm").unwrap();

    issuer.app.store.delete_client(&id, &Actor::node().at(START)).await.unwrap();

    assert!(issuer.app.store.streams(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_receiver_cannot_undo_what_the_operator_halted() {
    let (issuer, _) = issuer().await;
    let receiver = issuer.watcher("crm", &["ssf.manage"]).await;
    let id = receiver.stream().await;
    let halt = async |status| {
        let act = Actor::command_line().at(START);
        issuer
            .app
            .store
            .set_stream_status(id.parse().unwrap(), (status, None), &act)
            .await
            .unwrap();
    };
    let enable = json!({ "stream_id": id, "status": "enabled" });

    halt(StreamStatus::Disabled).await;
    let refused = receiver.post("/ssf/status", &enable).await;
    let patch = json!({ "stream_id": id, "description": "another" });
    let patched = receiver.call(Method::PATCH, "/ssf/streams", &patch).await;
    let heard = receiver.poll(&id).await;
    halt(StreamStatus::Enabled).await;
    receiver.set_status(&id, "paused").await;
    let resumed = receiver.post("/ssf/status", &enable).await;

    assert_eq!(refused.error(), (403, "stream_halted".to_owned()));
    assert!(refused.headers.get("www-authenticate").is_none(), "its token is good");
    assert_eq!((patched.status.as_u16(), resumed.status.as_u16()), (200, 200));
    let updated = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated";
    assert_eq!(types(&heard), [updated], "it is told still");
}

#[tokio::test]
async fn what_is_taken_from_a_client_counts_for_the_tokens_that_it_has() {
    let (issuer, _) = issuer().await;
    let receiver = issuer.watcher("crm", &["ssf.read", "ssf.manage"]).await;
    receiver.stream().await;

    edit_client(&issuer, "crm", |client| {
        client.permissions[0].scopes = vec!["ssf.read".to_owned()];
    })
    .await;
    issuer.follow().await;
    let (read, made) =
        (receiver.get("/ssf/streams").await, receiver.post("/ssf/streams", &json!({})).await);
    edit_client(&issuer, "crm", |client| client.permissions.clear()).await;
    issuer.follow().await;
    let gone = receiver.get("/ssf/streams").await;

    assert_eq!((read.status.as_u16(), made.error()), (200, (403, "insufficient_scope".to_owned())));
    assert_eq!(gone.error(), (403, "insufficient_scope".to_owned()));
}

#[tokio::test]
async fn an_edit_that_changes_nothing_leaves_no_trace() {
    let (issuer, _) = issuer().await;
    let receiver = issuer.watcher("crm", &["ssf.manage"]).await;
    let delivery = json!({
        "method": "urn:ietf:rfc:8935",
        "endpoint_url": "https://receiver.example/",
        "authorization_header": "Bearer of-the-receiver",
    });
    let id = receiver.stream_by(&delivery).await;
    let generation = async || issuer.app.store.heartbeat().await.unwrap().generation;
    let before = generation().await;

    let patch = json!({ "stream_id": id, "delivery": delivery });
    let patched = receiver.call(Method::PATCH, "/ssf/streams", &patch).await;
    receiver.set_status(&id, "enabled").await;
    let after = generation().await;
    receiver.set_status(&id, "paused").await;

    assert_eq!((patched.status.as_u16(), before), (200, after));
    assert_ne!(after, generation().await);
}

#[tokio::test]
async fn a_receiver_that_changes_its_streams_without_end_is_slowed() {
    let (issuer, _) = issuer().await;
    let receiver = issuer.watcher("crm", &["ssf.manage"]).await;
    let id = receiver.stream().await;

    let mut taken = 0;
    let mut last = None;
    for status in ["paused", "enabled"].into_iter().cycle().take(100) {
        let wish = json!({ "stream_id": id, "status": status });
        let answer = receiver.post("/ssf/status", &wish).await;
        taken += i32::from(answer.status == 200);
        last = Some(answer);
    }

    let last = last.unwrap();
    assert!((10..50).contains(&taken), "{taken}");
    assert_eq!(last.status, 429);
    assert!(!last.header("retry-after").is_empty());
}
