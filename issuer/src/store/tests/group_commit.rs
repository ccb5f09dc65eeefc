//! Writes that share transactions: each is answered for itself, whatever becomes of the others.

use std::collections::HashSet;
use std::future::Future;
use std::task::{Context, Poll, Waker};

use futures_util::future::join_all;
use uuid::Uuid;

use super::*;
use crate::protocol::ClaimsRequest;

/// A store with a user and a client, and which user.
async fn prepared(database: &Database) -> (Store, Uuid) {
    let store = database.open().await;
    let user = user("ada");
    store.create_client(&client("web"), &act()).await.unwrap();
    store.create_user(&user, &act()).await.unwrap();
    (store, user.id)
}

fn redemption(code: &str, user_id: Uuid) -> CodeRedemption {
    let id = crate::random::uuid();
    let family = RefreshFamily {
        id,
        client_id: "web".to_owned(),
        user_id,
        session_id: None,
        counter: 0,
        rotated_at: NOW,
        scopes: vec!["openid".to_owned()],
        resources: Vec::new(),
        auth_time: NOW,
        amr: vec!["pwd".to_owned()],
        claims: ClaimsRequest::default(),
        bound_to: None,
        created_at: NOW,
        expires_at: NOW + 3600,
        revoked_at: None,
    };
    CodeRedemption {
        code_id: id,
        code_hash: code.to_owned(),
        expires_at: NOW + 60,
        participant: None,
        family: Some(family),
    }
}

#[test]
fn of_64_parallel_callers_on_two_nodes_one_redeems_each_code_and_rotates_each_family() {
    both(|database| async move {
        let (first, user_id) = prepared(&database).await;
        let nodes = [first, database.open().await];
        let codes: Vec<_> =
            (0..16).map(|code| redemption(&format!("code-{code}"), user_id)).collect();
        let callers = || (0..64).flat_map(|caller| codes.iter().map(move |code| (caller, code)));

        let redeemed = callers().map(|(caller, code)| {
            let (store, code) = (nodes[caller % 2].clone(), code.clone());
            tokio::spawn(async move { store.redeem_code(code, NOW).await.unwrap() })
        });
        let redeemed = join_all(redeemed.collect::<Vec<_>>()).await;
        let rotated = callers().map(|(caller, code)| {
            let (store, id) = (nodes[caller % 2].clone(), code.code_id);
            tokio::spawn(async move { store.use_family(id, (0, 1), NOW).await.unwrap() })
        });
        let rotated = join_all(rotated.collect::<Vec<_>>()).await;

        let won = |outcomes: Vec<Result<bool, _>>| {
            outcomes.into_iter().filter(|outcome| *outcome.as_ref().unwrap()).count()
        };
        assert_eq!((won(redeemed), won(rotated)), (16, 16));
        for code in &codes {
            let family = nodes[0].refresh_family(code.code_id).await.unwrap().unwrap();
            assert_eq!((family.counter, family.user_id), (1, user_id));
        }
    });
}

#[test]
fn one_that_the_database_refuses_is_in_nobody_s_way() {
    both(|database| async move {
        let (store, user_id) = prepared(&database).await;
        let nobody = Uuid::from_u128(7);

        let writes = (0..20).map(|code| {
            let user_id = if code == 9 { nobody } else { user_id };
            store.redeem_code(redemption(&format!("code-{code}"), user_id), NOW)
        });
        let outcomes = join_all(writes).await;
        let again = store.redeem_code(redemption("code-9", user_id), NOW).await;

        for (code, outcome) in outcomes.into_iter().enumerate() {
            match outcome {
                Ok(redeemed) => assert!(redeemed && code != 9, "{code}"),
                Err(error) => assert!(code == 9 && !error.is_retryable(), "{code}: {error}"),
            }
        }
        assert!(again.unwrap(), "nothing was kept of the code that was refused");
    });
}

/// Polls a request once, so that its write waits in line.
fn begin<F: Future>(request: &mut std::pin::Pin<Box<F>>) {
    let polled = request.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Pending));
}

#[test]
fn a_request_that_is_given_up_takes_its_write_along_or_leaves_it_done_whole() {
    both(|mut database| async move {
        database.config.database.max_connections = 1;
        let (store, user_id) = prepared(&database).await;
        let codes: Vec<_> =
            (0..3).map(|code| redemption(&format!("code-{code}"), user_id)).collect();
        let busy = store.pool.begin().await.unwrap();

        // The first is taken into a transaction, which waits for the connection; the second waits for the next.
        let mut requests: Vec<_> =
            codes.iter().map(|code| Box::pin(store.redeem_code(code.clone(), NOW))).collect();
        begin(&mut requests[0]);
        while !store.writes.is_under_way() {
            tokio::task::yield_now().await;
        }
        begin(&mut requests[1]);
        drop(requests.drain(..2));
        drop(busy);
        let third = requests.remove(0).await;

        assert!(third.unwrap());
        let family = |code: usize| store.refresh_family(codes[code].code_id);
        let kept = [family(0).await.unwrap().is_some(), family(1).await.unwrap().is_some()];
        assert_eq!(kept, [true, false]);
        assert!(!store.redeem_code(codes[0].clone(), NOW).await.unwrap());
        assert!(store.redeem_code(codes[1].clone(), NOW).await.unwrap());
    });
}

#[test]
fn who_comes_when_too_many_wait_is_told_at_once_to_come_again() {
    both(|mut database| async move {
        database.config.database.max_connections = 1;
        let store = database.open().await;
        let busy = store.pool.begin().await.unwrap();

        let more = 5_000;
        let mut requests: Vec<_> = (0..more)
            .map(|id| Box::pin(store.use_family(Uuid::from_u128(id), (0, 1), NOW)))
            .collect();
        let mut refused = Vec::new();
        for request in &mut requests {
            let polled = request.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            if let Poll::Ready(outcome) = polled {
                refused.push(outcome.unwrap_err());
            }
        }
        drop(busy);
        requests.clear();

        assert!((800..1_000).contains(&refused.len()), "{} were refused", refused.len());
        assert!(refused.iter().all(StoreError::is_retryable));
        assert!(!store.use_family(Uuid::from_u128(1), (0, 1), NOW).await.unwrap());
    });
}

#[test]
fn writes_of_every_kind_share_a_transaction_and_are_answered_each_for_itself() {
    both(|database| async move {
        let (store, user_id) = prepared(&database).await;
        let known = redemption("known", user_id);
        assert!(store.redeem_code(known.clone(), NOW).await.unwrap());
        assert!(store.consume_assertion_jti(&id("web"), b"known", NOW + 60).await.unwrap());

        let jti = async |hash: &[u8]| store.consume_assertion_jti(&id("web"), hash, NOW + 60).await;
        let outcomes = tokio::join!(
            store.redeem_code(redemption("new", user_id), NOW),
            store.redeem_code(redemption("known", user_id), NOW),
            store.use_family(known.code_id, (0, 1), NOW),
            store.use_family(known.code_id, (1, 2), NOW),
            store.use_family(Uuid::from_u128(1), (0, 1), NOW),
            jti(b"new"),
            jti(b"known"),
        );

        let (new, replayed, current, next, unknown, new_jti, replayed_jti) = outcomes;
        let done =
            [new, replayed, current, next, unknown, new_jti, replayed_jti].map(Result::unwrap);
        assert_eq!(done, [true, false, true, true, false, true, false]);
    });
}

#[test]
fn a_participant_is_kept_while_there_is_its_session() {
    both(|database| async move {
        let (store, user_id) = prepared(&database).await;
        let session = Session {
            id: crate::random::uuid(),
            user_id,
            auth_time: NOW,
            amr: Vec::new(),
            created_at: NOW,
            last_seen_at: NOW,
            expires_at: NOW + 60,
            user_agent: None,
            address: None,
        };
        store.create_session(&session, "hash").await.unwrap();
        let with = |code: &str, session_id: Uuid| {
            let participant = Some((session_id, "web".to_owned()));
            store.redeem_code(CodeRedemption { participant, ..redemption(code, user_id) }, NOW)
        };

        let gone = Uuid::from_u128(7);
        let outcomes =
            join_all([with("a", session.id), with("b", session.id), with("c", gone)]).await;
        let ended = store.end_session(session.id, NOW).await.unwrap().unwrap();

        let outcomes: HashSet<_> = outcomes.into_iter().map(Result::unwrap).collect();
        assert_eq!(outcomes, HashSet::from([true]));
        assert_eq!(ended.clients, ["web"]);
    });
}
