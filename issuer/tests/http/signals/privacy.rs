//! Of whom a receiver hears, and by which name.

use countersign::registry::SubjectType;
use countersign::store::Actor;

use super::{SESSION_REVOKED, SSF, issuer, sign_in, types};
use crate::harness::START;

#[tokio::test]
async fn a_receiver_hears_of_those_who_use_it_and_of_nobody_else() {
    let (issuer, _) = issuer().await;
    issuer.user("eve").await;
    let (web, secret) = issuer.receiver("web").await;
    let (shop, _) = issuer.receiver("shop").await;
    let app = issuer.watcher("app", &["ssf.manage"]).await;
    let siem = issuer.watcher("siem", &["ssf.manage", "ssf.everyone"]).await;
    let streams =
        [web.stream().await, shop.stream().await, app.stream().await, siem.stream().await];
    sign_in(&issuer, "web", &secret).await;
    let act = Actor::command_line().at(START);

    issuer.app.store.sign_out_user("ada", &act).await.unwrap();
    issuer.app.store.sign_out_user("eve", &act).await.unwrap();

    assert_eq!(types(&web.poll(&streams[0]).await), [SESSION_REVOKED]);
    assert_eq!(types(&shop.poll(&streams[1]).await), [""; 0]);
    assert_eq!(types(&app.poll(&streams[2]).await), [""; 0]);
    assert_eq!(types(&siem.poll(&streams[3]).await), [SESSION_REVOKED; 2]);
}

#[tokio::test]
async fn a_session_is_told_only_to_those_who_took_part_in_it() {
    let (issuer, _) = issuer().await;
    let (web, web_secret) = issuer.receiver("web").await;
    let (shop, shop_secret) = issuer.receiver("shop").await;
    let streams = (web.stream().await, shop.stream().await);
    let (id_token, _) = sign_in(&issuer, "web", &web_secret).await;
    sign_in(&issuer, "shop", &shop_secret).await;
    let session = id_token["sid"].as_str().unwrap().parse().unwrap();

    issuer.app.store.end_session(session, START).await.unwrap();

    assert_eq!(web.poll(&streams.0).await.len(), 1);
    assert_eq!(shop.poll(&streams.1).await.len(), 0);
}

#[tokio::test]
async fn a_receiver_with_pairwise_names_hears_those() {
    let (issuer, ada) = issuer().await;
    let secret = issuer
        .web("web", |client, sign_in| {
            client.grants.push("client_credentials".to_owned());
            SSF.clone_into(&mut client.permissions[0].resource);
            client.permissions[0].scopes = vec!["ssf.manage".to_owned()];
            sign_in.subject_type = SubjectType::Pairwise;
        })
        .await;
    let receiver = issuer.receiver_by("web", &secret).await;
    let stream = receiver.stream().await;
    let (id_token, _) = sign_in(&issuer, "web", &secret).await;

    issuer.app.store.sign_out_user("ada", &Actor::command_line().at(START)).await.unwrap();

    let heard = receiver.poll(&stream).await;
    assert_eq!(heard[0]["sub_id"]["sub"], id_token["sub"]);
    assert!(!heard[0].to_string().contains(&ada.to_string()));
}

#[tokio::test]
async fn a_client_that_lost_its_permission_or_is_disabled_hears_nothing_more() {
    for what in ["permission", "client"] {
        let (issuer, _) = issuer().await;
        let siem = issuer.watcher("siem", &["ssf.manage", "ssf.everyone"]).await;
        let stream = siem.stream().await;
        let (store, act) = (&issuer.app.store, Actor::command_line().at(START));
        let id = countersign::registry::ClientId::parse("siem").unwrap();
        let edit = |client: &mut countersign::registry::Client| {
            match what {
                "permission" => client.permissions.clear(),
                _ => client.enabled = false,
            }
            Ok(())
        };
        drop(store.update_client(&id, &act, edit).await.unwrap());

        store.sign_out_user("ada", &act).await.unwrap();

        let held = store.pending_signals(stream.parse().unwrap(), (START, 9)).await.unwrap();
        assert!(held.is_empty(), "{what}");
    }
}
