//! One-time things under parallel use, on two nodes.

use super::*;

#[test]
fn cve_2020_5300_cve_2020_15222_a_jti_is_consumed_once_by_64_parallel_callers_on_two_nodes() {
    both(|database| async move {
        let nodes = [database.open().await, database.open().await];

        let callers: Vec<_> = (0..64)
            .map(|caller| {
                let store = nodes[caller % 2].clone();
                tokio::spawn(async move {
                    store.consume_assertion_jti(&id("orders"), &[1; 32], NOW + 60).await.unwrap()
                })
            })
            .collect();
        let mut won = 0;
        for caller in callers {
            won += u32::from(caller.await.unwrap());
        }

        assert_eq!(won, 1);
    });
}

#[test]
fn a_jti_belongs_to_its_client_outlives_a_restart_and_goes_when_expired() {
    both(|database| async move {
        let store = database.open().await;
        let consume = |store: Store, client: &'static str| async move {
            store.consume_assertion_jti(&id(client), &[1; 32], NOW + 60).await.unwrap()
        };
        assert!(consume(store.clone(), "orders").await);
        drop(store);
        let store = database.open().await;

        let replayed = consume(store.clone(), "orders").await;
        let of_another = consume(store.clone(), "stock").await;
        let records = EXPIRING.iter().find(|rows| rows.table == "assertion_use").unwrap();
        let too_early = store.sweep(records, NOW + 60, 10).await.unwrap();
        let in_parts = [
            store.sweep(records, NOW + 61, 1).await.unwrap(),
            store.sweep(records, NOW + 61, 10).await.unwrap(),
        ];

        assert!(!replayed && of_another);
        assert_eq!((too_early, in_parts), (0, [1, 1]));
    });
}

#[test]
fn edits_of_two_administrators_are_both_kept() {
    both(|database| async move {
        let nodes = [database.open().await, database.open().await];
        nodes[0].create_client(&client("orders"), &act()).await.unwrap();

        let edits: Vec<_> = (0..16)
            .map(|edit| {
                let store = nodes[edit % 2].clone();
                tokio::spawn(async move {
                    let add = |client: &mut Client| {
                        client.grants.push(format!("grant-{edit}"));
                        Ok(())
                    };
                    store.update_client(&id("orders"), &act(), add).await.map(drop)
                })
            })
            .collect();
        for edit in edits {
            edit.await.unwrap().unwrap();
        }

        assert_eq!(nodes[0].client(&id("orders")).await.unwrap().grants.len(), 17);
    });
}
