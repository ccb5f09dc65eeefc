//! The Basic plan: what a client may ask for in an authorization request, and what is answered to a request that asks
//! wrongly.

use http::StatusCode;

use super::{Plan, is_login, is_page};
use crate::people::{PASSWORD, authorize_path, payload};

/// A parameter that changes nothing of the flow.
async fn makes_no_difference(parameter: (&str, &str)) {
    for plan in Plan::in_each_mode().await {
        let (browser, before) = plan.signed_in().await;
        let stranger = plan.browser();

        let silent = plan.tokens(&browser, &[parameter]).await;
        let signed_in = plan.tokens(&stranger, &[parameter]).await;

        let sub = &payload(&before["id_token"])["sub"];
        assert_eq!(&payload(&silent["id_token"])["sub"], sub);
        assert_eq!(&payload(&signed_in["id_token"])["sub"], sub);
    }
}

#[tokio::test]
async fn b02_response_type_missing() {
    for plan in Plan::in_each_mode().await {
        let (browser, _) = plan.signed_in().await;

        let answer = plan.authorize(&browser, &[("response_type", "")]).await;

        assert_eq!(plan.received(&answer)["error"], "invalid_request");
    }
}

#[tokio::test]
async fn b08_ensure_request_without_nonce_succeeds_for_code_flow() {
    for plan in Plan::in_each_mode().await {
        let tokens = plan.tokens(&plan.browser(), &[("nonce", "")]).await;

        assert!(payload(&tokens["id_token"]).get("nonce").is_none());
    }
}

#[tokio::test]
async fn b15_display_page() {
    makes_no_difference(("display", "page")).await;
}

#[tokio::test]
async fn b16_display_popup() {
    makes_no_difference(("display", "popup")).await;
}

#[tokio::test]
async fn b22_ensure_request_with_unknown_parameter_succeeds() {
    makes_no_difference(("extra", "foobar")).await;
}

#[tokio::test]
async fn b24_login_hint() {
    makes_no_difference(("login_hint", "ada@example.com")).await;
    // And who is not signed in need not type it again.
    let [plan, _] = Plan::in_each_mode().await;
    let page = plan.authorize(&plan.browser(), &[("login_hint", "ada@example.com")]).await;
    assert!(page.body.contains("value=\"ada@example.com\""), "{}", page.body);
}

#[tokio::test]
async fn b25_ui_locales() {
    makes_no_difference(("ui_locales", "xx se de")).await;
    let [plan, _] = Plan::in_each_mode().await;
    let page = plan.authorize(&plan.browser(), &[("ui_locales", "xx de")]).await;
    assert!(page.body.contains("lang=\"de\""), "{}", page.body);
}

#[tokio::test]
async fn b26_claims_locales() {
    makes_no_difference(("claims_locales", "se en")).await;
}

#[tokio::test]
async fn b27_ensure_request_with_acr_values_succeeds() {
    for plan in Plan::in_each_mode().await {
        let tokens = plan.tokens(&plan.browser(), &[("acr_values", "1 2")]).await;

        assert_eq!(payload(&tokens["id_token"])["acr"], "1");
    }
}

#[tokio::test]
async fn b30_ensure_registered_redirect_uri() {
    for plan in Plan::in_each_mode().await {
        let (browser, _) = plan.signed_in().await;

        for uri in ["https://web.example/unregistered", "https://evil.example/", "not a URI"] {
            for prompt in ["", "none"] {
                let more = [("redirect_uri", uri), ("prompt", prompt)];
                let answer = plan.authorize(&browser, &more).await;
                assert_eq!((answer.status, is_page(&answer)), (StatusCode::BAD_REQUEST, true));
            }
        }
        let missing = plan.authorize(&browser, &[("redirect_uri", "")]).await;
        assert!(is_page(&missing), "OpenID Connect requires it");
    }
}

#[tokio::test]
async fn b31_ensure_post_request_succeeds() {
    for plan in Plan::in_each_mode().await {
        let browser = plan.browser();
        let path = authorize_path("first", &plan.with(&[]));
        let query = path.strip_prefix("/authorize?").unwrap();
        let parameters: Vec<(String, String)> =
            form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let fields: Vec<(&str, &str)> =
            parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();

        let login = browser.post("/authorize", &fields).await;
        let answer = browser.log_in(&login, "ada", PASSWORD).await;
        let silent = browser.post("/authorize", &fields).await;

        assert!(is_login(&login));
        assert_eq!(plan.exchange(&plan.received(&answer)["code"]).await.status, 200);
        assert_eq!(plan.exchange(&plan.received(&silent)["code"]).await.status, 200);
    }
}
