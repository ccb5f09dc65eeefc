//! Single decisions of the plan; the property over whole histories is in `tests/rotation.rs`.

use super::*;
use crate::algorithm::Algorithm;

const NOW: i64 = 1_800_000_000;
const HOUR: u64 = 3600;

fn policy() -> Policy {
    Policy {
        jwks_max_age: Duration::from_mins(5),
        rotate_every: Duration::from_secs(720 * HOUR),
        max_token_lifetime: Duration::from_secs(HOUR),
        skew: Duration::from_secs(30),
        node_lag: Duration::from_mins(1),
    }
}

/// A key that entered its state `age` seconds ago and was seen in it for `observed` seconds.
fn key(name: &str, state: KeyState, age: i64, observed: u64) -> RingKey {
    let kid = Kid::try_from(name).unwrap();
    RingKey { kid, state, since: NOW - age, observed: Duration::from_secs(observed) }
}

fn ring(keys: impl IntoIterator<Item = RingKey>) -> KeyRing {
    KeyRing { algorithm: Algorithm::Es256, keys: keys.into_iter().collect() }
}

fn activate(name: &str) -> Step {
    Step::Activate { kid: Kid::try_from(name).unwrap() }
}

fn delete(name: &str) -> Step {
    Step::Delete { kid: Kid::try_from(name).unwrap() }
}

#[test]
fn an_empty_ring_gets_an_active_key_at_once() {
    assert_eq!(plan(&ring([]), &policy(), NOW), [Step::PublishActive]);
}

#[test]
fn a_ring_that_lost_its_active_key_takes_the_pending_one() {
    let ring = ring([key("p", KeyState::Pending, 5, 5)]);

    assert_eq!(plan(&ring, &policy(), NOW), [activate("p")]);
}

#[test]
fn nothing_is_due_in_the_middle_of_a_period() {
    let active = key("a", KeyState::Active, 1000, 1000);
    let ring = ring([active, key("p", KeyState::Pending, 1000, 1000)]);

    assert_eq!(plan(&ring, &policy(), NOW), []);
}

#[test]
fn a_ring_without_a_successor_gets_one_at_once() {
    let ring = ring([key("a", KeyState::Active, 1, 1)]);

    assert_eq!(plan(&ring, &policy(), NOW), [Step::Publish]);
}

#[test]
fn the_successor_takes_over_at_the_end_of_the_period_and_has_one_itself() {
    let successor = key("p", KeyState::Pending, 600, 600);
    let at = |age| ring([key("a", KeyState::Active, age, 0), successor]);

    assert_eq!(plan(&at(720 * 3600), &policy(), NOW), [activate("p"), Step::Publish]);
    assert_eq!(plan(&at(720 * 3600 - 1), &policy(), NOW), []);
}

#[test]
fn a_pending_key_signs_only_after_this_process_has_seen_it_for_the_lead() {
    let active = key("a", KeyState::Active, 9_000_000, 0);

    // However old the wall clock says it is.
    let early = ring([active, key("p", KeyState::Pending, 9_000_000, 599)]);
    let ready = ring([active, key("p", KeyState::Pending, 0, 600)]);

    assert_eq!(plan(&early, &policy(), NOW), []);
    assert_eq!(plan(&ready, &policy(), NOW), [activate("p"), Step::Publish]);
}

#[test]
fn a_second_pending_key_asks_for_a_rotation_when_the_first_may_sign() {
    let with = |observed| {
        let first = key("p", KeyState::Pending, 700, observed);
        ring([key("a", KeyState::Active, 10, 10), first, key("q", KeyState::Pending, 5, 5)])
    };

    assert_eq!(plan(&with(599), &policy(), NOW), []);
    assert_eq!(plan(&with(600), &policy(), NOW), [activate("p")]);
}

#[test]
fn a_retired_key_goes_when_both_clocks_agree() {
    let retention = policy().retention().as_secs();
    let age = i64::try_from(retention).unwrap();
    let with = |retired| {
        ring([key("a", KeyState::Active, 0, 0), key("p", KeyState::Pending, 0, 0), retired])
    };

    let early = with(key("r", KeyState::Retired, age, retention - 1));
    let wall_behind = with(key("r", KeyState::Retired, age - 1, retention));
    let spent = with(key("r", KeyState::Retired, age, retention));

    assert_eq!(plan(&early, &policy(), NOW), []);
    assert_eq!(plan(&wall_behind, &policy(), NOW), []);
    assert_eq!(plan(&spent, &policy(), NOW), [delete("r")]);
}

#[test]
fn a_clock_that_was_set_back_blocks_neither_rotation_nor_deletion_for_ever() {
    let years = 10 * 365 * 24 * 3600;
    let active = key("a", KeyState::Active, -years, 0);
    let waited = (policy().retention() + policy().rotate_every).as_secs();
    let successor = key("p", KeyState::Pending, -years, 600);
    let ring = ring([active, successor, key("r", KeyState::Retired, -years, waited)]);

    assert_eq!(plan(&ring, &policy(), NOW), [activate("p"), Step::Publish, delete("r")]);
}

#[test]
fn clocks_of_nodes_that_differ_a_little_start_no_rotation() {
    let ring = ring([key("a", KeyState::Active, -30, 0), key("p", KeyState::Pending, 600, 600)]);

    assert_eq!(plan(&ring, &policy(), NOW), []);
}

#[test]
fn force_asks_for_a_rotation_once() {
    let active = key("a", KeyState::Active, 10, 10);
    let pending = key("p", KeyState::Pending, 5, 5);

    assert_eq!(force(&ring([active]), &policy(), NOW), [Step::Publish, Step::Publish]);
    assert_eq!(force(&ring([active, pending]), &policy(), NOW), [Step::Publish]);
    let asked = ring([active, pending, key("q", KeyState::Pending, 5, 5)]);
    assert_eq!(force(&asked, &policy(), NOW), []);
    assert_eq!(force(&ring([]), &policy(), NOW), [Step::PublishActive]);
}

#[test]
fn force_respects_the_cap() {
    let retired = (0..9).map(|n| key(&format!("r{n}"), KeyState::Retired, 10, 10));
    let ring = ring(retired.chain([key("a", KeyState::Active, 10, 10)]));

    assert_eq!(force(&ring, &policy(), NOW), []);
}

#[test]
fn force_takes_the_room_that_there_is() {
    let retired = (0..8).map(|n| key(&format!("r{n}"), KeyState::Retired, 10, 10));
    let ring = ring(retired.chain([key("a", KeyState::Active, 10, 10)]));

    assert_eq!(force(&ring, &policy(), NOW), [Step::Publish]);
}

#[test]
fn withdrawing_the_active_key_lets_another_take_over_first() {
    let active = key("a", KeyState::Active, 10, 10);
    let kid = active.kid;

    assert_eq!(withdraw(&ring([active]), &kid), [Step::PublishActive, delete("a"), Step::Publish]);
    let pending = key("p", KeyState::Pending, 5, 5);
    let with_one = ring([active, pending]);
    assert_eq!(withdraw(&with_one, &kid), [activate("p"), delete("a"), Step::Publish]);
    let with_two = ring([active, pending, key("q", KeyState::Pending, 1, 1)]);
    assert_eq!(withdraw(&with_two, &kid), [activate("p"), delete("a")]);
}

#[test]
fn withdrawing_other_keys_removes_them_and_leaves_a_successor() {
    let ring = ring([
        key("a", KeyState::Active, 10, 10),
        key("p", KeyState::Pending, 5, 5),
        key("r", KeyState::Retired, 5, 5),
    ]);

    assert_eq!(withdraw(&ring, &Kid::try_from("p").unwrap()), [delete("p"), Step::Publish]);
    assert_eq!(withdraw(&ring, &Kid::try_from("r").unwrap()), [delete("r")]);
    assert_eq!(withdraw(&ring, &Kid::try_from("x").unwrap()), []);
}

#[test]
fn the_lead_covers_a_node_that_lags_even_when_max_age_is_tiny() {
    let hasty = Policy { jwks_max_age: Duration::from_secs(10), ..policy() };

    assert_eq!(hasty.lead(), Duration::from_secs(70));
    assert_eq!(policy().lead(), Duration::from_mins(10));
}
