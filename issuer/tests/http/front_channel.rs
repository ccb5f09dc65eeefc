//! Signing out of clients in frames (OpenID Connect Front-Channel Logout 1.0).

use crate::harness::{Issuer, form};
use crate::people::{Browser, callback};

#[tokio::test]
async fn clients_are_signed_out_in_frames_before_the_browser_goes_on() {
    let issuer = Issuer::new().await;
    issuer.user("ada").await;
    let frame = |uri: &str| Some(uri.parse().unwrap());
    let secret = issuer
        .web("web", |_, sign_in| {
            sign_in.post_logout_redirect_uris.clone_from(&sign_in.redirect_uris);
            sign_in.frontchannel_logout_uri = frame("https://web.example/out?a=1");
        })
        .await;
    let other = issuer
        .web("other", |_, sign_in| {
            sign_in.frontchannel_logout_uri = frame("https://web.example/other");
            sign_in.frontchannel_logout_session_required = false;
        })
        .await;
    issuer
        .web("absent", |_, sign_in| {
            sign_in.frontchannel_logout_uri = frame("https://web.example/absent");
        })
        .await;
    let browser = Browser::new(&issuer);
    let tokens = issuer.redeem("web", &secret, &browser.code("web", &[]).await).await.json();
    let hint = tokens["id_token"].as_str().unwrap();
    issuer.redeem("other", &other, &browser.code("other", &[]).await).await;
    let sid = crate::people::payload(&tokens["id_token"])["sid"].as_str().unwrap().to_owned();
    let parameters = [
        ("id_token_hint", hint),
        ("post_logout_redirect_uri", "https://web.example/cb"),
        ("state", "s2"),
    ];

    let page = browser.get(&format!("/logout?{}", form(&parameters))).await;

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
    let silent = browser.authorize("web", &[("prompt", "none")]).await;
    assert_eq!(callback(&silent)["error"], "login_required");
}
