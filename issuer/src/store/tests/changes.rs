//! How nodes follow each other: generations in order, nothing missed, deletions told.

use super::*;
use crate::registry::Registry;

#[test]
fn a_node_follows_creation_change_and_deletion() {
    both(|database| async move {
        let (ours, theirs) = (database.open().await, database.open().await);
        let api = "https://api.example";
        theirs.create_resource(&resource(api, &["read"]), &act()).await.unwrap();
        let permissions = vec![permission(api, &["read"])];
        theirs.create_client(&Client { permissions, ..client("orders") }, &act()).await.unwrap();
        let created = Registry::default().apply(ours.changes_since(Generation(0)).await.unwrap());

        let disable = |client: &mut Client| {
            client.enabled = false;
            Ok(())
        };
        theirs.update_client(&id("orders"), &act(), disable).await.unwrap();
        let changed = created.apply(ours.changes_since(created.generation()).await.unwrap());
        theirs.delete_resource(api, &act()).await.unwrap();
        theirs.delete_client(&id("orders"), &act()).await.unwrap();
        let deleted = changed.apply(ours.changes_since(changed.generation()).await.unwrap());

        assert!(created.client("orders").unwrap().permission(api).is_some());
        assert_eq!(created.client("orders").unwrap().secrets.len(), 1);
        assert!(!changed.client("orders").unwrap().enabled);
        assert!(deleted.client("orders").is_none() && deleted.resource(api).is_none());
        assert_eq!(deleted.generation(), ours.heartbeat().await.unwrap().generation);
    });
}

#[test]
fn a_database_restored_from_a_backup_replaces_what_a_running_node_knows() {
    both(|database| async move {
        let store = database.open().await;
        store.create_client(&client("orders"), &act()).await.unwrap();
        let backup = Registry::default().apply(store.changes_since(Generation(0)).await.unwrap());
        store.create_client(&client("stock"), &act()).await.unwrap();
        let running = backup.apply(store.changes_since(backup.generation()).await.unwrap());
        for undo in [
            "DELETE FROM client_secret WHERE client_id = 'stock'",
            "DELETE FROM client WHERE id = 'stock'",
            "UPDATE generation SET value = 1",
        ] {
            sqlx::query(undo).execute(&store.pool).await.unwrap();
        }

        let restored = running.apply(store.changes_since(running.generation()).await.unwrap());

        assert!(running.client("stock").is_some() && restored.client("stock").is_none());
        assert!(restored.client("orders").is_some());
        assert_eq!(restored.generation(), store.heartbeat().await.unwrap().generation);
    });
}

#[test]
fn a_secret_and_a_pruned_scope_are_changes_of_the_client() {
    both(|database| async move {
        let store = database.open().await;
        let api = "https://api.example";
        store.create_resource(&resource(api, &["read"]), &act()).await.unwrap();
        let permissions = vec![permission(api, &["read"])];
        store.create_client(&Client { permissions, ..client("orders") }, &act()).await.unwrap();

        let before = store.heartbeat().await.unwrap().generation;
        store.add_secret(&id("orders"), &secret("s2", None), &act()).await.unwrap();
        let with_secret = store.changes_since(before).await.unwrap();
        let forget = |resource: &mut Resource| {
            resource.scopes.clear();
            Ok(())
        };
        store.update_resource(api, &act(), forget).await.unwrap();
        let pruned = store.changes_since(with_secret.generation).await.unwrap();

        assert_eq!(with_secret.clients[0].secrets.len(), 2);
        assert_eq!(pruned.clients[0].permissions[0].scopes, Vec::<String>::new());
        assert!(!with_secret.rings_changed);
    });
}

#[test]
fn a_reader_that_saw_a_generation_has_seen_everything_up_to_it() {
    both(|database| async move {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let config = database.config.clone();
                tokio::spawn(async move {
                    let store = Store::open(&config).await.unwrap();
                    for number in 0..10 {
                        let client = client(&format!("client-{writer}-{number}"));
                        store.create_client(&client, &act()).await.unwrap();
                    }
                })
            })
            .collect();
        let store = database.open().await;
        let mut registry = Registry::default();

        // Each generation made one client: a reader at N must hold exactly N of them.
        while registry.generation() < Generation(40) {
            let newest = store.heartbeat().await.unwrap().generation;
            registry = registry.apply(store.changes_since(registry.generation()).await.unwrap());
            assert!(registry.generation() >= newest);
            let seen = i64::try_from(registry.clients().count()).unwrap();
            assert!(seen >= registry.generation().0, "{seen} at {:?}", registry.generation());
        }

        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!(registry.clients().count(), 40);
    });
}
