//! Codes as a second factor: once each, few guesses, whatever restarts.

use super::*;

#[test]
fn a_totp_code_is_accepted_once_by_64_parallel_callers_on_two_nodes() {
    both(|database| async move {
        let clock = Clock::fixed(NOW);
        let node = Node::new(&database, &clock).await;
        let ada = node.ada().await;
        let code = node.totp(&ada).await(0);

        let (user_id, now) = (ada.user.id, code.clone());
        // Below the count of guesses, where the statement alone decides.
        let stored = node.store.totp(user_id).await.unwrap().unwrap();
        let nodes = [database.open().await, database.open().await];
        let callers: Vec<_> = (0..64)
            .map(|caller| {
                let (store, stored) = (nodes[caller % 2].clone(), stored.clone());
                let step = NOW / 30;
                tokio::spawn(async move { store.use_totp_step(user_id, &stored, step, NOW).await })
            })
            .collect();
        let mut won = 0;
        for caller in callers {
            won += u32::from(caller.await.unwrap().unwrap());
        }
        let replayed = node.credentials.check_totp(user_id, &now, None).await;

        assert_eq!(won, 1);
        assert!(is_refused(&replayed, Refusal::Used), "{replayed:?}");
    });
}

#[test]
fn of_64_parallel_sign_ins_with_one_code_exactly_one_succeeds() {
    both(|database| async move {
        let clock = Clock::fixed(NOW);
        let node = Node::new(&database, &clock).await;
        let ada = node.ada().await;
        let code = node.totp(&ada).await(0);

        let user_id = ada.user.id;
        let (won, failed) = race(&database, &clock, move |credentials| {
            let code = code.clone();
            async move { credentials.check_totp(user_id, &code, None).await }
        })
        .await;

        assert_eq!(won, 1, "{failed:?}");
    });
}

#[test]
fn the_code_that_confirmed_an_app_and_those_before_it_are_used() {
    both(|database| async move {
        let clock = Clock::fixed(NOW);
        let node = Node::new(&database, &clock).await;
        let ada = node.ada().await;
        let code = node.totp(&ada).await;
        let check =
            async |code: String| node.credentials.check_totp(ada.user.id, &code, None).await;

        let confirmed_with = check(code(-1)).await;
        let present = check(code(0)).await;
        clock.advance(Duration::from_mins(1));
        let older = check(code(-1)).await;
        let skipped = check(code(0)).await;
        let before = check(code(-1)).await;

        assert!(is_refused(&confirmed_with, Refusal::Used), "{confirmed_with:?}");
        assert!(present.is_ok() && older.is_ok() && skipped.is_ok());
        assert!(is_refused(&before, Refusal::Used), "{before:?}");
    });
}

#[test]
fn an_enrollment_is_confirmed_once_in_time_and_by_its_user() {
    both(|database| async move {
        let clock = Clock::fixed(NOW);
        let node = Node::new(&database, &clock).await;
        let ada = node.ada().await;
        let enrollment = node.credentials.start_totp(&ada).unwrap();
        let secret = totp_rs::Secret::try_from_base32(&*enrollment.secret).unwrap();
        let app = totp_rs::Builder::new().with_secret(secret).build().unwrap();
        let code = |at: i64| app.generate(at.cast_unsigned()).to_string();
        let confirm = async |user_id, code: &str| {
            node.credentials.confirm_totp(user_id, &enrollment.ticket, code, &act()).await
        };

        let of_another = confirm(crate::random::uuid(), &code(NOW)).await;
        let before = node.credentials.account(ada.user.id).await.unwrap().has_totp;
        let first = confirm(ada.user.id, &code(NOW)).await;
        let second = confirm(ada.user.id, &code(NOW - 30)).await;
        clock.advance(Duration::from_hours(1));
        let late = confirm(ada.user.id, &code(NOW + 3_600)).await;

        assert!(is_refused(&of_another, Refusal::Expired), "{of_another:?}");
        assert!(!before && first.is_ok(), "{first:?}");
        assert!(is_refused(&second, Refusal::Used), "{second:?}");
        assert!(is_refused(&late, Refusal::Expired), "{late:?}");
        assert!(enrollment.uri.starts_with("otpauth://totp/localhost:ada?secret="));
    });
}

#[test]
fn cve_2024_32868_guesses_are_counted_across_restarts_and_nodes() {
    both(|database| async move {
        let clock = Clock::fixed(NOW);
        let node = Node::new(&database, &clock).await;
        let ada = node.ada().await;
        let code = node.totp(&ada).await;
        let user_id = ada.user.id;
        let right = code(0);
        let wrong = if right == "123456" { "654321" } else { "123456" };

        let mut looked_at = 0;
        for _ in 0..25 {
            // Each time after a restart; codes of both kinds share one count.
            let node = Node::new(&database, &clock).await;
            let totp = node.credentials.check_totp(user_id, wrong, None).await;
            let recovery =
                node.credentials.check_recovery_code(user_id, "0000-0000-0000", None).await;
            looked_at += usize::from(is_refused(&totp, Refusal::Wrong));
            looked_at += usize::from(is_refused(&recovery, Refusal::Wrong));
        }
        let by_owner = node.credentials.check_totp(user_id, &right, None).await;
        let cookie = node.credentials.remember_device(None, user_id).unwrap();
        let at_home = node.credentials.check_totp(user_id, &right, Some(&cookie)).await;
        clock.advance(Duration::from_secs(2));
        let after_the_wait = node.credentials.check_totp(user_id, &code(1), None).await;

        assert_eq!(looked_at, 5);
        assert!(matches!(by_owner, Err(CredentialError::TooMany { .. })), "{by_owner:?}");
        assert!(at_home.is_ok(), "a known device is counted for itself: {at_home:?}");
        assert!(after_the_wait.is_ok(), "{after_the_wait:?}");
    });
}

#[test]
fn of_64_parallel_guesses_on_two_nodes_few_are_looked_at() {
    both(|database| async move {
        let clock = Clock::fixed(NOW);
        let ada = Node::new(&database, &clock).await.ada().await.user.id;

        let (_, failed) = race(&database, &clock, move |credentials| async move {
            credentials.check_recovery_code(ada, "0000-0000-0000", None).await
        })
        .await;
        let looked_at =
            failed.iter().filter(|error| matches!(error, CredentialError::Refused(_))).count();

        assert_eq!((looked_at, failed.len()), (5, 64));
    });
}

#[test]
fn a_recovery_code_is_used_once_and_new_ones_replace_the_old() {
    both(|database| async move {
        let clock = Clock::fixed(NOW);
        let node = Node::new(&database, &clock).await;
        let ada = node.ada().await.user.id;
        let first = node.credentials.new_recovery_codes(ada, &act()).await.unwrap();

        let sloppy = first[0].to_uppercase().replace('-', " ").replace('0', "O");
        let left = node.credentials.check_recovery_code(ada, &sloppy, None).await.unwrap();
        let code = first[1].clone();
        let (won, failed) = race(&database, &clock, move |credentials| {
            let code = code.clone();
            async move { credentials.check_recovery_code(ada, &code, None).await }
        })
        .await;
        let second = node.credentials.new_recovery_codes(ada, &act()).await.unwrap();
        clock.advance(Duration::from_hours(2));
        let of_first = node.credentials.check_recovery_code(ada, &first[2], None).await;
        // The attempts that lost the race counted as guesses.
        clock.advance(Duration::from_mins(1));
        let of_second = node.credentials.check_recovery_code(ada, &second[0], None).await;

        assert_eq!((left, won), (9, 1), "{failed:?}");
        assert!(is_refused(&of_first, Refusal::Wrong), "{of_first:?}");
        assert_eq!(of_second.unwrap(), 9);
    });
}
