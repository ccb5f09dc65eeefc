//! Device authorizations: each is settled once and redeemed once, on whichever node.

use super::*;

fn device(number: u128) -> DeviceAuthorization {
    DeviceAuthorization {
        id: uuid::Uuid::from_u128(number),
        client_id: "tv".to_owned(),
        scopes: vec!["openid".to_owned()],
        resources: vec!["https://a.example".to_owned()],
        state: DeviceState::Pending,
        interval: 5,
        polled_at: None,
        expires_at: NOW + 600,
    }
}

/// A client, and a user who is signed in.
async fn approval(store: &Store) -> DeviceApproval {
    store.create_client(&client("tv"), &act()).await.unwrap();
    let user = user("ada");
    store.create_user(&user, &act()).await.unwrap();
    let session = Session {
        id: crate::random::uuid(),
        user_id: user.id,
        auth_time: NOW,
        amr: vec!["pwd".to_owned()],
        created_at: NOW,
        last_seen_at: NOW,
        expires_at: NOW + 3_600,
        user_agent: None,
        address: None,
    };
    store.create_session(&session, "cookie").await.unwrap();
    DeviceApproval {
        user_id: user.id,
        session_id: session.id,
        auth_time: NOW,
        amr: vec!["pwd".to_owned()],
    }
}

/// How many of 64 callers on two nodes are told that it was they.
async fn winners<F: Future<Output = bool> + Send + 'static>(
    nodes: &[Store; 2],
    act: impl Fn(Store) -> F,
) -> u32 {
    let callers: Vec<_> =
        (0..64).map(|caller| tokio::spawn(act(nodes[caller % 2].clone()))).collect();
    let mut won = 0;
    for caller in callers {
        won += u32::from(caller.await.unwrap());
    }
    won
}

#[test]
fn r50_one_of_64_callers_on_two_nodes_settles_a_device_and_one_redeems_it() {
    both(|database| async move {
        let nodes = [database.open().await, database.open().await];
        let approval = approval(&nodes[0]).await;
        let device = device(1);
        assert!(nodes[0].begin_device_authorization(&device, "code").await.unwrap());
        let redemption = DeviceRedemption {
            id: device.id,
            participant: (approval.session_id, "tv".to_owned()),
            family: None,
        };

        let early = nodes[0].redeem_device(&redemption, NOW).await.unwrap();
        let by = approval.clone();
        let approved = winners(&nodes, move |store| {
            let approval = by.clone();
            async move { store.approve_device(device.id, &approval, NOW).await.unwrap() }
        });
        let approved = approved.await;
        let denied = nodes[1].deny_device(device.id, NOW).await.unwrap();
        let late = nodes[1].redeem_device(&redemption, NOW + 600).await.unwrap();
        let redeemed = winners(&nodes, move |store| {
            let redemption = redemption.clone();
            async move { store.redeem_device(&redemption, NOW).await.unwrap() }
        });
        let redeemed = redeemed.await;

        assert_eq!((early, approved, denied, late, redeemed), (false, 1, false, false, 1));
        let found = nodes[0].device_authorization(device.id).await.unwrap().unwrap();
        assert_eq!(found.state, DeviceState::Redeemed(approval.clone()));
        let ended = nodes[0].end_session(approval.session_id, NOW).await.unwrap().unwrap();
        assert_eq!(ended.clients, ["tv"]);
    });
}

#[test]
fn a_user_code_is_one_devices_only_and_finds_it_while_it_waits() {
    both(|database| async move {
        let store = database.open().await;
        approval(&store).await;
        let begin = async |number, code| {
            store.begin_device_authorization(&device(number), code).await.unwrap()
        };

        assert!(begin(1, "first").await);
        assert!(!begin(2, "first").await, "the code is taken");
        assert!(begin(2, "second").await);

        let waiting = async |code, now| store.waiting_device(code, now).await.unwrap();
        assert_eq!(waiting("second", NOW).await, Some(device(2)));
        assert_eq!(waiting("third", NOW).await, None);
        assert_eq!(waiting("second", NOW + 600).await, None);
        assert!(store.deny_device(device(2).id, NOW).await.unwrap());
        assert_eq!(waiting("second", NOW).await, None);
        assert!(!store.deny_device(device(1).id, NOW + 600).await.unwrap(), "it has expired");
        let rows = EXPIRING.iter().find(|rows| rows.table == "device_authorization").unwrap();
        assert_eq!(store.sweep(rows, NOW + 600, 10).await.unwrap(), 0);
        assert_eq!(store.sweep(rows, NOW + 601, 10).await.unwrap(), 2);
    });
}

#[test]
fn r50_two_nodes_count_the_questions_of_a_device_together() {
    both(|database| async move {
        let nodes = [database.open().await, database.open().await];
        approval(&nodes[0]).await;
        let first = device(1);
        nodes[0].begin_device_authorization(&first, "code").await.unwrap();

        assert!(nodes[0].note_device_poll(&first, 5, NOW).await.unwrap());
        assert!(!nodes[1].note_device_poll(&first, 5, NOW).await.unwrap(), "noted meanwhile");
        let second = nodes[1].device_authorization(first.id).await.unwrap().unwrap();
        assert_eq!((second.interval, second.polled_at), (5, Some(NOW)));
        assert!(nodes[1].note_device_poll(&second, 10, NOW + 1).await.unwrap());
        let third = nodes[0].device_authorization(first.id).await.unwrap().unwrap();
        assert_eq!((third.interval, third.polled_at), (10, Some(NOW + 1)));
    });
}
