//! Making an account: there is none before the address was proved, and nobody learns who has one.

use countersign::config::{Config, RegistrationMode};
use countersign::credentials::Registration;
use countersign::store::Actor;

use crate::harness::{Answer, Issuer, START};
use crate::people::{Browser, PASSWORD, callback, hidden, payload};
use crate::smtp::SmtpServer;

async fn issuer(server: &SmtpServer, mode: RegistrationMode) -> (Issuer, String) {
    let issuer = Issuer::with(|config: &mut Config| {
        server.configure(config);
        config.registration.mode = mode;
    })
    .await;
    let secret = issuer.web("web", |_, _| {}).await;
    (issuer, secret)
}

async fn open(server: &SmtpServer) -> (Issuer, String) {
    issuer(server, RegistrationMode::Open).await
}

/// Asks for an account; `address` is that of the page.
async fn register(browser: &Browser<'_>, address: &str, email: &str) -> Answer {
    let page = browser.get(address).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let csrf = hidden(&page, "csrf");
    let sealed = page.body.contains("name=\"continue\"").then(|| hidden(&page, "continue"));
    let mut fields = vec![("csrf", csrf.as_str()), ("email", email)];
    fields.extend(sealed.as_deref().map(|sealed| ("continue", sealed)));
    browser.post("/register", &fields).await
}

/// Follows the link, and makes the account.
async fn create(browser: &Browser<'_>, link: &str, chosen: [&str; 3]) -> Answer {
    let page = browser.get(link).await;
    if page.status != 200 {
        return page;
    }
    let (csrf, token) = (hidden(&page, "csrf"), hidden(&page, "continue"));
    let [username, name, password] = chosen;
    let fields = [
        ("csrf", &*csrf),
        ("continue", &*token),
        ("username", username),
        ("name", name),
        ("new_password", password),
    ];
    browser.post("/create-account", &fields).await
}

/// The address of the registration on a login page.
fn register_address(login: &Answer) -> String {
    let begin = login.body.find("/register?continue=");
    assert!(begin.is_some(), "{}", login.body);
    login.body[begin.unwrap()..].split('"').next().unwrap().to_owned()
}

const ADA: [&str; 3] = ["ada", "Ada Lovelace", PASSWORD];

#[tokio::test]
async fn a_stranger_makes_an_account_and_is_let_into_the_application_that_asked() {
    let server = SmtpServer::plain().await;
    let (issuer, secret) = open(&server).await;
    let browser = Browser::new(&issuer);

    let login = browser.authorize("web", &[("scope", "openid email profile")]).await;
    let sent = register(&browser, &register_address(&login), "Ada@example.com").await;
    let mail = server.mail(1).await;
    let link = mail.link("/create-account");
    let nobody_yet = issuer.app.store.users().await.unwrap();
    for _ in 0..3 {
        assert_eq!(Browser::new(&issuer).get(&link).await.status, 200, "a scanner looks at it");
    }
    let created = create(&browser, &link, ADA).await;
    let answer = browser.follow(created).await;

    assert_eq!((sent.status.as_u16(), nobody_yet.len()), (200, 0));
    assert_eq!(mail.to, ["Ada@example.com"]);
    let tokens = issuer.redeem("web", &secret, &callback(&answer)["code"]).await.json();
    let id = payload(&tokens["id_token"]);
    let user = issuer.app.store.user("ada").await.unwrap();
    assert_eq!(id["sub"], user.id.to_string());
    assert_eq!((user.email.as_deref(), user.email_verified), (Some("Ada@example.com"), true));
    assert_eq!(user.profile.name.as_deref(), Some("Ada Lovelace"));
    assert!(user.roles.is_empty() && user.groups.is_empty());
    let again = browser.authorize("web", &[("prompt", "none")]).await;
    assert!(callback(&again).contains_key("code"), "a session begins");
}

#[tokio::test]
async fn on_another_device_the_account_is_made_and_nobody_is_signed_in() {
    let server = SmtpServer::plain().await;
    let (issuer, _) = open(&server).await;
    let (desk, phone) = (Browser::new(&issuer), Browser::new(&issuer));

    let login = desk.authorize("web", &[]).await;
    register(&desk, &register_address(&login), "ada@example.com").await;
    let link = server.mail(1).await.link("/create-account");
    let created = create(&phone, &link, ADA).await;
    let answer = desk.log_in(&login, "ada@example.com", PASSWORD).await;

    assert_eq!(created.status, 200);
    assert!(phone.cookie("__Host-session").is_none());
    assert!(callback(&answer).contains_key("code"));
}

#[tokio::test]
async fn cve_2026_23511_r54_a_known_address_is_answered_like_an_unknown_one_and_told_by_mail() {
    let server = SmtpServer::plain().await;
    let (issuer, _) = open(&server).await;
    issuer.person("ada").await;
    issuer.user("unproved").await;
    let browser = Browser::new(&issuer);

    let known = register(&browser, "/register", "ADA@example.com").await;
    let told = server.mail(1).await;
    let unknown = register(&browser, "/register", "new@example.com").await;
    let invited = server.mail(2).await;
    let unproved = register(&browser, "/register", "unproved@example.com").await;
    let of_unproved = server.mail(3).await;

    for answer in [&unknown, &unproved] {
        assert_eq!((answer.status, &answer.body), (known.status, &known.body));
        assert_eq!(answer.headers, known.headers);
    }
    assert_eq!(told.to, ["ada@example.com"], "the mail goes to the address that was proved");
    assert!(told.text().contains("there is one already: ada") && !told.text().contains("token="));
    invited.link("/create-account");
    of_unproved.link("/create-account");
}

#[tokio::test]
async fn nobody_can_prepare_an_account_for_somebody_elses_address() {
    let server = SmtpServer::plain().await;
    let (issuer, _) = open(&server).await;
    let (eve, ada) = (Browser::new(&issuer), Browser::new(&issuer));

    // Eve begins a sign-in and a registration with ada's address, and keeps her browser open.
    let login = eve.authorize("web", &[]).await;
    register(&eve, &register_address(&login), "ada@example.com").await;
    let link = server.mail(1).await.link("/create-account");
    let before = eve.log_in(&login, "ada@example.com", PASSWORD).await;
    let created = create(&ada, &link, ["ada", "Ada", "a password of her own"]).await;
    let after = eve.authorize("web", &[("prompt", "none")]).await;

    assert_eq!(before.status, 422, "there is no account before the proof");
    assert_eq!(created.status, 200);
    assert_eq!(callback(&after)["error"], "login_required", "eve is in no session of ada's");
    assert!(ada.cookie("__Host-session").is_none(), "ada is in no sign-in of eve's");
}

#[tokio::test]
async fn cve_2026_22751_a_link_makes_one_account_of_64_at_once_and_none_after() {
    let server = SmtpServer::plain().await;
    let (issuer, _) = open(&server).await;
    let browser = Browser::new(&issuer);
    register(&browser, "/register", "ada@example.com").await;
    let link = server.mail(1).await.link("/create-account");
    let page = browser.get(&link).await;
    let (csrf, token) = (hidden(&page, "csrf"), hidden(&page, "continue"));

    let names: Vec<String> = (0..64).map(|n| format!("ada{n}")).collect();
    let posts = names.iter().map(|name| {
        let fields = [
            ("csrf", &*csrf),
            ("continue", &*token),
            ("username", name.as_str()),
            ("name", "Ada"),
            ("new_password", PASSWORD),
        ];
        let browser = &browser;
        async move { browser.post("/create-account", &fields).await.status.as_u16() }
    });
    let statuses = futures_util::future::join_all(posts).await;
    let replayed = create(&browser, &link, ADA).await;

    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(replayed.status, 400);
    assert_eq!(issuer.app.store.users().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_bad_choice_leaves_the_link_and_says_what_is_wrong() {
    let server = SmtpServer::plain().await;
    let (issuer, _) = open(&server).await;
    issuer.user("taken").await;
    let browser = Browser::new(&issuer);
    register(&browser, "/register", "ada@example.com").await;
    let link = server.mail(1).await.link("/create-account");

    for (chosen, said) in [
        (["", "Ada", PASSWORD], "Enter your username"),
        (["ada", "", PASSWORD], "Enter your name"),
        (["ada", "Ada", ""], "Enter a password"),
        (["TAKEN", "Ada", PASSWORD], "is taken"),
        (["eve@example.com", "Ada", PASSWORD], "A username has only"),
        (["a b", "Ada", PASSWORD], "A username has only"),
        (["0190a6e2-7c1b-7c3a-9b1e-2f6f3c1d5a77", "Ada", PASSWORD], "A username has only"),
        (["ada", "Ada", "short"], "at least 8"),
        (["ada", "Ada", "password123"], "guessed first"),
        (["ada-lovelace", "Ada", "ada-lovelace"], "guessed first"),
    ] {
        let answer = create(&browser, &link, chosen).await;
        assert_eq!(answer.status, 422, "{chosen:?}");
        assert!(answer.body.contains(said), "{chosen:?} {}", answer.body);
    }
    let long = "x".repeat(201);
    assert_eq!(create(&browser, &link, ["ada", &long, PASSWORD]).await.status, 422);
    assert_eq!(create(&browser, &link, ADA).await.status, 200);
}

#[tokio::test]
async fn an_address_that_is_none_or_of_another_domain_gets_no_mail() {
    let server = SmtpServer::plain().await;
    let issuer = Issuer::with(|config| {
        server.configure(config);
        config.registration.mode = RegistrationMode::Open;
        config.registration.allowed_email_domains = vec!["example.com".to_owned()];
    })
    .await;
    let browser = Browser::new(&issuer);

    for email in [
        "",
        "ada",
        "ada@example.com, eve@evil.example",
        "ada@example.com Bcc:eve@evil.example",
        "\"ada@example.com\"@evil.example",
        "ada@evil.example",
        "ada@sub.example.com",
        "ada@example.com.evil.example",
    ] {
        assert_eq!(register(&browser, "/register", email).await.status, 422, "{email}");
    }
    let injected = register(&browser, "/register", "a@example.com\r\nBcc: e@example.com").await;
    let good = register(&browser, "/register", "ada@EXAMPLE.com").await;
    issuer.app.mailer.close().await;

    assert_eq!((injected.status.as_u16(), good.status.as_u16()), (400, 200));
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn mails_are_few_for_an_address_that_has_no_account() {
    let server = SmtpServer::plain().await;
    let (issuer, _) = open(&server).await;
    let browser = Browser::new(&issuer);

    for spelling in ["ada@example.com", "ADA@example.com", "Ada@Example.com", "ada@EXAMPLE.COM"] {
        assert_eq!(register(&browser, "/register", spelling).await.status, 200);
    }
    issuer.app.mailer.close().await;

    assert_eq!(server.mails().len(), 3);
}

#[tokio::test]
async fn an_issuer_that_is_closed_lets_nobody_register_not_even_by_an_earlier_link() {
    for mode in [RegistrationMode::Closed, RegistrationMode::Invite] {
        let server = SmtpServer::plain().await;
        let (issuer, _) = issuer(&server, mode).await;
        let browser = Browser::new(&issuer);
        let registration = |invited| Registration {
            email: "ada@example.com".to_owned(),
            roles: vec!["auditor".to_owned()],
            groups: Vec::new(),
            invited,
            continuation: None,
            expires_at: START + 60,
        };
        let credentials = &issuer.app.credentials;
        let own = credentials.begin_registration(&registration(false)).await.unwrap();
        let invited = credentials.begin_registration(&registration(true)).await.unwrap();
        let link = |token: &str| format!("/create-account?token={token}");

        let login = browser.authorize("web", &[]).await;
        let page = browser.get("/register").await;
        let by_own = create(&browser, &link(&own.token), ["own", "Ada", PASSWORD]).await;
        let by_invitation = create(&browser, &link(&invited.token), ADA).await;

        assert!(!login.body.contains("/register"));
        assert_eq!((page.status.as_u16(), by_own.status.as_u16()), (404, 404));
        let expected = if mode == RegistrationMode::Invite { 200 } else { 404 };
        assert_eq!(by_invitation.status.as_u16(), expected);
        if mode == RegistrationMode::Invite {
            let user = issuer.app.store.user("ada").await.unwrap();
            assert_eq!((user.roles, user.email_verified), (vec!["auditor".to_owned()], true));
        }
    }
}

#[tokio::test]
async fn a_link_dies_with_time_with_its_successor_and_with_the_proof_of_another_user() {
    let server = SmtpServer::plain().await;
    let (issuer, _) = open(&server).await;
    let browser = Browser::new(&issuer);

    register(&browser, "/register", "ada@example.com").await;
    let first = server.mail(1).await.link("/create-account");
    register(&browser, "/register", "ada@example.com").await;
    let second = server.mail(2).await.link("/create-account");
    let superseded = create(&browser, &first, ADA).await;
    let eve = issuer.user("eve").await;
    let act = Actor::node().at(START);
    let edit = |user: &mut countersign::registry::User| {
        user.email = Some("ada@example.com".to_owned());
        Ok(())
    };
    issuer.app.store.update_user("eve", &act, edit).await.unwrap();
    issuer.app.store.verify_email(eve, &act).await.unwrap();
    let proved_by_another = create(&browser, &second, ADA).await;
    issuer.clock.advance(std::time::Duration::from_hours(1));
    let late = browser.get(&second).await;
    issuer.clock.advance(std::time::Duration::from_hours(1));
    let swept = countersign::tasks::sweep(&issuer.app).await;

    let statuses = [superseded, proved_by_another, late].map(|answer| answer.status.as_u16());
    assert_eq!((statuses, swept), ([400, 400, 400], 1));
}
