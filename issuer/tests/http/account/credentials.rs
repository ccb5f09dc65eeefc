//! Credentials on the account page: what is changed is in force at once, and whoever had the old one is out.

use countersign::store::Actor;
use serde_json::{Value, json};

use super::{hidden_of, issuer};
use crate::authenticator::Authenticator;
use crate::harness::{Answer, Issuer, START};
use crate::passkey::{authenticator_app, options};
use crate::people::{Browser, PASSWORD, hidden};

const NEW: &str = "an entirely different phrase";

#[tokio::test]
async fn r27_a_new_password_ends_every_other_session_and_every_refresh_token() {
    let (issuer, ada) = issuer().await;
    let secret = issuer.web("web", |_, _| {}).await;
    let (here, there) = (Browser::new(&issuer), Browser::new(&issuer));
    let more = [("scope", "openid offline_access")];
    let mut tokens = Vec::new();
    for browser in [&here, &there] {
        let code = browser.code("web", &more).await;
        tokens.push(issuer.redeem("web", &secret, &code).await.json());
    }
    let page = here.get("/account").await;
    let before = here.cookie("__Host-session");

    let fields = [("current_password", PASSWORD), ("new_password", NEW)];
    let changed = here.submit(&page, "/account/password", &fields).await;

    assert_eq!((changed.status.as_u16(), changed.header("location")), (303, "/account"));
    assert!(here.follow(changed).await.body.contains("password is changed"));
    assert_ne!(here.cookie("__Host-session"), before, "whoever copied the cookie is out");
    assert!(there.get("/account").await.body.contains("name=\"password\""), "out");
    for tokens in &tokens {
        let token = tokens["refresh_token"].as_str().unwrap();
        assert_eq!(issuer.refresh("web", &secret, token).await.error().1, "invalid_grant");
    }
    let login = there.authorize("web", &[]).await;
    assert_eq!(there.log_in(&login, "ada", PASSWORD).await.status, 422);
    assert_eq!(there.log_in(&login, "ada", NEW).await.status, 303);
    let log = issuer.changes().await;
    assert_eq!(log[0], (format!("user:{ada}"), "user.password.set".to_owned()));
}

#[tokio::test]
async fn a_password_is_not_changed_without_the_current_one_or_against_the_rules() {
    let (issuer, ada) = issuer().await;
    let browser = Browser::new(&issuer);
    let page = browser.account("ada").await;

    for (current, new, text) in [
        ("wrong password", NEW, "The password is not right"),
        ("", NEW, "Enter a password"),
        (PASSWORD, "", "Enter a password"),
        (PASSWORD, "short", "at least"),
        (PASSWORD, "password1", "guessed first"),
    ] {
        let fields = [("current_password", current), ("new_password", new)];
        let refused = browser.submit(&page, "/account/password", &fields).await;
        assert!(refused.status == 422 && refused.body.contains(text), "{text}: {}", refused.body);
    }
    let account = issuer.app.credentials.account(ada).await.unwrap();
    assert_eq!(account.password.unwrap().changed_at, START);
}

impl Issuer {
    /// A user without a password, and one passkey of theirs.
    async fn without_password(&self, username: &str) -> (uuid::Uuid, Authenticator) {
        let id = self.user(username).await;
        let passkey = self.passkey_of(id, "Phone").await;
        self.app.store.remove_password(id, &Actor::node().at(START)).await.unwrap();
        (id, passkey)
    }
}

impl Browser<'_> {
    async fn account_by_passkey(&self, passkey: &Authenticator) -> Answer {
        let login = self.get("/account").await;
        self.arrive(self.use_passkey(&login, &passkey.get(&options(&login))).await).await
    }

    /// Answers the ceremony of the account page for one more passkey.
    async fn add_passkey(&self, page: &Answer, authenticator: &mut Authenticator) -> Answer {
        let answer = authenticator.create(&options(page));
        let ticket = hidden_of(page, "/account/passkeys", "ticket");
        let fields = [("ticket", ticket.as_str()), ("credential", answer.as_str())];
        self.submit(page, "/account/passkeys", &fields).await
    }
}

#[tokio::test]
async fn a_passkey_is_added_renamed_used_and_removed() {
    let (issuer, ada) = issuer().await;
    let browser = Browser::new(&issuer);
    let page = browser.account("ada").await;
    let mut phone = Authenticator::new();
    phone.origin = "https://issuer.example";

    let added = browser.add_passkey(&page, &mut phone).await;
    let twice = browser.add_passkey(&page, &mut phone).await;
    let id = issuer.app.store.passkeys(ada).await.unwrap()[0].id.to_string();
    let page = browser.follow(added).await;
    let fields = [("id", &*id), ("name", "Ada's phone")];
    let renamed = browser.submit(&page, "/account/passkeys/rename", &fields).await;
    let by_passkey = Browser::new(&issuer).account_by_passkey(&phone).await;
    let removed = browser.submit(&page, "/account/passkeys/remove", &[("id", &id)]).await;

    assert!(page.body.contains("The passkey is added"), "{}", page.body);
    assert_eq!(twice.status, 422, "a ceremony is good once");
    assert_eq!((renamed.status.as_u16(), removed.status.as_u16()), (303, 303));
    // What was typed is text.
    assert!(by_passkey.body.contains("Ada&#39;s phone"), "{}", by_passkey.body);
    assert!(issuer.app.store.passkeys(ada).await.unwrap().is_empty());
    let actions: Vec<_> = issuer.changes().await.into_iter().take(3).collect();
    let by_ada = |action: &str| (format!("user:{ada}"), action.to_owned());
    let expected = ["user.credential.remove", "user.credential.rename", "user.credential.add"];
    assert_eq!(actions, expected.map(by_ada));
}

#[tokio::test]
async fn a_passkey_of_another_person_or_origin_is_not_added() {
    let (issuer, ada) = issuer().await;
    let browser = Browser::new(&issuer);
    let page = browser.account("ada").await;
    let mut phished = Authenticator::new();
    phished.origin = "https://evil.example";

    let refused = browser.add_passkey(&page, &mut phished).await;

    let bob = issuer.user("bob").await;
    let other = Browser::new(&issuer);
    let of_bob = other.account("bob").await;
    let mut key = Authenticator::new();
    key.origin = "https://issuer.example";
    let answer = key.create(&options(&page));
    let ticket = hidden_of(&page, "/account/passkeys", "ticket");
    let fields = [("ticket", ticket.as_str()), ("credential", answer.as_str())];
    let foreign = other.submit(&of_bob, "/account/passkeys", &fields).await;

    assert_eq!((refused.status.as_u16(), foreign.status.as_u16()), (422, 422));
    for user in [ada, bob] {
        assert!(issuer.app.store.passkeys(user).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn the_last_way_to_sign_in_stays_also_when_two_go_at_once() {
    let issuer = Issuer::new().await;
    let (eve, phone) = issuer.without_password("eve").await;
    let browser = Browser::new(&issuer);
    let page = browser.account_by_passkey(&phone).await;
    let first = issuer.app.store.passkeys(eve).await.unwrap()[0].id.to_string();
    let remove =
        async |id: String| browser.submit(&page, "/account/passkeys/remove", &[("id", &id)]).await;

    let last = remove(first.clone()).await;
    assert!(last.status == 422 && last.body.contains("last way to sign in"), "{}", last.body);

    issuer.passkey_of(eve, "Second").await;
    let second = issuer.app.store.passkeys(eve).await.unwrap()[1].id.to_string();
    let both = tokio::join!(remove(first), remove(second));
    let mut statuses = [both.0.status.as_u16(), both.1.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422]);
    assert_eq!(issuer.app.store.passkeys(eve).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_first_password_is_set_after_a_recent_sign_in() {
    let issuer = Issuer::new().await;
    let (eve, phone) = issuer.without_password("eve").await;
    let browser = Browser::new(&issuer);
    let page = browser.account_by_passkey(&phone).await;

    let set = browser.submit(&page, "/account/password", &[("new_password", NEW)]).await;

    assert_eq!((set.status.as_u16(), set.header("location")), (303, "/account"));
    assert!(issuer.app.credentials.account(eve).await.unwrap().password.is_some());
}

#[tokio::test]
async fn an_authenticator_app_is_in_force_after_its_first_code_and_until_it_is_turned_off() {
    let (issuer, ada) = issuer().await;
    let browser = Browser::new(&issuer);
    let account = browser.account("ada").await;
    let setup = browser.get("/account/totp").await;
    let secret = |page: &Answer| {
        let (_, rest) = page.body.split_once("<code dir=\"ltr\" translate=\"no\">").unwrap();
        rest.split('<').next().unwrap().to_owned()
    };
    let code = authenticator_app(&secret(&setup).replace(' ', ""), &issuer.clock);
    let confirm = async |page: &Answer, code: &str| {
        let ticket = hidden_of(page, "/account/totp", "continue");
        let fields = [("continue", ticket.as_str()), ("code", code)];
        browser.submit(page, "/account/totp", &fields).await
    };

    let wrong = confirm(&setup, "000000").await;
    let right = confirm(&wrong, &code(-1)).await;

    assert!(setup.body.contains("<svg") && setup.header("cache-control") == "no-store");
    assert_eq!((wrong.status.as_u16(), secret(&wrong)), (422, secret(&setup)));
    assert_eq!((right.status.as_u16(), right.header("location")), (303, "/account"));
    let fresh = Browser::new(&issuer);
    let asked = fresh.log_in(&fresh.get("/account").await, "ada", PASSWORD).await;
    assert!(asked.body.contains("name=\"code\""), "{}", asked.body);
    let page = browser.get("/account").await;
    let off = browser.submit(&page, "/account/totp/off", &[]).await;
    assert_eq!(off.status, 303);
    assert!(!issuer.app.credentials.account(ada).await.unwrap().has_totp);
    assert!(account.body.contains("href=\"/account/totp\"") && page.body.contains("/totp/off\""));
    let actions: Vec<_> = issuer.changes().await.into_iter().take(2).collect();
    let by_ada = |action: &str| (format!("user:{ada}"), action.to_owned());
    assert_eq!(actions, ["user.credential.remove", "user.credential.add"].map(by_ada));
}

#[tokio::test]
async fn recovery_codes_are_shown_once_and_take_the_place_of_the_earlier_ones() {
    let (issuer, ada) = issuer().await;
    let _app = issuer.totp_of(ada).await;
    let old = issuer.app.credentials.new_recovery_codes(ada, &Actor::node().at(START)).await;
    let old = old.unwrap()[0].to_string();
    let browser = Browser::new(&issuer);
    let in_by_code = async |browser: &Browser<'_>, code: &str| {
        let asked = browser.log_in(&browser.get("/account").await, "ada", PASSWORD).await;
        let (csrf, rest) = (hidden(&asked, "csrf"), hidden(&asked, "continue"));
        let fields = [("csrf", &*csrf), ("continue", &*rest), ("recovery_code", code)];
        browser.arrive(browser.post("/login/recovery-code", &fields).await).await
    };
    let page = in_by_code(&browser, &old).await;

    let shown = browser.submit(&page, "/account/recovery-codes", &[]).await;
    let codes: Vec<&str> = shown.body.split("<li><code>").skip(1).map(|rest| &rest[..14]).collect();

    assert_eq!((shown.status.as_u16(), codes.len()), (200, 10), "{}", shown.body);
    let by_new = in_by_code(&Browser::new(&issuer), codes[0]).await;
    assert!(by_new.body.contains("id=\"sessions\""), "{}", by_new.body);
    assert!(by_new.body.contains("9 recovery codes left"), "{}", by_new.body);
    let again = in_by_code(&Browser::new(&issuer), codes[0]).await;
    assert_eq!(again.status, 422);
}

/// The ceremony of the page, where the person may make a passkey right now.
#[tokio::test]
async fn a_page_whose_sign_in_is_old_asks_for_it_before_a_passkey_is_made() {
    let (issuer, _) = issuer().await;
    let browser = Browser::new(&issuer);
    let fresh = browser.account("ada").await;
    issuer.clock.advance(std::time::Duration::from_secs(601));

    let stale = browser.get("/account").await;
    let login = browser.get("/account/sign-in").await;
    let back = browser.arrive(browser.log_in(&login, "ada", PASSWORD).await).await;

    let creation: Value = options(&fresh);
    assert_eq!(creation["publicKey"]["authenticatorSelection"]["residentKey"], json!("required"));
    assert!(stale.status == 200 && !stale.body.contains("data-options"));
    assert!(stale.body.contains("href=\"/account/sign-in\"") && !stale.body.contains("<script"));
    assert!(back.body.contains("data-passkey=\"create\""), "{}", back.body);
}
