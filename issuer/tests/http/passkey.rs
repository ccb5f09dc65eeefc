//! Passkeys at sign-in: by autofill or button, as a second factor, once more, and where a client demands what cannot be
//! phished. The authenticator is one in software.

use std::time::Duration;

use countersign::store::Actor;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::authenticator::{Authenticator, BACKUP_ELIGIBLE, USER_PRESENT};
use crate::harness::{Answer, Issuer, START};
use crate::people::{Browser, PASSWORD, callback, hidden, payload};

const ORIGIN: &str = "https://issuer.example";
const PHR: (&str, &str) = ("claims", r#"{"id_token":{"acr":{"essential":true,"values":["phr"]}}}"#);

async fn issuer() -> (Issuer, String, Uuid) {
    let issuer = Issuer::new().await;
    let ada = issuer.user("ada").await;
    let secret = issuer.web("web", |_, _| {}).await;
    (issuer, secret, ada)
}

impl Issuer {
    /// A passkey of a user.
    pub(crate) async fn passkey_of(&self, user_id: Uuid, name: &str) -> Authenticator {
        let mut authenticator = Authenticator::new();
        authenticator.origin = ORIGIN;
        authenticator.flags |= BACKUP_ELIGIBLE;
        let credentials = &self.app.credentials;
        let account = credentials.account(user_id).await.unwrap();
        let ceremony = credentials.start_passkey_registration(&account).await.unwrap();
        let answer = authenticator.create(&ceremony.options);
        let (answer, act) = ((&*ceremony.ticket, &*answer), Actor::node().at(START));
        credentials.finish_passkey_registration(user_id, answer, name, &act).await.unwrap();
        authenticator
    }

    /// An authenticator app of a user, as a function that shows the code of so many steps from now.
    pub(crate) async fn totp_of(&self, user_id: Uuid) -> impl Fn(i64) -> String + use<> {
        let credentials = &self.app.credentials;
        let account = credentials.account(user_id).await.unwrap();
        let enrollment = credentials.start_totp(&account).unwrap();
        let app = authenticator_app(&enrollment.secret, &self.app.clock);
        let act = Actor::node().at(START);
        credentials.confirm_totp(user_id, &enrollment.ticket, &app(-1), &act).await.unwrap();
        app
    }
}

/// An app that was given a secret.
pub(crate) fn authenticator_app(
    secret: &str,
    clock: &countersign::clock::Clock,
) -> impl Fn(i64) -> String + use<> {
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let app = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    let clock = clock.clone();
    move |steps| app.generate((clock.now() + 30 * steps).cast_unsigned()).to_string()
}

/// The ceremony on a page, as the script reads it.
pub(crate) fn options(page: &Answer) -> Value {
    let (_, rest) = page.body.split_once("data-options=\"").unwrap();
    let text = rest.split('"').next().unwrap().replace("&#34;", "\"").replace("&quot;", "\"");
    json!({ "publicKey": serde_json::from_str::<Value>(&text).unwrap() })
}

impl Browser<'_> {
    /// Answers the ceremony of a page.
    pub(crate) async fn use_passkey(&self, page: &Answer, answer: &str) -> Answer {
        let fields = ["csrf", "continue", "ticket"].map(|name| (name, hidden(page, name)));
        let mut fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        fields.push(("credential", answer));
        let answer = self.post("/login/passkey", &fields).await;
        self.follow(answer).await
    }

    async fn password(&self, page: &Answer) -> Answer {
        self.log_in(page, "ada", PASSWORD).await
    }
}

async fn id_token(issuer: &Issuer, secret: &str, answer: &Answer) -> Value {
    let code = &callback(answer)["code"];
    payload(&issuer.redeem("web", secret, code).await.json()["id_token"])
}

#[tokio::test]
async fn a_passkey_signs_in_without_a_username_and_counts_as_what_cannot_be_phished() {
    let (issuer, secret, ada) = issuer().await;
    let phone = issuer.passkey_of(ada, "Phone").await;
    let browser = Browser::new(&issuer);

    let page = browser.authorize("web", &[PHR]).await;
    let answer = browser.use_passkey(&page, &phone.get(&options(&page))).await;
    let claims = id_token(&issuer, &secret, &answer).await;

    assert!(page.body.contains("autocomplete=\"username webauthn\""), "{}", page.body);
    assert!(page.body.contains("data-passkey=\"autofill\"") && page.body.contains("passkey."));
    assert_eq!(options(&page)["publicKey"]["userVerification"], "required");
    assert_eq!(claims["amr"], json!(["swk", "user", "mfa"]));
    assert_eq!(claims["acr"], "phr");
    assert!(
        browser.cookie("__Host-session").is_some() && browser.cookie("__Host-device").is_some()
    );
}

#[tokio::test]
async fn every_passkey_that_is_not_accepted_looks_the_same() {
    let (issuer, _, ada) = issuer().await;
    let good = issuer.passkey_of(ada, "Phone").await;
    let disabled = issuer.user("bob").await;
    let of_disabled = issuer.passkey_of(disabled, "Phone").await;
    let act = Actor::node().at(START);
    let disable = |user: &mut countersign::registry::User| {
        user.enabled = false;
        Ok(())
    };
    issuer.app.store.update_user("bob", &act, disable).await.unwrap();
    let mut unknown = Authenticator::new();
    unknown.origin = ORIGIN;
    unknown.create(&json!({ "publicKey": {
        "user": { "id": "AAAA" }, "rp": { "id": "issuer.example" }, "challenge": "AAAA",
    } }));
    let mut phished = issuer.passkey_of(ada, "Phished").await;
    phished.origin = "https://issuer.example.evil.example";
    let mut unverified = issuer.passkey_of(ada, "Unverified").await;
    unverified.flags = USER_PRESENT;

    let mut shown = Vec::new();
    for (cause, passkey) in [
        ("unknown", &unknown),
        ("disabled", &of_disabled),
        ("origin", &phished),
        ("unverified", &unverified),
    ] {
        let browser = Browser::new(&issuer);
        let page = browser.authorize("web", &[]).await;
        let refused = browser.use_passkey(&page, &passkey.get(&options(&page))).await;
        assert_eq!(
            (refused.status.as_u16(), browser.cookie("__Host-session")),
            (422, None),
            "{cause}"
        );
        shown.push(without_secrets(&refused));
    }
    for nonsense in ["", "{}", "null", "[", r#"{"id":"AAAA"}"#] {
        let browser = Browser::new(&issuer);
        let page = browser.authorize("web", &[]).await;
        let refused = browser.use_passkey(&page, nonsense).await;
        assert_eq!(refused.status, 422, "{nonsense}");
        shown.push(without_secrets(&refused));
    }
    assert!(shown.iter().all(|page| page == &shown[0]), "{shown:?}");
    let browser = Browser::new(&issuer);
    let page = browser.authorize("web", &[]).await;
    assert!(
        callback(&browser.use_passkey(&page, &good.get(&options(&page))).await)
            .contains_key("code")
    );
}

/// A page without what is different in each.
pub(crate) fn without_secrets(page: &Answer) -> String {
    let mut text = page.body.clone();
    for name in ["csrf", "continue", "ticket"] {
        text = text.replace(&hidden(page, name), name);
    }
    let challenge = options(page)["publicKey"]["challenge"].as_str().unwrap().to_owned();
    text.replace(&challenge, "challenge")
}

#[tokio::test]
async fn a_ceremony_is_good_once_and_for_the_browser_that_it_was_shown_in() {
    let (issuer, _, ada) = issuer().await;
    let phone = issuer.passkey_of(ada, "Phone").await;
    let (ours, other) = (Browser::new(&issuer), Browser::new(&issuer));
    let page = ours.authorize("web", &[]).await;
    other.authorize("web", &[]).await;
    let answer = phone.get(&options(&page));

    let elsewhere = other.use_passkey(&page, &answer).await;
    let first = ours.use_passkey(&page, &answer).await;
    ours.forget("__Host-session");
    let again = ours.use_passkey(&page, &answer).await;

    assert_eq!((elsewhere.status.as_u16(), other.cookie("__Host-session")), (400, None));
    assert!(callback(&first).contains_key("code"));
    assert_eq!((again.status.as_u16(), ours.cookie("__Host-session")), (422, None));
}

#[tokio::test]
async fn a_page_that_stood_open_for_an_hour_asks_anew() {
    let (issuer, _, ada) = issuer().await;
    let phone = issuer.passkey_of(ada, "Phone").await;
    let browser = Browser::new(&issuer);
    let page = browser.authorize("web", &[]).await;
    issuer.clock.advance(Duration::from_secs(3_601));

    let late = browser.use_passkey(&page, &phone.get(&options(&page))).await;

    assert_eq!((late.status.as_u16(), browser.cookie("__Host-session")), (400, None));
}

#[tokio::test]
async fn a_passkey_is_an_answer_where_a_code_is_asked_for() {
    let (issuer, secret, ada) = issuer().await;
    let phone = issuer.passkey_of(ada, "Phone").await;
    let code = issuer.totp_of(ada).await;
    issuer.app.credentials.new_recovery_codes(ada, &Actor::node().at(START)).await.unwrap();
    let browser = Browser::new(&issuer);

    let login = browser.authorize("web", &[]).await;
    let page = browser.password(&login).await;
    let wrong = browser.use_passkey(&page, "{}").await;
    let answer = browser.use_passkey(&wrong, &phone.get(&options(&wrong))).await;
    let claims = id_token(&issuer, &secret, &answer).await;

    assert!(page.body.contains("name=\"code\"") && page.body.contains("/login/recovery-code?"));
    assert_eq!((page.status.as_u16(), wrong.status.as_u16()), (200, 422));
    assert!(wrong.body.contains("name=\"code\""), "{}", wrong.body);
    assert_eq!(options(&page)["publicKey"]["allowCredentials"].as_array().unwrap().len(), 1);
    assert_eq!(claims["amr"], json!(["pwd", "swk", "user", "mfa"]));
    // The code still works as well.
    let browser = Browser::new(&issuer);
    let page = browser.password(&browser.authorize("web", &[]).await).await;
    let fields = ["csrf", "continue"].map(|name| (name, hidden(&page, name)));
    let fields = [(fields[0].0, &*fields[0].1), (fields[1].0, &*fields[1].1), ("code", &code(0))];
    let answer = browser.follow(browser.post("/login/code", &fields).await).await;
    assert_eq!(id_token(&issuer, &secret, &answer).await["acr"], "2");
}

#[tokio::test]
async fn the_second_factor_is_of_the_user_who_gave_the_first() {
    let (issuer, _, ada) = issuer().await;
    let _app = issuer.totp_of(ada).await;
    issuer.passkey_of(ada, "Phone").await;
    let bob = issuer.user("bob").await;
    let of_bob = issuer.passkey_of(bob, "Phone").await;
    let browser = Browser::new(&issuer);
    let login = browser.authorize("web", &[]).await;
    let page = browser.password(&login).await;

    // A ceremony for anybody, sent with the page of Ada's second factor.
    let answer = of_bob.get(&options(&login));
    let (csrf, rest, ticket) =
        (hidden(&page, "csrf"), hidden(&page, "continue"), hidden(&login, "ticket"));
    let fields =
        [("csrf", &*csrf), ("continue", &*rest), ("ticket", &*ticket), ("credential", &*answer)];
    let refused = browser.post("/login/passkey", &fields).await;

    assert_eq!((refused.status.as_u16(), browser.cookie("__Host-session")), (422, None));
}

#[tokio::test]
async fn a_session_rises_to_the_class_that_a_client_demands() {
    let (issuer, secret, ada) = issuer().await;
    let phone = issuer.passkey_of(ada, "Phone").await;
    let browser = Browser::new(&issuer);
    browser.code("web", &[]).await;
    let before = browser.cookie("__Host-session");
    issuer.clock.advance(Duration::from_mins(1));
    issuer.follow().await;

    let silent = browser.authorize("web", &[PHR, ("prompt", "none")]).await;
    let page = browser.authorize("web", &[PHR]).await;
    let wrong = browser.use_passkey(&page, "{}").await;
    let answer = browser.use_passkey(&wrong, &phone.get(&options(&wrong))).await;

    assert_eq!(callback(&silent)["error"], "unmet_authentication_requirements");
    // The password would not do, so it is not asked for; without a script the page says what is missing.
    assert!(!page.body.contains("name=\"password\"") && page.body.contains("<noscript>"));
    assert!(wrong.status == 422 && !wrong.body.contains("name=\"password\""));
    assert_eq!(id_token(&issuer, &secret, &answer).await["acr"], "phr");
    assert_ne!(browser.cookie("__Host-session"), before);
}

#[tokio::test]
async fn after_a_password_that_does_not_reach_the_class_a_passkey_is_asked_for_and_nothing_else() {
    let (issuer, secret, ada) = issuer().await;
    let phone = issuer.passkey_of(ada, "Phone").await;
    let _app = issuer.totp_of(ada).await;
    let browser = Browser::new(&issuer);

    let page = browser.password(&browser.authorize("web", &[PHR]).await).await;
    let answer = browser.use_passkey(&page, &phone.get_without_handle(&options(&page))).await;

    assert!(!page.body.contains("name=\"code\"") && !page.body.contains("/login/code?"));
    assert_eq!(id_token(&issuer, &secret, &answer).await["acr"], "phr");
}

#[tokio::test]
async fn a_class_that_a_user_cannot_reach_is_told_to_the_client() {
    let (issuer, ..) = issuer().await;
    let browser = Browser::new(&issuer);
    let page = browser.authorize("web", &[PHR]).await;
    issuer.clock.advance(Duration::from_secs(5));

    let answer = browser.password(&page).await;

    assert_eq!(callback(&answer)["error"], "unmet_authentication_requirements");
}

#[tokio::test]
async fn a_passkey_proves_once_more_who_it_is() {
    let (issuer, secret, ada) = issuer().await;
    let phone = issuer.passkey_of(ada, "Phone").await;
    let bob = issuer.user("bob").await;
    let of_bob = issuer.passkey_of(bob, "Phone").await;
    let browser = Browser::new(&issuer);
    browser.code("web", &[]).await;
    issuer.clock.advance(Duration::from_mins(1));
    issuer.follow().await;

    let page = browser.authorize("web", &[("max_age", "30")]).await;
    let foreign = browser.use_passkey(&page, &of_bob.get(&options(&page))).await;
    let answer = browser.use_passkey(&foreign, &phone.get(&options(&foreign))).await;

    assert_eq!(foreign.status, 422);
    assert!(page.body.contains("name=\"password\""), "either will do");
    assert_eq!(id_token(&issuer, &secret, &answer).await["auth_time"], START + 60);
}

#[tokio::test]
async fn an_issuer_with_an_address_offers_no_passkeys() {
    let issuer =
        Issuer::with(|config| config.issuer = "https://127.0.0.1:8443".parse().unwrap()).await;
    issuer.web("web", |_, _| {}).await;

    let page = Browser::new(&issuer).authorize("web", &[]).await;

    assert!(page.status == 200 && !page.body.contains("data-passkey"), "{}", page.body);
}
