//! The end of sessions, and the queue of those who have to hear of it.

use uuid::Uuid;

use super::*;
use crate::protocol::ClaimsRequest;
use crate::registry::SignIn;

/// A user with as many sessions as asked for, in each of which `web` took part, which wants to hear, and `other`,
/// which does not.
async fn signed_in(store: &Store, sessions: usize) -> (Uuid, Vec<Uuid>) {
    let user = user("ada");
    store.create_user(&user, &act()).await.unwrap();
    for (name, uri) in [("web", Some("https://web.example/out")), ("other", None)] {
        let backchannel_logout_uri = uri.map(|uri| uri.parse().unwrap());
        let sign_in = Some(SignIn { backchannel_logout_uri, ..SignIn::default() });
        store.create_client(&Client { sign_in, ..client(name) }, &act()).await.unwrap();
    }
    let mut ids = Vec::new();
    for _ in 0..sessions {
        let id = begin(store, user.id).await;
        for client_id in ["web", "other"] {
            redeem(store, (id, user.id), (client_id, "openid")).await.unwrap();
        }
        ids.push(id);
    }
    (user.id, ids)
}

async fn begin(store: &Store, user_id: Uuid) -> Uuid {
    let session = Session {
        id: crate::random::uuid(),
        user_id,
        auth_time: NOW,
        amr: vec!["pwd".to_owned()],
        created_at: NOW,
        last_seen_at: NOW,
        expires_at: NOW + 3600,
        user_agent: None,
        address: None,
    };
    store.create_session(&session, &session.id.to_string()).await.unwrap();
    session.id
}

/// A client redeems a code of a session; returns the family of its refresh tokens.
async fn redeem(
    store: &Store,
    (session_id, user_id): (Uuid, Uuid),
    (client_id, scope): (&str, &str),
) -> Result<Uuid, StoreError> {
    let family = RefreshFamily {
        id: crate::random::uuid(),
        client_id: client_id.to_owned(),
        user_id,
        session_id: Some(session_id),
        counter: 0,
        rotated_at: NOW,
        scopes: vec![scope.to_owned()],
        resources: Vec::new(),
        auth_time: NOW,
        amr: Vec::new(),
        claims: ClaimsRequest::default(),
        bound_to: None,
        created_at: NOW,
        expires_at: NOW + 3600,
        revoked_at: None,
    };
    let redemption = CodeRedemption {
        code_id: family.id,
        code_hash: family.id.to_string(),
        expires_at: NOW + 60,
        participant: Some((session_id, client_id.to_owned())),
        family: Some(family.clone()),
    };
    store.redeem_code(redemption, NOW).await?;
    Ok(family.id)
}

#[test]
fn a_row_of_the_queue_is_taken_by_one_of_two_nodes_and_again_when_that_one_died() {
    both(|database| async move {
        let nodes = [database.open().await, database.open().await];
        signed_in(&nodes[0], 20).await;
        nodes[0].sign_out_user("ada", &act()).await.unwrap();

        let callers: Vec<_> = (0..32)
            .map(|caller| {
                let store = nodes[caller % 2].clone();
                tokio::spawn(async move { store.claim_logout_deliveries(NOW, 3).await.unwrap() })
            })
            .collect();
        let mut taken = Vec::new();
        for caller in callers {
            taken.extend(caller.await.unwrap());
        }
        let rest = nodes[0].claim_logout_deliveries(NOW, 100).await.unwrap();
        taken.extend(rest);

        let sessions: std::collections::BTreeSet<_> =
            taken.iter().map(|row| row.session_id).collect();
        assert_eq!((taken.len(), sessions.len()), (20, 20), "each once");
        assert!(taken.iter().all(|row| row.client_id == "web" && row.attempts == 1));
        assert_eq!(nodes[1].claim_logout_deliveries(NOW + 29, 100).await.unwrap(), []);
        let again = nodes[1].claim_logout_deliveries(NOW + 30, 100).await.unwrap();
        assert_eq!(again.iter().filter(|row| row.attempts == 2).count(), 20);
    });
}

#[test]
fn a_client_that_does_not_listen_is_left_alone_with_all_it_would_be_told() {
    both(|database| async move {
        let store = database.open().await;
        signed_in(&store, 3).await;
        store.sign_out_user("ada", &act()).await.unwrap();

        let one = store.claim_logout_deliveries(NOW, 1).await.unwrap().remove(0);
        store.put_off_logout_delivery(&one, NOW + 5).await.unwrap();

        assert_eq!(store.heartbeat().await.unwrap().logout_due_at, Some(NOW + 5));
        assert_eq!(store.claim_logout_deliveries(NOW + 4, 10).await.unwrap(), []);
        assert_eq!(store.claim_logout_deliveries(NOW + 5, 10).await.unwrap().len(), 3);
        store.finish_logout_delivery(&one).await.unwrap();
        assert_eq!(store.claim_logout_deliveries(NOW + 60, 10).await.unwrap().len(), 2);
    });
}

#[test]
fn signing_out_everywhere_may_keep_one_session_and_takes_back_what_was_given_beyond_the_others() {
    both(|database| async move {
        let store = database.open().await;
        let (ada, sessions) = signed_in(&store, 2).await;
        let offline = "offline_access";
        let kept = redeem(&store, (sessions[0], ada), ("web", offline)).await.unwrap();
        let lost = redeem(&store, (sessions[1], ada), ("web", offline)).await.unwrap();

        let ended = store.end_sessions_of(ada, Some(sessions[0]), NOW).await.unwrap();

        assert_eq!(ended.iter().map(|session| session.id).collect::<Vec<_>>(), [sessions[1]]);
        assert_eq!(ended[0].clients, ["other", "web"]);
        assert_eq!(ended[0].deliveries.len(), 1);
        let is_revoked = async |id| store.refresh_family(id).await.unwrap().unwrap().revoked_at;
        assert_eq!((is_revoked(kept).await, is_revoked(lost).await), (None, Some(NOW)));
        let left = store.sessions_of(ada).await.unwrap();
        assert_eq!(left.iter().map(|session| session.id).collect::<Vec<_>>(), [sessions[0]]);
    });
}

#[test]
fn whoever_joins_a_session_that_ends_hears_of_the_end_or_does_not_join() {
    both(|database| async move {
        let nodes = [database.open().await, database.open().await];
        let (ada, _) = signed_in(&nodes[0], 0).await;

        for _ in 0..40 {
            let id = begin(&nodes[0], ada).await;
            let (joining, ending) = (nodes[0].clone(), nodes[1].clone());
            let join =
                tokio::spawn(async move { redeem(&joining, (id, ada), ("web", "openid")).await });
            let end =
                tokio::spawn(async move { ending.end_session(id, NOW).await.unwrap().unwrap() });
            let (joined, ended) = (join.await.unwrap(), end.await.unwrap());

            let Ok(family) = joined else { continue };
            let family = nodes[0].refresh_family(family).await.unwrap().unwrap();
            let heard = ended.clients == ["web"] && ended.deliveries.len() == 1;
            // Whoever came after the end has tokens of a session that is gone, which no grant accepts.
            assert_eq!(heard, family.revoked_at.is_some(), "{ended:?}");
        }
    });
}
