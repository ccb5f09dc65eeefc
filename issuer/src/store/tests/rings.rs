//! Rings: of two nodes one wins, and no change leaves a ring without exactly one active key.

use countersign_keys::ring::KeyState;
use countersign_keys::{Algorithm, Kid};

use super::*;

fn key(kid: &str, state: KeyState) -> KeyRow {
    KeyRow {
        kid: Kid::try_from(kid).unwrap(),
        algorithm: Algorithm::Es256,
        state,
        since: NOW,
        observed: 0,
        created_at: NOW,
        sealed: kid.as_bytes().to_vec(),
    }
}

fn bootstrap(kid: &str) -> RingChange {
    RingChange { insert: vec![key(kid, KeyState::Active)], ..RingChange::default() }
}

fn states(ring: &RingRows) -> Vec<(&str, KeyState)> {
    ring.keys.iter().map(|key| (key.kid.as_ref(), key.state)).collect()
}

#[test]
fn two_nodes_that_make_a_ring_at_once_make_one() {
    both(|database| async move {
        let nodes = [database.open().await, database.open().await];

        let (first, second) = (bootstrap("a"), bootstrap("b"));
        let act = act();
        let (a, b) = tokio::join!(
            nodes[0].apply_ring_change(Algorithm::Es256, 0, &first, &act),
            nodes[1].apply_ring_change(Algorithm::Es256, 0, &second, &act),
        );

        assert!(a.unwrap() ^ b.unwrap());
        let rings = nodes[0].load_rings().await.unwrap();
        assert_eq!((rings.len(), rings[0].version, rings[0].keys.len()), (1, 1, 1));
    });
}

#[test]
fn of_two_nodes_that_rotate_at_once_one_wins_and_the_loser_changes_nothing() {
    both(|database| async move {
        let nodes = [database.open().await, database.open().await];
        let act = act();
        let made = bootstrap("a");
        assert!(nodes[0].apply_ring_change(Algorithm::Es256, 0, &made, &act).await.unwrap());
        let before = nodes[0].heartbeat().await.unwrap().generation;

        let publish =
            |kid| RingChange { insert: vec![key(kid, KeyState::Pending)], ..RingChange::default() };
        let (first, second) = (publish("b"), publish("c"));
        let (a, b) = tokio::join!(
            nodes[0].apply_ring_change(Algorithm::Es256, 1, &first, &act),
            nodes[1].apply_ring_change(Algorithm::Es256, 1, &second, &act),
        );

        assert!(a.unwrap() ^ b.unwrap());
        assert_eq!(nodes[1].load_rings().await.unwrap()[0].keys.len(), 2);
        let changes = nodes[1].changes_since(before).await.unwrap();
        assert!(changes.rings_changed);
        assert_eq!(changes.generation, Generation(before.0 + 1), "the loser took no generation");
    });
}

#[test]
fn a_turn_swaps_the_active_key_in_one_step() {
    both(|database| async move {
        let store = database.open().await;
        let mut made = bootstrap("a");
        made.insert.push(key("b", KeyState::Pending));
        store.apply_ring_change(Algorithm::Es256, 0, &made, &act()).await.unwrap();

        // Named in the order that would have two active keys for a moment.
        let (a, b) = (made.insert[0].kid, made.insert[1].kid);
        let turn = RingChange {
            set_state: vec![(b, KeyState::Active), (a, KeyState::Retired)],
            ..RingChange::default()
        };
        let later = Actor::node().at(NOW + 600);
        assert!(store.apply_ring_change(Algorithm::Es256, 1, &turn, &later).await.unwrap());

        let rings = store.load_rings().await.unwrap();
        assert_eq!(states(&rings[0]), [("a", KeyState::Retired), ("b", KeyState::Active)]);
        assert!(rings[0].keys.iter().all(|key| key.since == NOW + 600));
        assert_eq!(rings[0].keys[0].sealed, b"a");
    });
}

#[test]
fn a_change_without_exactly_one_active_key_is_refused_whole() {
    both(|database| async move {
        let store = database.open().await;
        let made = bootstrap("a");
        store.apply_ring_change(Algorithm::Es256, 0, &made, &act()).await.unwrap();
        let only = made.insert[0].kid;

        let none = RingChange { delete: vec![only], ..RingChange::default() };
        let two = bootstrap("b");
        let retire =
            RingChange { set_state: vec![(only, KeyState::Retired)], ..RingChange::default() };
        for change in [none, two, retire] {
            let refused = store.apply_ring_change(Algorithm::Es256, 1, &change, &act()).await;
            assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
        }

        let rings = store.load_rings().await.unwrap();
        assert_eq!(states(&rings[0]), [("a", KeyState::Active)]);
        assert_eq!(rings[0].version, 1);
    });
}

#[test]
fn a_key_is_sealed_anew_only_by_who_has_opened_the_present_row() {
    both(|database| async move {
        let store = database.open().await;
        let made = bootstrap("a");
        store.apply_ring_change(Algorithm::Es256, 0, &made, &act()).await.unwrap();
        let kid = made.insert[0].kid;

        let stale = store.reseal_key(&kid, b"x", b"new").await.unwrap();
        let resealed = store.reseal_key(&kid, b"a", b"new").await.unwrap();

        assert!(!stale && resealed);
        assert_eq!(store.load_rings().await.unwrap()[0].keys[0].sealed, b"new");
    });
}

#[test]
fn a_withdrawn_key_never_comes_back_and_a_deleted_one_may() {
    both(|database| async move {
        let store = database.open().await;
        let act = act();
        let es256 = Algorithm::Es256;
        let insert = vec![key("a", KeyState::Active), key("b", KeyState::Pending)];
        let made = RingChange { insert, ..RingChange::default() };
        assert!(store.apply_ring_change(es256, 0, &made, &act).await.unwrap());
        let taken = [key("c", KeyState::Pending).kid];
        let insert =
            |kid| RingChange { insert: vec![key(kid, KeyState::Pending)], ..RingChange::default() };

        let withdraw =
            RingChange { withdraw: vec![key("b", KeyState::Pending).kid], ..insert("c") };
        assert!(store.apply_ring_change(es256, 1, &withdraw, &act).await.unwrap());
        let delete = RingChange { delete: taken.to_vec(), ..RingChange::default() };
        assert!(store.apply_ring_change(es256, 2, &delete, &act).await.unwrap());
        let refused = store.apply_ring_change(es256, 3, &insert("b"), &act).await.unwrap_err();
        let accepted = store.apply_ring_change(es256, 3, &insert("c"), &act).await.unwrap();

        assert!(matches!(refused, StoreError::Withdrawn { ref kid, at: NOW } if kid == "b"));
        assert!(accepted);
        let rings = store.load_rings().await.unwrap();
        assert_eq!(states(&rings[0]), [("a", KeyState::Active), ("c", KeyState::Pending)]);
        let events = store.audit_events(9).await.unwrap();
        assert!(events.iter().any(|event| event.action == "key.withdraw" && event.object == "b"));
    });
}

#[test]
fn what_nodes_saw_of_a_retirement_only_grows_and_counts_for_that_retirement_alone() {
    both(|database| async move {
        let store = database.open().await;
        let es256 = Algorithm::Es256;
        let insert = vec![key("a", KeyState::Active), key("r", KeyState::Retired)];
        let made = RingChange { insert, ..RingChange::default() };
        assert!(store.apply_ring_change(es256, 0, &made, &act()).await.unwrap());
        let seen = |kid: &str, since, seconds| Observation {
            kid: Kid::try_from(kid).unwrap(),
            since,
            seconds,
        };
        let observed = async || {
            let rings = store.load_rings().await.unwrap();
            rings[0].keys.iter().map(|key| key.observed).collect::<Vec<_>>()
        };

        let mut history = Vec::new();
        for noted in [
            [seen("r", NOW, 600), seen("a", NOW, 600)],
            [seen("r", NOW, 60), seen("gone", NOW, 60)],
            [seen("r", NOW, 700), seen("r", NOW - 1, 9000)],
        ] {
            store.record_observations(&noted).await.unwrap();
            history.push(observed().await);
        }
        let delete =
            RingChange { delete: vec![Kid::try_from("r").unwrap()], ..RingChange::default() };
        assert!(store.apply_ring_change(es256, 1, &delete, &act()).await.unwrap());
        let again =
            RingChange { insert: vec![key("r", KeyState::Retired)], ..RingChange::default() };
        assert!(store.apply_ring_change(es256, 2, &again, &act()).await.unwrap());

        assert_eq!(history, [[0, 600], [0, 600], [0, 700]]);
        assert_eq!(observed().await, [0, 0], "another retirement of the same key");
    });
}
