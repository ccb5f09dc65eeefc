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
async fn r20_r44_a_token_is_never_read_from_the_query_and_answers_are_for_scripts_of_any_origin() {
    let issuer = Issuer::new().await;
    issuer.user("ada").await;
    let secret = issuer.web("web", |_, _| {}).await;
    let tokens = tokens(&issuer, &secret, "openid").await;
    let token = tokens["access_token"].as_str().unwrap();

    let told = ask(&issuer, token).await;

    assert_eq!((told.status.as_u16(), told.header("cache-control")), (200, "no-store"));
    assert_eq!(told.header("access-control-allow-origin"), "*");
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
async fn r27_signing_out_takes_back_what_was_given_in_the_session() {
    let issuer = Issuer::new().await;
    issuer.user("ada").await;
    let secret = issuer.web("web", |_, _| {}).await;
    let browser = Browser::new(&issuer);
    let tokens = issuer.redeem("web", &secret, &browser.code("web", &[]).await).await.json();

    let hint = tokens["id_token"].as_str().unwrap();
    assert_eq!(browser.get(&format!("/logout?id_token_hint={hint}")).await.status, 200);

    let refresh = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(issuer.refresh("web", &secret, refresh).await.error().1, "invalid_grant");
    assert_eq!(ask(&issuer, tokens["access_token"].as_str().unwrap()).await.status, 401);
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
