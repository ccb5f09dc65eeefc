//! Token status lists (draft-ietf-oauth-status-list): which tokens have a place, and what the list says of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::registry::ClientId;
use countersign::store::{Actor, ByHand, StatusToken};
use countersign_keys::{Algorithm, JwkSet, UnverifiedJws};
use futures_util::future::join_all;
use http::{Request, header};
use serde_json::{Value, json};

use crate::harness::{Issuer, PAYMENTS, START};

/// An issuer whose payments want a list, with a client.
async fn issuer() -> (Issuer, String) {
    let issuer = Issuer::new().await;
    let act = Actor::node().at(START);
    let edit = |resource: &mut countersign::registry::Resource| {
        resource.status_list = true;
        Ok(())
    };
    drop(issuer.app.store.update_resource(PAYMENTS, &act, edit).await.unwrap());
    issuer.follow().await;
    let secret = issuer.client("orders", |_| {}).await;
    (issuer, secret)
}

/// A token, as its claims.
async fn token(issuer: &Issuer, secret: &str) -> Value {
    issuer.token_as("orders", secret, &[]).await.claims()
}

fn place(token: &Value) -> (String, usize) {
    let reference = &token["status"]["status_list"];
    let uri = reference["uri"].as_str().unwrap();
    let path = uri.strip_prefix("https://issuer.example").unwrap().to_owned();
    (path, usize::try_from(reference["idx"].as_u64().unwrap()).unwrap())
}

/// The claims of a list, whose type and signature hold, and its bits.
async fn list(issuer: &Issuer, path: &str) -> (Value, Vec<u8>) {
    let answer = issuer.get(path).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "application/statuslist+jwt");
    let jwks = issuer.get("/jwks").await.body;
    let (keys, _) = JwkSet::parse(jwks.as_bytes(), &[Algorithm::Es256]).unwrap();
    let signed = UnverifiedJws::parse_within(&answer.body, 1 << 20).unwrap();
    assert!(signed.has_typ("statuslist+jwt"));
    let key = keys.iter().find(|key| Some(key.kid()) == signed.kid()).unwrap();
    let claims: Value = serde_json::from_str(signed.verify(key).unwrap().as_str()).unwrap();
    assert_eq!(claims["status_list"]["bits"], 1);
    let lst = URL_SAFE_NO_PAD.decode(claims["status_list"]["lst"].as_str().unwrap()).unwrap();
    let bits = miniz_oxide::inflate::decompress_to_vec_zlib(&lst).unwrap();
    (claims, bits)
}

/// The number of a list.
fn number(path: &str) -> i64 {
    path.rsplit('/').next().unwrap().parse().unwrap()
}

fn is_set(bits: &[u8], idx: usize) -> bool {
    bits[idx / 8] >> (idx % 8) & 1 == 1
}

fn ones(bits: &[u8]) -> u32 {
    bits.iter().map(|byte| byte.count_ones()).sum()
}

#[tokio::test]
async fn a_token_is_found_in_its_list_once_it_was_revoked_and_no_other_is() {
    let (issuer, secret) = issuer().await;
    let (one, other) = (token(&issuer, &secret).await, token(&issuer, &secret).await);
    let (path, idx) = place(&one);
    let before = list(&issuer, &path).await;

    let jti = one["jti"].as_str().unwrap();
    issuer.app.store.revoke_token(jti, START + 600, START).await.unwrap();
    issuer.clock.advance(Duration::from_secs(5));
    issuer.follow().await;
    let after = list(&issuer, &path).await;

    assert_eq!((place(&other).0, before.1.len()), (path.clone(), 8_192));
    assert_eq!((ones(&before.1), ones(&after.1)), (0, 1));
    assert!(is_set(&after.1, idx) && !is_set(&after.1, place(&other).1));
    let uri = format!("https://issuer.example{path}");
    assert_eq!((&after.0["iss"], &after.0["sub"]), (&json!("https://issuer.example"), &json!(uri)));
    assert_eq!((&after.0["iat"], &after.0["exp"]), (&json!(START + 5), &json!(START + 3_605)));
    assert_eq!(after.0["ttl"], 45);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_says_that_its_token_is_not_good() {
    let (issuer, secret) = issuer().await;
    let (path, idx) = place(&token(&issuer, &secret).await);
    let list_number = number(&path);
    let free = i64::from(idx == 0);
    let damaged = StatusToken {
        list: list_number,
        idx: free,
        marks: "{".to_owned(),
        expires_at: START + 600,
    };

    issuer.app.store.record_status_token(damaged).await.unwrap();

    let (_, bits) = list(&issuer, &path).await;
    assert!(is_set(&bits, usize::try_from(free).unwrap()) && ones(&bits) == 1);
}

#[tokio::test]
async fn a_level_sets_the_bits_of_all_whom_it_is_about() {
    let (issuer, secret) = issuer().await;
    let tokens = [token(&issuer, &secret).await, token(&issuer, &secret).await];
    let act = Actor::command_line().at(START);
    let client = ByHand::Client(ClientId::parse("orders").unwrap());

    issuer.app.store.revoke_by_hand(&client, &act).await.unwrap();

    let (_, bits) = list(&issuer, &place(&tokens[0]).0).await;
    assert_eq!(ones(&bits), 2);
    assert!(tokens.iter().all(|token| is_set(&bits, place(token).1)));
    // What is given after it is not meant.
    let later = token(&issuer, &secret).await;
    issuer.clock.advance(Duration::from_secs(61));
    issuer.follow().await;
    let (_, bits) = list(&issuer, &place(&later).0).await;
    assert!(!is_set(&bits, place(&later).1) && ones(&bits) == 2);
}

#[tokio::test]
async fn a_resource_that_does_not_ask_pays_nothing() {
    let issuer = Issuer::new().await;
    let secret = issuer.client("orders", |_| {}).await;

    let token = token(&issuer, &secret).await;

    assert_eq!(token.get("status"), None);
    assert_eq!(issuer.app.store.status_tokens(1, (-1, START)).await.unwrap(), []);
    assert_eq!(issuer.get("/status-lists/1").await.status, 404);
    assert_eq!(issuer.get("/status-lists/one").await.status, 404);
}

#[tokio::test]
async fn nodes_fill_lists_of_their_own_and_each_tells_of_all() {
    let (issuer, secret) = issuer().await;
    let other = issuer.node().await;
    let (one, two) = (token(&issuer, &secret).await, token(&other, &secret).await);
    let jti = two["jti"].as_str().unwrap();

    other.app.store.revoke_token(jti, START + 600, START).await.unwrap();
    issuer.follow().await;

    let ((path, _), (others, idx)) = (place(&one), place(&two));
    assert_ne!(path, others);
    assert!(is_set(&list(&issuer, &others).await.1, idx));
    assert_eq!(ones(&list(&other, &path).await.1), 0);
}

#[tokio::test]
async fn a_list_is_kept_for_a_while_and_known_by_its_tag() {
    let (issuer, secret) = issuer().await;
    let (path, _) = place(&token(&issuer, &secret).await);

    let first = issuer.get(&path).await;
    let tag = first.header("etag").to_owned();
    let again = Request::get(&path).header(header::IF_NONE_MATCH, &tag).body(Body::empty());
    let known = issuer.send(again.unwrap()).await;
    issuer.clock.advance(Duration::from_mins(1));
    issuer.follow().await;
    let later = issuer.get(&path).await;

    assert_eq!(first.header("cache-control"), "public, max-age=5, must-revalidate");
    assert_eq!((known.status.as_u16(), known.body.as_str()), (304, ""));
    assert_ne!(later.header("etag"), tag);
}

#[tokio::test]
async fn tokens_that_have_expired_leave_nothing_behind() {
    let (issuer, secret) = issuer().await;
    let (path, _) = place(&token(&issuer, &secret).await);

    issuer.clock.advance(Duration::from_mins(30));
    issuer.follow().await;
    let gone = issuer.get(&path).await;
    let swept = countersign::tasks::sweep(&issuer.app).await;

    assert_eq!((gone.status.as_u16(), swept), (404, 1));
}

#[tokio::test]
async fn many_tokens_at_once_have_places_of_their_own() {
    let (issuer, secret) = issuer().await;

    let tokens = join_all((0..200).map(|_| token(&issuer, &secret))).await;

    let places: std::collections::BTreeSet<(String, usize)> = tokens.iter().map(place).collect();
    assert_eq!(places.len(), 200);
    let list = number(&place(&tokens[0]).0);
    let rows = issuer.app.store.status_tokens(list, (-1, START)).await;
    assert_eq!(rows.unwrap().len(), 200);
}

#[tokio::test]
async fn no_token_leaves_with_a_place_that_another_has() {
    let issuer = Issuer::new().await;
    let record = async |idx| {
        let marks = json!({}).to_string();
        let token = StatusToken { list: 1, idx, marks, expires_at: START + 600 };
        issuer.app.store.record_status_token(token).await.is_ok()
    };

    let together = tokio::join!(record(7), record(8), record(7));
    let later = record(8).await;

    assert_eq!((together, later), ((true, true, false), false));
}

#[tokio::test]
async fn after_a_restore_no_list_calls_good_what_the_backup_does_not_know() {
    let (issuer, secret) = issuer().await;
    let before = place(&token(&issuer, &secret).await).0;

    issuer.app.store.end_status_lists(START).await.unwrap();

    let node = issuer.node().await;
    let after = place(&token(&node, &secret).await).0;
    assert_eq!(node.get(&before).await.status, 404);
    assert_eq!(ones(&list(&node, &after).await.1), 0);
    // Above all that were given since any backup: there were fewer lists than seconds.
    assert!(number(&after) > START);
}

#[tokio::test]
async fn a_clock_that_is_turned_back_makes_no_list_serve_for_longer() {
    let (issuer, secret) = issuer().await;
    let token = token(&issuer, &secret).await;
    let (path, idx) = place(&token);
    let _ = list(&issuer, &path).await;
    let jti = token["jti"].as_str().unwrap();
    issuer.app.store.revoke_token(jti, START + 600, START).await.unwrap();

    issuer.clock.turn_back(Duration::from_hours(1));
    issuer.clock.advance(Duration::from_secs(5));
    issuer.follow().await;

    assert!(is_set(&list(&issuer, &path).await.1, idx));
}

#[tokio::test]
async fn who_may_keep_a_list_hears_of_a_revocation_a_minute_later_at_the_worst() {
    let (issuer, secret) = issuer().await;
    let (path, _) = place(&token(&issuer, &secret).await);

    let on_the_way = issuer.get(&path).await.header("cache-control").to_owned();
    let by_a_verifier = list(&issuer, &path).await.0["ttl"].as_i64().unwrap();

    let max_age = on_the_way.strip_prefix("public, max-age=").and_then(|age| age.split(',').next());
    let max_age: i64 = max_age.unwrap().parse().unwrap();
    assert!(on_the_way.ends_with(", must-revalidate"), "{on_the_way}");
    // The node itself keeps it for five seconds, whatever was revoked.
    assert!(5 + max_age + by_a_verifier < 60, "{max_age} + {by_a_verifier}");
}

#[tokio::test]
async fn a_flood_of_numbers_that_are_none_delays_no_list() {
    let (issuer, secret) = issuer().await;
    let (path, _) = place(&token(&issuer, &secret).await);
    let _ = list(&issuer, &path).await;
    issuer.clock.advance(Duration::from_secs(61));
    issuer.follow().await;
    let refused = AtomicUsize::new(0);

    let flood = join_all((0..2_000).map(async |number| {
        let status = issuer.get(&format!("/status-lists/{}", 5_000_000 + number)).await.status;
        refused.fetch_add(usize::from(status == 404), Ordering::Relaxed);
    }));
    let (_, before) = tokio::join!(flood, async {
        let _ = list(&issuer, &path).await;
        refused.load(Ordering::Relaxed)
    });

    assert_eq!(refused.load(Ordering::Relaxed), 2_000);
    assert!(before < 1_000, "{before} were answered before");
}
