//! `POST /token`: the walk of a good request, and every error of the pipeline.

use axum::body::Body;
use countersign_keys::Algorithm;
use countersign_verifier::{Keys, Verifier};
use http::{Request, header};

use crate::harness::{Issuer, PAYMENTS, START, basic, form, token_request};

#[tokio::test]
async fn a_client_gets_an_app_token_that_the_sdk_verifies() {
    let issuer = Issuer::new().await;
    let secret = issuer.client("orders", |_| {}).await;

    let answer = issuer.token_as("orders", &secret, &[("resource", PAYMENTS)]).await;

    assert_eq!(answer.status, 200, "{}", answer.body);
    let body = answer.json();
    assert_eq!(
        (&body["token_type"], &body["expires_in"], &body["scope"]),
        (&"Bearer".into(), &600.into(), &"payments:read".into())
    );
    let claims = answer.claims();
    assert_eq!(claims["iss"], "https://issuer.example");
    assert_eq!(claims["exp"], START + 600);
    let keys = issuer.get("/jwks").await.body;
    let (keys, _) = countersign_keys::JwkSet::parse(keys.as_bytes(), &[Algorithm::Es256]).unwrap();
    let verifier = Verifier::builder("https://issuer.example")
        .audience(PAYMENTS)
        .keys(Keys::Fixed(keys))
        .clock(issuer.clock.clone())
        .build()
        .await
        .unwrap();
    let caller = verifier.try_verify(body["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(caller.subject(), "orders");
    assert!(caller.roles().any(|role| role == "auditor"));
}

#[tokio::test]
async fn the_claims_are_those_of_rfc_9068_and_no_others() {
    let issuer = Issuer::new().await;
    let secret = issuer.client("orders", |_| {}).await;

    let claims = issuer.token_as("orders", &secret, &[]).await.claims();

    let mut names: Vec<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let expected =
        ["aud", "client_id", "exp", "iat", "idtyp", "iss", "jti", "roles", "scope", "sub"];
    assert_eq!(names, expected);
    assert_eq!((&claims["idtyp"], &claims["sub"]), (&"app".into(), &"orders".into()));
    assert_eq!(claims["aud"], PAYMENTS);
}

#[tokio::test]
async fn r44_every_answer_says_no_store() {
    let issuer = Issuer::new().await;
    let secret = issuer.client("orders", |_| {}).await;

    let good = issuer.token_as("orders", &secret, &[]).await;
    let bad = issuer.token_as("orders", "wrong", &[]).await;

    assert_eq!(good.header("cache-control"), "no-store");
    assert_eq!(bad.header("cache-control"), "no-store");
}

#[tokio::test]
async fn each_request_that_is_no_request_gets_one_clear_error() {
    let issuer = Issuer::new().await;
    let secret = issuer.client("orders", |_| {}).await;
    let with = |more: &str| {
        format!("grant_type=client_credentials&client_id=orders&client_secret={secret}&{more}")
    };
    let many: Vec<String> = (0..80).map(|number| format!("p{number}=1")).collect();
    let rows = [
        (String::new(), 400, "invalid_request"),
        ("grant_type=".to_owned(), 400, "invalid_request"),
        ("grant_type=password&username=a&password=b".to_owned(), 400, "unsupported_grant_type"),
        ("grant_type=CLIENT_CREDENTIALS".to_owned(), 400, "unsupported_grant_type"),
        (with("grant_type=client_credentials"), 400, "invalid_request"),
        (with("scope=payments:read&scope=payments:read"), 400, "invalid_request"),
        (with("unknown=1&unknown=2"), 400, "invalid_request"),
        (with("scope=%FF"), 400, "invalid_request"),
        (with(&many.join("&")), 400, "invalid_request"),
        (with("scope=payments:write"), 400, "invalid_scope"),
        (with("scope=payments:read%20%20"), 400, "invalid_scope"),
        (with("scope=%22"), 400, "invalid_scope"),
        (with("resource=https://other.example"), 400, "invalid_target"),
        (with("resource=https://payments.example/"), 400, "invalid_target"),
        (with(&format!("resource={PAYMENTS}&resource={PAYMENTS}")), 400, "invalid_target"),
        ("grant_type=client_credentials".to_owned(), 401, "invalid_client"),
    ];

    for (body, status, error) in rows {
        let answer = issuer.post(body.as_str()).await;

        assert_eq!(answer.error(), (status, error.to_owned()), "{body}");
    }
}

#[tokio::test]
async fn r45_unknown_parameters_are_ignored() {
    let issuer = Issuer::new().await;
    let secret = issuer.client("orders", |_| {}).await;

    let answer = issuer.token_as("orders", &secret, &[("flavor", "mint")]).await;

    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn r19_credentials_in_the_url_are_refused() {
    let issuer = Issuer::new().await;
    let secret = issuer.client("orders", |_| {}).await;
    let url = format!("/token?client_id=orders&client_secret={secret}");
    let request = Request::post(url)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from("grant_type=client_credentials"));

    let answer = issuer.send(request.unwrap()).await;

    assert_eq!(answer.error(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn r43_other_methods_and_media_types_are_refused() {
    let issuer = Issuer::new().await;
    let json = Request::post("/token")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(r#"{"grant_type":"client_credentials"}"#));

    assert_eq!(issuer.get("/token").await.error(), (405, "invalid_request".to_owned()));
    assert_eq!(issuer.get("/token").await.header("allow"), "POST,OPTIONS");
    assert_eq!(issuer.send(json.unwrap()).await.error(), (415, "invalid_request".to_owned()));
    assert_eq!(issuer.get("/tokens").await.error(), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn an_oversized_body_is_refused_without_being_read() {
    let issuer = Issuer::new().await;

    let answer = issuer.post(format!("grant_type={}", "x".repeat(70_000))).await;

    assert_eq!(answer.error(), (413, "invalid_request".to_owned()));
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    let issuer = Issuer::new().await;
    tokio::time::pause();
    let endless = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();

    let answer = issuer.send(token_request().body(Body::from_stream(endless)).unwrap()).await;

    assert_eq!(answer.error(), (408, "invalid_request".to_owned()));
}

#[tokio::test]
async fn a_body_that_arrives_long_after_its_head_is_read() {
    let issuer = Issuer::new().await;
    let secret = issuer.client("orders", |_| {}).await;
    tokio::time::pause();
    let (head_was_sent, body) = tokio::sync::oneshot::channel();
    let late = futures_util::stream::once(body);

    let request = token_request()
        .header(header::AUTHORIZATION, basic("orders", &secret))
        .body(Body::from_stream(late));
    // The answer is polled first, each time: whatever ends within nine seconds has ended it before the body comes.
    let arrives = async {
        tokio::time::advance(std::time::Duration::from_secs(9)).await;
        tokio::task::yield_now().await;
        head_was_sent.send(form(&[("grant_type", "client_credentials")])).unwrap();
    };
    let (answer, ()) = tokio::join!(biased; issuer.send(request.unwrap()), arrives);

    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn a_client_with_two_resources_must_name_one() {
    let issuer = Issuer::new().await;
    issuer.resource("https://ledger.example", |_| {}).await;
    let secret = issuer
        .client("orders", |client| {
            let mut second = client.permissions[0].clone();
            second.resource = "https://ledger.example".to_owned();
            client.permissions.push(second);
        })
        .await;

    let unnamed = issuer.token_as("orders", &secret, &[]).await;
    let named = issuer.token_as("orders", &secret, &[("resource", "https://ledger.example")]).await;

    assert_eq!(unnamed.error(), (400, "invalid_target".to_owned()));
    assert_eq!(named.claims()["aud"], "https://ledger.example");
}

#[tokio::test]
async fn the_resource_decides_algorithm_and_lifetime() {
    let issuer =
        Issuer::with(|config| config.keys.algorithms = vec![Algorithm::Es256, Algorithm::Rs256])
            .await;
    issuer
        .resource("https://ledger.example", |resource| {
            resource.algorithm = Algorithm::Rs256;
            resource.token_lifetime = 60;
        })
        .await;
    let secret = issuer
        .client("orders", |client| {
            client.permissions[0].resource = "https://ledger.example".to_owned();
        })
        .await;

    let answer = issuer.token_as("orders", &secret, &[]).await;

    assert_eq!(answer.json()["expires_in"], 60);
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let jws = countersign_keys::UnverifiedJws::parse(&token).unwrap();
    assert_eq!((jws.algorithm(), jws.typ()), (Algorithm::Rs256, Some("at+jwt")));
}

#[tokio::test]
async fn r40_a_thousand_token_ids_do_not_repeat() {
    let issuer = Issuer::new().await;
    let secret = issuer.client("orders", |_| {}).await;

    let mut ids = std::collections::HashSet::new();
    for _ in 0..1000 {
        let claims = issuer.token_as("orders", &secret, &[]).await.claims();
        ids.insert(claims["jti"].as_str().unwrap().to_owned());
    }

    assert_eq!(ids.len(), 1000);
    assert!(ids.iter().all(|id| id.len() == 22));
}

#[tokio::test]
async fn the_audit_log_has_a_line_for_each_answer_and_no_secret() {
    let issuer = Issuer::new().await;
    let secret = issuer.client("orders", |_| {}).await;

    let answer = issuer.token_as("orders", &secret, &[]).await;
    issuer.token_as("orders", "not-the-secret", &[]).await;

    let log = std::fs::read_to_string(issuer.app.config.audit_file()).unwrap();
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (&lines[0]["event"], &lines[0]["jti"]),
        (&"token_issued".into(), &answer.claims()["jti"])
    );
    assert_eq!(
        (&lines[1]["event"], &lines[1]["error"]),
        (&"token_refused".into(), &"invalid_client".into())
    );
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    for hidden in [secret.as_str(), "not-the-secret", token.as_str()] {
        assert!(!log.contains(hidden));
    }
}

#[tokio::test]
async fn nobody_gets_a_token_from_a_node_that_lost_the_database() {
    let issuer = Issuer::new().await;
    let secret = issuer.client("orders", |_| {}).await;

    issuer.clock.advance(std::time::Duration::from_secs(6));
    let lost = issuer.token_as("orders", &secret, &[]).await;
    issuer.follow().await;
    let found = issuer.token_as("orders", &secret, &[]).await;

    assert_eq!(lost.error(), (503, "temporarily_unavailable".to_owned()));
    assert_eq!(lost.header("retry-after"), "2");
    assert_eq!(found.status, 200);
}

#[tokio::test]
async fn r37_cve_2025_64101_the_host_header_never_becomes_the_issuer() {
    let issuer = Issuer::new().await;
    let secret = issuer.client("orders", |_| {}).await;
    let request = token_request()
        .header(header::HOST, "evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("forwarded", "host=evil.example;proto=http")
        .header(header::AUTHORIZATION, basic("orders", &secret))
        .body(Body::from(form(&[("grant_type", "client_credentials")])));

    let claims = issuer.send(request.unwrap()).await.claims();

    assert_eq!(claims["iss"], "https://issuer.example");
}

#[tokio::test]
async fn s9_a_token_never_lives_longer_than_the_keys_allow() {
    let issuer = Issuer::with(|config| config.keys.max_token_lifetime_seconds = 300).await;
    let secret = issuer.client("orders", |_| {}).await;

    let answer = issuer.token_as("orders", &secret, &[]).await;

    let (claims, body) = (answer.claims(), answer.json());
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    assert_eq!(body["expires_in"], 300);
}
