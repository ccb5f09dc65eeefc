//! A row that this release does not understand is named and left out; everything else goes on, and it can be removed.

use countersign_keys::ring::KeyState;
use countersign_keys::{Algorithm, Kid};

use super::*;
use crate::registry::{Registry, RowKind};

const API: &str = "https://api.example";

async fn run(store: &Store, sql: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&store.pool).await.unwrap();
}

/// Two clients and a resource, and the registry that knows them.
async fn filled(database: &Database) -> (Store, Registry) {
    let store = database.open().await;
    store.create_resource(&resource(API, &["read"]), &act()).await.unwrap();
    for name in ["orders", "stock"] {
        let permissions = vec![permission(API, &["read"])];
        store.create_client(&Client { permissions, ..client(name) }, &act()).await.unwrap();
    }
    let registry = Registry::default().apply(store.changes_since(Generation(0)).await.unwrap());
    (store, registry)
}

#[test]
fn m1_a_client_that_cannot_be_understood_is_refused_alone() {
    let damages = [
        "UPDATE client SET auth = 'client_secret_jwt' WHERE id = 'orders'",
        "UPDATE client SET grants = '{' WHERE id = 'orders'",
        "UPDATE client SET jwks = '{}' WHERE id = 'orders'",
        "UPDATE client SET jwks_uri = 'no uri' WHERE id = 'orders'",
        "UPDATE client_permission SET scopes = 'read' WHERE client_id = 'orders'",
        "UPDATE client_secret SET digest = '!' WHERE client_id = 'orders'",
    ];
    both(|database| async move {
        let (store, before) = filled(&database).await;
        for damage in damages {
            let mut tx = store.pool.begin().await.unwrap();
            sqlx::query(damage).execute(&mut *tx).await.unwrap();
            let rows = client_rows::load(&mut tx, client_rows::Selection::After(-1));
            let rows = rows.await.unwrap();
            drop(tx);

            assert_eq!((rows.understood.len(), rows.unreadable.len()), (1, 1), "{damage}");
            let refused = &rows.unreadable[0];
            assert_eq!((refused.kind, refused.id.as_str()), (RowKind::Client, "orders"));
        }
        run(&store, damages[0]).await;
        run(&store, "UPDATE generation SET value = 9; UPDATE client SET generation = 9").await;

        let after = before.apply(store.changes_since(before.generation()).await.unwrap());

        assert!(before.client("orders").is_some() && after.client("orders").is_none());
        assert!(after.client("stock").is_some() && after.resource(API).is_some());
        assert_eq!((before.rows_refused(), after.rows_refused()), (0, 1));
        assert_eq!(after.generation(), Generation(9), "the node follows on");
    });
}

#[test]
fn m1_a_row_that_cannot_be_understood_can_be_removed() {
    both(|database| async move {
        let (store, before) = filled(&database).await;
        run(&store, "UPDATE client SET auth = 'later' WHERE id = 'orders'").await;
        run(&store, "UPDATE client_permission SET scopes = '!' WHERE client_id = 'orders'").await;
        run(&store, "UPDATE resource SET algorithm = 'ML-DSA-44'").await;

        let client = store.client(&id("orders")).await.unwrap_err();
        let resource = store.resource(API).await.unwrap_err();
        let listed = store.clients().await.unwrap();
        store.delete_resource(API, &act()).await.unwrap();
        store.delete_client(&id("orders"), &act()).await.unwrap();
        let after = before.apply(store.changes_since(before.generation()).await.unwrap());

        for (error, name) in [(client, "orders"), (resource, API)] {
            assert!(matches!(error, StoreError::Unreadable(_)), "{error}");
            assert!(error.to_string().contains(name), "{error}");
        }
        assert_eq!((listed.understood.len(), listed.unreadable.len()), (1, 1));
        assert!(after.client("orders").is_none() && after.client("stock").is_some());
        assert!(store.clients().await.unwrap().unreadable.is_empty());
    });
}

#[test]
fn m1_a_damaged_key_is_kept_by_its_kid_and_a_ring_of_a_later_release_is_left_alone() {
    both(|database| async move {
        let store = database.open().await;
        let key = KeyRow {
            kid: Kid::try_from("a").unwrap(),
            algorithm: Algorithm::Es256,
            state: KeyState::Active,
            since: NOW,
            observed: 0,
            created_at: NOW,
            sealed: b"a".to_vec(),
        };
        let made = RingChange { insert: vec![key], ..RingChange::default() };
        store.apply_ring_change(Algorithm::Es256, 0, &made, &act()).await.unwrap();
        run(&store, "UPDATE signing_key SET sealed = '!!!'").await;
        run(
            &store,
            "INSERT INTO key_ring (algorithm, version, generation) VALUES ('ML-DSA-44', 1, 1)",
        )
        .await;
        let later = "INSERT INTO signing_key (kid, algorithm, state, since, created_at, sealed) \
             VALUES ('x', 'ML-DSA-44', 'active', 1, 1, 'eA')";
        run(&store, later).await;

        let rings = store.load_rings().await.unwrap();

        assert_eq!((rings.len(), rings[0].keys.len()), (1, 1));
        assert_eq!(
            (rings[0].keys[0].kid.as_ref(), rings[0].keys[0].state),
            ("a", KeyState::Active)
        );
        assert!(rings[0].keys[0].sealed.is_empty());
    });
}
