//! Rows of the checklist for RFC 9700, and known failures of other servers, that belong to no single endpoint.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::registry::{Client, ClientAuthentication, ClientId, Resource, User};
use countersign::store::Actor;
use http::{Request, StatusCode, header};

use crate::harness::{Answer, Issuer, START, form};
use crate::people::{
    Browser, CALLBACK, PASSWORD, VERIFIER, authorize_path, callback, form_fields, hidden,
};

async fn issuer() -> (Issuer, String) {
    let issuer = Issuer::new().await;
    issuer.user("ada").await;
    let secret = issuer.web("web", |_, _| {}).await;
    (issuer, secret)
}

fn invalid_grant() -> (u16, String) {
    (400, "invalid_grant".to_owned())
}

async fn push(issuer: &Issuer, secret: &str, more: &[(&str, &str)]) -> Answer {
    let path = authorize_path("web", more);
    let body =
        format!("{}&{}", path.split_once('?').unwrap().1, form(&[("client_secret", secret)]));
    let request = Request::post("/par")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body));
    issuer.send(request.unwrap()).await
}

async fn userinfo(issuer: &Issuer, token: &serde_json::Value) -> Answer {
    let bearer = format!("Bearer {}", token.as_str().unwrap());
    let request = Request::get("/userinfo").header(header::AUTHORIZATION, bearer);
    issuer.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn r06_a_path_that_only_resolves_to_the_registered_one_is_refused_at_both_ends() {
    let (issuer, secret) = issuer().await;
    let browser = Browser::new(&issuer);
    let mut code = browser.code("web", &[]).await;

    for uri in [
        "https://web.example/cb/../evil",
        "https://web.example/evil/../cb",
        "https://web.example/cb%2f..%2fevil",
        "https://web.example/c%62",
        "https://web.example/./cb",
        "https://web.example//cb",
        "https://web.example/cb/..;/cb",
        "https://[::ffff:c000:201]/cb",
        "https://web.example\\@evil.example/cb",
        "https:web.example/cb",
        "HTTPS://WEB.EXAMPLE/cb",
    ] {
        let answer = browser.authorize("web", &[("redirect_uri", uri)]).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::BAD_REQUEST, ""));
        let exchange = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", uri),
            ("code_verifier", VERIFIER),
        ];
        let refused = issuer.token_by("web", &secret, &exchange).await;
        assert_eq!(refused.error(), invalid_grant(), "{uri}");
        code = browser.code("web", &[]).await;
    }
}

#[tokio::test]
async fn r09_success_and_error_name_the_issuer_in_either_mode() {
    let (issuer, _) = issuer().await;
    let browser = Browser::new(&issuer);
    browser.code("web", &[]).await;
    let broken = ("code_challenge", "short");

    for more in [&[][..], &[broken]] {
        let answer = browser.authorize("web", more).await;
        assert_eq!(callback(&answer)["iss"], "https://issuer.example");
        let posted = [more, &[("response_mode", "form_post")]].concat();
        let answer = browser.authorize("web", &posted).await;
        assert_eq!(form_fields(&answer.body)["iss"], "https://issuer.example");
    }
}

#[tokio::test]
async fn r08_a_repeated_parameter_is_refused_at_token_and_par_and_r45_an_unknown_one_ignored() {
    let (issuer, secret) = issuer().await;
    let code = Browser::new(&issuer).code("web", &[]).await;
    let exchange = |more: &str| {
        let good = [
            ("grant_type", "authorization_code"),
            ("client_id", "web"),
            ("client_secret", secret.as_str()),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        format!("{}&{more}", form(&good))
    };
    for name in ["grant_type", "client_id", "code", "redirect_uri", "code_verifier"] {
        let answer = issuer.post(exchange(&format!("{name}=x"))).await;
        assert_eq!(answer.error(), (400, "invalid_request".to_owned()), "{name}");
    }
    assert_eq!(issuer.post(exchange("flavor=mint")).await.status, 200);

    let twice = format!("{}&scope=openid", authorize_path("web", &[]));
    let body = format!("{}&client_secret={secret}", twice.split_once('?').unwrap().1);
    let request = Request::post("/par")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body));
    let answer = issuer.send(request.unwrap()).await;
    assert_eq!(answer.error(), (400, "invalid_request".to_owned()));
    assert_eq!(push(&issuer, &secret, &[("flavor", "mint")]).await.status, 201);
}

#[tokio::test]
async fn r21_r22_neither_passwords_nor_tokens_of_the_front_channel_are_granted() {
    let (issuer, secret) = issuer().await;
    let password = [("grant_type", "password"), ("username", "ada"), ("password", PASSWORD)];
    let browser = Browser::new(&issuer);
    browser.code("web", &[]).await;

    let answer = issuer.token_by("web", &secret, &password).await;

    assert_eq!(answer.error(), (400, "unsupported_grant_type".to_owned()));
    for response_type in ["token", "id_token", "code token", "code id_token", "id_token token"] {
        let answer = browser.authorize("web", &[("response_type", response_type)]).await;
        assert_eq!(callback(&answer)["error"], "unsupported_response_type", "{response_type}");
    }
}

#[tokio::test]
async fn r28_the_refresh_tokens_of_a_public_client_are_rotated() {
    let (issuer, _) = issuer().await;
    issuer.web("spa", |client, _| client.auth = ClientAuthentication::None).await;
    let code = Browser::new(&issuer).code("spa", &[]).await;
    let by = async |parameters: &[(&str, &str)]| {
        let all = [&[("client_id", "spa")][..], parameters].concat();
        issuer.token(&all).await
    };
    let exchange = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let first = by(&exchange).await.json()["refresh_token"].as_str().unwrap().to_owned();
    let grant = ("grant_type", "refresh_token");

    let second = by(&[grant, ("refresh_token", &first)]).await.json();
    let second = second["refresh_token"].as_str().unwrap();
    issuer.clock.advance(Duration::from_secs(11));
    issuer.follow().await;
    let replayed = by(&[grant, ("refresh_token", &first)]).await;
    let dead = by(&[grant, ("refresh_token", second)]).await;

    assert_ne!(first, second);
    assert_eq!((replayed.error(), dead.error()), (invalid_grant(), invalid_grant()));
}

#[tokio::test]
async fn r34_r35_a_password_is_never_sent_on_and_no_page_is_kept_framed_or_told_of() {
    let (issuer, _) = issuer().await;
    let browser = Browser::new(&issuer);
    let page = browser.authorize("web", &[]).await;
    let (csrf, rest) = (hidden(&page, "csrf"), hidden(&page, "continue"));
    let fields = [
        ("csrf", csrf.as_str()),
        ("continue", rest.as_str()),
        ("username", "ada"),
        ("password", PASSWORD),
    ];

    let signed_in = browser.post("/login", &fields).await;
    let answer = browser.get(signed_in.header("location")).await;
    let error = browser.authorize("web", &[("redirect_uri", "https://evil.example/")]).await;

    // RFC 9700 §4.12: 303, after which the browser sends no form.
    assert_eq!((signed_in.status, answer.status), (StatusCode::SEE_OTHER, StatusCode::SEE_OTHER));
    for answer in [&page, &signed_in, &answer, &error] {
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
    }
    for page in [&page, &error] {
        let policy = page.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert_eq!(page.header("x-frame-options"), "DENY");
    }
}

#[tokio::test]
async fn r40_codes_references_and_refresh_tokens_are_long_and_share_nothing() {
    let (issuer, secret) = issuer().await;
    let browser = Browser::new(&issuer);
    browser.code("web", &[]).await;
    let mut seen = BTreeSet::new();

    for _ in 0..250 {
        let code = browser.code("web", &[]).await;
        let tokens = issuer.redeem("web", &secret, &code).await.json();
        let refresh_token = tokens["refresh_token"].as_str().unwrap().to_owned();
        let pushed = push(&issuer, &secret, &[]).await.json();
        let request_uri = pushed["request_uri"].as_str().unwrap().rsplit(':').next().unwrap();
        // The last 16 characters: 96 bits of each, of which none may come again.
        for value in [code.as_str(), refresh_token.as_str(), request_uri] {
            let bytes = URL_SAFE_NO_PAD.decode(value).unwrap_or_else(|_| value.into());
            assert!(bytes.len() >= 32, "{value} has fewer than 256 bits");
            assert!(seen.insert(value[value.len() - 16..].to_owned()), "{value} repeats");
        }
    }

    assert_eq!(seen.len(), 750);
}

#[tokio::test]
async fn r41_what_is_good_once_is_good_for_a_minute_and_a_token_for_an_hour_at_most() {
    let (issuer, secret) = issuer().await;
    let browser = Browser::new(&issuer);
    let code = browser.code("web", &[]).await;
    let tokens = issuer.redeem("web", &secret, &code).await.json();
    let pushed = push(&issuer, &secret, &[]).await.json();
    assert!(tokens["expires_in"].as_i64().unwrap() <= 3_600);
    assert!(pushed["expires_in"].as_i64().unwrap() <= 60);
    let of_default = Resource::DEFAULT_TOKEN_LIFETIME;
    assert!(of_default <= 3_600, "{of_default}");
    let late = browser.code("web", &[]).await;
    let request_uri = pushed["request_uri"].as_str().unwrap();
    let reference = form(&[("client_id", "web"), ("request_uri", request_uri)]);

    issuer.clock.advance(Duration::from_secs(61));
    issuer.follow().await;

    assert_eq!(issuer.redeem("web", &secret, &late).await.error(), invalid_grant());
    assert_eq!(browser.get(&format!("/authorize?{reference}")).await.status, 400);
}

#[tokio::test]
async fn cve_2023_0264_parts_of_the_codes_of_two_people_make_no_third() {
    let (issuer, secret) = issuer().await;
    issuer.user("eve").await;
    let ada = Browser::new(&issuer).code("web", &[]).await;
    let browser = Browser::new(&issuer);
    let page = browser.authorize("web", &[]).await;
    let eve = callback(&browser.log_in(&page, "eve", PASSWORD).await)["code"].clone();

    for cut in 1..ada.len().min(eve.len()) {
        let mixed = format!("{}{}", &ada[..cut], &eve[cut..]);
        if mixed == ada || mixed == eve {
            continue;
        }
        let answer = issuer.redeem("web", &secret, &mixed).await;
        assert_eq!(answer.error(), invalid_grant(), "{cut}");
    }
    assert_eq!(issuer.redeem("web", &secret, &ada).await.status, 200);
    assert_eq!(issuer.redeem("web", &secret, &eve).await.status, 200);
}

#[tokio::test]
async fn cve_2024_4540_nothing_of_a_request_stands_in_a_cookie_or_an_address_of_ours() {
    let (issuer, secret) = issuer().await;
    let canaries =
        [("state", "canary-state"), ("nonce", "canary-nonce"), ("login_hint", "canary@hint")];
    let pushed = push(&issuer, &secret, &canaries).await.json();
    let request_uri = pushed["request_uri"].as_str().unwrap();
    let browser = Browser::new(&issuer);

    let reference = form(&[("client_id", "web"), ("request_uri", request_uri)]);
    let page = browser.get(&format!("/authorize?{reference}")).await;
    let (csrf, rest) = (hidden(&page, "csrf"), hidden(&page, "continue"));
    let fields = [
        ("csrf", csrf.as_str()),
        ("continue", rest.as_str()),
        ("username", "ada"),
        ("password", PASSWORD),
    ];
    let signed_in = browser.post("/login", &fields).await;

    assert_eq!(page.status, 200, "{}", page.body);
    for answer in [&page, &signed_in] {
        let cookies = answer.headers.get_all(header::SET_COOKIE).iter();
        for text in
            cookies.map(|cookie| cookie.to_str().unwrap()).chain([answer.header("location")])
        {
            let plain = text
                .split(['.', '=', ';', '~'])
                .filter_map(|part| URL_SAFE_NO_PAD.decode(part).ok());
            let all = plain.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            let found = all.chain([text.to_owned()]).any(|text| text.contains("canary"));
            assert!(!found, "{text}");
        }
    }
}

#[tokio::test]
async fn cve_2023_0091_what_a_disabled_client_holds_is_worth_nothing() {
    let (issuer, secret) = issuer().await;
    let browser = Browser::new(&issuer);
    let tokens = issuer.redeem("web", &secret, &browser.code("web", &[]).await).await.json();
    let code = browser.code("web", &[]).await;
    let pushed = push(&issuer, &secret, &[]).await.json();
    let act = Actor::node().at(START);
    let disable = |client: &mut Client| {
        client.enabled = false;
        Ok(())
    };

    let id = ClientId::parse("web").unwrap();
    drop(issuer.app.store.update_client(&id, &act, disable).await.unwrap());
    issuer.follow().await;

    assert_eq!(userinfo(&issuer, &tokens["access_token"]).await.status, 401);
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(issuer.refresh("web", &secret, refresh_token).await.status, 401);
    assert_eq!(issuer.redeem("web", &secret, &code).await.status, 401);
    assert_eq!(push(&issuer, &secret, &[]).await.status, 401);
    let request_uri = pushed["request_uri"].as_str().unwrap();
    let reference = form(&[("client_id", "web"), ("request_uri", request_uri)]);
    for path in [format!("/authorize?{reference}"), authorize_path("web", &[])] {
        let answer = browser.get(&path).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::BAD_REQUEST, ""));
    }
}

#[tokio::test]
async fn cve_2026_8922_each_single_end_is_enough_whatever_else_still_holds() {
    for ends in 1..8_u8 {
        let (issuer, secret) = issuer().await;
        let browser = Browser::new(&issuer);
        let tokens = issuer.redeem("web", &secret, &browser.code("web", &[]).await).await.json();
        let code = browser.code("web", &[]).await;
        let (store, act) = (&issuer.app.store, Actor::node().at(START));
        let ada = store.user("ada").await.unwrap().id;

        if ends & 1 != 0 {
            let session = store.sessions_of(ada).await.unwrap().remove(0);
            store.end_session(session.id, START).await.unwrap();
        }
        if ends & 2 != 0 {
            let disable = |user: &mut User| {
                user.enabled = false;
                Ok(())
            };
            drop(store.update_user("ada", &act, disable).await.unwrap());
        }
        if ends & 4 != 0 {
            let disable = |client: &mut Client| {
                client.enabled = false;
                Ok(())
            };
            let id = ClientId::parse("web").unwrap();
            drop(store.update_client(&id, &act, disable).await.unwrap());
        }
        issuer.follow().await;

        let refresh_token = tokens["refresh_token"].as_str().unwrap();
        assert_ne!(issuer.refresh("web", &secret, refresh_token).await.status, 200, "{ends}");
        assert_ne!(issuer.redeem("web", &secret, &code).await.status, 200, "{ends}");
        let told = userinfo(&issuer, &tokens["access_token"]).await;
        assert_eq!(told.status, 401, "{ends}: {}", told.body);
    }
}

#[tokio::test]
async fn cve_2020_15223_who_signs_out_is_not_told_so_while_nothing_can_be_written() {
    let (issuer, secret) = issuer().await;
    let browser = Browser::new(&issuer);
    let code = browser.code("web", &[]).await;
    let tokens = issuer.redeem("web", &secret, &code).await.json();
    let hint = tokens["id_token"].as_str().unwrap();

    issuer.app.store.close().await;
    let answer = browser.get(&format!("/logout?id_token_hint={hint}")).await;
    // The replay of a code must take back what it gave; if that cannot be written, nothing is answered as if it were.
    let replayed = issuer.redeem("web", &secret, &code).await;

    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.body);
    assert_eq!(answer.header("location"), "");
    assert_eq!(replayed.error(), (503, "temporarily_unavailable".to_owned()));
}
