//! Codes and refresh tokens at the token endpoint: each is good once, for its client, as long as everything else holds.

use std::time::Duration;

use countersign::registry::{Client, User};
use countersign::store::Actor;
use futures_util::future::join_all;

use crate::harness::{Issuer, PAYMENTS, START};
use crate::people::{Browser, CALLBACK, VERIFIER, callback, hidden, payload};

async fn issuer() -> (Issuer, String) {
    let issuer = Issuer::new().await;
    issuer.user("ada").await;
    let secret = issuer.web("web", |_, _| {}).await;
    (issuer, secret)
}

async fn code(issuer: &Issuer) -> String {
    Browser::new(issuer).code("web", &[]).await
}

fn invalid_grant() -> (u16, String) {
    (400, "invalid_grant".to_owned())
}

#[tokio::test]
async fn r16_kanidm_cve_2026_22751_a_code_is_good_once_and_its_reuse_takes_back_what_it_gave() {
    let (issuer, secret) = issuer().await;
    let code = code(&issuer).await;

    let first = issuer.redeem("web", &secret, &code).await;
    let second = issuer.redeem("web", &secret, &code).await;
    let refresh = first.json()["refresh_token"].as_str().unwrap().to_owned();

    assert_eq!((first.status.as_u16(), second.error()), (200, invalid_grant()));
    assert_eq!(issuer.refresh("web", &secret, &refresh).await.error(), invalid_grant());
}

#[tokio::test]
async fn r17_of_64_parallel_uses_of_a_code_exactly_one_succeeds() {
    let (issuer, secret) = issuer().await;
    let code = code(&issuer).await;

    let answers = join_all((0..64).map(|_| issuer.redeem("web", &secret, &code))).await;

    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
}

#[tokio::test]
async fn r13_r18_cve_2026_28513_cve_2026_55672_cve_2023_48228_each_single_violation_refuses_a_code()
{
    let (issuer, secret) = issuer().await;
    let other = issuer.web("other", |_, _| {}).await;
    let good = [
        ("grant_type", "authorization_code"),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let with = |name: &'static str, value: &'static str| {
        let mut parameters = good.to_vec();
        parameters.retain(|(known, _)| *known != name);
        if !value.is_empty() {
            parameters.push((name, value));
        }
        parameters
    };

    for parameters in [
        with("redirect_uri", "https://web.example/other"),
        with("code_verifier", ""),
        with("code_verifier", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        with("code_verifier", "short"),
    ] {
        let code = code(&issuer).await;
        let all = [&parameters[..], &[("code", code.as_str())]].concat();
        assert_eq!(
            issuer.token_by("web", &secret, &all).await.error(),
            invalid_grant(),
            "{parameters:?}"
        );
    }
    // CVE-2026-55672: the code of another client.
    let stolen = code(&issuer).await;
    assert_eq!(issuer.redeem("other", &other, &stolen).await.error(), invalid_grant());
    // It was not used up by the thief.
    assert_eq!(issuer.redeem("web", &secret, &stolen).await.status, 200);
    let late = code(&issuer).await;
    issuer.clock.advance(Duration::from_mins(1));
    issuer.follow().await;
    assert_eq!(issuer.redeem("web", &secret, &late).await.error(), invalid_grant());
    assert_eq!(issuer.redeem("web", &secret, "made-up").await.error(), invalid_grant());
}

#[tokio::test]
async fn r14_cve_2024_23647_a_verifier_without_a_challenge_is_refused() {
    let issuer = Issuer::new().await;
    issuer.user("ada").await;
    let secret =
        issuer.web("web", |_, sign_in| sign_in.pkce = countersign::registry::Pkce::Optional).await;
    let no_challenge = [("code_challenge", ""), ("code_challenge_method", "")];
    let browser = Browser::new(&issuer);

    let downgraded = browser.code("web", &no_challenge).await;
    let plain = browser.code("web", &no_challenge).await;

    assert_eq!(issuer.redeem("web", &secret, &downgraded).await.error(), invalid_grant());
    let without =
        [("grant_type", "authorization_code"), ("code", &plain), ("redirect_uri", CALLBACK)];
    assert_eq!(issuer.token_by("web", &secret, &without).await.status, 200);
}

async fn refresh_token(issuer: &Issuer, secret: &str) -> String {
    let tokens = issuer.redeem("web", secret, &code(issuer).await).await.json();
    tokens["refresh_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_refresh_token_is_followed_by_the_next_and_a_lost_answer_is_given_again() {
    let (issuer, secret) = issuer().await;
    let first = refresh_token(&issuer, &secret).await;

    let second = issuer.refresh("web", &secret, &first).await.json();
    let again = issuer.refresh("web", &secret, &first).await.json();

    assert_ne!(second["refresh_token"], first);
    assert_eq!(second["refresh_token"], again["refresh_token"], "the same successor");
    let id = payload(&second["id_token"]);
    assert_eq!((&id["aud"], id.get("nonce")), (&"web".into(), None));
    let next = second["refresh_token"].as_str().unwrap();
    assert_eq!(issuer.refresh("web", &secret, next).await.status, 200);
}

#[tokio::test]
async fn r23_cve_2026_9802_any_later_replay_ends_the_whole_family() {
    let (issuer, secret) = issuer().await;
    let first = refresh_token(&issuer, &secret).await;
    let second = issuer.refresh("web", &secret, &first).await.json();
    let second = second["refresh_token"].as_str().unwrap();
    issuer.clock.advance(Duration::from_secs(11));
    issuer.follow().await;

    let replay = issuer.refresh("web", &secret, &first).await;
    let honest = issuer.refresh("web", &secret, second).await;

    assert_eq!((replay.error(), honest.error()), (invalid_grant(), invalid_grant()));
}

#[tokio::test]
async fn r24_cve_2026_1035_parallel_uses_have_one_successor() {
    let (issuer, secret) = issuer().await;
    let mut token = refresh_token(&issuer, &secret).await;

    for _ in 0..20 {
        let answers = join_all((0..16).map(|_| issuer.refresh("web", &secret, &token))).await;
        let successors: std::collections::BTreeSet<String> = answers
            .iter()
            .map(|answer| answer.json()["refresh_token"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(successors.len(), 1, "one lineage");
        token = successors.into_iter().next().unwrap();
    }
}

#[tokio::test]
async fn r25_r26_a_refresh_token_is_for_its_client_and_never_for_more() {
    let (issuer, secret) = issuer().await;
    let other = issuer.web("other", |_, _| {}).await;
    let token = refresh_token(&issuer, &secret).await;
    let asking = |name: &'static str, value: &'static str| {
        [("grant_type", "refresh_token"), ("refresh_token", token.as_str()), (name, value)]
            .map(|(n, v)| (n, v.to_owned()))
    };

    assert_eq!(issuer.refresh("other", &other, &token).await.error(), invalid_grant());
    for (name, value, expected) in [
        ("scope", "openid email", "invalid_scope"),
        ("scope", "openid payments:read", "invalid_scope"),
        ("resource", "https://unknown.example", "invalid_target"),
    ] {
        let parameters = asking(name, value);
        let parameters: Vec<(&str, &str)> =
            parameters.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let answer = issuer.token_by("web", &secret, &parameters).await;
        assert_eq!(answer.error(), (400, expected.to_owned()), "{name}={value}");
    }
    let fewer = asking("scope", "openid");
    let fewer: Vec<(&str, &str)> = fewer.iter().map(|(n, v)| (*n, v.as_str())).collect();
    assert_eq!(issuer.token_by("web", &secret, &fewer).await.json()["scope"], "openid");
}

#[tokio::test]
async fn r27_cve_2026_43983_whatever_ends_ends_the_refresh_token_too() {
    let act = || Actor::node().at(START);
    for what in [
        "user disabled",
        "user deleted",
        "client disabled",
        "session ended",
        "consent withdrawn",
        "idle",
        "grant removed",
    ] {
        let issuer = Issuer::new().await;
        let ada = issuer.user("ada").await;
        let secret = issuer.web("web", |_, _| {}).await;
        let browser = Browser::new(&issuer);
        let tokens = issuer.redeem("web", &secret, &browser.code("web", &[]).await).await.json();
        let token = tokens["refresh_token"].as_str().unwrap();
        let store = &issuer.app.store;
        let id = countersign::registry::ClientId::parse("web").unwrap();

        match what {
            "user disabled" => {
                let edit = |user: &mut User| {
                    user.enabled = false;
                    Ok(())
                };
                drop(store.update_user("ada", &act(), edit).await.unwrap());
            }
            "user deleted" => store.delete_user("ada", &act()).await.unwrap(),
            "client disabled" => {
                let edit = |client: &mut Client| {
                    client.enabled = false;
                    Ok(())
                };
                drop(store.update_client(&id, &act(), edit).await.unwrap());
            }
            "grant removed" => {
                let edit = |client: &mut Client| {
                    client.grants.retain(|grant| grant != "refresh_token");
                    Ok(())
                };
                drop(store.update_client(&id, &act(), edit).await.unwrap());
            }
            "session ended" => {
                let session = store.sessions_of(ada).await.unwrap().remove(0);
                let ended = store.end_session(session.id, START).await.unwrap().unwrap();
                assert_eq!(ended.clients, ["web"], "the client took part");
            }
            "consent withdrawn" => {
                store.withdraw_consent(ada, "web", &Actor::user(ada).at(START + 1)).await.unwrap();
            }
            _ => issuer.clock.advance(Duration::from_secs(1_209_601)),
        }
        issuer.follow().await;

        let answer = issuer.refresh("web", &secret, token).await;
        assert!([400, 401].contains(&answer.status.as_u16()), "{what}: {}", answer.body);
        assert!(answer.json().get("access_token").is_none(), "{what}");
    }
}

#[tokio::test]
async fn a_token_for_a_resource_carries_its_scopes_and_the_users_roles() {
    let (issuer, secret) = issuer().await;
    let browser = Browser::new(&issuer);
    let more = [("scope", "openid payments:read"), ("resource", PAYMENTS)];
    let tokens = issuer.redeem("web", &secret, &browser.code("web", &more).await).await.json();

    let claims = payload(&tokens["access_token"]);

    assert_eq!((&claims["aud"], &claims["scope"]), (&PAYMENTS.into(), &"payments:read".into()));
    assert_eq!((&claims["roles"][0], &claims["groups"][0]), (&"auditor".into(), &"staff".into()));
    let beyond = [("scope", "openid payments:write"), ("resource", PAYMENTS)];
    assert_eq!(callback(&browser.authorize("web", &beyond).await)["error"], "invalid_scope");
}

#[tokio::test]
async fn cve_2025_46815_a_reset_link_is_shown_by_get_used_by_post_and_ends_every_session() {
    let (issuer, _) = issuer().await;
    let browser = Browser::new(&issuer);
    browser.code("web", &[]).await;
    let ada = issuer.app.store.user("ada").await.unwrap().id;
    let account = issuer.app.credentials.account(ada).await.unwrap();
    let purpose = countersign::credentials::LinkPurpose::PasswordReset;
    let link = issuer.app.credentials.issue_link(&account, purpose).await.unwrap();
    let path = link.url.strip_prefix("https://issuer.example").unwrap();
    let stranger = Browser::new(&issuer);

    let page = stranger.get(path).await;
    assert_eq!((page.status, stranger.get(path).await.status), (page.status, page.status));
    let (csrf, token) = (hidden(&page, "csrf"), hidden(&page, "continue"));
    let choose = async |password: &str| {
        let fields =
            [("csrf", csrf.as_str()), ("continue", token.as_str()), ("new_password", password)];
        stranger.post("/reset-password", &fields).await
    };
    let weak = choose("password").await;
    let set = choose("another horse battery").await;
    let again = choose("a third horse battery").await;

    assert_eq!((page.status.as_u16(), weak.status.as_u16()), (200, 422));
    assert_eq!((set.status.as_u16(), again.status.as_u16()), (200, 400));
    let silent = browser.authorize("web", &[("prompt", "none")]).await;
    assert_eq!(callback(&silent)["error"], "login_required");
    let login = browser.authorize("web", &[]).await;
    let old = browser.log_in(&login, "ada", crate::people::PASSWORD).await;
    assert_eq!(old.status, 422);
    let new = browser.log_in(&old, "ada", "another horse battery").await;
    assert!(callback(&new).contains_key("code"));
}

#[tokio::test]
async fn the_audit_line_of_a_users_token_says_whose_it_is() {
    let (issuer, secret) = issuer().await;
    let ada = issuer.app.store.user("ada").await.unwrap().id.to_string();

    issuer.redeem("web", &secret, &code(&issuer).await).await;

    let log = std::fs::read_to_string(issuer.app.config.audit_file()).unwrap();
    let event: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!((&event["user"], &event["idtyp"]), (&ada.into(), &"user".into()));
}

#[tokio::test]
async fn what_has_expired_is_removed_and_what_is_alive_stays() {
    let (issuer, secret) = issuer().await;
    issuer.redeem("web", &secret, &code(&issuer).await).await;
    assert_eq!(countersign::tasks::sweep(&issuer.app).await, 0, "all is alive");

    // A used code is kept for its minute, a session for a week, a family for 90 days.
    issuer.clock.advance(Duration::from_mins(20));
    assert_eq!(countersign::tasks::sweep(&issuer.app).await, 1);
    issuer.clock.advance(Duration::from_hours(24 * 8));
    assert_eq!(countersign::tasks::sweep(&issuer.app).await, 1);
    issuer.clock.advance(Duration::from_hours(24 * 90));
    assert_eq!(countersign::tasks::sweep(&issuer.app).await, 1);
    assert_eq!(countersign::tasks::sweep(&issuer.app).await, 0);
}
