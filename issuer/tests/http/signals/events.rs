//! What is told of users (OpenID CAEP 1.0, RISC): one row a cause.

use countersign::credentials::{LinkPurpose, Password, StoredTotp};
use countersign::registry::User;
use countersign::store::Actor;
use serde_json::json;

use super::{CREDENTIAL_CHANGE, SESSION_REVOKED, issuer, risc, sign_in, types};
use crate::harness::{Issuer, START};
use crate::people::Browser;

async fn set_enabled(issuer: &Issuer, enabled: bool) {
    let edit = |user: &mut User| {
        user.enabled = enabled;
        Ok(())
    };
    let act = Actor::command_line().at(START);
    drop(issuer.app.store.update_user("ada", &act, edit).await.unwrap());
}

#[tokio::test]
async fn a_sign_out_is_told_by_session_and_user() {
    let (issuer, ada) = issuer().await;
    let (receiver, secret) = issuer.receiver("web").await;
    let stream = receiver.stream().await;
    let browser = Browser::new(&issuer);
    let code = browser.code("web", &[]).await;
    let tokens = issuer.redeem("web", &secret, &code).await.json();
    let id_token = tokens["id_token"].as_str().unwrap();

    browser.get(&format!("/logout?id_token_hint={id_token}")).await;

    let heard = receiver.poll(&stream).await;
    assert_eq!(heard.len(), 1, "{heard:?}");
    let (told, session) = (&heard[0], &crate::people::payload(&tokens["id_token"])["sid"]);
    assert_eq!((&told["iss"], &told["aud"]), (&json!("https://issuer.example"), &json!("web")));
    assert_eq!((&told["iat"], told.get("sub"), told.get("exp")), (&json!(START), None, None));
    assert!(told["txn"].as_str().is_some_and(|txn| !txn.is_empty()));
    let expected = json!({
        "format": "complex",
        "user": { "format": "iss_sub", "iss": "https://issuer.example", "sub": ada.to_string() },
        "session": { "format": "opaque", "id": session },
    });
    assert_eq!(told["sub_id"], expected);
    let event = json!({ SESSION_REVOKED: {
        "event_timestamp": START,
        "initiating_entity": "user",
        "reason_admin": { "en": "The user ended the session." },
    }});
    assert_eq!(told["events"], event);
}

#[tokio::test]
async fn every_cause_is_told_once_and_as_what_it_is() {
    for (cause, by, expected) in [
        ("signed out by an administrator", "admin", vec![SESSION_REVOKED.to_owned()]),
        ("disabled", "admin", vec![SESSION_REVOKED.to_owned(), risc("account-disabled")]),
        ("deleted", "admin", vec![SESSION_REVOKED.to_owned(), risc("account-purged")]),
        (
            "password by a link",
            "user",
            vec![CREDENTIAL_CHANGE.to_owned(), SESSION_REVOKED.to_owned()],
        ),
        (
            "password by an administrator",
            "admin",
            vec![CREDENTIAL_CHANGE.to_owned(), SESSION_REVOKED.to_owned()],
        ),
        ("authenticator app", "user", vec![CREDENTIAL_CHANGE.to_owned()]),
        ("no password any more", "admin", vec![CREDENTIAL_CHANGE.to_owned()]),
    ] {
        let (issuer, ada) = issuer().await;
        let (receiver, secret) = issuer.receiver("web").await;
        let stream = receiver.stream().await;
        sign_in(&issuer, "web", &secret).await;
        let (store, admin) = (&issuer.app.store, Actor::command_line().at(START));

        match cause {
            "signed out by an administrator" => {
                store.sign_out_user("ada", &admin).await.unwrap();
            }
            "disabled" => set_enabled(&issuer, false).await,
            "deleted" => store.delete_user("ada", &admin).await.unwrap(),
            "password by a link" => {
                let account = issuer.app.credentials.account(ada).await.unwrap();
                let link = issuer.app.credentials.issue_link(&account, LinkPurpose::PasswordReset);
                let url = link.await.unwrap().url;
                reset_password(&issuer, url.strip_prefix("https://issuer.example").unwrap()).await;
            }
            "password by an administrator" => {
                let account = issuer.app.credentials.account(ada).await.unwrap();
                let password = Password::typed("another long battery staple").unwrap();
                issuer.app.credentials.set_password(&account, password, &admin).await.unwrap();
            }
            "authenticator app" => {
                let totp = StoredTotp {
                    sealed: vec![1],
                    last_step: 0,
                    created_at: START,
                    last_used_at: None,
                };
                let act = Actor::user(ada).at(START);
                store.set_totp(ada, &totp, &act).await.unwrap();
            }
            _ => store.remove_password(ada, &admin).await.unwrap(),
        }

        let heard = receiver.poll(&stream).await;
        assert_eq!(types(&heard), expected, "{cause}");
        let user =
            json!({ "format": "iss_sub", "iss": "https://issuer.example", "sub": ada.to_string() });
        assert!(heard.iter().all(|told| told["sub_id"] == user), "{cause}: {heard:?}");
        assert!(heard.iter().all(|told| told["txn"] == heard[0]["txn"]), "{cause}: one cause");
        let caep = heard.iter().flat_map(|told| told["events"].as_object().unwrap().values());
        let mut caep = caep.filter(|event| event.get("initiating_entity").is_some());
        assert!(caep.all(|event| event["initiating_entity"] == by), "{cause}: {heard:?}");
    }
}

async fn reset_password(issuer: &Issuer, path: &str) {
    let stranger = Browser::new(issuer);
    let page = stranger.get(path).await;
    let (csrf, token) =
        (crate::people::hidden(&page, "csrf"), crate::people::hidden(&page, "continue"));
    let fields = [
        ("csrf", csrf.as_str()),
        ("continue", token.as_str()),
        ("new_password", "another horse battery"),
    ];
    assert_eq!(stranger.post("/reset-password", &fields).await.status, 200);
}

#[tokio::test]
async fn a_credential_is_told_as_created_updated_deleted_or_revoked() {
    let (issuer, ada) = issuer().await;
    let watcher = issuer.watcher("siem", &["ssf.manage", "ssf.everyone"]).await;
    let stream = watcher.stream().await;
    let totp = StoredTotp { sealed: vec![1], last_step: 0, created_at: START, last_used_at: None };
    let (store, user) = (&issuer.app.store, Actor::user(ada).at(START));
    let admin = Actor::command_line().at(START);

    store.set_totp(ada, &totp, &user).await.unwrap();
    store.set_totp(ada, &totp, &user).await.unwrap();
    store.remove_totp(ada, &user).await.unwrap();
    store.set_totp(ada, &totp, &user).await.unwrap();
    store.remove_totp(ada, &admin).await.unwrap();

    let told = watcher.ask(&stream, &json!({ "returnImmediately": true })).await;
    let mut changes = Vec::new();
    // The order of the answer is that of the stream.
    let text = told.to_string();
    let mut tokens: Vec<&str> =
        told["sets"].as_object().unwrap().values().map(|token| token.as_str().unwrap()).collect();
    tokens.sort_by_key(|token| text.find(*token));
    for token in tokens {
        let event = issuer.heard(token).await["events"][CREDENTIAL_CHANGE].clone();
        assert_eq!(event["credential_type"], "app");
        changes.push(event["change_type"].as_str().unwrap().to_owned());
    }
    changes.sort();
    assert_eq!(changes, ["create", "create", "delete", "revoke", "update"]);
}

#[tokio::test]
async fn whoever_may_sign_in_again_is_told_of() {
    let (issuer, _) = issuer().await;
    let watcher = issuer.watcher("siem", &["ssf.manage", "ssf.everyone"]).await;
    set_enabled(&issuer, false).await;
    let stream = watcher.stream().await;

    set_enabled(&issuer, true).await;

    assert_eq!(types(&watcher.poll(&stream).await), [risc("account-enabled")]);
}

#[tokio::test]
async fn nothing_is_told_that_was_not_asked_for() {
    let (issuer, _) = issuer().await;
    let watcher = issuer.watcher("siem", &["ssf.manage", "ssf.everyone"]).await;
    let wish = json!({ "events_requested": [CREDENTIAL_CHANGE] });
    let made = watcher.post("/ssf/streams", &wish).await.json();

    set_enabled(&issuer, false).await;

    let heard = watcher.poll(made["stream_id"].as_str().unwrap()).await;
    assert_eq!(types(&heard), [""; 0]);
}
