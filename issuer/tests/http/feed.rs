//! The feed: who may follow it, what it says, and how it travels.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use countersign::signing::{Rotation, RotationError, Turn};
use countersign::store::{Actor, ByHand};
use countersign_keys::{Algorithm, JwkSet, KeyRing, UnverifiedJws};
use http::{Request, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::harness::{Answer, Issuer, START};
use crate::signals::edit_client;

pub(crate) const FEED: &str = "https://issuer.example/feed";

/// An issuer with an app that may follow the feed.
async fn issuer() -> (Issuer, String) {
    on(Issuer::new().await).await
}

async fn on(issuer: Issuer) -> (Issuer, String) {
    issuer.resource(FEED, |resource| resource.scopes = vec!["feed:read".to_owned()]).await;
    let secret = issuer.client("verifier", |client| {
        FEED.clone_into(&mut client.permissions[0].resource);
        client.permissions[0].scopes = vec!["feed:read".to_owned()];
    });
    let secret = secret.await;
    let token = issuer.token_as("verifier", &secret, &[]).await.json();
    (issuer, token["access_token"].as_str().unwrap().to_owned())
}

fn request(path: &str, token: &str) -> http::request::Builder {
    Request::get(path).header(header::AUTHORIZATION, format!("Bearer {token}"))
}

async fn one(issuer: &Issuer, token: &str, after: i64) -> Answer {
    let path = format!("/feed?after={after}");
    issuer.send(request(&path, token).body(Body::empty()).unwrap()).await
}

/// The event of a message, whose signature holds.
async fn told(issuer: &Issuer, message: &str) -> Value {
    let jwks = issuer.get("/jwks").await.body;
    let (keys, _) = JwkSet::parse(jwks.as_bytes(), &[Algorithm::Es256]).unwrap();
    let signed = UnverifiedJws::parse_within(message, 1 << 20).unwrap();
    assert!(signed.has_typ("secevent+jwt"));
    let key = keys.iter().find(|key| Some(key.kid()) == signed.kid()).unwrap();
    let payload = signed.verify(key).unwrap();
    let claims: Value = serde_json::from_str(payload.as_str()).unwrap();
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!("https://issuer.example"), &json!(FEED)));
    assert!(
        claims["jti"].is_string() && claims.get("exp").is_none() && claims.get("sub").is_none()
    );
    let mut event = claims["events"]["urn:countersign:event:revocations"].clone();
    event["iat"] = claims["iat"].clone();
    event
}

async fn revoke(issuer: &Issuer, jti: &str) {
    let act = Actor::node().at(issuer.clock.now());
    issuer.app.store.revoke_by_hand(&ByHand::Token(jti.to_owned()), &act).await.unwrap();
}

/// Reads events of a stream.
struct Stream {
    body: Body,
    unread: String,
}

impl Stream {
    async fn open(issuer: &Issuer, request: http::request::Builder) -> Self {
        let request = request.header(header::ACCEPT, "text/event-stream");
        let response = issuer.open(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { body: response.into_body(), unread: String::new() }
    }

    /// The next event: its id and its data; none if the stream has ended.
    async fn next(&mut self) -> Option<(String, String)> {
        while !self.unread.contains("\n\n") {
            let next = tokio::time::timeout(Duration::from_secs(10), self.body.frame()).await;
            let frame = next.unwrap()?.unwrap();
            self.unread += std::str::from_utf8(&frame.into_data().unwrap()).unwrap();
        }
        let (event, rest) = self.unread.split_once("\n\n").unwrap();
        let lines: Vec<&str> = event.split('\n').collect();
        let field = |name: &str| {
            let prefix = format!("{name}: ");
            lines.iter().find_map(|line| line.strip_prefix(&prefix)).unwrap().to_owned()
        };
        assert_eq!(field("event"), "set");
        let read = (field("id"), field("data"));
        self.unread = String::from(rest);
        Some(read)
    }

    /// The next event of this kind. What is told twice does no harm.
    async fn until(&mut self, issuer: &Issuer, is_meant: fn(&Value) -> bool) -> Value {
        loop {
            let event = told(issuer, &self.next().await.unwrap().1).await;
            if is_meant(&event) {
                return event;
            }
        }
    }
}

#[tokio::test]
async fn a_message_is_a_signed_part_of_the_sequence() {
    let (issuer, token) = issuer().await;
    for jti in ["t1", "t2", "t3"] {
        revoke(&issuer, jti).await;
    }

    let answer = one(&issuer, &token, 1).await;

    assert_eq!(answer.header("content-type"), "application/secevent+jwt");
    let event = told(&issuer, &answer.body).await;
    let exp = START + i64::from(issuer.app.config.keys.max_token_lifetime_seconds) + 120;
    let expected = json!({
        "feed": issuer.app.feed.id(), "after": 1, "seq": 3, "head": 3, "iat": START,
        "revoked": [{ "jti": "t2", "exp": exp }, { "jti": "t3", "exp": exp }],
    });
    assert_eq!(event, expected);
    // Who has the same need not get it once more.
    let again =
        request("/feed?after=1", &token).header(header::IF_NONE_MATCH, answer.header("etag"));
    assert_eq!(issuer.send(again.body(Body::empty()).unwrap()).await.status, 304);
    revoke(&issuer, "t4").await;
    assert_ne!(one(&issuer, &token, 1).await.header("etag"), answer.header("etag"));
    let nothing_new = told(&issuer, &one(&issuer, &token, 4).await.body).await;
    assert_eq!((&nothing_new["revoked"], &nothing_new["seq"]), (&json!([]), &json!(4)));
    // Whoever knows more than there is finds out by the head.
    let beyond = told(&issuer, &one(&issuer, &token, 99).await.body).await;
    assert_eq!((&beyond["after"], &beyond["head"]), (&json!(4), &json!(4)));
}

#[tokio::test]
async fn asked_on_from_the_beginning_it_is_a_snapshot_without_what_is_over() {
    let (issuer, token) = issuer().await;
    let store = &issuer.app.store;
    for number in 0..2_500 {
        let expires_at = if number % 2 == 0 { START + 60 } else { START + 6_000 };
        store.revoke_token(&format!("t{number}"), expires_at, START).await.unwrap();
    }
    let (mut after, mut pages, mut seen) = (0, 0, Vec::new());

    // All are over that lived for a minute.
    issuer.clock.advance(Duration::from_mins(5));
    issuer.follow().await;
    issuer.app.revocations.forget(issuer.clock.now());
    loop {
        let event = told(&issuer, &one(&issuer, &token, after).await.body).await;
        assert_eq!(event["after"], after);
        let entries = event["revoked"].as_array().unwrap();
        seen.extend(entries.iter().map(|entry| entry["jti"].as_str().unwrap().to_owned()));
        after = event["seq"].as_i64().unwrap();
        pages += 1;
        if event["seq"] == event["head"] {
            break;
        }
    }

    assert_eq!((after, pages, seen.len()), (2_500, 1, 1_250));
    assert!(seen.iter().all(|jti| jti[1..].parse::<u32>().unwrap() % 2 == 1));
    assert_eq!(issuer.app.revocations.len(), 1_250);
}

#[tokio::test]
async fn r19_only_an_app_with_the_scope_follows_it_and_by_the_header_alone() {
    let (issuer, token) = issuer().await;
    issuer.user("ada").await;
    let secret = issuer.client("orders", |_| {}).await;
    let foreign = issuer.token_as("orders", &secret, &[]).await.json();
    let poor = {
        let live = issuer.app.keychain.live();
        let claims = |idtyp: &str, scope: &str| {
            let mut claims = crate::people::payload(&token.as_str().into());
            claims["idtyp"] = idtyp.into();
            claims["scope"] = scope.into();
            let kind = countersign::signing::TokenType::AccessToken;
            live.sign(kind, Algorithm::Es256, claims.to_string().as_bytes()).unwrap()
        };
        [claims("app", "other"), claims("user", "feed:read")]
    };

    let status = async |token: &str| one(&issuer, token, 0).await.status.as_u16();
    assert_eq!(status(&token).await, 200);
    assert_eq!(status(foreign["access_token"].as_str().unwrap()).await, 401);
    assert_eq!((status(&poor[0]).await, status(&poor[1]).await), (403, 401));
    assert_eq!(status("made-up").await, 401);
    let bare = issuer.get(&format!("/feed?access_token={token}")).await;
    assert_eq!(bare.error(), (401, "invalid_token".to_owned()));
    assert!(bare.header("www-authenticate").starts_with("Bearer realm="));
    for after in ["-1", "x", "1.5"] {
        let path = format!("/feed?after={after}");
        let answer = issuer.send(request(&path, &token).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.error(), (400, "invalid_request".to_owned()), "{after}");
    }
    issuer.clock.advance(Duration::from_secs(6));
    assert_eq!(status(&token).await, 503);
}

#[tokio::test]
async fn a_stream_tells_what_was_missed_and_then_what_comes_from_any_node() {
    let (issuer, token) = issuer().await;
    let node = issuer.node().await;
    countersign::feed::spawn(&node.app);
    revoke(&issuer, "t1").await;
    node.follow().await;

    let mut stream = Stream::open(&node, request("/feed", &token)).await;
    let (id, message) = stream.next().await.unwrap();
    let first = told(&issuer, &message).await;
    assert_eq!((id.as_str(), &first["after"], &first["seq"]), ("1", &json!(0), &json!(1)));
    assert_eq!(first["revoked"][0]["jti"], "t1");

    // What happened elsewhere and what happens here.
    revoke(&issuer, "t2").await;
    node.follow().await;
    let second = stream.until(&issuer, |event| event["seq"] == 2).await;
    assert!(second["after"].as_i64().unwrap() <= 1, "{second}");
    assert_eq!(second["revoked"].as_array().unwrap().last().unwrap()["jti"], "t2");
    revoke(&node, "t3").await;
    let third = stream.until(&issuer, |event| event["seq"] == 3).await;
    assert_eq!(third["revoked"].as_array().unwrap().last().unwrap()["jti"], "t3");

    // It goes on after the last event that was heard.
    drop(stream);
    let resumed = request("/feed?after=0", &token).header("last-event-id", "3");
    let mut stream = Stream::open(&node, resumed).await;
    let third = told(&issuer, &stream.next().await.unwrap().1).await;
    assert_eq!((&third["after"], &third["revoked"]), (&json!(3), &json!([])));
}

#[tokio::test]
async fn the_end_of_a_key_is_told_with_the_change_of_the_keys_and_a_change_alone_soon_after() {
    let (issuer, token) = issuer().await;
    countersign::feed::spawn(&issuer.app);
    let mut stream = Stream::open(&issuer, request("/feed", &token)).await;
    stream.next().await.unwrap();

    issuer.app.feed.keys_changed(START);
    revoke(&issuer, "t1").await;
    let both = told(&issuer, &stream.next().await.unwrap().1).await;
    issuer.app.feed.keys_changed(START + 1);
    let alone = told(&issuer, &stream.next().await.unwrap().1).await;

    assert_eq!((&both["seq"], &both["jwks_changed"]), (&json!(1), &json!(true)));
    assert_eq!((&alone["revoked"], &alone["jwks_changed"]), (&json!([]), &json!(true)));
}

#[tokio::test]
async fn what_is_taken_from_a_client_counts_for_the_token_that_it_has() {
    let (issuer, token) = issuer().await;
    countersign::feed::spawn(&issuer.app);
    assert_eq!(one(&issuer, &token, 0).await.status, 200);
    let mut stream = Stream::open(&issuer, request("/feed", &token)).await;
    stream.next().await.unwrap();

    edit_client(&issuer, "verifier", |client| client.permissions.clear()).await;
    issuer.follow().await;
    revoke(&issuer, "t1").await;

    assert!(stream.next().await.is_some());
    assert_eq!(stream.next().await, None);
    let refused = one(&issuer, &token, 0).await;
    assert_eq!(refused.error(), (403, "insufficient_scope".to_owned()));
}

#[tokio::test]
async fn a_stream_ends_with_the_right_to_it_and_with_the_node() {
    let (issuer, token) = issuer().await;
    let node = issuer.node().await;
    countersign::feed::spawn(&node.app);
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = Stream::open(&node, request("/feed", &token)).await;
        stream.next().await.unwrap();
        streams.push(stream);
    }
    assert_eq!(node.app.feed.subscribers(), 3);

    let claims = crate::people::payload(&token.as_str().into());
    revoke(&node, claims["jti"].as_str().unwrap()).await;

    for mut stream in streams {
        let (_, last) = stream.next().await.unwrap();
        assert_eq!(told(&issuer, &last).await["revoked"][0]["jti"], claims["jti"]);
        assert_eq!(stream.next().await, None);
    }
    assert_eq!(node.app.feed.subscribers(), 0);
    let other = issuer.app.keychain.live().sign(
        countersign::signing::TokenType::AccessToken,
        Algorithm::Es256,
        json!({ "jti": "other" })
            .as_object()
            .map(|_| {
                let mut fresh = claims.clone();
                fresh["jti"] = "other".into();
                fresh.to_string()
            })
            .unwrap()
            .as_bytes(),
    );
    let other = other.unwrap();
    let mut stream = Stream::open(&node, request("/feed", &other)).await;
    stream.next().await.unwrap();
    node.app.feed.close();
    assert_eq!(stream.next().await, None);
    let path = request("/feed", &other).header(header::ACCEPT, "text/event-stream");
    let refused = node.send(path.body(Body::empty()).unwrap()).await;
    assert_eq!(refused.error(), (503, "temporarily_unavailable".to_owned()));
}

#[tokio::test]
async fn as_many_listen_as_may_and_a_place_is_free_again() {
    let issuer = Issuer::with(|config| config.feed.max_subscribers = 2).await;
    let (issuer, token) = on(issuer).await;
    let first = Stream::open(&issuer, request("/feed", &token)).await;
    let _second = Stream::open(&issuer, request("/feed", &token)).await;
    let ask = || request("/feed", &token).header(header::ACCEPT, "text/event-stream");

    let refused = issuer.send(ask().body(Body::empty()).unwrap()).await;
    drop(first);
    let second_try = issuer.open(ask().body(Body::empty()).unwrap()).await;

    assert_eq!(refused.error(), (503, "temporarily_unavailable".to_owned()));
    assert_eq!(second_try.status(), 200);
    // One by one everybody may ask.
    assert_eq!(one(&issuer, &token, 0).await.status, 200);
}

#[tokio::test]
async fn whoever_does_not_keep_up_is_cut_off() {
    let (issuer, token) = issuer().await;
    countersign::feed::spawn(&issuer.app);
    let mut slow = Stream::open(&issuer, request("/feed", &token)).await;
    let mut quick = Stream::open(&issuer, request("/feed", &token)).await;
    slow.next().await.unwrap();
    quick.next().await.unwrap();

    for number in 0..100 {
        revoke(&issuer, &format!("t{number}")).await;
        quick.next().await.unwrap();
    }

    assert_eq!(slow.next().await, None);
    assert_eq!(issuer.app.feed.subscribers(), 1);
}

#[tokio::test]
async fn whoever_listens_by_a_stolen_key_hears_that_it_was_withdrawn_by_a_key_that_was_known_before()
 {
    let (issuer, token) = issuer().await;
    let node = issuer.node().await;
    countersign::feed::spawn(&node.app);
    rotate(&issuer).await;
    node.follow().await;
    let known = node.get("/jwks").await.body;
    let stolen = node.app.keychain.live().rings()[0].active().unwrap().kid().to_owned();
    let mut stream = Stream::open(&node, request("/feed", &token)).await;
    stream.next().await.unwrap();

    turn(&issuer, async |rotation, ring, version| rotation.withdraw(&ring, version, &stolen).await)
        .await;
    node.follow().await;

    let mut last = String::new();
    while let Some((_, message)) = stream.next().await {
        last = message;
    }
    assert_eq!(told(&node, &last).await["revoked"][0]["kid"], stolen.as_str());
    let (known, _) = JwkSet::parse(known.as_bytes(), &[Algorithm::Es256]).unwrap();
    let message = UnverifiedJws::parse_within(&last, 1 << 20).unwrap();
    let key = known.iter().find(|key| Some(key.kid()) == message.kid());
    assert!(message.verify(key.expect("a key that was published before")).is_ok());
}

/// Turns the only ring, and has the node follow.
async fn turn(
    issuer: &Issuer,
    turn: impl AsyncFnOnce(Rotation<'_>, KeyRing, i64) -> Result<Turn, RotationError>,
) {
    let act = Actor::node().at(START);
    let (config, store) = (&issuer.app.config, &issuer.app.store);
    let masters = Arc::clone(&issuer.app.masters);
    let rotation = Rotation { config, store, masters: &masters, act: &act };
    let (ring, version) = {
        let live = issuer.app.keychain.live();
        let ring = &live.rings()[0];
        (issuer.app.keychain.planned(ring, issuer.clock.elapsed()), ring.version)
    };
    assert_eq!(turn(rotation, ring, version).await.unwrap(), Turn::Ours);
    issuer.follow().await;
}

async fn rotate(issuer: &Issuer) {
    turn(issuer, async |rotation, ring, version| rotation.force(&ring, version).await).await;
}

#[tokio::test]
async fn new_keys_are_told_to_those_who_listen_and_to_those_who_come() {
    let (issuer, token) = issuer().await;
    countersign::feed::spawn(&issuer.app);
    let mut stream = Stream::open(&issuer, request("/feed", &token)).await;
    assert!(told(&issuer, &stream.next().await.unwrap().1).await.get("jwks_changed").is_none());

    rotate(&issuer).await;

    let event = stream.until(&issuer, |event| event["jwks_changed"] == true).await;
    assert_eq!((&event["seq"], &event["revoked"]), (&json!(0), &json!([])));
    let late = told(&issuer, &one(&issuer, &token, 0).await.body).await;
    assert_eq!(late["jwks_changed"], true);
    issuer.clock.advance(Duration::from_mins(11));
    issuer.follow().await;
    let later = one(&issuer, &token, 0).await;
    assert!(later.status == 401 || told(&issuer, &later.body).await.get("jwks_changed").is_none());
}
