//! The Basic plan: codes and refresh tokens at the token endpoint.

use serde_json::Value;

use super::{Plan, code_parameters, register};
use crate::people::payload;

fn invalid_grant() -> (u16, String) {
    (400, "invalid_grant".to_owned())
}

/// Uses a code twice, some seconds apart; every token of the first use is dead then.
async fn reuse_after(seconds: u64) {
    for plan in Plan::in_each_mode().await {
        let code = plan.response(&plan.browser(), &[]).await["code"].clone();
        let first = plan.exchange(&code).await.json();
        assert_eq!(plan.userinfo(&first).await.status, 200);
        plan.later(seconds).await;

        let second = plan.exchange(&code).await;

        assert_eq!(second.error(), invalid_grant());
        assert_eq!(plan.refresh(&first["refresh_token"]).await.error(), invalid_grant());
        // RFC 6749 §4.1.2: the access token too.
        let refused = plan.userinfo(&first).await;
        assert_eq!(refused.status, 401, "{}", refused.body);
        assert!(refused.header("www-authenticate").contains("invalid_token"));
    }
}

#[tokio::test]
async fn b28_codereuse() {
    reuse_after(0).await;
}

#[tokio::test]
async fn b29_codereuse_30seconds() {
    reuse_after(30).await;
}

#[tokio::test]
async fn b29_codereuse_takes_back_what_a_client_without_refresh_tokens_got() {
    for plan in Plan::in_each_mode().await {
        let secret = plan
            .issuer
            .web("plain", |client, _| client.grants = vec!["authorization_code".to_owned()])
            .await;
        let (browser, _) = plan.signed_in().await;
        let answer = browser.authorize("plain", &plan.with(&[])).await;
        let code = plan.received(&answer)["code"].clone();
        let first = plan.token_by(("plain", &secret), &code_parameters(&code)).await.json();
        assert!(first.get("refresh_token").is_none());
        assert_eq!(plan.userinfo(&first).await.status, 200);

        let second = plan.token_by(("plain", &secret), &code_parameters(&code)).await;

        assert_eq!(second.error(), invalid_grant());
        assert_eq!(plan.userinfo(&first).await.status, 401);
    }
}

#[tokio::test]
async fn b37_refresh_token() {
    for plan in Plan::in_each_mode().await {
        let other = register(&plan.issuer, "second").await;
        let (browser, first) = plan.signed_in().await;
        let token = first["refresh_token"].as_str().unwrap().to_owned();
        // RFC 6749 appendix A.17: VSCHAR; at least 96 bits that nobody knows.
        assert!(token.bytes().all(|byte| (0x20..=0x7e).contains(&byte)));
        assert!(token.len() * 6 > 256);
        let another = plan.tokens(&browser, &[]).await;
        assert_ne!(another["refresh_token"], first["refresh_token"]);
        plan.later(2).await;

        let parameters = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
        let stolen = plan.token_by(("second", &other), &parameters).await;
        let second = plan.refresh(&first["refresh_token"]).await;

        assert_eq!(stolen.error(), invalid_grant());
        assert!(stolen.header("content-type").starts_with("application/json"));
        let tokens = second.json();
        check_consistent(&payload(&first["id_token"]), &payload(&tokens["id_token"]));
        assert_eq!(plan.userinfo(&tokens).await.status, 200);
        assert_eq!(plan.refresh(&tokens["refresh_token"]).await.status, 200);
    }
}

/// OpenID Connect Core §12.2.
fn check_consistent(before: &Value, after: &Value) {
    for same in ["iss", "sub", "aud", "azp", "auth_time", "sid"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert!(after["iat"].as_i64() > before["iat"].as_i64());
    assert!(after.get("nonce").is_none_or(|nonce| *nonce == before["nonce"]));
}
