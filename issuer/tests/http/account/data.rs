//! What is stored of a person: all of it in one file, and none of it after the account is deleted.

use countersign::registry::ConsentPolicy;

use super::issuer;
use crate::harness::START;
use crate::people::{Browser, PASSWORD, callback, hidden};

#[tokio::test]
async fn a_person_gets_everything_that_is_stored_and_no_secret() {
    let (issuer, ada) = issuer().await;
    let secret = issuer.web("web", |_, sign_in| sign_in.consent = ConsentPolicy::Ask).await;
    issuer.passkey_of(ada, "Phone").await;
    let browser = Browser::new(&issuer);
    let login = browser.authorize("web", &[("scope", "openid offline_access")]).await;
    let ask = browser.log_in(&login, "ada", PASSWORD).await;
    let (csrf, rest) = (hidden(&ask, "csrf"), hidden(&ask, "continue"));
    let fields = [("csrf", &*csrf), ("continue", &*rest), ("answer", "accept")];
    let answer = browser.follow(browser.post("/consent", &fields).await).await;
    let tokens = issuer.redeem("web", &secret, &callback(&answer)["code"]).await.json();
    let page = browser.get("/account").await;

    let file = browser.submit(&page, "/account/export", &[]).await;
    let document = file.json();

    assert_eq!(file.header("content-disposition"), "attachment; filename=\"account.json\"");
    assert_eq!((file.header("cache-control"), file.status.as_u16()), ("no-store", 200));
    assert_eq!(document["account"]["username"], "ada");
    assert_eq!(document["account"]["email"], "ada@example.com");
    assert_eq!(document["account"]["profile"]["name"], "Ada Lovelace");
    assert_eq!(document["account"]["created_at"], START);
    assert_eq!(document["credentials"]["password"]["changed_at"], START);
    assert_eq!(document["credentials"]["passkeys"][0]["name"], "Phone");
    assert_eq!(document["sessions"][0]["address"], "192.0.2.1");
    assert_eq!(document["sessions"][0]["applications"][0]["client_id"], "web");
    assert_eq!(document["consents"][0]["client_id"], "web");
    assert_eq!(document["refresh_tokens"][0]["scopes"][1], "offline_access");
    let actions = document["changes"].as_array().unwrap();
    assert!(actions.iter().any(|change| change["action"] == "user.create"), "{}", file.body);
    let token = tokens["refresh_token"].as_str().unwrap();
    let cookie = browser.cookie("__Host-session").unwrap();
    for canary in [token, PASSWORD, &cookie, "$argon2", "public_key", "sealed", "hash", "cred_id"] {
        assert!(!file.body.contains(canary), "{canary}");
    }
}

#[tokio::test]
async fn an_account_is_deleted_by_its_typed_name_and_leaves_a_tombstone() {
    let (issuer, ada) = issuer().await;
    let secret = issuer.web("web", |_, _| {}).await;
    issuer.passkey_of(ada, "Phone").await;
    let (here, there) = (Browser::new(&issuer), Browser::new(&issuer));
    let more = [("scope", "openid offline_access")];
    let tokens = issuer.redeem("web", &secret, &there.code("web", &more).await).await.json();
    here.account("ada").await;
    let page = here.get("/account/delete").await;
    let delete = async |name: &str, password: &str| {
        let fields = [("confirmation", name), ("password", password)];
        here.submit(&page, "/account/delete", &fields).await
    };

    let unnamed = delete("", PASSWORD).await;
    let misnamed = delete("bob", PASSWORD).await;
    let unproved = delete("ada", "wrong password").await;
    let still_there = issuer.app.store.user_by_id(ada).await.unwrap().is_some();
    let deleted = delete("Ada", PASSWORD).await;

    let statuses = [&unnamed, &misnamed, &unproved].map(|answer| answer.status.as_u16());
    assert_eq!((statuses, still_there), ([422; 3], true));
    assert_eq!((deleted.status.as_u16(), deleted.header("location")), (303, "/account/deleted"));
    assert!(here.follow(deleted).await.body.contains("Your account is deleted"));
    assert!(issuer.app.store.user_by_id(ada).await.unwrap().is_none());
    assert!(issuer.app.store.sessions_of(ada).await.unwrap().is_empty());
    assert!(issuer.app.store.passkeys(ada).await.unwrap().is_empty());
    let rest = issuer.app.store.personal_data(ada).await.unwrap();
    assert!(rest.families.is_empty() && rest.links.is_empty() && rest.participants.is_empty());
    let token = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(issuer.refresh("web", &secret, token).await.error().1, "invalid_grant");
    for browser in [&here, &there] {
        assert!(browser.get("/account").await.body.contains("name=\"password\""), "out");
    }
    // The log of changes keeps what it has, and says who did it.
    let changes = issuer.changes().await;
    assert_eq!(changes[0], (format!("user:{ada}"), "user.delete".to_owned()));
    // The name is free, the id is not (CVE-2026-55670).
    assert_ne!(issuer.user("ada").await, ada);
}

#[tokio::test]
async fn without_a_password_a_recent_sign_in_and_the_name_are_enough() {
    let (issuer, ada) = issuer().await;
    let phone = issuer.passkey_of(ada, "Phone").await;
    let act = countersign::store::Actor::node().at(START);
    issuer.app.store.remove_password(ada, &act).await.unwrap();
    let browser = Browser::new(&issuer);
    let login = browser.get("/account/delete").await;
    let answer = phone.get(&crate::passkey::options(&login));
    let page = browser.arrive(browser.use_passkey(&login, &answer).await).await;

    let deleted = browser.submit(&page, "/account/delete", &[("confirmation", "ada")]).await;

    assert!(!page.body.contains("name=\"password\""), "{}", page.body);
    assert_eq!(deleted.header("location"), "/account/deleted");
}
