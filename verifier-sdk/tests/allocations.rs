//! Refusals before the signature allocate nothing: strangers cannot buy memory traffic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failing test should fail where it fails"
)]

use std::time::Duration;

use allocation_counter::measure;
use countersign_verifier::testing::{Attack, TestClock, TestIssuer};
use serde_json::json;

const AUDIENCE: &str = "https://payments.example";

#[test]
fn refusals_before_the_signature_allocate_nothing() {
    let issuer = TestIssuer::new("https://issuer.example");
    let verifier = issuer.verifier(AUDIENCE);
    let good = issuer.app_token("orders").audience(AUDIENCE);

    for attack in Attack::ALL {
        let token = good.hostile(*attack);
        let mut accepted = false;
        let spent = measure(|| accepted = verifier.try_verify(&token).is_ok());
        assert!(!accepted);
        assert_eq!(spent.count_total, 0, "{attack:?}");
    }
}

#[test]
fn a_good_token_costs_a_handful_of_allocations() {
    let issuer = TestIssuer::new("https://issuer.example");
    let verifier = issuer.verifier(AUDIENCE);
    let token = issuer.app_token("orders").audience(AUDIENCE).scope("a b c").mint();

    let spent = measure(|| assert!(verifier.try_verify(&token).is_ok()));

    assert!(spent.count_total <= 4, "{}", spent.count_total);
}

/// An entry of a million, all in: what is kept after they were taken, divided by them.
#[test]
fn a_revocation_takes_at_most_64_bytes_and_gives_them_back() {
    const ENTRIES: usize = 200_000;
    let clock = TestClock::at(1_700_000_000);
    let issuer = TestIssuer::new("https://issuer.example").clock(clock.clone());
    let verifier = issuer.verifier(AUDIENCE);
    let entries = (0..ENTRIES).map(|number| json!({ "jti": format!("{number:036}") }));
    let entries: Vec<_> = entries.collect();
    let messages: Vec<_> = entries
        .chunks(2000)
        .scan(0, |after, revoked| {
            let (from, seq) = (*after, *after + revoked.len());
            *after = seq;
            let revoked: Vec<_> = revoked
                .iter()
                .map(|entry| json!({ "jti": entry["jti"], "exp": 1_700_000_600 }))
                .collect();
            let told = json!({
                "feed": "test", "after": from, "seq": seq, "head": ENTRIES, "revoked": revoked,
            });
            Some(issuer.feed_message_of(told).mint())
        })
        .collect();
    let revocations = verifier.revocations().unwrap();

    let taken = measure(|| {
        for message in &messages {
            revocations.try_take(message).unwrap();
        }
    });
    assert_eq!(revocations.entries(), ENTRIES);
    let each = taken.bytes_current / i64::try_from(ENTRIES).unwrap();
    assert!((25..=64).contains(&each), "{each}");

    clock.advance(Duration::from_secs(721));
    let heartbeat = issuer.feed_message_of(json!({
        "feed": "test", "after": ENTRIES, "seq": ENTRIES, "head": ENTRIES,
    }));
    let heartbeat = heartbeat.mint();
    let given_back = measure(|| {
        revocations.try_take(&heartbeat).unwrap();
    });
    assert_eq!(revocations.entries(), 0);
    assert!(given_back.bytes_current <= 64 * 1024 - taken.bytes_current, "{given_back:?}");
}
