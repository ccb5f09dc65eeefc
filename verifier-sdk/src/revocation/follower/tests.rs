use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const NOW: i64 = 1_700_000_000;

fn at(after: u64, seq: u64, head: u64) -> Position {
    Position { feed: "one".to_owned(), after, seq, head }
}

fn of_another(after: u64, seq: u64, head: u64) -> Position {
    Position { feed: "two".to_owned(), ..at(after, seq, head) }
}

/// A follower that has everything up to 43.
fn caught_up() -> Follower {
    let mut follower = Follower::default();
    assert_eq!(follower.take(&at(0, 43, 43), Kept::All, (NOW, NOW)), Outcome::UpToDate);
    follower
}

fn take(follower: &mut Follower, position: &Position, issued_at: i64) -> Outcome {
    follower.take(position, Kept::All, (issued_at, issued_at.max(NOW)))
}

#[test]
fn a_catch_up_is_over_when_the_head_is_reached() {
    let mut follower = Follower::default();

    assert_eq!(take(&mut follower, &at(0, 20, 43), NOW), Outcome::Behind);
    assert_eq!((follower.ask_from(), follower.up_to_date_at()), (20, None));

    assert_eq!(take(&mut follower, &at(20, 43, 43), NOW + 1), Outcome::UpToDate);
    assert_eq!((follower.ask_from(), follower.up_to_date_at()), (43, Some(NOW + 1)));
}

#[test]
fn a_gap_is_noticed_and_healed() {
    let mut follower = caught_up();

    assert_eq!(take(&mut follower, &at(44, 45, 45), NOW + 1), Outcome::Gap);
    assert_eq!((follower.ask_from(), follower.up_to_date_at()), (43, Some(NOW)));

    assert_eq!(take(&mut follower, &at(43, 45, 45), NOW + 1), Outcome::UpToDate);
    assert_eq!((follower.ask_from(), follower.up_to_date_at()), (45, Some(NOW + 1)));
}

#[test]
fn whoever_repeats_an_earlier_head_hides_nothing_that_was_heard_of() {
    let mut follower = Follower::default();
    let repeated = at(0, 0, 0);
    assert_eq!(take(&mut follower, &repeated, NOW), Outcome::UpToDate);

    assert_eq!(take(&mut follower, &at(2, 2, 2), NOW + 1), Outcome::Gap);
    assert_eq!(take(&mut follower, &repeated, NOW), Outcome::Behind);
    assert_eq!(take(&mut follower, &repeated, NOW + 6), Outcome::Behind);
    assert_eq!((follower.ask_from(), follower.up_to_date_at()), (0, Some(NOW)));

    assert_eq!(take(&mut follower, &at(0, 2, 2), NOW + 1), Outcome::UpToDate);
    assert_eq!((follower.ask_from(), follower.up_to_date_at()), (2, Some(NOW + 1)));
}

#[test]
fn a_head_that_went_back_before_all_was_known_is_the_head() {
    let mut follower = caught_up();
    assert_eq!(take(&mut follower, &at(60, 60, 60), NOW + 1), Outcome::Gap);

    assert_eq!(take(&mut follower, &at(43, 45, 45), NOW + 7), Outcome::UpToDate);
    assert_eq!((follower.ask_from(), follower.resets()), (45, 0));
}

#[test]
fn duplicates_and_older_messages_change_nothing() {
    let mut follower = caught_up();
    take(&mut follower, &at(43, 44, 44), NOW + 1);

    for position in [at(43, 44, 44), at(0, 43, 43), at(10, 11, 12)] {
        take(&mut follower, &position, NOW);
        assert_eq!((follower.ask_from(), follower.up_to_date_at()), (44, Some(NOW + 1)));
    }
}

#[cfg(feature = "remote")]
#[test]
fn what_says_nothing_new_need_not_be_taken() {
    let follower = caught_up();

    assert!(follower.has(&at(43, 43, 43), NOW) && follower.has(&at(41, 43, 43), NOW - 1));

    for other in [at(43, 44, 44), at(43, 43, 44), at(42, 42, 42), of_another(43, 43, 43)] {
        assert!(!follower.has(&other, NOW), "{other:?}");
    }
    assert!(!follower.has(&at(43, 43, 43), NOW + 1));
    assert!(!Follower::default().has(&at(0, 0, 0), NOW));
}

#[test]
fn an_old_message_is_taken_and_proves_nothing_about_now() {
    let mut follower = caught_up();

    let outcome = follower.take(&at(43, 50, 50), Kept::All, (NOW + 1, NOW + 62));

    assert_eq!(outcome, Outcome::Old);
    assert_eq!((follower.ask_from(), follower.up_to_date_at()), (50, Some(NOW)));
}

#[test]
fn a_node_that_is_a_moment_behind_begins_nothing_again() {
    let mut follower = caught_up();

    assert_eq!(take(&mut follower, &at(40, 42, 42), NOW + 5), Outcome::Old);

    assert_eq!((follower.ask_from(), follower.resets()), (43, 0));
}

#[test]
fn a_head_that_went_back_begins_again() {
    let mut follower = caught_up();

    assert_eq!(take(&mut follower, &at(12, 12, 12), NOW + 6), Outcome::Reset);
    assert_eq!((follower.ask_from(), follower.resets()), (0, 1));
    assert_eq!(follower.up_to_date_at(), Some(NOW));

    assert_eq!(take(&mut follower, &at(0, 12, 12), NOW + 7), Outcome::UpToDate);
    assert_eq!((follower.ask_from(), follower.up_to_date_at()), (12, Some(NOW + 7)));
}

#[test]
fn another_sequence_begins_again_and_its_predecessor_cannot_be_replayed() {
    let mut follower = caught_up();

    assert_eq!(take(&mut follower, &of_another(0, 3, 3), NOW + 1), Outcome::UpToDate);
    assert_eq!((follower.ask_from(), follower.resets()), (3, 1));

    assert_eq!(take(&mut follower, &at(43, 43, 43), NOW), Outcome::Old);
    assert_eq!((follower.ask_from(), follower.resets()), (3, 1));
}

#[test]
fn an_old_message_of_another_sequence_begins_nothing() {
    let mut follower = caught_up();

    let outcome = follower.take(&of_another(0, 9, 9), Kept::All, (NOW + 1, NOW + 62));

    assert_eq!((outcome, follower.ask_from(), follower.resets()), (Outcome::Old, 43, 0));
}

#[test]
fn what_could_not_be_kept_is_asked_for_again() {
    let mut follower = caught_up();

    let outcome = follower.take(&at(43, 45, 45), Kept::Some, (NOW + 1, NOW + 1));

    assert_eq!((outcome, follower.ask_from()), (Outcome::Incomplete, 43));
    assert_eq!(follower.up_to_date_at(), Some(NOW));
}

/// What a way does to the messages of an issuer.
#[derive(Clone, Copy, Debug)]
enum Way {
    Delivers,
    Drops,
    DeliversTwice,
    /// Delivers it with the one that comes so many later.
    Delays(usize),
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![
        4 => Just(Way::Delivers),
        1 => Just(Way::Drops),
        1 => Just(Way::DeliversTwice),
        2 => (1..100_usize).prop_map(Way::Delays),
    ]
}

/// A receiver, and an issuer whose entries are numbers; each step revokes some and tells of it.
#[derive(Default)]
struct World {
    /// The second in which each number was revoked, the first one of number 1.
    revoked: Vec<i64>,
    known: BTreeSet<u64>,
    follower: Follower,
}

impl World {
    fn head(&self) -> u64 {
        self.revoked.len() as u64
    }

    fn receive(&mut self, message: &(Position, i64), now: i64) -> Outcome {
        let (position, issued_at) = message;
        self.known.extend(position.after + 1..=position.seq);
        self.follower.take(position, Kept::All, (*issued_at, now))
    }

    /// Nothing that was revoked before the promised second is unknown.
    fn keeps_its_promise(&self) -> bool {
        let Some(promised) = self.follower.up_to_date_at() else { return true };
        let numbered = self.revoked.iter().zip(1_u64..);
        numbered.filter(|(at, _)| **at < promised).all(|(_, number)| self.known.contains(&number))
    }
}

proptest! {
    #[test]
    fn whatever_happens_on_the_way_nothing_is_promised_that_is_not_known_and_all_heals(
        steps in proptest::collection::vec((0..4_u64, 0..40_i64, way()), 1..60),
    ) {
        let mut world = World::default();
        let mut on_their_way: Vec<(usize, (Position, i64))> = Vec::new();
        let mut now = NOW;
        for (step, (count, pause, way)) in steps.into_iter().enumerate() {
            now += pause;
            let after = world.head();
            (0..count).for_each(|_| world.revoked.push(now));
            let message = (at(after, world.head(), world.head()), now);
            match way {
                Way::Drops => {}
                Way::Delivers => on_their_way.push((step, message)),
                Way::DeliversTwice => {
                    on_their_way.extend([(step, message.clone()), (step, message)]);
                }
                Way::Delays(steps) => on_their_way.push((step + steps, message)),
            }
            let (due, later) = on_their_way.into_iter().partition(|(due, _)| *due <= step);
            on_their_way = later;
            for (_, message) in due {
                world.receive(&message, now);
                prop_assert!(world.keeps_its_promise());
            }
        }

        for (_, message) in on_their_way {
            world.receive(&message, now);
            prop_assert!(world.keeps_its_promise());
        }
        let answer = (at(world.follower.ask_from(), world.head(), world.head()), now);
        prop_assert_eq!(world.receive(&answer, now), Outcome::UpToDate);
        prop_assert_eq!(world.known.len() as u64, world.head());
        prop_assert_eq!(world.follower.up_to_date_at(), Some(now));
        prop_assert_eq!(world.follower.resets(), 0);
    }
}
