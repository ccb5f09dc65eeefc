//! The authorization endpoint, from the request to the code.

use countersign::registry::{ConsentPolicy, Pkce};
use http::StatusCode;

use crate::harness::{Issuer, form};
use crate::passkey::without_secrets;
use crate::people::{Browser, CALLBACK, PASSWORD, authorize_path, callback, hidden, payload};

async fn issuer() -> (Issuer, String) {
    let issuer = Issuer::new().await;
    issuer.user("ada").await;
    let secret = issuer.web("web", |_, _| {}).await;
    (issuer, secret)
}

#[tokio::test]
async fn a_user_signs_in_once_and_the_client_learns_who_it_is() {
    let (issuer, secret) = issuer().await;
    let browser = Browser::new(&issuer);

    let page = browser.authorize("web", &[]).await;
    let answer = browser.log_in(&page, "ada", PASSWORD).await;
    let parameters = callback(&answer);
    let tokens = issuer.redeem("web", &secret, &parameters["code"]).await.json();

    assert_eq!(page.status, 200);
    assert_eq!((&*parameters["state"], &*parameters["iss"]), ("s1", "https://issuer.example"));
    let (access, id) = (payload(&tokens["access_token"]), payload(&tokens["id_token"]));
    assert_eq!(
        (&access["idtyp"], &access["aud"]),
        (&"user".into(), &"https://issuer.example".into())
    );
    assert_eq!(access["sub"], id["sub"]);
    assert_eq!((&id["aud"], &id["nonce"], &id["acr"]), (&"web".into(), &"n1".into(), &"1".into()));
    assert_eq!(id["amr"], serde_json::json!(["pwd"]));
    assert_eq!(access["sid"], id["sid"]);
    assert!(id["at_hash"].is_string() && id["auth_time"].is_i64() && id.get("name").is_none());
}

#[tokio::test]
async fn a_second_client_is_answered_in_silence() {
    let (issuer, _) = issuer().await;
    let other = issuer.web("other", |_, _| {}).await;
    let browser = Browser::new(&issuer);
    browser.code("web", &[]).await;

    let silent = browser.authorize("other", &[("prompt", "none")]).await;

    let code = &callback(&silent)["code"];
    assert_eq!(issuer.redeem("other", &other, code).await.status, 200);
}

#[tokio::test]
async fn r01_r04_an_unregistered_redirect_uri_never_gets_a_redirect() {
    let (issuer, _) = issuer().await;

    for uri in [
        "https://web.example/cb/",
        "https://web.example/cb?x",
        "https://web.example/cb#f",
        "https://web.example/CB",
        "https://web.example:443/cb",
        "https://web.example@evil.example/cb",
        "https://evil.example/cb",
        "//web.example/cb",
    ] {
        for more in
            [&[][..], &[("prompt", "none")], &[("scope", "nothing")], &[("response_type", "token")]]
        {
            let more = [&[("redirect_uri", uri)][..], more].concat();
            let answer = Browser::new(&issuer).authorize("web", &more).await;

            assert_eq!(
                (answer.status, answer.header("location")),
                (StatusCode::BAD_REQUEST, ""),
                "{uri}"
            );
        }
    }
    for unknown in ["", "nobody", "0190a6e2-7c1b-7c3a-9b1e-2f6f3c1d5a77"] {
        let answer = Browser::new(&issuer).get(&authorize_path(unknown, &[])).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::BAD_REQUEST, ""));
    }
}

#[tokio::test]
async fn every_malformed_request_is_told_to_the_client_with_its_code() {
    let (issuer, _) = issuer().await;

    for (more, expected) in [
        (("response_type", ""), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("response_type", "code token"), "unsupported_response_type"),
        (("response_mode", "fragment"), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge", "short"), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("prompt", "none login"), "invalid_request"),
        (("prompt", "dance"), "invalid_request"),
        (("max_age", "-1"), "invalid_request"),
        (("claims", "[]"), "invalid_request"),
        (("id_token_hint", "e30.e30.e30"), "invalid_request"),
        (("request", "e30.e30.e30"), "invalid_request_object"),
        (("request_uri", "https://web.example/request"), "request_uri_not_supported"),
        (("scope", "a\"b"), "invalid_scope"),
    ] {
        let answer = Browser::new(&issuer).authorize("web", &[more]).await;

        assert_eq!(callback(&answer)["error"], expected, "{more:?}");
    }
}

#[tokio::test]
async fn r08_cve_2026_9689_a_repeated_parameter_is_refused_and_an_unknown_one_ignored() {
    let (issuer, _) = issuer().await;
    let browser = Browser::new(&issuer);
    let path = authorize_path("web", &[("whatever", "1")]);

    assert_eq!(browser.get(&path).await.status, 200);
    for name in ["scope", "state", "nonce", "code_challenge", "whatever"] {
        let answer = browser.get(&format!("{path}&{name}=again")).await;
        assert_eq!(callback(&answer)["error"], "invalid_request", "{name}");
    }
    for name in ["client_id", "redirect_uri"] {
        let answer = browser.get(&format!("{path}&{name}={CALLBACK}")).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (StatusCode::BAD_REQUEST, ""),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_user_is_asked_once_and_may_refuse() {
    let issuer = Issuer::new().await;
    issuer.user("ada").await;
    let secret = issuer.web("web", |_, sign_in| sign_in.consent = ConsentPolicy::Ask).await;
    let browser = Browser::new(&issuer);
    let login = browser.authorize("web", &[]).await;
    let consent = browser.log_in(&login, "ada", PASSWORD).await;
    assert_eq!(consent.status, 200);
    let (csrf, rest) = (hidden(&consent, "csrf"), hidden(&consent, "continue"));
    let say = async |said: &str| {
        let fields = [("csrf", csrf.as_str()), ("continue", rest.as_str()), ("answer", said)];
        browser.post("/consent", &fields).await
    };

    let refused = say("refuse").await;
    assert_eq!(callback(&refused)["error"], "access_denied");

    let silent = browser.authorize("web", &[("prompt", "none")]).await;
    assert_eq!(callback(&silent)["error"], "consent_required");
    let accepted = say("accept").await;
    let code = callback(&browser.follow(accepted).await)["code"].clone();
    assert_eq!(issuer.redeem("web", &secret, &code).await.status, 200);
    let silent = browser.authorize("web", &[("prompt", "none")]).await;
    assert!(callback(&silent).contains_key("code"), "asked once");
}

#[tokio::test]
async fn cve_2022_39222_r38_a_page_of_one_browser_does_nothing_in_another() {
    let (issuer, _) = issuer().await;
    let (victim, attacker) = (Browser::new(&issuer), Browser::new(&issuer));
    let page = attacker.authorize("web", &[]).await;
    victim.authorize("web", &[]).await;

    let forged = victim.log_in(&page, "ada", PASSWORD).await;
    let without_token = victim.post("/login", &[("username", "ada"), ("password", PASSWORD)]).await;

    assert_eq!(
        (forged.status, without_token.status),
        (StatusCode::BAD_REQUEST, StatusCode::BAD_REQUEST)
    );
    assert_eq!(victim.cookie("__Host-session"), None);
}

#[tokio::test]
async fn r38_a_form_does_nothing_without_the_cookie_of_its_browser() {
    let (issuer, _) = issuer().await;
    let browser = Browser::new(&issuer);
    let page = browser.authorize("web", &[]).await;

    browser.forget("__Host-browser");
    let answer = browser.log_in(&page, "ada", PASSWORD).await;

    assert_eq!((answer.status, answer.header("location")), (StatusCode::BAD_REQUEST, ""));
    assert_eq!(browser.cookie("__Host-session"), None);
}

#[tokio::test]
async fn cve_2024_28197_the_session_cookie_changes_whenever_the_user_proves_something() {
    let (issuer, _) = issuer().await;
    let browser = Browser::new(&issuer);
    browser.code("web", &[]).await;
    let before = browser.cookie("__Host-session").unwrap();
    issuer.clock.advance(std::time::Duration::from_secs(5));

    let page = browser.authorize("web", &[("prompt", "login")]).await;
    browser.log_in(&page, "ada", PASSWORD).await;

    let after = browser.cookie("__Host-session").unwrap();
    assert_ne!(before, after);
    let request = http::Request::get(authorize_path("web", &[("prompt", "none")]))
        .header(http::header::COOKIE, format!("__Host-session={before}"))
        .body(axum::body::Body::empty());
    assert_eq!(callback(&issuer.send(request.unwrap()).await)["error"], "login_required");
}

#[tokio::test]
async fn r54_a_wrong_password_an_unknown_user_and_a_disabled_one_look_the_same() {
    let (issuer, _) = issuer().await;
    issuer.user("eve").await;
    let disable = |user: &mut countersign::registry::User| {
        user.enabled = false;
        Ok(())
    };
    let act = countersign::store::Actor::node().at(crate::harness::START);
    issuer.app.store.update_user("eve", &act, disable).await.unwrap();
    let browser = Browser::new(&issuer);
    let mut bodies = Vec::new();

    for (username, password) in [("ada", "wrong password"), ("nobody", PASSWORD), ("eve", PASSWORD)]
    {
        let page = browser.authorize("web", &[]).await;
        let answer = browser.log_in(&page, username, password).await;
        let body = without_secrets(&answer).replace(username, "");
        bodies.push((answer.status, body));
    }

    assert_eq!(bodies[0], bodies[1]);
    assert_eq!(bodies[1], bodies[2]);
    assert_eq!(browser.cookie("__Host-session"), None);
}

#[tokio::test]
async fn r47_a_pushed_request_is_bound_to_its_client_and_good_once() {
    let (issuer, secret) = issuer().await;
    let other = issuer.web("other", |_, _| {}).await;
    let browser = Browser::new(&issuer);
    browser.code("web", &[]).await;
    let path = authorize_path("web", &[]);
    let body = path.strip_prefix("/authorize?").unwrap();
    let push = async |more: &str| {
        let request = http::Request::post("/par")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(axum::body::Body::from(format!("{body}&{more}")));
        issuer.send(request.unwrap()).await
    };

    let pushed = push(&form(&[("client_secret", &secret)])).await;
    let request_uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    let reference = |client: &str| {
        format!("/authorize?{}", form(&[("client_id", client), ("request_uri", &request_uri)]))
    };
    let foreign = browser.get(&reference("other")).await;
    let first = browser.get(&reference("web")).await;
    let second = browser.get(&reference("web")).await;

    assert_eq!(pushed.status, 201);
    assert_eq!((foreign.status, foreign.header("location")), (StatusCode::BAD_REQUEST, ""));
    assert!(callback(&first).contains_key("code"));
    assert_eq!((second.status, second.header("location")), (StatusCode::BAD_REQUEST, ""));
    assert_eq!(push("").await.error(), (401, "invalid_client".to_owned()));
    assert_eq!(push(&form(&[("client_secret", &other)])).await.error().0, 401);
    let nested = push(&form(&[("client_secret", &secret), ("request_uri", &request_uri)])).await;
    assert_eq!(nested.error(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn r11_a_public_client_needs_a_code_challenge_and_no_secret() {
    let (issuer, _) = issuer().await;
    issuer
        .web("spa", |client, sign_in| {
            client.auth = countersign::registry::ClientAuthentication::None;
            sign_in.pkce = Pkce::Optional;
        })
        .await;
    let browser = Browser::new(&issuer);
    browser.code("web", &[]).await;

    let without =
        browser.authorize("spa", &[("code_challenge", ""), ("code_challenge_method", "")]).await;
    let with = browser.authorize("spa", &[]).await;
    let exchange = [
        ("grant_type", "authorization_code"),
        ("client_id", "spa"),
        ("code", &callback(&with)["code"]),
        ("redirect_uri", CALLBACK),
        ("code_verifier", crate::people::VERIFIER),
    ];

    assert_eq!(callback(&without)["error"], "invalid_request");
    assert_eq!(issuer.token(&exchange).await.status, 200);
}

#[tokio::test]
async fn a_class_that_the_user_cannot_reach_is_refused_and_not_asked_for_without_end() {
    let (issuer, _) = issuer().await;
    let browser = Browser::new(&issuer);
    let essential = r#"{"id_token":{"acr":{"essential":true,"values":["2"]}}}"#;
    let page = browser.authorize("web", &[("claims", essential)]).await;
    issuer.clock.advance(std::time::Duration::from_secs(5));
    issuer.follow().await;

    let answer = browser.log_in(&page, "ada", PASSWORD).await;

    assert_eq!(callback(&answer)["error"], "unmet_authentication_requirements");
    let weaker = essential.replace("\"2\"", "\"1\"");
    let reached = browser.authorize("web", &[("claims", &weaker)]).await;
    assert!(callback(&reached).contains_key("code"));
}

#[tokio::test]
async fn what_one_user_consented_to_is_not_the_consent_of_another() {
    let issuer = Issuer::new().await;
    issuer.user("ada").await;
    issuer.user("eve").await;
    issuer.web("web", |_, sign_in| sign_in.consent = ConsentPolicy::Ask).await;
    let browser = Browser::new(&issuer);
    let login = browser.authorize("web", &[]).await;
    let consent = browser.log_in(&login, "ada", PASSWORD).await;
    let (csrf, rest) = (hidden(&consent, "csrf"), hidden(&consent, "continue"));
    let accept = [("csrf", csrf.as_str()), ("continue", rest.as_str()), ("answer", "accept")];
    let accepted = browser.post("/consent", &accept).await;
    let (_, rest) = accepted.header("location").split_once("continue=").unwrap();

    let as_eve =
        [("csrf", csrf.as_str()), ("continue", rest), ("username", "eve"), ("password", PASSWORD)];
    let switched = browser.post("/login", &as_eve).await;
    let asked = browser.follow(switched).await;

    assert_eq!((asked.status, asked.header("location")), (StatusCode::OK, ""));
    assert!(asked.body.contains("action=\"/consent\""), "{}", asked.body);
}

#[tokio::test]
async fn pushing_counts_failures_as_the_token_endpoint_does() {
    let issuer =
        Issuer::with(|config| config.client_authentication.failures_per_minute_per_client = 3)
            .await;
    let secret = issuer.web("web", |_, _| {}).await;
    let path = authorize_path("web", &[]);
    let body = path.strip_prefix("/authorize?").unwrap();
    let push = async |secret: &str| {
        let request = http::Request::post("/par")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(axum::body::Body::from(format!("{body}&{}", form(&[("client_secret", secret)]))));
        issuer.send(request.unwrap()).await
    };

    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(push("wrong").await.status.as_u16());
    }

    assert_eq!(statuses, [401, 401, 401, 429, 429]);
    assert_eq!(push(&secret).await.status, 201, "the right secret always gets in");
}
