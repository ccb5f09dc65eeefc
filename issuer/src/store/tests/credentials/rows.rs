//! What signing in writes and leaves behind.

use super::authenticator::Authenticator;
use super::*;

const TABLES: [&str; 8] = [
    "user_password",
    "user_totp",
    "recovery_code",
    "passkey",
    "one_time_link",
    "verified_email",
    "guess_count",
    "ceremony_use",
];

async fn counts(store: &Store) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in TABLES {
        let count = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        counts.push(sqlx::query_scalar(count).fetch_one(&store.pool).await.unwrap());
    }
    counts
}

#[test]
fn a_deleted_user_leaves_no_credential() {
    both(|database| async move {
        let clock = Clock::fixed(NOW);
        let node = Node::new(&database, &clock).await;
        let ada = node.ada().await;
        let _code = node.totp(&ada).await;
        node.credentials.new_recovery_codes(ada.user.id, &act()).await.unwrap();
        node.credentials.issue_link(&ada, LinkPurpose::PasswordReset).await.unwrap();
        drop(node.credentials.check_totp(ada.user.id, "wrong", None).await);
        let ceremony = node.credentials.start_passkey_registration(&ada).await.unwrap();
        let answer = Authenticator::new().create(&ceremony.options);
        let (ticket, by) = (ceremony.ticket.as_str(), act());
        node.credentials
            .finish_passkey_registration(ada.user.id, (ticket, &answer), "Phone", &by)
            .await
            .unwrap();
        let before = counts(&node.store).await;

        node.store.delete_user("ada", &act()).await.unwrap();
        let after = counts(&node.store).await;
        let later = node.check("ada", PASSWORD).await;
        clock.advance(Duration::from_hours(1));
        for rows in &EXPIRING {
            while node.store.sweep(rows, clock.now() + 1, 1).await.unwrap() > 0 {}
        }
        let swept = counts(&node.store).await;

        assert_eq!(before, [1, 1, 10, 1, 1, 1, 1, 2]);
        assert_eq!(after, [0, 0, 0, 0, 0, 0, 0, 2], "ceremonies name nobody");
        assert!(is_refused(&later, Refusal::UnknownUser), "{later:?}");
        assert_eq!(swept, [0; 8]);
    });
}

#[test]
fn cve_2021_22119_pages_and_unfinished_ceremonies_leave_no_row() {
    both(|database| async move {
        let node = Node::new(&database, &Clock::fixed(NOW)).await;
        let ada = node.ada().await;
        let before = counts(&node.store).await;

        for _ in 0..50 {
            node.credentials.start_passkey_sign_in().unwrap();
            node.credentials.start_passkey_registration(&ada).await.unwrap();
            node.credentials.start_totp(&ada).unwrap();
            let forged = node.credentials.finish_passkey("x.y", "{}").await;
            assert!(is_refused(&forged, Refusal::Wrong), "{forged:?}");
        }
        for _ in 0..3 {
            node.credentials.issue_link(&ada, LinkPurpose::PasswordReset).await.unwrap();
        }
        let after = counts(&node.store).await;

        assert_eq!((before[4], after[4]), (0, 1), "one link, however often one is asked for");
        assert_eq!((&after[..4], &after[5..]), (&before[..4], &before[5..]));
    });
}

#[test]
fn signing_in_takes_no_generation_and_a_change_is_recorded_without_a_secret() {
    both(|database| async move {
        let clock = Clock::fixed(NOW);
        let node = Node::new(&database, &clock).await;
        let ada = node.ada().await;
        let code = node.totp(&ada).await;
        let codes = node.credentials.new_recovery_codes(ada.user.id, &act()).await.unwrap();
        let before = node.store.heartbeat().await.unwrap().generation;

        node.check("ada", PASSWORD).await.unwrap();
        drop(node.check("ada", "wrong horse").await);
        node.credentials.check_totp(ada.user.id, &code(0), None).await.unwrap();
        node.credentials.check_recovery_code(ada.user.id, &codes[0], None).await.unwrap();
        node.credentials.issue_link(&ada, LinkPurpose::PasswordReset).await.unwrap();
        let after = node.store.heartbeat().await.unwrap().generation;
        let events = node.store.audit_events(100).await.unwrap();

        assert_eq!(before, after);
        let actions: Vec<_> = events.iter().map(|event| event.action.as_str()).collect();
        assert_eq!(
            actions,
            [
                "user.credential.add",
                "user.credential.add",
                "user.password.set",
                "user.email.verify",
                "user.create"
            ]
        );
        let text = format!("{events:?}");
        assert!(!text.contains(PASSWORD) && !text.contains(codes[0].as_str()));
    });
}
