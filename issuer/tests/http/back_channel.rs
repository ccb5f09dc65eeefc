//! How clients hear that somebody signed out (OpenID Connect Back-Channel Logout 1.0), with receivers on sockets.

use std::time::Duration;

use countersign::credentials::LinkPurpose;
use countersign::logout::deliver_due;
use countersign::registry::{SubjectType, User};
use countersign::store::Actor;
use countersign::tasks;
use countersign_keys::Algorithm;
use countersign_verifier::{Keys, RelyingParty};
use serde_json::{Value, json};

use crate::harness::{Issuer, START};
use crate::people::{Browser, PASSWORD, callback, hidden, payload};
use crate::receiver::{Receiver, SILENCE};

/// An issuer that may call this machine, with a user and a client that wants to hear.
async fn issuer(receiver: &Receiver) -> (Issuer, String) {
    let issuer =
        Issuer::with(|config| config.outbound.allow = vec!["127.0.0.0/8".parse().unwrap()]).await;
    issuer.user("ada").await;
    let secret = issuer
        .web("web", |_, sign_in| sign_in.backchannel_logout_uri = Some(receiver.uri.clone()))
        .await;
    (issuer, secret)
}

/// Signs in; returns the ID token.
async fn sign_in(issuer: &Issuer, browser: &Browser<'_>, secret: &str) -> String {
    let tokens = issuer.redeem("web", secret, &browser.code("web", &[]).await).await.json();
    tokens["id_token"].as_str().unwrap().to_owned()
}

async fn sign_out(browser: &Browser<'_>, id_token: &str) {
    let done = browser.get(&format!("/logout?id_token_hint={id_token}")).await;
    assert_eq!(done.status, 200, "{}", done.body);
}

fn claims(token: &str) -> Value {
    payload(&token.into())
}

/// Nothing is left to deliver.
async fn is_settled(issuer: &Issuer) -> bool {
    issuer.app.store.heartbeat().await.unwrap().logout_due_at.is_none()
}

fn metric(issuer: &Issuer, outcome: &str) -> u64 {
    let text = issuer.app.metrics.render(Duration::ZERO, 0);
    let name = format!("countersign_logout_deliveries_total{{outcome=\"{outcome}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name));
    line.unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_client_hears_of_the_sign_out_before_the_browser_comes_back() {
    let receiver = Receiver::start().await;
    let (issuer, secret) = issuer(&receiver).await;
    let metadata = issuer.get("/.well-known/openid-configuration").await.json();
    let browser = Browser::new(&issuer);
    let id_token = sign_in(&issuer, &browser, &secret).await;

    sign_out(&browser, &id_token).await;

    for member in [
        "backchannel_logout_supported",
        "backchannel_logout_session_supported",
        "frontchannel_logout_supported",
        "frontchannel_logout_session_supported",
    ] {
        assert_eq!(metadata[member], true, "{member}");
    }
    assert_eq!(metadata["end_session_endpoint"], "https://issuer.example/logout");
    let tokens = receiver.tokens();
    assert_eq!(tokens.len(), 1);
    let (told, id) = (claims(&tokens[0]), claims(&id_token));
    assert_eq!((&told["iss"], &told["aud"]), (&"https://issuer.example".into(), &"web".into()));
    assert_eq!((&told["sub"], &told["sid"]), (&id["sub"], &id["sid"]));
    assert_eq!((&told["iat"], &told["exp"]), (&START.into(), &(START + 120).into()));
    let event = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    assert_eq!((&told["events"], told.get("nonce")), (&event, None));
    assert!(told["jti"].as_str().is_some_and(|jti| jti.len() == 22));
    let silent = browser.authorize("web", &[("prompt", "none")]).await;
    assert_eq!(callback(&silent)["error"], "login_required");
    assert!(is_settled(&issuer).await);
    assert_eq!(metric(&issuer, "delivered"), 1);
}

#[tokio::test]
async fn the_sdk_takes_a_logout_token_once_and_never_as_anything_else() {
    let receiver = Receiver::start().await;
    let (issuer, secret) = issuer(&receiver).await;
    let browser = Browser::new(&issuer);
    let id_token = sign_in(&issuer, &browser, &secret).await;
    sign_out(&browser, &id_token).await;
    let keys = issuer.get("/jwks").await.body;
    let (keys, _) = countersign_keys::JwkSet::parse(keys.as_bytes(), &[Algorithm::Es256]).unwrap();
    let builder = RelyingParty::builder("https://issuer.example", "web").keys(Keys::Fixed(keys));
    let client = builder.clock(issuer.clock.clone()).build().await.unwrap();
    let token = &receiver.tokens()[0];

    let told = client.verify_logout_token(token).await.unwrap();
    let again = client.verify_logout_token(token).await;

    assert_eq!(told.session_id(), claims(&id_token)["sid"].as_str());
    assert!(again.is_err());
    let hinted = browser.get(&format!("/logout?id_token_hint={token}")).await;
    assert_eq!(hinted.status, 400, "it is no ID token");
}

#[tokio::test]
async fn a_logout_token_says_no_more_of_the_user_than_the_id_token_did() {
    let receiver = Receiver::start().await;
    let (issuer, _) = issuer(&receiver).await;
    let secret = issuer
        .web("pairwise", |_, sign_in| {
            sign_in.backchannel_logout_uri = Some(receiver.uri.clone());
            sign_in.backchannel_logout_session_required = false;
            sign_in.subject_type = SubjectType::Pairwise;
        })
        .await;
    let browser = Browser::new(&issuer);
    let code = browser.code("pairwise", &[]).await;
    let tokens = issuer.redeem("pairwise", &secret, &code).await.json();

    sign_out(&browser, tokens["id_token"].as_str().unwrap()).await;

    let told = claims(&receiver.tokens()[0]);
    assert_eq!(told["sub"], payload(&tokens["id_token"])["sub"]);
    assert_eq!(told.get("sid"), None);
}

#[tokio::test]
async fn a_client_that_was_down_hears_later_and_a_fresh_token_each_time() {
    let receiver = Receiver::start().await;
    let (issuer, secret) = issuer(&receiver).await;
    let browser = Browser::new(&issuer);
    let id_token = sign_in(&issuer, &browser, &secret).await;
    receiver.answer(503);

    sign_out(&browser, &id_token).await;
    let at_once = deliver_due(&issuer.app).await.unwrap();
    issuer.clock.advance(Duration::from_secs(5));
    let second = deliver_due(&issuer.app).await.unwrap();
    issuer.clock.advance(Duration::from_secs(14));
    let too_early = deliver_due(&issuer.app).await.unwrap();
    receiver.answer(204);
    issuer.clock.advance(Duration::from_secs(1));
    let third = deliver_due(&issuer.app).await.unwrap();

    assert_eq!((at_once, second, too_early, third), (0, 1, 0, 1));
    let jtis: std::collections::BTreeSet<String> =
        receiver.tokens().iter().map(|token| claims(token)["jti"].to_string()).collect();
    assert_eq!((receiver.tokens().len(), jtis.len()), (3, 3));
    assert!(is_settled(&issuer).await);
    assert_eq!((metric(&issuer, "failed"), metric(&issuer, "delivered")), (2, 1));
}

#[tokio::test]
async fn a_client_that_never_answers_is_given_up_after_a_day() {
    let receiver = Receiver::start().await;
    let (issuer, secret) = issuer(&receiver).await;
    let browser = Browser::new(&issuer);
    let id_token = sign_in(&issuer, &browser, &secret).await;
    receiver.answer(400);

    sign_out(&browser, &id_token).await;
    let mut attempts = 1;
    for _ in 0..40 {
        issuer.clock.advance(Duration::from_hours(1));
        attempts += deliver_due(&issuer.app).await.unwrap();
    }

    assert_eq!((attempts, receiver.tokens().len()), (25, 25));
    assert!(is_settled(&issuer).await);
    assert_eq!((metric(&issuer, "failed"), metric(&issuer, "given_up")), (24, 1));
}

#[tokio::test]
async fn a_client_that_hangs_does_not_hold_the_browser() {
    let receiver = Receiver::start().await;
    let (issuer, secret) = issuer(&receiver).await;
    let browser = Browser::new(&issuer);
    let id_token = sign_in(&issuer, &browser, &secret).await;
    receiver.answer(SILENCE);

    let back = tokio::time::timeout(Duration::from_secs(4), sign_out(&browser, &id_token)).await;

    assert!(back.is_ok());
    assert_eq!(receiver.tokens().len(), 1);
    assert!(!is_settled(&issuer).await, "it is tried again");
}

#[tokio::test]
async fn cve_2026_55671_a_private_address_hears_nothing_unless_it_is_allowed() {
    let receiver = Receiver::start().await;
    let issuer = Issuer::new().await;
    issuer.user("ada").await;
    let secret = issuer
        .web("web", |_, sign_in| sign_in.backchannel_logout_uri = Some(receiver.uri.clone()))
        .await;
    let browser = Browser::new(&issuer);
    let id_token = sign_in(&issuer, &browser, &secret).await;

    sign_out(&browser, &id_token).await;

    assert_eq!((receiver.tokens().len(), metric(&issuer, "failed")), (0, 1));
}

#[tokio::test]
async fn whoever_dies_before_it_tells_a_client_leaves_that_to_the_next() {
    let receiver = Receiver::start().await;
    let (issuer, secret) = issuer(&receiver).await;
    let ada = issuer.app.store.user("ada").await.unwrap().id;
    sign_in(&issuer, &Browser::new(&issuer), &secret).await;
    let session = issuer.app.store.sessions_of(ada).await.unwrap().remove(0);

    let ended = issuer.app.store.end_session(session.id, START).await.unwrap().unwrap();
    let meanwhile = deliver_due(&issuer.app).await.unwrap();
    issuer.clock.advance(Duration::from_secs(30));
    let later = deliver_due(&issuer.app).await.unwrap();

    assert_eq!((ended.deliveries.len(), meanwhile, later), (1, 0, 1));
    assert_eq!(receiver.tokens().len(), 1);
}

#[tokio::test]
async fn every_way_out_is_heard_of() {
    for what in [
        "signed out by an administrator",
        "disabled",
        "deleted",
        "password reset",
        "somebody else signed in",
    ] {
        let receiver = Receiver::start().await;
        let (issuer, secret) = issuer(&receiver).await;
        let browser = Browser::new(&issuer);
        let more = [("scope", "openid offline_access")];
        let code = browser.code("web", &more).await;
        let tokens = issuer.redeem("web", &secret, &code).await.json();
        let (store, act) = (&issuer.app.store, Actor::node().at(START));

        match what {
            "signed out by an administrator" => {
                assert_eq!(store.sign_out_user("ADA", &act).await.unwrap(), 1);
            }
            "disabled" => {
                let edit = |user: &mut User| {
                    user.enabled = false;
                    Ok(())
                };
                drop(store.update_user("ada", &act, edit).await.unwrap());
            }
            "deleted" => store.delete_user("ada", &act).await.unwrap(),
            "password reset" => reset_password(&issuer).await,
            _ => {
                issuer.user("eve").await;
                issuer.clock.advance(Duration::from_secs(5));
                issuer.follow().await;
                let page = browser.authorize("web", &[("prompt", "login")]).await;
                browser.log_in(&page, "eve", PASSWORD).await;
            }
        }
        issuer.follow().await;
        deliver_due(&issuer.app).await.unwrap();

        assert_eq!(receiver.tokens().len(), 1, "{what}");
        assert_eq!(claims(&receiver.tokens()[0])["sub"], payload(&tokens["id_token"])["sub"]);
        // OpenID Connect Core §11: a plain sign-out leaves what was granted beyond the session.
        let refresh = tokens["refresh_token"].as_str().unwrap();
        let survives = what == "somebody else signed in";
        let refreshed = issuer.refresh("web", &secret, refresh).await;
        assert_eq!(refreshed.status == 200, survives, "{what}: {}", refreshed.body);
    }
}

async fn reset_password(issuer: &Issuer) {
    let ada = issuer.app.store.user("ada").await.unwrap().id;
    let account = issuer.app.credentials.account(ada).await.unwrap();
    let link = issuer.app.credentials.issue_link(&account, LinkPurpose::PasswordReset).await;
    let url = link.unwrap().url;
    let stranger = Browser::new(issuer);
    let page = stranger.get(url.strip_prefix("https://issuer.example").unwrap()).await;
    let (csrf, token) = (hidden(&page, "csrf"), hidden(&page, "continue"));
    let fields = [
        ("csrf", csrf.as_str()),
        ("continue", token.as_str()),
        ("new_password", "another horse battery"),
    ];
    assert_eq!(stranger.post("/reset-password", &fields).await.status, 200);
}

#[tokio::test]
async fn a_running_node_delivers_what_the_command_line_left() {
    let receiver = Receiver::start().await;
    let (issuer, secret) = issuer(&receiver).await;
    sign_in(&issuer, &Browser::new(&issuer), &secret).await;
    tasks::spawn(&issuer.app, None);

    issuer.app.store.sign_out_user("ada", &Actor::command_line().at(START)).await.unwrap();

    receiver.wait_for(1).await;
}

#[tokio::test]
async fn a_client_that_was_deleted_or_forgets_its_address_is_left_alone() {
    let receiver = Receiver::start().await;
    let (issuer, secret) = issuer(&receiver).await;
    sign_in(&issuer, &Browser::new(&issuer), &secret).await;
    let act = Actor::node().at(START);
    issuer.app.store.sign_out_user("ada", &act).await.unwrap();
    let id = countersign::registry::ClientId::parse("web").unwrap();

    issuer.app.store.delete_client(&id, &act).await.unwrap();
    issuer.follow().await;
    deliver_due(&issuer.app).await.unwrap();

    assert!(receiver.tokens().is_empty() && is_settled(&issuer).await);
}
