//! UserInfo.

use axum::body::Body;
use http::{Request, StatusCode, header};

use crate::harness::{Answer, Issuer, PAYMENTS};
use crate::people::{Browser, callback};

async fn tokens(issuer: &Issuer, secret: &str, scope: &str) -> serde_json::Value {
    let code = Browser::new(issuer).code("web", &[("scope", scope)]).await;
    issuer.redeem("web", secret, &code).await.json()
}

async fn ask(issuer: &Issuer, token: &str) -> Answer {
    let request =
        Request::get("/userinfo").header(header::AUTHORIZATION, format!("Bearer {token}"));
    issuer.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn b05_b09_the_claims_of_the_scopes_are_told_with_their_types() {
    let issuer = Issuer::new().await;
    let ada = issuer.user("ada").await;
    let secret = issuer.web("web", |_, _| {}).await;
    let tokens = tokens(&issuer, &secret, "openid profile email").await;

    let told = ask(&issuer, tokens["access_token"].as_str().unwrap()).await;

    let claims = told.json();
    assert_eq!(claims["sub"], ada.to_string());
    assert_eq!(
        (&claims["name"], &claims["preferred_username"]),
        (&"Ada Lovelace".into(), &"ada".into())
    );
    assert_eq!(
        (&claims["email"], &claims["email_verified"]),
        (&"ada@example.com".into(), &false.into())
    );
    assert!(claims["updated_at"].is_i64());
    assert_eq!(told.header("cache-control"), "no-store");
    assert_eq!(told.header("access-control-allow-origin"), "*");
}

#[tokio::test]
async fn b06_b07_a_token_comes_in_the_header_or_in_a_form_and_never_in_the_query() {
    let issuer = Issuer::new().await;
    issuer.user("ada").await;
    let secret = issuer.web("web", |_, _| {}).await;
    let tokens = tokens(&issuer, &secret, "openid").await;
    let token = tokens["access_token"].as_str().unwrap();
    let post = |body: String| {
        let request = Request::post("/userinfo")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        request.body(Body::from(body)).unwrap()
    };

    assert_eq!(issuer.send(post(format!("access_token={token}"))).await.status, 200);
    let header_only =
        Request::post("/userinfo").header(header::AUTHORIZATION, format!("bearer {token}"));
    assert_eq!(issuer.send(header_only.body(Body::empty()).unwrap()).await.status, 200);
    assert_eq!(issuer.get(&format!("/userinfo?access_token={token}")).await.status, 401);
    assert_eq!(ask(&issuer, tokens["id_token"].as_str().unwrap()).await.status, 401);
}

#[tokio::test]
async fn a_token_of_another_audience_of_an_app_or_of_a_user_who_is_gone_is_refused() {
    let issuer = Issuer::new().await;
    issuer.user("ada").await;
    let secret = issuer.web("web", |_, _| {}).await;
    let app = issuer.client("orders", |_| {}).await;
    let of_app = issuer.token_as("orders", &app, &[]).await.json();
    let own = tokens(&issuer, &secret, "openid").await;
    let code = Browser::new(&issuer)
        .code("web", &[("scope", "openid payments:read"), ("resource", PAYMENTS)])
        .await;
    let foreign = issuer.redeem("web", &secret, &code).await.json();

    for token in [&of_app["access_token"], &foreign["access_token"]] {
        let answer = ask(&issuer, token.as_str().unwrap()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(answer.header("www-authenticate").starts_with("Bearer realm="));
    }
    let act = countersign::store::Actor::node().at(crate::harness::START);
    issuer.app.store.delete_user("ada", &act).await.unwrap();
    assert_eq!(ask(&issuer, own["access_token"].as_str().unwrap()).await.status, 401);
}

#[tokio::test]
async fn a_signed_answer_is_for_its_client_and_is_no_id_token() {
    let issuer = Issuer::new().await;
    let ada = issuer.user("ada").await;
    let secret = issuer
        .web("web", |_, sign_in| {
            sign_in.userinfo_signed_response_alg = Some(countersign_keys::Algorithm::Es256);
        })
        .await;
    let tokens = tokens(&issuer, &secret, "openid").await;

    let told = ask(&issuer, tokens["access_token"].as_str().unwrap()).await;

    assert_eq!(told.header("content-type"), "application/jwt");
    let claims = crate::people::payload(&told.body.clone().into());
    assert_eq!((&claims["sub"], &claims["aud"]), (&ada.to_string().into(), &"web".into()));
    let browser = Browser::new(&issuer);
    let hinted = browser.authorize("web", &[("id_token_hint", &told.body)]).await;
    assert_eq!(callback(&hinted)["error"], "invalid_request");
    assert_eq!(browser.get(&format!("/logout?id_token_hint={}", told.body)).await.status, 400);
}
