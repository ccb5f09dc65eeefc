//! Starting: on nothing, together, on a newer schema, without a database.

use super::*;

async fn set_schema(store: &Store, version: i64, oldest_compatible: i64) {
    let insert = "INSERT INTO _sqlx_migrations \
         (version, description, success, checksum, execution_time) VALUES ($1, 'later', TRUE, $2, 0)";
    let checksum = vec![0_u8; 48];
    sqlx::query(insert).bind(version).bind(checksum).execute(&store.pool).await.unwrap();
    sqlx::query("UPDATE schema_state SET oldest_compatible = $1")
        .bind(oldest_compatible)
        .execute(&store.pool)
        .await
        .unwrap();
}

#[test]
fn eight_nodes_open_an_empty_database_at_once() {
    both(|database| async move {
        let nodes: Vec<_> = (0..8)
            .map(|_| {
                let config = database.config.clone();
                tokio::spawn(async move { Store::open(&config).await.map(drop) })
            })
            .collect();

        for node in nodes {
            node.await.unwrap().unwrap();
        }

        let schema = database.open().await.schema().await.unwrap();
        assert_eq!(schema.version, schema::VERSION);
    });
}

#[test]
fn what_was_committed_is_there_after_the_process_is_gone() {
    both(|database| async move {
        let store = database.open().await;
        store.create_client(&client("orders"), &act()).await.unwrap();
        // Gone in the middle of a change: never committed, never closed.
        let act = act();
        let mut change = store.begin(&act).await.unwrap();
        change.record("half", "done", &serde_json::Value::Null).await.unwrap();
        drop(change);
        drop(store);

        let store = database.open().await;

        assert_eq!(store.heartbeat().await.unwrap().generation, Generation(1));
        assert_eq!(store.client(&id("orders")).await.unwrap().secrets.len(), 1);
        assert!(store.audit_events(9).await.unwrap().iter().all(|event| event.action != "half"));
    });
}

#[test]
fn a_later_schema_is_served_if_it_allows_and_else_refused_untouched() {
    both(|database| async move {
        let store = database.open().await;
        store.create_client(&client("orders"), &act()).await.unwrap();

        set_schema(&store, 90, schema::VERSION).await;
        let beside_the_next_release = Store::open(&database.config).await;
        set_schema(&store, 91, 91).await;
        let refused = Store::open(&database.config).await.unwrap_err();

        assert!(beside_the_next_release.is_ok());
        assert!(matches!(refused, StoreError::Newer { found: 91, ours: schema::VERSION }));
        assert_eq!(store.clients().await.unwrap().understood.len(), 1, "nothing was changed");
    });
}

#[test]
fn a_schema_that_lacks_a_step_before_its_version_is_refused_untouched() {
    both(|database| async move {
        let store = database.open().await;
        store.create_client(&client("orders"), &act()).await.unwrap();

        for (gone, found) in
            [("version = 14", schema::VERSION), ("version = 11 OR version > 17", 17)]
        {
            let delete = format!("DELETE FROM _sqlx_migrations WHERE {gone}");
            sqlx::query(sqlx::AssertSqlSafe(delete)).execute(&store.pool).await.unwrap();

            let refused = Store::open(&database.config).await.unwrap_err();

            let missing = if found == 17 { 11 } else { 14 };
            let expected = StoreError::Gap { found, missing }.to_string();
            assert_eq!(refused.to_string(), expected);
            assert_eq!(store.schema().await.unwrap().version, found, "nothing was changed");
        }
        assert_eq!(store.clients().await.unwrap().understood.len(), 1);
    });
}

#[test]
fn the_audit_log_of_changes_refuses_to_be_altered() {
    both(|database| async move {
        let store = database.open().await;
        store.create_client(&client("orders"), &act()).await.unwrap();

        for statement in ["UPDATE audit_event SET actor = 'nobody'", "DELETE FROM audit_event"] {
            let refused = sqlx::query(statement).execute(&store.pool).await.unwrap_err();
            assert!(refused.to_string().contains("append-only"), "{refused}");
        }

        let events = store.audit_events(9).await.unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(
            (events[0].action.as_str(), events[0].object.as_str()),
            ("client.create", "orders")
        );
        assert!(events[0].actor.starts_with("node:") && events[0].at == NOW);
    });
}

#[tokio::test]
async fn a_missing_database_is_a_passing_trouble() {
    let mut config = Config::default();
    // Nothing listens on the discard port.
    config.database.url = Some(Secret::new("postgres://u:canary-1f@127.0.0.1:9/d".to_owned()));

    let error = Store::open(&config).await.unwrap_err();

    assert!(error.is_retryable(), "{error:?}");
    assert!(!error.to_string().contains("canary-1f"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_damaged_and_left_as_it_is() {
    let database = Database::sqlite();
    let path = database.config.data_dir.join("countersign.db");
    let text = "this is no database, it is a letter to my aunt; ".repeat(100);
    std::fs::write(&path, &text).unwrap();

    let error = Store::open(&database.config).await.unwrap_err();

    assert!(matches!(error, StoreError::Corrupt(_)), "{error:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[cfg(unix)]
#[tokio::test]
async fn the_database_file_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let database = Database::sqlite();

    database.open().await;

    let path = database.config.data_dir.join("countersign.db");
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
}
