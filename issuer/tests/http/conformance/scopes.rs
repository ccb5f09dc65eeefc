//! The Basic plan: scopes, UserInfo and single claims (OpenID Connect Core §5).

use axum::body::Body;
use http::{Request, header};
use serde_json::Value;

use super::Plan;
use crate::harness::{Answer, form};
use crate::people::payload;

async fn posted(plan: &Plan, authorization: Option<&str>, body: String) -> Answer {
    let mut request = Request::post("/userinfo");
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    if !body.is_empty() {
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    plan.issuer.send(request.body(Body::from(body)).unwrap()).await
}

/// What UserInfo tells of these scopes.
async fn told(scope: &str) -> [Value; 2] {
    let mut all = Vec::new();
    for plan in Plan::in_each_mode().await {
        let tokens = plan.tokens(&plan.browser(), &[("scope", scope)]).await;
        assert!(tokens.get("id_token").is_some());
        let claims = plan.userinfo(&tokens).await.json();
        assert_eq!(claims["sub"], payload(&tokens["id_token"])["sub"]);
        all.push(claims);
    }
    all.try_into().unwrap()
}

/// Every claim of the scope `profile` with its JSON type (OpenID Connect Core §5.1).
fn check_profile(claims: &Value) {
    for name in [
        "name",
        "given_name",
        "family_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
    ] {
        assert!(claims[name].as_str().is_some_and(|text| !text.is_empty()), "{name}: {claims}");
    }
    assert!(claims["updated_at"].is_i64());
}

fn check_email(claims: &Value) {
    assert!(claims["email"].is_string() && claims["email_verified"].is_boolean(), "{claims}");
}

fn check_address(claims: &Value) {
    assert!(claims["address"]["formatted"].is_string(), "{claims}");
}

fn check_phone(claims: &Value) {
    assert!(claims["phone_number"].is_string(), "{claims}");
    assert!(claims["phone_number_verified"].is_boolean(), "{claims}");
}

fn count(claims: &Value) -> usize {
    claims.as_object().unwrap().len()
}

#[tokio::test]
async fn b05_userinfo_get() {
    for plan in Plan::in_each_mode().await {
        let (_, tokens) = plan.signed_in().await;

        let answer = plan.userinfo(&tokens).await;

        assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"));
        assert!(answer.header("content-type").starts_with("application/json"));
        assert_eq!(answer.json()["sub"], payload(&tokens["id_token"])["sub"]);
    }
}

#[tokio::test]
async fn b06_userinfo_post_header() {
    for plan in Plan::in_each_mode().await {
        let (_, tokens) = plan.signed_in().await;
        let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());

        let answer = posted(&plan, Some(&bearer), String::new()).await;

        assert_eq!(answer.json()["sub"], payload(&tokens["id_token"])["sub"]);
    }
}

#[tokio::test]
async fn b07_userinfo_post_body() {
    for plan in Plan::in_each_mode().await {
        let (_, tokens) = plan.signed_in().await;
        let body = form(&[("access_token", tokens["access_token"].as_str().unwrap())]);

        let answer = posted(&plan, None, body).await;

        assert_eq!(answer.json()["sub"], payload(&tokens["id_token"])["sub"]);
    }
}

#[tokio::test]
async fn b09_scope_profile() {
    for claims in told("openid profile").await {
        check_profile(&claims);
        assert_eq!(count(&claims), 14, "{claims}");
    }
}

#[tokio::test]
async fn b10_scope_email() {
    for claims in told("openid email").await {
        check_email(&claims);
        assert_eq!(count(&claims), 3, "{claims}");
    }
}

#[tokio::test]
async fn b11_scope_address() {
    for claims in told("openid address").await {
        check_address(&claims);
        assert_eq!(count(&claims), 2, "{claims}");
    }
}

#[tokio::test]
async fn b12_scope_phone() {
    for claims in told("openid phone").await {
        check_phone(&claims);
        assert_eq!(count(&claims), 3, "{claims}");
    }
}

#[tokio::test]
async fn b13_scope_all() {
    for claims in told("openid profile email address phone").await {
        check_profile(&claims);
        check_email(&claims);
        check_address(&claims);
        check_phone(&claims);
    }
}

#[tokio::test]
async fn b35_claims_essential() {
    for plan in Plan::in_each_mode().await {
        let browser = plan.browser();
        let essential =
            [("scope", "openid"), ("claims", r#"{"userinfo":{"name":{"essential":true}}}"#)];

        let tokens = plan.tokens(&browser, &essential).await;

        assert_eq!(plan.userinfo(&tokens).await.json()["name"], "Ada Lovelace");
        let in_the_token =
            [("scope", "openid"), ("claims", r#"{"id_token":{"name":{"essential":true}}}"#)];
        let tokens = plan.tokens(&browser, &in_the_token).await;
        assert_eq!(payload(&tokens["id_token"])["name"], "Ada Lovelace");
        assert!(plan.userinfo(&tokens).await.json().get("name").is_none());
    }
}
