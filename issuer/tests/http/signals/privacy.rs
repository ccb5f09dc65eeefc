//! Of whom a receiver hears, and by which name.

use countersign::registry::SubjectType;
use countersign::store::Actor;

use super::{SESSION_REVOKED, SSF, edit_client, issuer, sign_in, types};
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
        edit_client(&issuer, "siem", |client| match what {
            "permission" => client.permissions.clear(),
            _ => client.enabled = false,
        })
        .await;

        store.sign_out_user("ada", &act).await.unwrap();

        let held = store.pending_signals(stream.parse().unwrap(), (START, 9)).await.unwrap();
        assert!(held.is_empty(), "{what}");
    }
}

#[tokio::test]
async fn what_waits_is_not_told_to_whoever_may_no_longer_hear_it() {
    let manage = || vec!["ssf.manage".to_owned()];
    for what in ["everyone", "scopes", "permission", "client"] {
        let (issuer, _) = issuer().await;
        let siem = issuer.watcher("siem", &["ssf.manage", "ssf.everyone"]).await;
        let stream = siem.stream().await.parse().unwrap();
        let (store, act) = (&issuer.app.store, Actor::command_line().at(START));
        store.sign_out_user("ada", &act).await.unwrap();
        let before = store.pending_signals(stream, (START, 9)).await.unwrap();

        edit_client(&issuer, "siem", |client| match what {
            "everyone" => client.permissions[0].scopes = manage(),
            "scopes" => client.permissions[0].scopes = vec!["ssf.everyone".to_owned()],
            "permission" => client.permissions.clear(),
            _ => client.enabled = false,
        })
        .await;

        let after = store.pending_signals(stream, (START, 9)).await.unwrap();
        assert_eq!((before.len(), after.len()), (1, 0), "{what}");
    }
}

#[tokio::test]
async fn whoever_hears_of_everybody_no_more_still_hears_of_its_own() {
    let (issuer, _) = issuer().await;
    issuer.user("eve").await;
    let (receiver, secret) = issuer.receiver("web").await;
    let stream = receiver.stream().await;
    let everyone = || "ssf.everyone".to_owned();
    edit_client(&issuer, "web", |client| client.permissions[0].scopes.push(everyone())).await;
    sign_in(&issuer, "web", &secret).await;
    for name in ["ada", "eve"] {
        let act = Actor::command_line().at(START);
        issuer.app.store.sign_out_user(name, &act).await.unwrap();
    }

    let everybody = receiver.poll(&stream).await;
    edit_client(&issuer, "web", |client| {
        client.permissions[0].scopes.retain(|scope| *scope != everyone());
    })
    .await;

    assert_eq!((everybody.len(), receiver.poll(&stream).await.len()), (2, 1));
}
