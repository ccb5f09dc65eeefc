//! What expires is found and removed over an index, however many rows there are.

use sqlx::{AssertSqlSafe, Row as _};

use super::*;

/// How the database goes about a statement, as it says itself.
async fn plan(store: &Store, statement: &str) -> String {
    let connection = &mut *store.pool.acquire().await.unwrap();
    // SQLite explains in columns, PostgreSQL in lines.
    let is_sqlite =
        sqlx::query("SELECT sqlite_version()").fetch_one(&mut *connection).await.is_ok();
    let statement = statement.replace("$1", "7").replace("$2", "7");
    let (explain, column) = if is_sqlite { ("EXPLAIN QUERY PLAN", 3) } else { ("EXPLAIN", 0) };
    let query = AssertSqlSafe(format!("{explain} {statement}"));
    let rows = sqlx::raw_sql(query).fetch_all(connection).await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.get(column)).collect();
    lines.join("\n")
}

#[test]
fn every_sweep_goes_over_an_index() {
    both(|database| async move {
        let store = database.open().await;

        for rows in &EXPIRING {
            for statement in [rows.delete, rows.oldest] {
                let plan = plan(&store, statement).await;

                let reads_all = plan.contains("Seq Scan")
                    || plan
                        .lines()
                        .any(|line| line.starts_with("SCAN ") && !line.contains("INDEX"));
                assert!(!reads_all && plan.to_lowercase().contains("index"), "{statement}\n{plan}");
                assert!(!plan.contains("TEMP B-TREE"), "{statement}\n{plan}");
            }
        }
    });
}

#[test]
fn the_next_expiry_is_known_after_a_look_and_after_a_write() {
    both(|database| async move {
        let store = database.open().await;
        assert_eq!(store.next_expiry(), i64::MIN, "an earlier process may have left anything");

        let nothing = store.expiries().await.unwrap();
        let after_a_look = store.next_expiry();
        store.push_request("a", "web", "", NOW + 60).await.unwrap_err();
        store.consume_assertion_jti(&id("web"), b"a", NOW + 90).await.unwrap();
        let after_writes = store.next_expiry();
        let found = store.expiries().await.unwrap();

        assert!(nothing.iter().all(Option::is_none));
        assert_eq!((after_a_look, after_writes), (i64::MAX, NOW + 60));
        assert_eq!(found.into_iter().flatten().collect::<Vec<_>>(), [NOW + 90]);
        assert_eq!(store.next_expiry(), NOW + 90);
    });
}
