//! The RP-Initiated Logout plan (OpenID Connect RP-Initiated Logout 1.0 §2, §3): back to the client, a page, or a
//! question; never to an address that is not registered, and never on the word of a stranger.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_keys::jws::sign_compact;
use countersign_keys::signing_key::KeySize;
use countersign_keys::{Algorithm, SigningKey};

use super::{AFTER_LOGOUT, ISSUER, Mode, Plan};
use crate::harness::{Answer, form};
use crate::people::{Browser, hidden};

/// A user who is signed in, with what the client knows.
struct SignedIn<'p> {
    plan: &'p Plan,
    browser: Browser<'p>,
    id_token: String,
}

impl<'p> SignedIn<'p> {
    async fn at(plan: &'p Plan) -> Self {
        let (browser, tokens) = plan.signed_in().await;
        Self { plan, browser, id_token: tokens["id_token"].as_str().unwrap().to_owned() }
    }

    async fn log_out(&self, parameters: &[(&str, &str)]) -> Answer {
        self.browser.get(&format!("/logout?{}", form(parameters))).await
    }

    /// Says yes to the question.
    async fn confirm(&self, question: &Answer) -> Answer {
        assert_eq!(question.status, 200, "{}", question.body);
        let (csrf, rest) = (hidden(question, "csrf"), hidden(question, "continue"));
        let said = [("csrf", csrf.as_str()), ("continue", rest.as_str()), ("answer", "sign_out")];
        self.browser.post("/logout/confirm", &said).await
    }

    async fn is_signed_in(&self) -> bool {
        let silent = self.plan.authorize(&self.browser, &[("prompt", "none")]).await;
        let response = self.plan.received(&silent);
        response.get("error").inspect(|error| assert_eq!(*error, "login_required")).is_none()
    }

    /// A request that must not be followed by a redirect, nor sign anybody out.
    async fn is_refused(&self, parameters: &[(&str, &str)]) {
        let answer = self.log_out(parameters).await;
        assert_eq!(answer.header("location"), "");
        assert!(answer.status.is_client_error(), "{} for {parameters:?}", answer.status);
        assert!(answer.header("content-type").starts_with("text/html"));
        assert!(self.is_signed_in().await);
    }
}

async fn plan() -> Plan {
    Plan::new(Mode::Default).await
}

#[tokio::test]
async fn discovery_endpoint_verification_says_where_to_sign_out() {
    let plan = plan().await;

    let document = plan.issuer.get("/.well-known/openid-configuration").await.json();

    assert_eq!(document["end_session_endpoint"], format!("{ISSUER}/logout"));
}

#[tokio::test]
async fn rp_initiated_logout() {
    let plan = plan().await;
    let user = SignedIn::at(&plan).await;

    let answer = user
        .log_out(&[
            ("id_token_hint", &user.id_token),
            ("post_logout_redirect_uri", AFTER_LOGOUT),
            ("state", "a b&c"),
        ])
        .await;

    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), format!("{AFTER_LOGOUT}?state=a+b%26c"));
    assert!(!user.is_signed_in().await);
}

#[tokio::test]
async fn rp_initiated_logout_no_state() {
    let plan = plan().await;
    let user = SignedIn::at(&plan).await;

    let answer = user
        .log_out(&[("id_token_hint", &user.id_token), ("post_logout_redirect_uri", AFTER_LOGOUT)])
        .await;

    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, AFTER_LOGOUT));
    assert!(!user.is_signed_in().await);
}

#[tokio::test]
async fn rp_initiated_logout_no_params() {
    let plan = plan().await;
    let user = SignedIn::at(&plan).await;

    let done = user.confirm(&user.log_out(&[]).await).await;

    assert_eq!((done.status.as_u16(), done.header("location")), (200, ""));
    assert!(!user.is_signed_in().await);
}

#[tokio::test]
async fn rp_initiated_logout_only_state() {
    let plan = plan().await;
    let user = SignedIn::at(&plan).await;

    let done = user.confirm(&user.log_out(&[("state", "s2")]).await).await;

    assert_eq!((done.status.as_u16(), done.header("location")), (200, ""));
    assert!(!user.is_signed_in().await);
}

#[tokio::test]
async fn rp_initiated_logout_no_post_logout_redirect_uri() {
    let plan = plan().await;
    let user = SignedIn::at(&plan).await;

    let answer = user.log_out(&[("id_token_hint", &user.id_token), ("state", "s2")]).await;

    assert_eq!((answer.status.as_u16(), answer.header("location")), (200, ""));
    assert!(!user.is_signed_in().await);
}

#[tokio::test]
async fn rp_initiated_logout_bad_post_logout_redirect_uri() {
    let plan = plan().await;
    let user = SignedIn::at(&plan).await;

    for uri in
        ["https://evil.example/", "https://web.example/after-logout/", "https://web.example/cb"]
    {
        let parameters =
            [("id_token_hint", user.id_token.as_str()), ("post_logout_redirect_uri", uri)];
        user.is_refused(&parameters).await;
    }
}

#[tokio::test]
async fn rp_initiated_logout_query_added_to_post_logout_redirect_uri() {
    let plan = plan().await;
    let user = SignedIn::at(&plan).await;
    let uri = format!("{AFTER_LOGOUT}?foo=bar");

    user.is_refused(&[
        ("id_token_hint", &user.id_token),
        ("post_logout_redirect_uri", &uri),
        ("state", "s2"),
    ])
    .await;
}

#[tokio::test]
async fn rp_initiated_logout_modified_id_token_hint() {
    let plan = plan().await;
    let user = SignedIn::at(&plan).await;
    let payload = user.id_token.split('.').nth(1).unwrap();
    let unsigned = format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#));

    user.is_refused(&[("id_token_hint", &unsigned), ("post_logout_redirect_uri", AFTER_LOGOUT)])
        .await;
}

#[tokio::test]
async fn rp_initiated_logout_bad_id_token_hint() {
    let plan = plan().await;
    let user = SignedIn::at(&plan).await;
    let payload = user.id_token.split('.').nth(1).unwrap();
    let claims = URL_SAFE_NO_PAD.decode(payload).unwrap();
    let foreign_key = SigningKey::generate(Algorithm::Es256, KeySize::Default).unwrap();
    let foreign = sign_compact(&foreign_key, "JWT", &claims).unwrap();

    user.is_refused(&[("id_token_hint", &foreign), ("post_logout_redirect_uri", AFTER_LOGOUT)])
        .await;
}

#[tokio::test]
async fn rp_initiated_logout_no_id_token_hint() {
    let plan = plan().await;
    let user = SignedIn::at(&plan).await;

    user.is_refused(&[("post_logout_redirect_uri", AFTER_LOGOUT), ("state", "s2")]).await;
    // Who names only itself is not believed: the user is asked.
    let question =
        user.log_out(&[("client_id", "first"), ("post_logout_redirect_uri", AFTER_LOGOUT)]).await;
    assert_eq!((question.status.as_u16(), question.header("location")), (200, ""));
    assert!(user.is_signed_in().await);
    let done = user.confirm(&question).await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, AFTER_LOGOUT));
}

#[tokio::test]
async fn a_hint_of_another_session_signs_nobody_out_without_a_question() {
    let plan = plan().await;
    let (user, other) = (SignedIn::at(&plan).await, SignedIn::at(&plan).await);

    let question = user
        .log_out(&[("id_token_hint", &other.id_token), ("post_logout_redirect_uri", AFTER_LOGOUT)])
        .await;

    assert_eq!((question.status.as_u16(), question.header("location")), (200, ""));
    assert!(user.is_signed_in().await && other.is_signed_in().await);
}
