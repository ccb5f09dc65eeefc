//! The Basic plan: when the user is asked again, and when nothing may be shown (OpenID Connect Core §3.1.2.1).

use serde_json::Value;

use super::{Plan, is_login};
use crate::people::{PASSWORD, payload};

fn claim(tokens: &Value, name: &str) -> Value {
    payload(&tokens["id_token"])[name].clone()
}

/// Asks for what only a new sign-in gives; the tokens before and after.
async fn again(plan: &Plan, more: (&str, &str)) -> (Value, Value) {
    let (browser, before) = plan.signed_in().await;
    plan.later(2).await;
    let page = plan.authorize(&browser, &[more]).await;
    assert!(is_login(&page), "{more:?}: {}", page.body);
    let answer = browser.log_in(&page, "ada", PASSWORD).await;
    let after = plan.exchange(&plan.received(&answer)["code"]).await.json();
    (before, after)
}

#[tokio::test]
async fn b17_prompt_login() {
    for plan in Plan::in_each_mode().await {
        let (before, after) = again(&plan, ("prompt", "login")).await;

        assert_eq!(claim(&before, "sub"), claim(&after, "sub"));
        assert!(claim(&after, "auth_time").as_i64() > claim(&before, "auth_time").as_i64());
    }
}

#[tokio::test]
async fn b17_prompt_login_in_the_very_second_of_the_last_sign_in() {
    for plan in Plan::in_each_mode().await {
        let (browser, _) = plan.signed_in().await;

        assert!(is_login(&plan.authorize(&browser, &[("prompt", "login")]).await));
    }
}

#[tokio::test]
async fn b18_prompt_none_not_logged_in() {
    for plan in Plan::in_each_mode().await {
        let answer = plan.authorize(&plan.browser(), &[("prompt", "none")]).await;

        assert_eq!(plan.received(&answer)["error"], "login_required");
    }
}

#[tokio::test]
async fn b19_prompt_none_logged_in() {
    for plan in Plan::in_each_mode().await {
        let (browser, before) = plan.signed_in().await;
        plan.later(2).await;

        let answer = plan.authorize(&browser, &[("prompt", "none")]).await;

        let after = plan.exchange(&plan.received(&answer)["code"]).await.json();
        for name in ["sub", "auth_time", "sid"] {
            assert_eq!(claim(&before, name), claim(&after, name), "{name}");
        }
    }
}

#[tokio::test]
async fn b20_max_age_1() {
    for plan in Plan::in_each_mode().await {
        let (before, after) = again(&plan, ("max_age", "1")).await;

        assert!(claim(&before, "auth_time").is_i64());
        assert!(claim(&after, "auth_time").as_i64() > claim(&before, "auth_time").as_i64());
    }
}

#[tokio::test]
async fn b20_max_age_0_is_prompt_login() {
    for plan in Plan::in_each_mode().await {
        let (browser, _) = plan.signed_in().await;

        let page = plan.authorize(&browser, &[("max_age", "0")]).await;

        assert!(is_login(&page), "{}", page.body);
        let answer = browser.log_in(&page, "ada", PASSWORD).await;
        assert!(plan.received(&answer).contains_key("code"), "asked once, not without end");
    }
}

#[tokio::test]
async fn b21_max_age_10000() {
    for plan in Plan::in_each_mode().await {
        let (browser, before) = plan.signed_in().await;
        plan.later(2).await;

        let answer = plan.authorize(&browser, &[("max_age", "10000")]).await;

        let after = plan.exchange(&plan.received(&answer)["code"]).await.json();
        assert!(claim(&after, "auth_time").is_i64());
        assert_eq!(claim(&before, "auth_time"), claim(&after, "auth_time"));
    }
}

#[tokio::test]
async fn b23_id_token_hint() {
    for plan in Plan::in_each_mode().await {
        let (browser, before) = plan.signed_in().await;
        // Long after the hint has expired.
        plan.later(3_600).await;
        let hint = before["id_token"].as_str().unwrap();
        let silent = [("prompt", "none"), ("id_token_hint", hint)];

        let after = plan.tokens(&browser, &silent).await;

        assert_eq!(claim(&before, "sub"), claim(&after, "sub"));
    }
}

#[tokio::test]
async fn b23_id_token_hint_of_somebody_else_is_no_silent_success() {
    for plan in Plan::in_each_mode().await {
        plan.issuer.user("eve").await;
        let (_, ada) = plan.signed_in().await;
        let browser = plan.browser();
        let page = plan.authorize(&browser, &[]).await;
        browser.log_in(&page, "eve", PASSWORD).await;
        let hint = ada["id_token"].as_str().unwrap();

        let silent = plan.authorize(&browser, &[("prompt", "none"), ("id_token_hint", hint)]).await;
        let asked = plan.authorize(&browser, &[("id_token_hint", hint)]).await;

        assert_eq!(plan.received(&silent)["error"], "login_required");
        assert!(is_login(&asked));
    }
}
