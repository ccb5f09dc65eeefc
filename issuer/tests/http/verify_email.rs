//! `/verify-email`: a link proves an address when its form is sent, once, and while it is the address of the account.

use countersign::credentials::LinkPurpose;
use countersign::interaction::mails;
use countersign::page::Language;
use countersign::registry::User;
use countersign::store::Actor;
use uuid::Uuid;

use crate::harness::{Answer, Issuer, START};
use crate::people::{Browser, hidden};
use crate::smtp::SmtpServer;

async fn confirm(browser: &Browser<'_>, link: &str) -> Answer {
    let page = browser.get(link).await;
    if page.status != 200 {
        return page;
    }
    let (csrf, token) = (hidden(&page, "csrf"), hidden(&page, "continue"));
    browser.post("/verify-email", &[("csrf", &csrf), ("continue", &token)]).await
}

/// Sends ada a mail, and returns its link.
async fn link(issuer: &Issuer, server: &SmtpServer, user: Uuid) -> String {
    let account = issuer.app.credentials.account(user).await.unwrap();
    let number = server.mails().len() + 1;
    mails::email_verification(&issuer.app, &account, Language::French).await.unwrap();
    server.mail(number).await.link("/verify-email")
}

async fn is_proved(issuer: &Issuer, user: Uuid) -> bool {
    issuer.app.credentials.account(user).await.unwrap().email_verified
}

#[tokio::test]
async fn an_address_is_proved_by_the_form_and_not_by_the_visit_of_a_scanner() {
    let server = SmtpServer::plain().await;
    let issuer = Issuer::with(|config| server.configure(config)).await;
    let ada = issuer.user("ada").await;
    let browser = Browser::new(&issuer);

    let link = link(&issuer, &server, ada).await;
    for _ in 0..3 {
        let page = browser.get(&link).await;
        assert!(page.status == 200 && page.body.contains("ada@example.com"));
    }
    let before = is_proved(&issuer, ada).await;
    let foreign = browser.post("/verify-email", &[("continue", &link[20..])]).await;
    let between = is_proved(&issuer, ada).await;
    let done = confirm(&browser, &link).await;
    let after = is_proved(&issuer, ada).await;
    let again = confirm(&browser, &link).await;
    let account = issuer.app.credentials.account(ada).await.unwrap();
    mails::email_verification(&issuer.app, &account, Language::French).await.unwrap();
    issuer.app.mailer.close().await;

    assert!(server.mail(1).await.text().contains("Veuillez confirmer"));
    assert_eq!((before, between, after), (false, false, true));
    assert_eq!(
        (foreign.status.as_u16(), done.status.as_u16(), again.status.as_u16()),
        (400, 200, 400)
    );
    assert!(browser.cookie("__Host-session").is_none(), "a link signs nobody in");
    assert_eq!(server.mails().len(), 1, "what is proved is not asked for again");
}

#[tokio::test]
async fn cve_2026_22751_a_link_proves_for_one_of_64_at_once() {
    let server = SmtpServer::plain().await;
    let issuer = Issuer::with(|config| server.configure(config)).await;
    let ada = issuer.user("ada").await;
    let browser = Browser::new(&issuer);
    let page = browser.get(&link(&issuer, &server, ada).await).await;
    let (csrf, token) = (hidden(&page, "csrf"), hidden(&page, "continue"));

    let fields = [("csrf", &*csrf), ("continue", &*token)];
    let posts = (0..64).map(|_| browser.post("/verify-email", &fields));
    let answers = futures_util::future::join_all(posts).await;

    let won = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(won, 1);
}

#[tokio::test]
async fn a_link_is_dead_once_the_address_is_another_or_another_user_proved_it() {
    let server = SmtpServer::plain().await;
    let issuer = Issuer::with(|config| server.configure(config)).await;
    let (ada, eve) = (issuer.user("ada").await, issuer.user("eve").await);
    let act = Actor::node().at(START);
    let browser = Browser::new(&issuer);
    let edit = |user: &mut User| {
        user.email = Some("ada@example.com".to_owned());
        Ok(())
    };

    let of_old_address = link(&issuer, &server, eve).await;
    issuer.app.store.update_user("eve", &act, edit).await.unwrap();
    let changed = confirm(&browser, &of_old_address).await;
    let of_both = [link(&issuer, &server, ada).await, link(&issuer, &server, eve).await];
    let first = confirm(&browser, &of_both[0]).await;
    let second = confirm(&browser, &of_both[1]).await;

    assert_eq!([changed, first, second].map(|answer| answer.status.as_u16()), [400, 200, 400]);
    assert!(is_proved(&issuer, ada).await && !is_proved(&issuer, eve).await);
}

#[tokio::test]
async fn a_link_of_another_purpose_or_of_a_deleted_user_proves_nothing() {
    let server = SmtpServer::plain().await;
    let issuer = Issuer::with(|config| server.configure(config)).await;
    let ada = issuer.user("ada").await;
    let browser = Browser::new(&issuer);
    let account = issuer.app.credentials.account(ada).await.unwrap();

    let reset =
        issuer.app.credentials.issue_link(&account, LinkPurpose::PasswordReset).await.unwrap();
    let other = confirm(&browser, &format!("/verify-email?token={}", *reset.token)).await;
    let link = link(&issuer, &server, ada).await;
    issuer.app.store.delete_user("ada", &Actor::node().at(START)).await.unwrap();
    let deleted = confirm(&browser, &link).await;

    assert_eq!((other.status.as_u16(), deleted.status.as_u16()), (400, 400));
}
