//! Refusals before the signature allocate nothing: strangers cannot buy memory traffic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failing test should fail where it fails"
)]

use allocation_counter::measure;
use countersign_verifier::testing::{Attack, TestIssuer};

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
