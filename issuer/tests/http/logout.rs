//! Signing out by a client (OpenID Connect RP-Initiated Logout 1.0), and how it is asked about.

use countersign::registry::SignIn;
use http::StatusCode;

use crate::harness::{Issuer, form};
use crate::people::{Browser, callback, hidden};

pub(crate) fn comes_back(sign_in: &mut SignIn) {
    sign_in.post_logout_redirect_uris.clone_from(&sign_in.redirect_uris);
}

/// `GET /logout`; empty parameters are left out.
fn logout_path(parameters: &[(&str, &str)]) -> String {
    let given: Vec<_> = parameters.iter().copied().filter(|(_, value)| !value.is_empty()).collect();
    format!("/logout?{}", form(&given))
}

/// An issuer, a browser that is signed in at `web`, and the tokens of that.
async fn signed_in() -> (Issuer, String) {
    let issuer = Issuer::new().await;
    issuer.user("ada").await;
    let secret = issuer.web("web", |_, sign_in| comes_back(sign_in)).await;
    (issuer, secret)
}

async fn id_token(issuer: &Issuer, browser: &Browser<'_>, secret: &str) -> String {
    let tokens = issuer.redeem("web", secret, &browser.code("web", &[]).await).await.json();
    tokens["id_token"].as_str().unwrap().to_owned()
}

async fn is_signed_in(browser: &Browser<'_>) -> bool {
    let silent = callback(&browser.authorize("web", &[("prompt", "none")]).await);
    assert!(silent.contains_key("code") || silent["error"] == "login_required", "{silent:?}");
    silent.contains_key("code")
}

#[tokio::test]
async fn signing_out_with_the_id_token_ends_the_session_and_comes_back() {
    let (issuer, secret) = signed_in().await;
    let browser = Browser::new(&issuer);
    let tokens = issuer.redeem("web", &secret, &browser.code("web", &[]).await).await.json();
    let hint = tokens["id_token"].as_str().unwrap();
    let parameters = [
        ("id_token_hint", hint),
        ("post_logout_redirect_uri", "https://web.example/cb"),
        ("state", "s2"),
    ];

    let done = browser.get(&logout_path(&parameters)).await;

    assert_eq!(callback(&done)["state"], "s2");
    assert!(done.header("set-cookie").starts_with("__Host-session=;"));
    assert!(!is_signed_in(&browser).await);
    let refresh = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(issuer.refresh("web", &secret, refresh).await.error().1, "invalid_grant");
}

#[tokio::test]
async fn without_a_state_none_comes_back_and_without_an_address_there_is_a_page() {
    let target = ("post_logout_redirect_uri", "https://web.example/cb");
    for (more, location) in [
        (vec![target], "https://web.example/cb"),
        (vec![], ""),
        (vec![("state", "s2")], ""),
        (vec![("client_id", "web")], ""),
    ] {
        let (issuer, secret) = signed_in().await;
        let browser = Browser::new(&issuer);
        let hint = id_token(&issuer, &browser, &secret).await;
        let parameters = [&more[..], &[("id_token_hint", hint.as_str())]].concat();

        let done = browser.get(&logout_path(&parameters)).await;

        let status = if location.is_empty() { 200 } else { 303 };
        assert_eq!((done.status.as_u16(), done.header("location")), (status, location), "{more:?}");
        assert!(!is_signed_in(&browser).await, "{more:?}");
    }
}

#[tokio::test]
async fn what_proves_nothing_never_redirects_and_signs_nobody_out() {
    let (issuer, secret) = signed_in().await;
    let foreign = signed_in().await;
    let browser = Browser::new(&issuer);
    let good = id_token(&issuer, &browser, &secret).await;
    let payload = good.split('.').nth(1).unwrap();
    // {"alg":"none","typ":"JWT"}
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.");
    let of_another = id_token(&foreign.0, &Browser::new(&foreign.0), &foreign.1).await;
    let target = "https://web.example/cb";

    for (what, hint, uri, client_id) in [
        ("an unknown address", &*good, "https://evil.example/", ""),
        ("a query that was added", &good, "https://web.example/cb?x=1", ""),
        ("another path", &good, "https://web.example/cb/", ""),
        ("a hint without a signature", &unsigned, target, ""),
        ("a hint of another issuer", &of_another, target, ""),
        ("no hint and no client", "", target, ""),
        ("a client that is not the hint's", &good, target, "other"),
    ] {
        let parameters = [
            ("id_token_hint", hint),
            ("post_logout_redirect_uri", uri),
            ("client_id", client_id),
            ("state", "s2"),
        ];
        let answer = browser.get(&logout_path(&parameters)).await;

        let refused = (StatusCode::BAD_REQUEST, "");
        assert_eq!((answer.status, answer.header("location")), refused, "{what}");
    }
    assert!(is_signed_in(&browser).await);
}

#[tokio::test]
async fn signing_out_without_proof_is_asked_about_first() {
    for (parameters, status) in [
        (vec![], 200),
        (vec![("client_id", "web"), ("post_logout_redirect_uri", "https://web.example/cb")], 303),
    ] {
        let (issuer, _) = signed_in().await;
        let browser = Browser::new(&issuer);
        browser.code("web", &[]).await;

        let question = browser.get(&logout_path(&parameters)).await;
        assert_eq!(question.status, 200);
        assert!(is_signed_in(&browser).await);
        let (csrf, rest) = (hidden(&question, "csrf"), hidden(&question, "continue"));
        let said = [("csrf", csrf.as_str()), ("continue", rest.as_str()), ("answer", "sign_out")];
        let done = browser.post("/logout/confirm", &said).await;

        assert_eq!(done.status.as_u16(), status);
        browser.forget("__Host-session");
        assert!(!is_signed_in(&browser).await);
    }
}

#[tokio::test]
async fn clients_are_signed_out_in_frames_before_the_browser_goes_on() {
    let issuer = Issuer::new().await;
    issuer.user("ada").await;
    let frame = |uri: &str| Some(uri.parse().unwrap());
    let secret = issuer
        .web("web", |_, sign_in| {
            comes_back(sign_in);
            sign_in.frontchannel_logout_uri = frame("https://web.example/out?a=1");
        })
        .await;
    let other = issuer
        .web("other", |_, sign_in| {
            sign_in.frontchannel_logout_uri = frame("https://web.example/other");
            sign_in.frontchannel_logout_session_required = false;
        })
        .await;
    let absent = issuer
        .web("absent", |_, sign_in| {
            sign_in.frontchannel_logout_uri = frame("https://web.example/absent");
        })
        .await;
    drop(absent);
    let browser = Browser::new(&issuer);
    let hint = id_token(&issuer, &browser, &secret).await;
    issuer.redeem("other", &other, &browser.code("other", &[]).await).await;
    let sid = crate::people::payload(&hint.clone().into())["sid"].as_str().unwrap().to_owned();
    let parameters = [
        ("id_token_hint", hint.as_str()),
        ("post_logout_redirect_uri", "https://web.example/cb"),
        ("state", "s2"),
    ];

    let page = browser.get(&logout_path(&parameters)).await;

    assert_eq!(page.status, 200);
    let expected = format!(
        "<iframe src=\"https://web.example/out?a=1&amp;iss=https%3A%2F%2Fissuer.example&amp;sid={sid}\""
    );
    let body = page.body.replace("&#38;", "&amp;");
    assert!(body.contains(&expected), "{body}");
    assert!(body.contains("<iframe src=\"https://web.example/other\""), "{body}");
    assert!(!body.contains("/absent"), "it took no part");
    // It goes on without a script too: by a link.
    assert!(body.contains("href=\"https://web.example/cb?state=s2\""), "{body}");
    let policy = page.header("content-security-policy");
    assert!(policy.ends_with("; frame-src https://web.example"), "{policy}");
    browser.forget("__Host-session");
    assert!(!is_signed_in(&browser).await);
}
