//! Signals and their streams: in the order of commits, whoever writes.

use uuid::Uuid;

use super::*;
use crate::signals::{Signal, resource as signals_resource};

/// A receiver that hears of everybody, with so many streams that are pushed.
async fn receivers(store: &Store, config: &Config, names: &[&str]) -> Vec<Uuid> {
    let address = signals_resource(&config.issuer);
    let scopes = ["ssf.manage", "ssf.everyone"];
    store.create_resource(&resource(&address, &scopes), &act()).await.unwrap();
    let mut streams = Vec::new();
    for name in names {
        let permissions = vec![permission(&address, &scopes)];
        store.create_client(&Client { permissions, ..client(name) }, &act()).await.unwrap();
        let session_revoked = Signal::SessionRevoked { session: None }.event_type();
        let stream = SignalStream {
            id: crate::random::uuid(),
            client_id: (*name).to_owned(),
            push: Some(Push { endpoint_url: "https://a.example".to_owned(), authorization: None }),
            events_requested: vec![session_revoked.to_owned()],
            description: None,
            status: crate::signals::StreamStatus::Enabled,
            reason: None,
            halted: false,
            failures: 0,
            created_at: NOW,
        };
        store.create_stream(&stream, &act()).await.unwrap();
        streams.push(stream.id);
    }
    streams
}

async fn session(store: &Store, user_id: Uuid) -> Uuid {
    let session = Session {
        id: crate::random::uuid(),
        user_id,
        auth_time: NOW,
        amr: Vec::new(),
        created_at: NOW,
        last_seen_at: NOW,
        expires_at: NOW + 3600,
        user_agent: None,
        address: None,
    };
    store.create_session(&session, &session.id.to_string()).await.unwrap();
    session.id
}

#[test]
fn what_many_cause_at_once_on_two_nodes_is_numbered_without_gap_and_nobody_waits_for_another() {
    both(|database| async move {
        let nodes = [database.open().await, database.open().await];
        let streams = receivers(&nodes[0], &database.config, &["a", "b", "c"]).await;
        let ada = user("ada");
        nodes[0].create_user(&ada, &act()).await.unwrap();
        let mut sessions = Vec::new();
        for _ in 0..40 {
            sessions.push(session(&nodes[0], ada.id).await);
        }

        let enders: Vec<_> = sessions
            .into_iter()
            .enumerate()
            .map(|(number, id)| {
                let store = nodes[number % 2].clone();
                tokio::spawn(async move { store.end_session(id, NOW).await.unwrap().unwrap() })
            })
            .collect();
        for ender in enders {
            ender.await.unwrap();
        }

        for stream in streams {
            let pending = nodes[1].pending_signals(stream, (NOW, 100)).await.unwrap();
            let numbers: Vec<i64> = pending.iter().map(|signal| signal.seq).collect();
            assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
        }
    });
}

#[test]
fn a_change_that_is_undone_tells_nobody() {
    both(|database| async move {
        let store = database.open().await;
        let streams = receivers(&store, &database.config, &["a"]).await;
        let ada = user("ada");
        store.create_user(&ada, &act()).await.unwrap();
        session(&store, ada.id).await;

        let me = act();
        let mut change = store.begin(&me).await.unwrap();
        change.end_sessions(ada.id).await.unwrap();
        drop(change);
        store.sign_out_user("ada", &act()).await.unwrap();

        let pending = store.pending_signals(streams[0], (NOW, 9)).await.unwrap();
        assert_eq!(pending.len(), 1);
        assert_eq!(store.heartbeat().await.unwrap().signal_due_at, Some(NOW));
    });
}

#[test]
fn a_stream_is_leased_by_one_node_and_what_comes_meanwhile_waits_for_a_receiver_that_is_away() {
    both(|database| async move {
        let store = database.open().await;
        receivers(&store, &database.config, &["a"]).await;
        let ada = user("ada");
        store.create_user(&ada, &act()).await.unwrap();
        store.sign_out_user("ada", &act()).await.unwrap();

        let leased = store.lease_due_streams(NOW, 9).await.unwrap();
        let again = store.lease_due_streams(NOW, 9).await.unwrap();
        store.put_off_stream(&leased[0], NOW + 5).await.unwrap();
        store.sign_out_user("ada", &act()).await.unwrap();
        let due_at = store.heartbeat().await.unwrap().signal_due_at;
        let later = store.lease_due_streams(NOW + 5, 9).await.unwrap();

        assert_eq!((leased.len(), again.len(), due_at, later.len()), (1, 0, Some(NOW + 5), 1));
        assert_eq!(later[0].stream.failures, 1);
    });
}
