//! The offer of a passkey after a password: only in a browser that can keep one and to which its user comes back, and not
//! again to who said no.

use std::time::Duration;

use countersign::registry::ConsentPolicy;
use uuid::Uuid;

use crate::account::hidden_of;
use crate::authenticator::Authenticator;
use crate::harness::{Answer, Issuer};
use crate::passkey::options;
use crate::people::{Browser, PASSWORD, callback, hidden};

const PATH: &str = "/login/new-passkey";

async fn issuer() -> (Issuer, Uuid) {
    let issuer = Issuer::new().await;
    let ada = issuer.user("ada").await;
    issuer.web("web", |_, _| {}).await;
    (issuer, ada)
}

/// Whether a page is the offer.
fn is_offer(page: &Answer) -> bool {
    page.body.contains(&format!("action=\"{PATH}\""))
}

impl Browser<'_> {
    /// Signs in anew with a password; the script of the page says what the browser can do.
    async fn sign_in(&self, username: &str, passkey_capable: &str) -> Answer {
        self.forget("__Host-session");
        let page = self.authorize("web", &[]).await;
        let [csrf, rest] = ["csrf", "continue"].map(|name| hidden(&page, name));
        let fields = [
            ("csrf", &*csrf),
            ("continue", &*rest),
            ("username", username),
            ("password", PASSWORD),
            ("passkey_capable", passkey_capable),
        ];
        self.follow(self.post("/login", &fields).await).await
    }

    /// Answers the offer.
    async fn answer(&self, page: &Answer, answer: &[(&str, &str)]) -> Answer {
        let [csrf, rest] = ["csrf", "continue"].map(|name| hidden_of(page, PATH, name));
        let fields = [&[("csrf", &*csrf), ("continue", &*rest)][..], answer].concat();
        self.follow(self.post(PATH, &fields).await).await
    }

    /// The offer, in a browser to which its user comes back.
    async fn offer(&self, username: &str) -> Answer {
        callback(&self.sign_in(username, "yes").await);
        let page = self.sign_in(username, "yes").await;
        assert!(is_offer(&page), "{}", page.body);
        page
    }
}

/// The fields with which the script answers.
fn made(page: &Answer) -> (String, String) {
    let mut authenticator = Authenticator::new();
    authenticator.origin = "https://issuer.example";
    (hidden(page, "ticket"), authenticator.create(&options(page)))
}

async fn passkeys(issuer: &Issuer, user_id: Uuid) -> i64 {
    issuer.app.credentials.account(user_id).await.unwrap().passkeys
}

#[tokio::test]
async fn who_comes_back_with_a_password_is_offered_a_passkey_and_is_not_asked_again_with_one() {
    let (issuer, ada) = issuer().await;
    let browser = Browser::new(&issuer);
    let page = browser.offer("ada").await;

    let (ticket, credential) = made(&page);
    let fields = [("ticket", &*ticket), ("credential", &*credential)];
    let answer = browser.answer(&page, &fields).await;

    assert!(callback(&answer).contains_key("code"));
    assert_eq!(passkeys(&issuer, ada).await, 1);
    callback(&browser.sign_in("ada", "yes").await);
}

#[tokio::test]
async fn who_says_no_goes_on_and_is_not_asked_again_in_this_browser_though_others_are() {
    let (issuer, ada) = issuer().await;
    issuer.user("bob").await;
    let browser = Browser::new(&issuer);
    let page = browser.offer("ada").await;

    let answer = browser.answer(&page, &[("answer", "refuse")]).await;

    assert!(callback(&answer).contains_key("code"));
    callback(&browser.sign_in("ada", "yes").await);
    browser.offer("bob").await;
    assert_eq!(passkeys(&issuer, ada).await, 0);
}

#[tokio::test]
async fn without_scripts_and_where_nothing_could_keep_one_nobody_is_asked() {
    let (issuer, _) = issuer().await;
    let browser = Browser::new(&issuer);

    for _ in 0..3 {
        callback(&browser.sign_in("ada", "").await);
    }
    let login = Browser::new(&issuer).authorize("web", &[]).await;
    assert!(login.body.contains("name=\"passkey_capable\" value=\"\""), "{}", login.body);
}

#[tokio::test]
async fn a_passkey_that_is_not_accepted_is_told_and_can_still_be_done_without() {
    let (issuer, ada) = issuer().await;
    let browser = Browser::new(&issuer);
    let page = browser.offer("ada").await;

    let (ticket, _) = made(&page);
    let wrong = browser.answer(&page, &[("ticket", &*ticket), ("credential", "{}")]).await;
    let answer = browser.answer(&wrong, &[("answer", "refuse")]).await;

    assert!(wrong.status == 422 && is_offer(&wrong), "{}", wrong.body);
    assert!(callback(&answer).contains_key("code"));
    assert_eq!(passkeys(&issuer, ada).await, 0);
}

#[tokio::test]
async fn an_offer_that_stood_open_for_long_adds_nothing() {
    let (issuer, ada) = issuer().await;
    let browser = Browser::new(&issuer);
    let page = browser.offer("ada").await;
    issuer.clock.advance(Duration::from_secs(601));
    issuer.follow().await;

    let (ticket, credential) = made(&page);
    let fields = [("ticket", &*ticket), ("credential", &*credential)];
    let answer = browser.answer(&page, &fields).await;

    assert!(callback(&answer).contains_key("code"));
    assert_eq!(passkeys(&issuer, ada).await, 0);
}

#[tokio::test]
async fn an_offer_is_answered_only_by_the_user_to_whom_it_was_made() {
    let (issuer, ada) = issuer().await;
    let bob = issuer.user("bob").await;
    let browser = Browser::new(&issuer);
    let page = browser.offer("ada").await;
    let (ticket, credential) = made(&page);
    callback(&browser.sign_in("bob", "").await);

    let fields = [("ticket", &*ticket), ("credential", &*credential)];
    callback(&browser.answer(&page, &fields).await);

    assert_eq!((passkeys(&issuer, ada).await, passkeys(&issuer, bob).await), (0, 0));
}

#[tokio::test]
async fn the_question_of_the_client_comes_after_the_offer() {
    let issuer = Issuer::new().await;
    issuer.user("ada").await;
    issuer.web("web", |_, sign_in| sign_in.consent = ConsentPolicy::Ask).await;
    let browser = Browser::new(&issuer);
    browser.sign_in("ada", "yes").await;
    let page = browser.sign_in("ada", "yes").await;

    let consent = browser.answer(&page, &[("answer", "refuse")]).await;

    assert!(is_offer(&page) && consent.body.contains("action=\"/consent\""), "{}", consent.body);
}
