//! The metadata documents.

use crate::harness::Issuer;

#[tokio::test]
async fn r15_both_well_known_addresses_answer_the_same_metadata() {
    let issuer = Issuer::new().await;

    let openid = issuer.get("/.well-known/openid-configuration").await;
    let oauth = issuer.get("/.well-known/oauth-authorization-server").await;

    assert_eq!((openid.status, &openid.body), (oauth.status, &oauth.body));
    let metadata = openid.json();
    assert_eq!(metadata["issuer"], "https://issuer.example");
    assert_eq!(metadata["token_endpoint"], "https://issuer.example/token");
    assert_eq!(metadata["jwks_uri"], "https://issuer.example/jwks");
    let device = "urn:ietf:params:oauth:grant-type:device_code";
    let assertion = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    let grants =
        ["client_credentials", "authorization_code", "refresh_token", device, assertion, exchange];
    assert_eq!(metadata["grant_types_supported"], serde_json::json!(grants));
    assert_eq!(metadata["code_challenge_methods_supported"], serde_json::json!(["S256"]));
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    let methods = metadata["token_endpoint_auth_methods_supported"].as_array().unwrap();
    assert_eq!(methods.len(), 4);
}

#[tokio::test]
async fn what_is_advertised_is_supported_and_nothing_else() {
    let issuer = Issuer::new().await;
    let metadata = issuer.get("/.well-known/openid-configuration").await.json();

    for grant in metadata["grant_types_supported"].as_array().unwrap() {
        let answer = issuer.token(&[("grant_type", grant.as_str().unwrap())]).await;

        assert_eq!(answer.error().1, "invalid_client", "{grant}");
    }
}

#[tokio::test]
async fn an_issuer_with_a_path_answers_below_it() {
    let issuer =
        Issuer::with(|config| config.issuer = "https://host.example/tenant".parse().unwrap()).await;

    for path in [
        "/tenant/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/tenant",
        "/.well-known/openid-configuration",
    ] {
        let metadata = issuer.get(path).await.json();
        assert_eq!(metadata["jwks_uri"], "https://host.example/tenant/jwks", "{path}");
    }
    assert_eq!(issuer.get("/tenant/jwks").await.status, 200);
    assert_eq!(issuer.get("/tenant/token").await.status, 405);
    assert_eq!(issuer.get("/other/jwks").await.status, 404);
}
