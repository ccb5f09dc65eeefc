//! The device flow (RFC 8628), from the request of a device to its tokens: R50 of the known failures, and what a stranger
//! may do with codes.

use std::collections::HashSet;
use std::time::Duration;

use axum::body::Body;
use countersign::registry::{ClientAuthentication, ConsentPolicy, SignIn, User};
use countersign::store::Actor;
use futures_util::future::join_all;
use http::Request;
use serde_json::Value;

use crate::harness::{Answer, Issuer, PAYMENTS, START, form};
use crate::people::{Browser, PASSWORD, hidden, payload};

/// Parameters, and how they are refused.
type Fault<'f> = (&'f [(&'f str, &'f str)], (u16, &'f str));

pub(crate) const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// An issuer with a user and a television.
async fn issuer() -> Issuer {
    let issuer = Issuer::new().await;
    issuer.user("ada").await;
    tv(&issuer, "tv", |_| {}).await;
    issuer
}

/// A public client on a device.
async fn tv(issuer: &Issuer, id: &str, edit: impl FnOnce(&mut SignIn)) {
    issuer
        .web(id, |client, sign_in| {
            client.name = Some("Lovelace TV".to_owned());
            client.auth = ClientAuthentication::None;
            client.grants = vec![GRANT.to_owned(), "refresh_token".to_owned()];
            sign_in.redirect_uris.clear();
            edit(sign_in);
        })
        .await;
}

pub(crate) async fn ask(issuer: &Issuer, parameters: &[(&str, &str)]) -> Answer {
    let request = Request::post("/device_authorization")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form(parameters)));
    issuer.send(request.unwrap()).await
}

/// The answer to the usual request of the television.
async fn start(issuer: &Issuer) -> Value {
    let answer = ask(issuer, &[("client_id", "tv"), ("scope", "openid profile")]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

async fn poll(issuer: &Issuer, client: &str, device: &Value) -> Answer {
    let code = device["device_code"].as_str().unwrap();
    issuer.token(&[("grant_type", GRANT), ("client_id", client), ("device_code", code)]).await
}

/// Enters a code; follows to the page that comes next.
pub(crate) async fn enter(browser: &Browser<'_>, user_code: &str) -> Answer {
    let page = browser.get("/device").await;
    let fields = [("csrf", &*hidden(&page, "csrf")), ("user_code", user_code)];
    let answer = browser.post("/device", &fields).await;
    browser.follow(answer).await
}

pub(crate) async fn say(browser: &Browser<'_>, page: &Answer, said: &str) -> Answer {
    let (csrf, rest) = (hidden(page, "csrf"), hidden(page, "continue"));
    let fields = [("csrf", csrf.as_str()), ("continue", rest.as_str()), ("answer", said)];
    let answer = browser.post("/consent", &fields).await;
    browser.follow(answer).await
}

/// Signs in, and says something to the device.
async fn decide(issuer: &Issuer, device: &Value, said: &str) -> Answer {
    let browser = Browser::new(issuer);
    let login = enter(&browser, device["user_code"].as_str().unwrap()).await;
    let question = browser.log_in(&login, "ada", PASSWORD).await;
    say(&browser, &question, said).await
}

fn refused(code: &str) -> (u16, String) {
    (400, code.to_owned())
}

async fn advance(issuer: &Issuer, seconds: u64) {
    issuer.clock.advance(Duration::from_secs(seconds));
    issuer.follow().await;
}

#[tokio::test]
async fn a_person_approves_a_device_elsewhere_and_the_device_gets_its_tokens() {
    let issuer = issuer().await;
    let browser = Browser::new(&issuer);

    let device = start(&issuer).await;
    let pending = poll(&issuer, "tv", &device).await;
    let user_code = device["user_code"].as_str().unwrap().to_owned();
    let login = enter(&browser, &user_code.to_lowercase().replace('-', " ")).await;
    let question = browser.log_in(&login, "ada", PASSWORD).await;
    let done = say(&browser, &question, "accept").await;
    let tokens = poll(&issuer, "tv", &device).await;

    assert_eq!(device["verification_uri"], "https://issuer.example/device");
    let complete = format!("https://issuer.example/device?user_code={user_code}");
    assert_eq!(device["verification_uri_complete"], complete);
    assert_eq!((&device["expires_in"], &device["interval"]), (&600.into(), &5.into()));
    assert_eq!(pending.error(), refused("authorization_pending"));
    assert_eq!(question.status, 200);
    assert!(question.body.contains("Lovelace TV") && question.body.contains(&user_code));
    assert!(done.body.contains("Your device is connected"), "{}", done.body);
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    let json = tokens.json();
    let (access, id) = (payload(&json["access_token"]), payload(&json["id_token"]));
    assert_eq!((&access["idtyp"], &access["client_id"]), (&"user".into(), &"tv".into()));
    assert_eq!((&id["aud"], &id["amr"]), (&"tv".into(), &serde_json::json!(["pwd"])));
    assert_eq!((&id["sid"], json["scope"].as_str()), (&access["sid"], Some("openid profile")));
    let refresh = [
        ("grant_type", "refresh_token"),
        ("client_id", "tv"),
        ("refresh_token", json["refresh_token"].as_str().unwrap()),
    ];
    assert_eq!(issuer.token(&refresh).await.status, 200);
    // Who signs out is told to the device's client too.
    let sid = id["sid"].as_str().unwrap().parse().unwrap();
    let ended = issuer.app.store.end_session(sid, START).await.unwrap().unwrap();
    assert_eq!(ended.clients, ["tv"]);
}

#[tokio::test]
async fn r50_polling_too_fast_makes_the_device_wait_longer_each_time() {
    let issuer = issuer().await;
    let device = start(&issuer).await;
    let ask = async || poll(&issuer, "tv", &device).await.error();

    assert_eq!(ask().await, refused("authorization_pending"));
    assert_eq!(ask().await, refused("slow_down"));
    advance(&issuer, 5).await;
    assert_eq!(ask().await, refused("slow_down"), "ten seconds from now on");
    advance(&issuer, 10).await;
    assert_eq!(ask().await, refused("slow_down"), "fifteen");
    advance(&issuer, 20).await;
    assert_eq!(ask().await, refused("authorization_pending"));
    advance(&issuer, 20).await;
    assert_eq!(ask().await, refused("authorization_pending"));
}

#[tokio::test]
async fn r50_after_a_refusal_and_after_the_end_the_device_is_told_which() {
    let issuer = issuer().await;
    let (denied, expired) = (start(&issuer).await, start(&issuer).await);

    let page = decide(&issuer, &denied, "refuse").await;

    assert!(page.body.contains("Your device was not connected"), "{}", page.body);
    assert_eq!(poll(&issuer, "tv", &denied).await.error(), refused("access_denied"));
    assert_eq!(poll(&issuer, "tv", &denied).await.error(), refused("access_denied"));
    advance(&issuer, 600).await;
    assert_eq!(poll(&issuer, "tv", &expired).await.error(), refused("expired_token"));
    let late = enter(&Browser::new(&issuer), expired["user_code"].as_str().unwrap()).await;
    assert_eq!(late.status, 422);
    // Also when nothing is left of it.
    advance(&issuer, 700).await;
    assert_eq!(countersign::tasks::sweep(&issuer.app).await, 2);
    assert_eq!(poll(&issuer, "tv", &expired).await.error(), refused("expired_token"));
}

#[tokio::test]
async fn r50_cve_2023_2585_a_device_code_is_for_its_client_only() {
    let issuer = issuer().await;
    tv(&issuer, "other", |_| {}).await;
    let device = start(&issuer).await;
    decide(&issuer, &device, "accept").await;

    assert_eq!(poll(&issuer, "other", &device).await.error(), refused("invalid_grant"));
    assert_eq!(poll(&issuer, "tv", &device).await.status, 200);
    let made_up = serde_json::json!({"device_code": "made-up"});
    assert_eq!(poll(&issuer, "tv", &made_up).await.error(), refused("invalid_grant"));
    let missing = issuer.token(&[("grant_type", GRANT), ("client_id", "tv")]).await;
    assert_eq!(missing.error(), refused("invalid_request"));
}

#[tokio::test]
async fn r50_of_64_parallel_uses_of_a_device_code_exactly_one_succeeds() {
    let issuer = issuer().await;
    let device = start(&issuer).await;
    decide(&issuer, &device, "accept").await;

    let answers = join_all((0..64).map(|_| poll(&issuer, "tv", &device))).await;
    let later = poll(&issuer, "tv", &device).await;

    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|one| one.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 63));
    assert!(lost.iter().all(|one| one.error() == refused("invalid_grant")));
    assert_eq!(later.error(), refused("invalid_grant"));
    // What a code gave that is used twice is taken back.
    let token = won[0].json()["refresh_token"].as_str().unwrap().to_owned();
    let refresh =
        [("grant_type", "refresh_token"), ("client_id", "tv"), ("refresh_token", token.as_str())];
    assert_eq!(issuer.token(&refresh).await.error(), refused("invalid_grant"));
}

#[tokio::test]
async fn r50_user_codes_cannot_be_guessed_a_hundred_times() {
    let issuer = issuer().await;
    let device = start(&issuer).await;
    let browser = Browser::new(&issuer);
    let mut answers = Vec::new();

    for _ in 0..100 {
        answers.push(enter(&browser, "BBBB-BBBB").await.status.as_u16());
    }

    let looked = answers.iter().filter(|status| **status == 422).count();
    assert_eq!((looked, answers.iter().filter(|status| **status == 429).count()), (20, 80));
    // Not even the right one is looked at before its time.
    let user_code = device["user_code"].as_str().unwrap();
    assert_eq!(enter(&browser, user_code).await.status, 429);
    advance(&issuer, 300).await;
    assert_eq!(enter(&browser, user_code).await.status, 200);
}

#[tokio::test]
async fn r50_a_user_who_is_signed_in_has_fewer_guesses_still() {
    let issuer = issuer().await;
    issuer.web("web", |_, _| {}).await;
    let browser = Browser::new(&issuer);
    browser.code("web", &[]).await;
    let mut looked = 0;

    for _ in 0..20 {
        looked += u32::from(enter(&browser, "BBBB-BBBB").await.status == 422);
    }

    assert_eq!(looked, 10);
}

#[tokio::test]
async fn an_address_with_the_code_in_it_approves_nothing_without_a_press_and_a_question() {
    let issuer = Issuer::new().await;
    issuer.user("ada").await;
    // It belongs to the operator, and the user has approved it before.
    tv(&issuer, "tv", |sign_in| sign_in.consent = ConsentPolicy::Skip).await;
    let browser = Browser::new(&issuer);
    let first = start(&issuer).await;
    let login = enter(&browser, first["user_code"].as_str().unwrap()).await;
    let question = browser.log_in(&login, "ada", PASSWORD).await;
    say(&browser, &question, "accept").await;

    let device = start(&issuer).await;
    let complete = device["verification_uri_complete"].as_str().unwrap();
    let page = browser.get(complete.strip_prefix("https://issuer.example").unwrap()).await;
    let after_link = poll(&issuer, "tv", &device).await.error();
    let user_code = device["user_code"].as_str().unwrap();
    let question = enter(&browser, user_code).await;
    advance(&issuer, 5).await;
    let after_code = poll(&issuer, "tv", &device).await.error();
    let done = say(&browser, &question, "accept").await;

    assert!(page.body.contains(&format!("value=\"{user_code}\"")), "{}", page.body);
    assert_eq!(after_link, refused("authorization_pending"));
    assert!(question.body.contains(user_code) && question.body.contains("Lovelace TV"));
    assert_eq!(after_code, refused("authorization_pending"));
    assert_eq!(done.status, 200);
    assert_eq!(poll(&issuer, "tv", &device).await.status, 200);
    // What the address holds is shown as a code or not at all.
    let forged = browser.get("/device?user_code=%3Cscript%3E").await;
    assert!(!forged.body.contains("script&gt;") && !forged.body.contains("<script>"));
}

#[tokio::test]
async fn cve_2026_45337_r38_nobody_answers_for_somebody_else() {
    let issuer = issuer().await;
    issuer.user("eve").await;
    let (ada, eve) = (Browser::new(&issuer), Browser::new(&issuer));
    let device = start(&issuer).await;
    let user_code = device["user_code"].as_str().unwrap();
    let login = enter(&ada, user_code).await;
    let question = ada.log_in(&login, "ada", PASSWORD).await;
    let other = enter(&eve, user_code).await;
    let question_of_eve = eve.log_in(&other, "eve", PASSWORD).await;

    // The page of one browser does nothing in another.
    let foreign = say(&eve, &question, "accept").await;
    // Somebody else signed in meanwhile where the question stands open: it is asked anew.
    let switch = ada.get("/device").await;
    assert_eq!(switch.status, 200);
    ada.forget("__Host-session");
    let again = enter(&ada, user_code).await;
    let new_question = ada.log_in(&again, "eve", PASSWORD).await;
    let stale = say(&ada, &question, "accept").await;

    assert_eq!(foreign.status, 400);
    assert!(stale.body.contains(user_code), "it is asked again: {}", stale.body);
    assert_eq!(poll(&issuer, "tv", &device).await.error(), refused("authorization_pending"));
    // Who is first decides, and nobody decides twice.
    assert_eq!(say(&ada, &new_question, "accept").await.status, 200);
    assert_eq!(say(&eve, &question_of_eve, "refuse").await.status, 400);
    let tokens = poll(&issuer, "tv", &device).await.json();
    let eve = issuer.app.store.user("eve").await.unwrap().id.to_string();
    assert_eq!(payload(&tokens["id_token"])["sub"], eve);
}

#[tokio::test]
async fn a_form_without_its_token_enters_no_code() {
    let issuer = issuer().await;
    let device = start(&issuer).await;

    let fields = [("user_code", device["user_code"].as_str().unwrap())];
    let answer = Browser::new(&issuer).post("/device", &fields).await;

    assert_eq!((answer.status.as_u16(), answer.header("location")), (400, ""));
}

#[tokio::test]
async fn each_single_fault_of_a_request_is_refused_with_its_code() {
    let issuer = issuer().await;
    let secret = issuer.web("web", |_, _| {}).await;
    let faults: [Fault<'_>; 9] = [
        (&[], (401, "invalid_client")),
        (&[("client_id", "nobody")], (401, "invalid_client")),
        (&[("client_id", "web"), ("scope", "openid")], (401, "invalid_client")),
        (
            &[("client_id", "web"), ("client_secret", &secret), ("scope", "openid")],
            (400, "unauthorized_client"),
        ),
        (&[("client_id", "tv")], (400, "invalid_scope")),
        (&[("client_id", "tv"), ("scope", "a\"b")], (400, "invalid_scope")),
        (&[("client_id", "tv"), ("scope", "openid phone")], (400, "invalid_scope")),
        (
            &[("client_id", "tv"), ("scope", "openid"), ("resource", "https://other.example")],
            (400, "invalid_target"),
        ),
        (&[("client_id", "tv"), ("scope", "openid"), ("scope", "x")], (400, "invalid_request")),
    ];

    for (parameters, (status, code)) in faults {
        let answer = ask(&issuer, parameters).await;

        assert_eq!(answer.error(), (status, code.to_owned()), "{parameters:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let resource = ("resource", PAYMENTS);
    let good = [("client_id", "tv"), ("scope", "openid payments:read"), resource, ("what", "1")];
    let answer = ask(&issuer, &good).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"));
    assert_eq!(issuer.get("/device_authorization").await.status, 405);
}

#[tokio::test]
async fn a_device_of_a_client_with_a_secret_must_know_it() {
    let issuer = issuer().await;
    let secret = issuer.web("box", |client, _| client.grants = vec![GRANT.to_owned()]).await;
    let parameters = [("client_id", "box"), ("scope", "openid"), ("client_secret", &*secret)];

    let device = ask(&issuer, &parameters).await.json();
    decide(&issuer, &device, "accept").await;
    let code = device["device_code"].as_str().unwrap();
    let grant = [("grant_type", GRANT), ("device_code", code)];

    assert_eq!(ask(&issuer, &parameters[..2]).await.error(), (401, "invalid_client".to_owned()));
    assert_eq!(poll(&issuer, "box", &device).await.error(), (401, "invalid_client".to_owned()));
    let tokens = issuer.token_by("box", &secret, &grant).await;
    assert_eq!(tokens.status, 200);
    assert!(tokens.json().get("refresh_token").is_none());
}

#[tokio::test]
async fn whatever_ends_before_the_device_asks_gives_it_nothing() {
    let issuer = issuer().await;
    let device = start(&issuer).await;
    decide(&issuer, &device, "accept").await;
    let act = Actor::node().at(START);
    let disable = |user: &mut User| {
        user.enabled = false;
        Ok(())
    };

    issuer.app.store.update_user("ada", &act, disable).await.unwrap();

    assert_eq!(poll(&issuer, "tv", &device).await.error(), refused("invalid_grant"));
}

#[tokio::test]
async fn r40_codes_do_not_repeat_and_strangers_cannot_ask_for_them_without_end() {
    let issuer = issuer().await;
    let mut codes = HashSet::new();
    let mut answers = Vec::new();

    for _ in 0..100 {
        let answer = ask(&issuer, &[("client_id", "tv"), ("scope", "openid")]).await;
        answers.push(answer.status.as_u16());
        if answer.status == 200 {
            let device = answer.json();
            codes.insert(device["device_code"].as_str().unwrap().to_owned());
            codes.insert(device["user_code"].as_str().unwrap().to_owned());
        } else {
            assert_eq!(answer.error(), (429, "temporarily_unavailable".to_owned()));
            assert_eq!(answer.header("retry-after"), "1");
        }
    }

    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 60);
    assert_eq!(codes.len(), 120);
    advance(&issuer, 10).await;
    assert_eq!(ask(&issuer, &[("client_id", "tv"), ("scope", "openid")]).await.status, 200);
}

#[tokio::test]
async fn a_device_that_waits_fills_no_log() {
    let issuer = issuer().await;
    let device = start(&issuer).await;

    for _ in 0..10 {
        poll(&issuer, "tv", &device).await;
    }

    let log = std::fs::read_to_string(issuer.app.config.audit_file()).unwrap();
    assert!(!log.contains("authorization_pending") && !log.contains("slow_down"), "{log}");
    let user_code = device["user_code"].as_str().unwrap();
    assert!(!log.contains(user_code) && !log.contains(device["device_code"].as_str().unwrap()));
}
