//! The account page: what a person sees and changes. The rooms beside this file are about credentials, and about who may.

mod credentials;
mod data;
mod guards;

use std::time::Duration;

use countersign::registry::ConsentPolicy;
use uuid::Uuid;

use crate::harness::{Answer, Issuer};
use crate::people::{Browser, PASSWORD, authorize_path, callback, hidden};

pub(crate) async fn issuer() -> (Issuer, Uuid) {
    let issuer = Issuer::new().await;
    let ada = issuer.user("ada").await;
    (issuer, ada)
}

/// A hidden field of the form that is posted to `action`.
pub(crate) fn hidden_of(page: &Answer, action: &str, name: &str) -> String {
    let marker = format!("action=\"{action}\"");
    assert!(page.body.contains(&marker), "no form for {action} in {}", page.body);
    let (_, rest) = page.body.split_once(&marker).unwrap();
    let form = rest.split("</form>").next().unwrap();
    let (_, value) = form.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
    value.split('"').next().unwrap().to_owned()
}

impl Browser<'_> {
    /// Signs in on the way to one of the issuer's own pages, and opens it.
    pub(crate) async fn account(&self, username: &str) -> Answer {
        let page = self.get("/account").await;
        self.arrive(self.log_in(&page, username, PASSWORD).await).await
    }

    /// Goes on to the page of the issuer's own that a sign-in led to.
    pub(crate) async fn arrive(&self, answer: Answer) -> Answer {
        let answer = self.follow(answer).await;
        let path = answer.header("location").strip_prefix("https://issuer.example");
        match path {
            Some(path) => self.get(path).await,
            None => answer,
        }
    }

    /// Sends the form of a page that is posted to `action`.
    pub(crate) async fn submit(
        &self,
        page: &Answer,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let csrf = hidden_of(page, action, "csrf");
        self.post(action, &[&[("csrf", csrf.as_str())][..], fields].concat()).await
    }
}

impl Issuer {
    /// Who did what, the newest first.
    pub(crate) async fn changes(&self) -> Vec<(String, String)> {
        let events = self.app.store.audit_events(100).await.unwrap();
        events.into_iter().map(|event| (event.actor, event.action)).collect()
    }
}

#[tokio::test]
async fn nobody_sees_an_account_without_signing_in_and_whoever_does_comes_back_to_it() {
    let (issuer, _) = issuer().await;
    let browser = Browser::new(&issuer);

    let login = browser.get("/account").await;
    let page = browser.arrive(browser.log_in(&login, "ada", PASSWORD).await).await;
    let again = browser.get("/account").await;

    assert!(login.status == 200 && login.body.contains("name=\"password\""), "{}", login.body);
    assert!(!login.body.contains("Lovelace"));
    for shown in ["Ada Lovelace", "ada@example.com", "id=\"sessions\"", "192.0.2.1"] {
        assert!(page.body.contains(shown), "{shown} is missing in {}", page.body);
    }
    assert_eq!((page.status.as_u16(), again.status.as_u16()), (200, 200));
    assert_eq!(page.header("cache-control"), "no-store");
    // The issuer as its own client is nobody that a stranger can name.
    let forged = Browser::new(&issuer).get(&authorize_path("/account", &[])).await;
    assert_eq!((forged.status.as_u16(), forged.header("location")), (400, ""));
}

#[tokio::test]
async fn a_name_is_changed_and_the_change_is_the_persons_own() {
    let (issuer, ada) = issuer().await;
    let browser = Browser::new(&issuer);
    let page = browser.account("ada").await;

    let saved = browser.submit(&page, "/account/profile", &[("name", " Ada King ")]).await;
    let then = browser.follow(saved).await;
    let later = browser.get("/account").await;
    let long = "x".repeat(129);
    let refused = browser.submit(&page, "/account/profile", &[("name", &long)]).await;
    let missing = browser.submit(&page, "/account/profile", &[]).await;

    assert!(then.body.contains("value=\"Ada King\"") && then.body.contains("profile is saved"));
    assert!(!later.body.contains("profile is saved"), "it is said once");
    assert_eq!((refused.status.as_u16(), missing.status.as_u16()), (422, 422));
    let changes = issuer.changes().await;
    assert_eq!(changes[0], (format!("user:{ada}"), "user.profile.update".to_owned()));
    let user = issuer.app.store.user_by_id(ada).await.unwrap().unwrap();
    assert_eq!((user.profile.name.as_deref(), &*user.username), (Some("Ada King"), "ada"));
}

#[tokio::test]
async fn one_session_is_ended_by_another() {
    let (issuer, ada) = issuer().await;
    let (here, there) = (Browser::new(&issuer), Browser::new(&issuer));
    there.account("ada").await;
    let page = here.account("ada").await;
    let other = hidden_session(&page);

    let ended = here.submit(&page, "/account/sessions/end", &[("id", &other)]).await;

    assert_eq!((ended.status.as_u16(), ended.header("location")), (303, "/account"));
    assert!(there.get("/account").await.body.contains("name=\"password\""), "out");
    assert!(here.get("/account").await.body.contains("The session is ended"));
    let changes = issuer.changes().await;
    assert_eq!(changes[0], (format!("user:{ada}"), "user.session.end".to_owned()));
}

/// The session that the page offers to end.
fn hidden_session(page: &Answer) -> String {
    let (_, rest) = page.body.split_once("action=\"/account/sessions/end\"").unwrap();
    let (_, value) = rest.split_once("name=\"id\" value=\"").unwrap();
    value.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn signing_out_everywhere_ends_this_session_too_and_every_refresh_token() {
    let (issuer, _) = issuer().await;
    let secret = issuer.web("web", |_, _| {}).await;
    let (here, there) = (Browser::new(&issuer), Browser::new(&issuer));
    let more = [("scope", "openid offline_access")];
    let tokens = issuer.redeem("web", &secret, &there.code("web", &more).await).await.json();
    let page = here.account("ada").await;

    let out = here.submit(&page, "/account/sessions/end-all", &[]).await;
    let refreshed = issuer.refresh("web", &secret, tokens["refresh_token"].as_str().unwrap()).await;

    assert_eq!((out.status.as_u16(), out.header("location")), (303, "/account/signed-out"));
    assert!(here.follow(out).await.body.contains("href=\"/account\""));
    for browser in [&here, &there] {
        assert!(browser.get("/account").await.body.contains("name=\"password\""), "out");
    }
    assert_eq!(refreshed.error().1, "invalid_grant");
}

#[tokio::test]
async fn the_button_of_the_page_signs_out_without_another_question() {
    let (issuer, _) = issuer().await;
    let browser = Browser::new(&issuer);
    let page = browser.account("ada").await;
    let sealed = hidden_of(&page, "/logout/confirm", "continue");

    let fields = [("continue", sealed.as_str()), ("answer", "sign_out")];
    let out = browser.submit(&page, "/logout/confirm", &fields).await;

    assert!(out.status == 200 && browser.cookie("__Host-session") == Some(String::new()));
    assert!(browser.get("/account").await.body.contains("name=\"password\""));
}

#[tokio::test]
async fn a_consent_is_listed_and_withdrawn_with_what_followed_from_it() {
    let (issuer, ada) = issuer().await;
    let secret = issuer
        .web("web", |client, sign_in| {
            sign_in.consent = ConsentPolicy::Ask;
            client.name = Some("Lovelace Books".to_owned());
        })
        .await;
    let browser = Browser::new(&issuer);
    let login = browser.authorize("web", &[("scope", "openid offline_access")]).await;
    let ask = browser.log_in(&login, "ada", PASSWORD).await;
    let (csrf, rest) = (hidden(&ask, "csrf"), hidden(&ask, "continue"));
    let fields = [("csrf", &*csrf), ("continue", &*rest), ("answer", "accept")];
    let answer = browser.follow(browser.post("/consent", &fields).await).await;
    let tokens = issuer.redeem("web", &secret, &callback(&answer)["code"]).await.json();
    issuer.clock.advance(Duration::from_secs(1));

    let page = browser.get("/account").await;
    let withdrawn = browser.submit(&page, "/account/consents/withdraw", &[("id", "web")]).await;
    let refreshed = issuer.refresh("web", &secret, tokens["refresh_token"].as_str().unwrap()).await;

    assert!(page.body.contains("Lovelace Books"), "{}", page.body);
    assert_eq!(withdrawn.status, 303);
    assert!(!browser.follow(withdrawn).await.body.contains("Lovelace Books"));
    assert_eq!(refreshed.error().1, "invalid_grant");
    let changes = issuer.changes().await;
    assert_eq!(changes[0], (format!("user:{ada}"), "user.consent.withdraw".to_owned()));
}
