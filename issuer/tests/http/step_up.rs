//! `acr_values` (OpenID Connect Core §3.1.2.1): a class that a client would like is asked for where the user can reach it,
//! and nobody is refused who does without.

use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use crate::harness::{Answer, Issuer};
use crate::passkey::options;
use crate::people::{Browser, PASSWORD, callback, hidden, payload};

const PHR: (&str, &str) = ("acr_values", "phr 2 1");

async fn issuer() -> (Issuer, String, Uuid) {
    let issuer = Issuer::new().await;
    let ada = issuer.user("ada").await;
    let secret = issuer.web("web", |_, _| {}).await;
    (issuer, secret, ada)
}

async fn acr(issuer: &Issuer, secret: &str, answer: &Answer) -> Value {
    let code = &callback(answer)["code"];
    payload(&issuer.redeem("web", secret, code).await.json()["id_token"])["acr"].clone()
}

/// Time passes, so that the next sign-in is another one.
async fn a_minute_later(issuer: &Issuer) {
    issuer.clock.advance(Duration::from_mins(1));
    issuer.follow().await;
}

impl Browser<'_> {
    async fn not_now(&self, page: &Answer) -> Answer {
        let [csrf, rest] = ["csrf", "continue"].map(|name| hidden(page, name));
        let fields = [("csrf", &*csrf), ("continue", &*rest)];
        self.follow(self.post("/login/not-now", &fields).await).await
    }
}

#[tokio::test]
async fn a_session_rises_to_the_class_that_a_client_would_like() {
    let (issuer, secret, ada) = issuer().await;
    let phone = issuer.passkey_of(ada, "Phone").await;
    let browser = Browser::new(&issuer);
    browser.code("web", &[]).await;
    a_minute_later(&issuer).await;

    let page = browser.authorize("web", &[PHR]).await;
    let answer = browser.use_passkey(&page, &phone.get(&options(&page))).await;

    // What would not do is not asked for.
    assert!(!page.body.contains("name=\"password\""), "{}", page.body);
    assert_eq!(acr(&issuer, &secret, &answer).await, "phr");
    callback(&browser.authorize("web", &[PHR]).await);
}

#[tokio::test]
async fn who_does_not_want_to_prove_more_goes_on_and_is_asked_by_the_next_request() {
    let (issuer, secret, ada) = issuer().await;
    issuer.passkey_of(ada, "Phone").await;
    let browser = Browser::new(&issuer);
    browser.code("web", &[]).await;
    a_minute_later(&issuer).await;

    let page = browser.authorize("web", &[PHR]).await;
    let wrong = browser.use_passkey(&page, "{}").await;
    let answer = browser.not_now(&wrong).await;
    let silent = browser.authorize("web", &[PHR, ("prompt", "none")]).await;
    let next = browser.authorize("web", &[PHR]).await;

    assert_eq!(
        (page.status.as_u16(), wrong.status.as_u16(), next.status.as_u16()),
        (200, 422, 200)
    );
    assert_eq!(acr(&issuer, &secret, &answer).await, "1");
    assert_eq!(acr(&issuer, &secret, &silent).await, "1");
}

#[tokio::test]
async fn after_a_password_the_preferred_class_is_asked_for_too() {
    let (issuer, secret, ada) = issuer().await;
    let phone = issuer.passkey_of(ada, "Phone").await;
    let browser = Browser::new(&issuer);

    let login = browser.authorize("web", &[PHR]).await;
    let page = browser.log_in(&login, "ada", PASSWORD).await;
    let answer = browser.use_passkey(&page, &phone.get(&options(&page))).await;

    assert!(login.body.contains("name=\"password\"") && !page.body.contains("name=\"password\""));
    assert_eq!(acr(&issuer, &secret, &answer).await, "phr");
}

#[tokio::test]
async fn a_class_that_a_code_reaches_is_reached_by_password_and_code() {
    let (issuer, secret, ada) = issuer().await;
    let browser = Browser::new(&issuer);
    browser.code("web", &[]).await;
    let code = issuer.totp_of(ada).await;
    a_minute_later(&issuer).await;

    let page = browser.authorize("web", &[("acr_values", "2")]).await;
    let factor = browser.log_in(&page, "ada", PASSWORD).await;
    let [csrf, rest] = ["csrf", "continue"].map(|name| hidden(&factor, name));
    let fields = [("csrf", &*csrf), ("continue", &*rest), ("code", &*code(0))];
    let answer = browser.follow(browser.post("/login/code", &fields).await).await;

    assert!(page.body.contains("action=\"/login/not-now\""), "{}", page.body);
    assert_eq!(acr(&issuer, &secret, &answer).await, "2");
}

#[tokio::test]
async fn nobody_is_asked_for_what_they_cannot_reach_or_have_reached() {
    let (issuer, secret, ada) = issuer().await;
    let browser = Browser::new(&issuer);
    browser.code("web", &[]).await;

    for values in ["phr", "2 phr", "gold", "phr 1", "1 phr"] {
        let answer = browser.authorize("web", &[("acr_values", values)]).await;
        assert_eq!(acr(&issuer, &secret, &answer).await, "1", "{values}");
    }
    // The first is liked best, and it is reached.
    issuer.passkey_of(ada, "Phone").await;
    let answer = browser.authorize("web", &[("acr_values", "1 phr")]).await;
    assert_eq!(acr(&issuer, &secret, &answer).await, "1");
}
