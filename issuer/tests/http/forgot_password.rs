//! `/forgot-password` and the link that it sends: the same for everybody on the page, once and for one person in the mail.

use std::sync::Arc;

use countersign::config::Config;
use countersign::credentials::{LinkPurpose, Password};
use countersign::store::Actor;
use uuid::Uuid;

use crate::harness::{Answer, Issuer, START};
use crate::people::{Browser, PASSWORD, callback, hidden};
use crate::smtp::SmtpServer;

const NEW_PASSWORD: &str = "seven purple elephants";

/// An issuer with mail, a client, and ada, whose address is proved.
async fn issuer(server: &SmtpServer) -> (Issuer, String, Uuid) {
    let issuer = Issuer::with(|config: &mut Config| server.configure(config)).await;
    let secret = issuer.web("web", |_, _| {}).await;
    let ada = issuer.person("ada").await;
    (issuer, secret, ada)
}

/// Asks for a link, alone; returns the answer.
async fn forget(browser: &Browser<'_>, username: &str) -> Answer {
    let page = browser.get("/forgot-password").await;
    assert_eq!(page.status, 200, "{}", page.body);
    let csrf = hidden(&page, "csrf");
    browser.post("/forgot-password", &[("csrf", &csrf), ("username", username)]).await
}

/// Follows a link and chooses a password.
async fn choose(browser: &Browser<'_>, link: &str, password: &str) -> Answer {
    let page = browser.get(link).await;
    if page.status != 200 {
        return page;
    }
    let (csrf, token) = (hidden(&page, "csrf"), hidden(&page, "continue"));
    let fields = [("csrf", &*csrf), ("continue", &*token), ("new_password", password)];
    browser.post("/reset-password", &fields).await
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_way_of_the_mailbox() {
    let server = SmtpServer::plain().await;
    let (issuer, ..) = issuer(&server).await;
    let browser = Browser::new(&issuer);

    let login = browser.authorize("web", &[("ui_locales", "de")]).await;
    let begin = login.body.find("/forgot-password?continue=").unwrap();
    let address = login.body[begin..].split('"').next().unwrap();
    let page = browser.get(address).await;
    let (csrf, sealed) = (hidden(&page, "csrf"), hidden(&page, "continue"));
    let fields = [("csrf", &*csrf), ("continue", &*sealed), ("username", "ADA@example.com")];
    let sent = browser.post("/forgot-password", &fields).await;
    let mail = server.mail(1).await;
    let elsewhere = Browser::new(&issuer);
    for _ in 0..3 {
        assert_eq!(elsewhere.get(&mail.link("/reset-password")).await.status, 200);
    }
    let weak = choose(&elsewhere, &mail.link("/reset-password"), "password").await;
    let done = choose(&elsewhere, &mail.link("/reset-password"), NEW_PASSWORD).await;
    let notice = server.mail(2).await;
    let back = browser.get(&format!("/continue?continue={sealed}")).await;
    let wrong = browser.log_in(&back, "ada", PASSWORD).await;
    let signed_in = browser.log_in(&wrong, "ada", NEW_PASSWORD).await;

    assert_eq!((sent.status.as_u16(), weak.status.as_u16(), done.status.as_u16()), (200, 422, 200));
    assert_eq!(mail.header("To").as_deref(), Some("ada@example.com"));
    assert!(mail.text().contains("Passwort für das Konto ada"), "{}", mail.text());
    assert!(sent.body.contains(&format!("/continue?continue={sealed}")));
    assert!(notice.text().contains("changed") && !notice.text().contains("token="));
    assert_eq!(wrong.status, 422);
    assert!(callback(&signed_in).contains_key("code"));
}

#[tokio::test]
async fn cve_2026_23511_r54_whoever_is_named_the_answer_is_the_same_and_strangers_get_no_mail() {
    let server = SmtpServer::plain().await;
    let (issuer, ..) = issuer(&server).await;
    issuer.user("unproved").await;
    let act = Actor::node().at(START);
    for name in ["disabled", "deleted"] {
        issuer.person(name).await;
    }
    let disable = |user: &mut countersign::registry::User| {
        user.enabled = false;
        Ok(())
    };
    issuer.app.store.update_user("disabled", &act, disable).await.unwrap();
    issuer.app.store.delete_user("deleted", &act).await.unwrap();
    let browser = Browser::new(&issuer);

    let known = forget(&browser, "ada").await;
    for name in [
        "nobody",
        "nobody@example.com",
        "unproved",
        "unproved@example.com",
        "disabled",
        "deleted@example.com",
        "eve@example.com,ada@example.com",
        "ada@example.com Bcc: eve@example.com",
        "' OR 1=1 --",
    ] {
        let answer = forget(&browser, name).await;

        assert_eq!((answer.status, &answer.body), (known.status, &known.body), "{name:?}");
        assert_eq!(answer.headers, known.headers, "{name:?}");
    }
    let injected = forget(&browser, "ada@example.com\r\nBcc: eve@example.com").await;
    issuer.app.mailer.close().await;

    assert_eq!(injected.status, 400);
    let mails = server.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(mails[0].to, ["ada@example.com"]);
}

#[tokio::test]
async fn mails_are_few_for_an_account_and_for_an_address_and_nobody_is_locked_out() {
    let server = SmtpServer::plain().await;
    let (issuer, ..) = issuer(&server).await;
    let browser = Browser::new(&issuer);

    let mut statuses = Vec::new();
    for _ in 0..20 {
        statuses.push(forget(&browser, "ada").await.status.as_u16());
    }
    let over = forget(&browser, "nobody").await;
    issuer.app.mailer.close().await;
    let page = browser.authorize("web", &[]).await;
    let signed_in = browser.log_in(&page, "ada", PASSWORD).await;

    assert_eq!(statuses, [200; 20], "the account's limit does not show");
    assert_eq!(server.mails().len(), 3);
    assert_eq!(over.status, 429);
    assert!(callback(&signed_in).contains_key("code"));
}

#[tokio::test]
async fn cve_2026_22751_a_link_is_good_for_one_of_64_at_once_and_for_nobody_after() {
    let server = SmtpServer::plain().await;
    let (issuer, ..) = issuer(&server).await;
    let browser = Browser::new(&issuer);
    forget(&browser, "ada").await;
    let link = server.mail(1).await.link("/reset-password");
    let page = browser.get(&link).await;
    let (csrf, token) = (hidden(&page, "csrf"), hidden(&page, "continue"));

    let passwords: Vec<String> = (0..64).map(|n| format!("{NEW_PASSWORD} {n}")).collect();
    let posts = passwords.iter().map(|password| {
        let fields = [("csrf", &*csrf), ("continue", &*token), ("new_password", password.as_str())];
        let browser = &browser;
        async move { browser.post("/reset-password", &fields).await.status.as_u16() }
    });
    let before = issuer.app.credentials.passwords_hashed();
    let statuses = futures_util::future::join_all(posts).await;
    let replayed = choose(&browser, &link, NEW_PASSWORD).await;
    let fields = [("csrf", &*csrf), ("continue", &*token), ("new_password", NEW_PASSWORD)];
    let late = browser.post("/reset-password", &fields).await;
    let hashed = issuer.app.credentials.passwords_hashed() - before;

    let won: Vec<usize> = (0..64).filter(|n| statuses[*n] == 200).collect();
    assert_eq!(won.len(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 400].contains(status)), "{statuses:?}");
    assert_eq!((replayed.status.as_u16(), late.status.as_u16()), (400, 400));
    assert_eq!(hashed, 1, "a link that is used up costs no hash");
    let page = browser.authorize("web", &[]).await;
    let signed_in = browser.log_in(&page, "ada", &passwords[won[0]]).await;
    assert!(callback(&signed_in).contains_key("code"));
}

#[tokio::test]
async fn a_link_dies_with_its_user_its_time_its_successor_and_a_new_password() {
    for cause in ["deleted", "disabled", "late", "replaced", "changed", "other purpose", "cut"] {
        let server = SmtpServer::plain().await;
        let (issuer, _, ada) = issuer(&server).await;
        let browser = Browser::new(&issuer);
        forget(&browser, "ada").await;
        let mut link = server.mail(1).await.link("/reset-password");
        let act = Actor::node().at(START);
        let account = issuer.app.credentials.account(ada).await.unwrap();

        match cause {
            "deleted" => issuer.app.store.delete_user("ada", &act).await.unwrap(),
            "disabled" => {
                let disable = |user: &mut countersign::registry::User| {
                    user.enabled = false;
                    Ok(())
                };
                issuer.app.store.update_user("ada", &act, disable).await.map(drop).unwrap();
            }
            "late" => issuer.clock.advance(std::time::Duration::from_hours(1)),
            "replaced" => {
                forget(&browser, "ada").await;
                server.mail(2).await;
            }
            "changed" => {
                let password = Password::typed(NEW_PASSWORD).unwrap();
                issuer.app.credentials.set_password(&account, password, &act).await.unwrap();
            }
            "other purpose" => {
                let purpose = LinkPurpose::EmailVerification;
                let other = issuer.app.credentials.issue_link(&account, purpose).await.unwrap();
                link = format!("/reset-password?token={}", *other.token);
            }
            _ => {
                link.pop();
            }
        }
        let answer = choose(&browser, &link, NEW_PASSWORD).await;

        assert_eq!(answer.status, 400, "{cause}");
        let mut words = answer.body.split(|c: char| !c.is_alphanumeric());
        assert!(words.all(|word| word != "ada"), "{cause}: the page says whose it was");
    }
}

#[tokio::test]
async fn r27_a_password_by_link_ends_every_session_and_every_refresh_token() {
    let server = SmtpServer::plain().await;
    let (issuer, secret, _) = issuer(&server).await;
    let thief = Browser::new(&issuer);
    let mut tokens = Vec::new();
    for scope in ["openid profile", "openid offline_access"] {
        let code = thief.code("web", &[("scope", scope)]).await;
        let answer = issuer.redeem("web", &secret, &code).await.json();
        tokens.extend(answer["refresh_token"].as_str().map(str::to_owned));
    }
    assert_eq!(tokens.len(), 2, "one goes with the session, one was granted beyond it");

    let owner = Browser::new(&issuer);
    forget(&owner, "ada").await;
    let link = server.mail(1).await.link("/reset-password");
    let done = choose(&owner, &link, NEW_PASSWORD).await;

    assert_eq!(done.status, 200);
    let silent = thief.authorize("web", &[("prompt", "none")]).await;
    assert_eq!(callback(&silent)["error"], "login_required");
    for token in &tokens {
        let refreshed = issuer.refresh("web", &secret, token).await;
        assert_eq!(refreshed.error(), (400, "invalid_grant".to_owned()));
    }
    let stays_out = owner.authorize("web", &[("prompt", "none")]).await;
    assert_eq!(callback(&stays_out)["error"], "login_required", "a link signs nobody in");
}

#[tokio::test]
async fn without_mail_nobody_is_offered_a_link() {
    let issuer = Issuer::with(|config| {
        config.mail.transport = Some(countersign::config::MailTransport::None);
    })
    .await;
    issuer.web("web", |_, _| {}).await;
    let browser = Browser::new(&issuer);

    let login = browser.authorize("web", &[]).await;
    let page = browser.get("/forgot-password").await;

    assert!(!login.body.contains("/forgot-password"));
    assert_eq!(page.status, 404);
}

#[tokio::test]
async fn a_full_queue_says_the_same_of_everybody_and_a_foreign_form_does_nothing() {
    let server = SmtpServer::plain().await;
    let (issuer, ..) = issuer(&server).await;
    let browser = Browser::new(&issuer);

    let foreign = browser.post("/forgot-password", &[("csrf", "x"), ("username", "ada")]).await;
    let places: Vec<_> = std::iter::from_fn(|| issuer.app.mailer.place().ok()).collect();
    let (known, unknown) = (forget(&browser, "ada").await, forget(&browser, "nobody").await);
    drop(places);
    issuer.app.mailer.close().await;

    assert_eq!(foreign.status, 400);
    assert_eq!((known.status.as_u16(), unknown.status.as_u16()), (503, 503));
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn ghsa_93m4_mfpg_c3xf_the_link_leads_to_the_configured_issuer_whatever_the_request_says() {
    let server = SmtpServer::plain().await;
    let (issuer, ..) = issuer(&server).await;
    let issuer = Arc::new(issuer);
    let browser = Browser::new(&issuer);
    let page = browser.get("/forgot-password").await;
    let cookie = browser.cookie("__Host-browser").unwrap();
    let body = crate::harness::form(&[("csrf", &hidden(&page, "csrf")), ("username", "ada")]);

    let request = http::Request::post("/forgot-password")
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("forwarded", "host=evil.example;proto=http")
        .header("cookie", format!("__Host-browser={cookie}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.into());
    let answer = issuer.send(request.unwrap()).await;

    assert_eq!(answer.status, 200, "{}", answer.body);
    let mail = server.mail(1).await;
    assert!(mail.link("/reset-password?token=").len() > 50);
    assert!(!mail.raw.contains("evil.example"));
}
