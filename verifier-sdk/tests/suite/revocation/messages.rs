//! Messages of the feed (section 4 test 7): forged, of others, out of order, too large. Refused ones change nothing, and
//! what is taken proves no more than it says.

use std::time::Duration;

use countersign_verifier::revocation::{FeedSource, Outcome};
use countersign_verifier::testing::{Attack, TestIssuer};
use countersign_verifier::{Verifier, VerifyError};
use serde_json::{Value, json};

use super::World;
use crate::{AUDIENCE, ISSUER, NOW, code};

fn take(world: &World, message: &str) -> Result<Outcome, VerifyError> {
    world.verifier.revocations().unwrap().try_take(message)
}

fn told(after: u64, seq: u64, head: u64, revoked: &Value) -> Value {
    json!({"feed": "test", "after": after, "seq": seq, "head": head, "revoked": revoked})
}

/// What a relay would love to have believed.
fn good() -> Value {
    told(0, 1, 1, &json!([{"jti": "t2", "exp": NOW + 600}]))
}

#[test]
fn a_message_that_is_attacked_in_any_way_is_refused_and_changes_nothing() {
    let world = World::new();
    let message = world.issuer.feed_message_of(good());

    // Longer than a token a message may be.
    let attacks = Attack::ALL.iter().filter(|attack| attack.expected_code() != "token_too_large");
    for attack in attacks.clone() {
        let refused = take(&world, &message.hostile(*attack));
        assert!(refused.is_err(), "{attack:?}");
    }

    let metrics = world.verifier.metrics().revocations.unwrap();
    assert_eq!((metrics.entries, metrics.refused), (0, attacks.count() as u64));
    assert_eq!(world.code(&world.token().mint()), "accepted");
}

#[test]
fn each_claim_that_is_wrong_has_its_code() {
    let world = World::new();
    let message = || world.issuer.feed_message_of(good());
    let rows = [
        (message().header("typ", "at+jwt"), "wrong_type"),
        (message().header("typ", "logout+jwt"), "wrong_type"),
        (message().without_header("typ"), "wrong_type"),
        (message().claim("iss", "https://other.example"), "wrong_issuer"),
        (message().without("iss"), "claim_missing"),
        (message().audience(AUDIENCE), "wrong_audience"),
        (message().audience("https://issuer.example/feed/"), "wrong_audience"),
        (message().claim("aud", json!(["https://issuer.example/feed", "x"])), "wrong_audience"),
        (message().without("aud"), "wrong_audience"),
        (message().without("jti"), "claim_missing"),
        (message().without("iat"), "claim_missing"),
        (message().issued_ago(-31), "issued_in_future"),
        (message().without("events"), "claim_missing"),
        (message().claim("events", json!({})), "wrong_events"),
        (message().claim("events", json!({"urn:other": {}})), "wrong_events"),
        (message().claim("events", json!([])), "claim_wrong_type"),
    ];

    for (message, expected) in rows {
        let payload = message.payload_json();
        assert_eq!(code(take(&world, &message.mint())), expected, "{payload}");
    }
    assert_eq!(world.verifier.revocations().unwrap().entries(), 0);
}

#[test]
fn numbers_and_names_that_cannot_be_are_refused() {
    let world = World::new();
    let rows = [
        told(2, 1, 3, &json!([])),
        told(0, 2, 1, &json!([])),
        told(0, 1, 1 << 53, &json!([])),
        json!({"feed": "", "after": 0, "seq": 0, "head": 0}),
        json!({"feed": "f".repeat(129), "after": 0, "seq": 0, "head": 0}),
        json!({"feed": "test", "after": -1, "seq": 0, "head": 0}),
        json!({"feed": "test", "after": "0", "seq": 0, "head": 0}),
        json!({"feed": "test", "seq": 0, "head": 0}),
        json!({"feed": "test", "after": 0, "seq": 0, "head": 0, "revoked": {}}),
        json!({"feed": "test", "after": 0, "seq": 0, "head": 0, "jwks_changed": "yes"}),
    ];

    for told in rows {
        let text = told.to_string();
        let message = world.issuer.feed_message_of(told).mint();
        assert_eq!(code(take(&world, &message)), "wrong_events", "{text}");
    }
}

#[test]
fn a_duplicate_member_anywhere_is_refused() {
    let world = World::new();
    let message = world.issuer.feed_message_of(good());
    let payload = message.payload_json();
    let twice = [
        payload.replace(r#""after":0"#, r#""after":0,"after":0"#),
        payload.replace(r#""jti":"t2""#, r#""jti":"t1","jti":"t2""#),
        payload.replace(r#""iss":"#, r#""iss":"x","iss":"#),
    ];

    for payload in twice {
        assert!(take(&world, &message.with_payload(&payload)).is_err(), "{payload}");
    }
}

#[test]
fn an_access_token_is_no_message_and_a_message_no_access_token() {
    let world = World::new();

    assert_eq!(code(take(&world, &world.token().mint())), "wrong_type");
    assert_eq!(world.code(&world.issuer.feed_message_of(good()).mint()), "wrong_type");
}

#[test]
fn a_message_of_more_than_a_mebibyte_is_not_looked_at() {
    let world = World::new();
    let long = world.issuer.feed_message_of(good()).claim("padding", "p".repeat(1 << 20));

    assert_eq!(code(take(&world, &long.mint())), "token_too_large");
}

#[test]
fn a_withdrawn_key_tells_nothing_any_more() {
    let world = World::new();
    let forged = world.issuer.feed_message_of(good()).mint();
    world.issuer.withdraw_key();

    assert_eq!(code(take(&world, &forged)), "revoked");
    assert_eq!(world.verifier.revocations().unwrap().entries(), 1);
}

#[test]
fn a_gap_is_noticed_counted_and_healed_and_what_came_with_it_counts_at_once() {
    let world = World::new();
    let later = told(1, 2, 2, &json!([{"jti": "t2", "exp": NOW + 600}]));
    let message = world.issuer.feed_message_of(later).mint();

    assert_eq!(take(&world, &message), Ok(Outcome::Gap));
    assert_eq!(world.code(&world.token().mint()), "revoked");
    assert_eq!(world.verifier.revocations().unwrap().ask_from(), 0);

    let all =
        told(0, 2, 2, &json!([{"jti": "t1", "exp": NOW + 600}, {"jti": "t2", "exp": NOW + 600}]));
    assert_eq!(take(&world, &world.issuer.feed_message_of(all).mint()), Ok(Outcome::UpToDate));
    let metrics = world.verifier.metrics().revocations.unwrap();
    assert_eq!((metrics.entries, metrics.taken_as("gap")), (2, 1));
}

#[test]
fn a_replayed_old_message_makes_nothing_fresh() {
    let world = World::new();
    let old = world.issuer.feed_message(0).mint();
    world.clock.advance(Duration::from_secs(61));

    assert_eq!(take(&world, &old), Ok(Outcome::Old));

    assert_eq!(world.verifier.revocations().unwrap().lag(), Some(Duration::from_secs(61)));
}

#[test]
fn a_restored_database_is_noticed_and_nothing_that_was_known_is_forgotten() {
    let world = World::new();
    world.issuer.revoke_all((0..10).map(|number| json!({"jti": number.to_string()})));
    world.issuer.revoke_jti("t2");
    world.clock.advance(Duration::from_secs(6));

    let restored = world.issuer.feed_message_of(told(4, 4, 4, &json!([]))).mint();
    assert_eq!(take(&world, &restored), Ok(Outcome::Reset));

    assert_eq!(world.verifier.revocations().unwrap().ask_from(), 0);
    assert_eq!(world.verifier.metrics().revocations.unwrap().resets, 1);
    assert_eq!(world.code(&world.token().mint()), "revoked");
}

#[test]
fn an_entry_that_is_not_understood_leaves_the_feed_late_and_the_others_known() {
    let world = World::new();
    let entries = json!([{"tenant": "t", "exp": NOW + 600}, {"jti": "t2", "exp": NOW + 600}]);
    let message = world.issuer.feed_message_of(told(0, 2, 2, &entries)).mint();

    assert_eq!(take(&world, &message), Ok(Outcome::Incomplete));

    assert_eq!(world.code(&world.token().mint()), "revoked");
    assert_eq!(world.verifier.revocations().unwrap().ask_from(), 0);
    let feed = world.verifier.health().feed.unwrap();
    assert_eq!(feed.last_error, Some("revocations_incomplete"));
}

#[test]
fn beyond_the_cap_the_feed_is_late_and_no_wrong_token_is_refused() {
    let issuer = TestIssuer::new(ISSUER);
    let builder = Verifier::builder(ISSUER).audience(AUDIENCE).feed(FeedSource::Pushed);
    let verifier = builder.max_revocations(1).build_with(issuer.jwk_set()).unwrap();
    let revocations = verifier.revocations().unwrap();
    issuer.revoke_all([json!({"jti": "t1"}), json!({"jti": "t2"})]);

    let outcome = revocations.try_take(&issuer.feed_message(0).mint());

    assert_eq!(outcome, Ok(Outcome::Incomplete));
    assert_eq!((revocations.entries(), revocations.lag()), (1, None));
    let token = issuer.app_token("orders").audience(AUDIENCE);
    assert_eq!(code(verifier.try_verify(&token.clone().claim("jti", "t1").mint())), "revoked");
    assert_eq!(code(verifier.try_verify(&token.claim("jti", "t3").mint())), "accepted");
}

#[test]
fn a_clock_that_jumps_makes_the_feed_late_and_never_fresh() {
    let world = World::new();
    let beat = world.issuer.feed_message(0).mint();

    world.clock.step_wall(3600);
    assert_eq!(take(&world, &beat), Ok(Outcome::Old));
    assert!(world.verifier.revocations().unwrap().lag() >= Some(Duration::from_hours(1)));

    world.clock.step_wall(-7200);
    assert_eq!(code(take(&world, &beat)), "issued_in_future");
    world.clock.advance(Duration::from_secs(40));
    assert_eq!(world.verifier.revocations().unwrap().lag(), Some(Duration::from_secs(40)));
}
