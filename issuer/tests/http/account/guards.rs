//! Who may change an account: the person of this session, by a form of this session, after a sign-in that is young enough
//! for what is changed, and nothing that is another person's.

use std::time::Duration;

use countersign::registry::User;
use countersign::store::Actor;

use super::{hidden_of, issuer};
use crate::harness::{Answer, START};
use crate::people::Browser;

/// Every form, what it needs beside its token, and whether it needs a recent sign-in.
const FORMS: [(&str, bool); 13] = [
    ("/account/profile", false),
    ("/account/password", false),
    ("/account/passkeys", true),
    ("/account/passkeys/rename", false),
    ("/account/passkeys/remove", true),
    ("/account/totp", true),
    ("/account/totp/off", true),
    ("/account/recovery-codes", true),
    ("/account/sessions/end", false),
    ("/account/sessions/end-all", false),
    ("/account/consents/withdraw", false),
    ("/account/export", true),
    ("/account/delete", true),
];

/// The token of the forms of an account page.
fn token(page: &Answer) -> String {
    hidden_of(page, "/account/profile", "csrf")
}

#[tokio::test]
async fn r38_no_form_does_anything_without_its_token_or_with_that_of_another_session() {
    let (issuer, _) = issuer().await;
    issuer.user("bob").await;
    let (of_ada, of_bob) = (Browser::new(&issuer), Browser::new(&issuer));
    let page = of_ada.account("ada").await;
    let bobs = token(&of_bob.account("bob").await);
    let of_browser = hidden_of(&page, "/logout/confirm", "csrf");
    let before = issuer.changes().await;

    for (path, _) in FORMS {
        for fields in [&[][..], &[("csrf", "")], &[("csrf", &*bobs)], &[("csrf", &*of_browser)]] {
            let refused = of_ada.post(path, fields).await;
            assert_eq!(refused.status, 400, "{path} {fields:?}");
        }
        let without_session = Browser::new(&issuer).post(path, &[("csrf", &*bobs)]).await;
        let way = (without_session.status.as_u16(), without_session.header("location"));
        assert_eq!(way, (303, "/account"), "{path}");
    }

    assert_eq!(issuer.changes().await, before);
    assert!(of_ada.get("/account").await.body.contains("id=\"sessions\""), "still signed in");
}

#[tokio::test]
async fn a_page_of_one_user_does_nothing_to_the_next_user_of_the_same_browser() {
    let (issuer, _) = issuer().await;
    let bob = issuer.user("bob").await;
    let browser = Browser::new(&issuer);
    let of_ada = browser.account("ada").await;
    browser.forget("__Host-session");
    browser.account("bob").await;

    let refused = browser.submit(&of_ada, "/account/profile", &[("name", "Mallory")]).await;

    assert_eq!(refused.status, 400);
    let bob = issuer.app.store.user_by_id(bob).await.unwrap().unwrap();
    assert_eq!(bob.profile.name.as_deref(), Some("Ada Lovelace"));
}

#[tokio::test]
async fn what_matters_wants_a_recent_sign_in_and_comes_back_after_one() {
    let (issuer, _) = issuer().await;
    let browser = Browser::new(&issuer);
    let csrf = token(&browser.account("ada").await);
    issuer.clock.advance(Duration::from_secs(601));
    let before = issuer.changes().await;

    for (path, _) in FORMS.iter().filter(|(_, is_recent)| *is_recent) {
        let stale = browser.post(path, &[("csrf", &csrf)]).await;
        assert_eq!(stale.status, 303, "{path}");
        assert!(stale.header("location").starts_with("/continue?"), "{path}");
    }
    for path in ["/account/totp", "/account/delete"] {
        let login = browser.get(path).await;
        assert!(login.body.contains("name=\"password\" type=\"password\""), "{path}");
    }
    assert_eq!(issuer.changes().await, before);

    let stale = browser.post("/account/totp/off", &[("csrf", &csrf)]).await;
    let login = browser.follow(stale).await;
    let back = browser.arrive(browser.log_in(&login, "ada", crate::people::PASSWORD).await).await;
    assert!(back.body.contains("You signed in again"), "{}", back.body);
    // The forms of before are still those of this session.
    assert_eq!(browser.post("/account/totp/off", &[("csrf", &csrf)]).await.status, 303);
}

#[tokio::test]
async fn cve_2026_4630_what_is_another_persons_is_not_there() {
    let (issuer, _) = issuer().await;
    let bob = issuer.user("bob").await;
    issuer.passkey_of(bob, "Bob's phone").await;
    let of_bob = Browser::new(&issuer);
    of_bob.account("bob").await;
    let browser = Browser::new(&issuer);
    let csrf = token(&browser.account("ada").await);
    let store = &issuer.app.store;
    let passkey = store.passkeys(bob).await.unwrap()[0].id.to_string();
    let session = store.sessions_of(bob).await.unwrap()[0].id.to_string();
    store.grant_consent((bob, "web"), &["openid".to_owned()], START).await.unwrap_err();
    issuer.web("web", |_, _| {}).await;
    store.grant_consent((bob, "web"), &["openid".to_owned()], START).await.unwrap();

    for (path, id) in [
        ("/account/passkeys/remove", &*passkey),
        ("/account/passkeys/rename", &*passkey),
        ("/account/sessions/end", &*session),
        ("/account/consents/withdraw", "web"),
    ] {
        for id in [id, "", "nonsense", "0190a6e2-7c1b-7c3a-9b1e-2f6f3c1d5a77"] {
            let fields = [("csrf", &*csrf), ("id", id), ("name", "Mallory")];
            let refused = browser.post(path, &fields).await;
            assert_eq!(refused.status, 404, "{path} {id}");
        }
    }

    assert_eq!(store.passkeys(bob).await.unwrap()[0].name, "Bob's phone");
    assert_eq!(store.sessions_of(bob).await.unwrap().len(), 1);
    assert_eq!(store.consents_of(bob).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_user_who_was_deleted_or_disabled_meanwhile_changes_nothing() {
    for state in ["deleted", "disabled"] {
        let (issuer, _) = issuer().await;
        let browser = Browser::new(&issuer);
        let csrf = token(&browser.account("ada").await);
        let act = Actor::node().at(START);
        if state == "deleted" {
            issuer.app.store.delete_user("ada", &act).await.unwrap();
        } else {
            let disable = |user: &mut User| {
                user.enabled = false;
                Ok(())
            };
            drop(issuer.app.store.update_user("ada", &act, disable).await.unwrap());
        }
        let before = issuer.changes().await;

        for (path, _) in FORMS {
            let answer = browser.post(path, &[("csrf", &csrf), ("name", "Ada")]).await;
            let way = (answer.status.as_u16(), answer.header("location"));
            assert_eq!(way, (303, "/account"), "{state} {path}");
        }

        assert!(browser.get("/account").await.body.contains("name=\"password\""), "{state}");
        assert_eq!(issuer.changes().await, before, "{state}");
    }
}

#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let (issuer, _) = issuer().await;
    let browser = Browser::new(&issuer);
    let csrf = token(&browser.account("ada").await);
    let request = http::Request::post("/account/profile")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", "https://evil.example");
    let body = crate::harness::form(&[("csrf", &csrf), ("name", "Mallory")]);

    let refused = browser.send(request, axum::body::Body::from(body)).await;

    assert_eq!(refused.status, 400);
}
