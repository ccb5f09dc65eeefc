//! The sequence of what was revoked.

use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::revocation::{Holder, Numbered};

fn numbers(entries: &[Numbered]) -> Vec<i64> {
    entries.iter().map(|entry| entry.seq).collect()
}

#[test]
fn the_numbers_of_two_nodes_have_no_gap_and_who_has_seen_one_has_seen_all_before_it() {
    both(|database| async move {
        let nodes = [database.open().await, database.open().await];
        let watching = database.open().await;

        let writers: Vec<_> = (0..16)
            .map(|writer| {
                let store = nodes[writer % 2].clone();
                tokio::spawn(async move {
                    for count in 0..10 {
                        let jti = format!("t{writer}.{count}");
                        store.revoke_token(&jti, NOW + 600, NOW).await.unwrap();
                    }
                })
            })
            .collect();
        let (mut after, mut seen) = (0, Vec::new());
        while seen.len() < 160 {
            let page = watching.revocations_after(after, NOW).await.unwrap();
            after = page.seq;
            seen.extend(numbers(&page.entries));
        }
        for writer in writers {
            writer.await.unwrap();
        }

        assert_eq!(seen, (1..=160).collect::<Vec<i64>>());
        for node in &nodes {
            node.follow_revocations(NOW).await.unwrap();
            assert_eq!((node.revocations().head(), node.revocations().len()), (160, 160));
        }
    });
}

#[test]
fn what_is_not_committed_is_not_revoked() {
    both(|database| async move {
        let store = database.open().await;
        store.create_user(&user("ada"), &act()).await.unwrap();

        let unknown = store.withdraw_consent(Uuid::from_u128(1), "web", &act()).await;
        let refused = store
            .update_user("ada", &act(), |user| {
                user.enabled = false;
                Err(crate::registry::InvalidValue::new("username", "ada", "no"))
            })
            .await;

        assert!(unknown.is_err() && refused.is_err());
        assert_eq!(store.newest_revocation().await.unwrap(), 0);
        assert!(store.revocations().is_empty());
    });
}

#[test]
fn a_deleted_user_is_one_level_and_not_an_entry_a_session() {
    both(|database| async move {
        let store = database.open().await;
        let ada = user("ada");
        store.create_user(&ada, &act()).await.unwrap();

        store.delete_user("ada", &act()).await.unwrap();

        let page = store.revocations_after(0, NOW).await.unwrap();
        let text: serde_json::Value = serde_json::from_str(&page.entries[0].text).unwrap();
        let exp = NOW + 2 + 86_400 + 120;
        let expected = serde_json::json!({ "sub": ada.id, "iat": NOW + 2, "exp": exp });
        assert_eq!((page.entries.len(), text), (1, expected));
        let sub = ada.id.to_string();
        let holder = Holder { sub: &sub, ..Holder::default() };
        assert_eq!(store.revocations().level(|| holder), Some(NOW + 2));
    });
}

#[test]
fn the_sequence_has_one_name_and_a_restored_database_takes_nothing_back() {
    both(|database| async move {
        let (store, other) = (database.open().await, database.open().await);
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(store.feed_id(one).await.unwrap(), one.to_string());
        assert_eq!(other.feed_id(two).await.unwrap(), one.to_string());
        for jti in ["t1", "t2", "t3"] {
            store.revoke_token(jti, NOW + 600, NOW).await.unwrap();
        }
        other.follow_revocations(NOW).await.unwrap();

        // As it was in a backup of the moment after the first.
        for sql in ["DELETE FROM revocation WHERE seq > 1", "UPDATE revocation_feed SET seq = 1"] {
            sqlx::query(sql).execute(&store.pool).await.unwrap();
        }
        other.follow_revocations(NOW).await.unwrap();

        assert_eq!((other.revocations().head(), other.revocations().len()), (1, 3));
    });
}

#[test]
fn a_sequence_that_was_renamed_is_called_so_by_the_nodes_that_start_then_and_the_change_is_on_record()
 {
    both(|database| async move {
        let store = database.open().await;
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        store.feed_id(one).await.unwrap();

        store.rename_feed(two, &act()).await.unwrap();

        let other = database.open().await;
        assert_eq!(other.feed_id(Uuid::from_u128(3)).await.unwrap(), two.to_string());
        let records = other.audit_events(10).await.unwrap();
        assert_eq!(
            records.first().map(|record| record.action.as_str()),
            Some("revocation_feed.rename")
        );
    });
}

#[test]
fn what_is_over_is_neither_read_nor_kept() {
    both(|database| async move {
        let store = database.open().await;
        store.revoke_token("t1", NOW + 60, NOW).await.unwrap();
        store.revoke_token("t2", NOW + 6_000, NOW).await.unwrap();

        let rows = EXPIRING.iter().find(|rows| rows.table == "revocation").unwrap();
        let later = NOW + 60 + 120 + 1;
        let page = store.revocations_after(0, later).await.unwrap();
        let swept = store.sweep(rows, later, 100).await.unwrap();

        assert_eq!((page.seq, numbers(&page.entries), swept), (2, vec![2], 1));
    });
}

#[test]
fn postgresql_calls_the_other_nodes() {
    both(|database| async move {
        let (store, other) = (database.open().await, database.open().await);
        if !store.can_call() {
            assert!(store.revocation_calls().await.is_err());
            return;
        }
        let id = store.feed_id(Uuid::from_u128(7)).await.unwrap();
        let mut calls = other.revocation_calls().await.unwrap();

        store.revoke_token("t1", NOW + 60, NOW).await.unwrap();

        let called = tokio::time::timeout(Duration::from_secs(5), calls.next(&id)).await;
        assert_eq!(called.unwrap().unwrap(), 1);
    });
}
