//! What all pages have in common, as a browser is given them: the language that it asks for, with its direction, and the
//! looks of the issuer.

use axum::body::Body;
use countersign::config::{MailTransport, RegistrationMode};
use countersign::page::{Color, LogoUrl};
use countersign::registry::ConsentPolicy;
use http::{Request, header};

use crate::harness::{Answer, Issuer};
use crate::people::{Browser, PASSWORD};

const LANGUAGES: [(&str, &str); 5] =
    [("en", "ltr"), ("de", "ltr"), ("fr", "ltr"), ("ja", "ltr"), ("ar", "rtl")];

/// The pages of the issuer's own that anybody can open, also those that say what is wrong.
const OPEN: [&str; 14] = [
    "/account",
    "/account/deleted",
    "/account/signed-out",
    "/authorize?client_id=nobody",
    "/continue?continue=old",
    "/create-account?token=old",
    "/device",
    "/forgot-password",
    "/invite?token=old",
    "/login/code?continue=old",
    "/logout",
    "/register",
    "/reset-password?token=old",
    "/verify-email?token=old",
];

/// Those for whoever is signed in.
const OWN: [&str; 4] = ["/account", "/account/totp", "/account/delete", "/logout"];

/// An issuer with looks of its own, and a client that has a name and no color.
async fn issuer() -> Issuer {
    let issuer = Issuer::with(|config| {
        config.mail.transport = Some(MailTransport::Log);
        config.registration.mode = RegistrationMode::Open;
        "Ada & Co".clone_into(&mut config.brand.name);
        config.brand.color = Color::parse("#1f5f5b");
        config.brand.logo_uri = LogoUrl::parse("https://cdn.example/logo.svg");
    })
    .await;
    issuer.user("ada").await;
    issuer
        .web("web", |client, sign_in| {
            client.name = Some("Shop".to_owned());
            sign_in.consent = ConsentPolicy::Ask;
        })
        .await;
    issuer
}

/// A browser of somebody who is signed in.
async fn signed_in(issuer: &Issuer) -> Browser<'_> {
    let browser = Browser::new(issuer);
    browser.account("ada").await;
    browser
}

async fn get(browser: &Browser<'_>, language: &str, path: &str) -> Answer {
    let request = Request::get(path).header(header::ACCEPT_LANGUAGE, language);
    browser.send(request, Body::empty()).await
}

fn require_language(page: &Answer, (language, direction): (&str, &str), why: &str) {
    let root = format!("<html lang=\"{language}\" dir=\"{direction}\">");
    assert!(page.body.contains(&root), "{why}: {} {}", page.status, page.body);
    assert_eq!(page.header("content-language"), language, "{why}");
}

#[tokio::test]
async fn every_page_is_in_the_language_of_the_browser_and_runs_in_its_direction() {
    let issuer = issuer().await;
    let browser = signed_in(&issuer).await;

    for (language, direction) in LANGUAGES {
        for path in OPEN {
            let page = get(&Browser::new(&issuer), language, path).await;
            require_language(&page, (language, direction), path);
        }
        for path in OWN {
            let page = get(&browser, language, path).await;
            require_language(&page, (language, direction), path);
        }
    }
}

#[tokio::test]
async fn every_page_of_a_sign_in_is_in_the_language_that_the_client_asks_for() {
    let issuer = issuer().await;

    for (language, direction) in LANGUAGES {
        let (browser, locales) = (Browser::new(&issuer), ("ui_locales", language));
        let login = browser.authorize("web", &[locales]).await;
        let wrong = browser.log_in(&login, "ada", "not the password").await;
        let consent = browser.log_in(&login, "ada", PASSWORD).await;
        let choice = browser.authorize("web", &[locales, ("prompt", "select_account")]).await;
        let again = browser.authorize("web", &[locales, ("prompt", "login")]).await;

        let pages = [
            ("login", login),
            ("wrong", wrong),
            ("consent", consent),
            ("choice", choice),
            ("again", again),
        ];
        for (name, page) in &pages {
            require_language(page, (language, direction), name);
        }
    }
}

#[tokio::test]
async fn every_page_of_the_issuer_wears_its_name_its_color_and_its_logo() {
    let issuer = issuer().await;
    let browser = signed_in(&issuer).await;

    let mut pages = Vec::new();
    for path in OPEN {
        pages.push((path, Browser::new(&issuer).get(path).await));
    }
    for path in OWN {
        pages.push((path, browser.get(path).await));
    }
    for (path, page) in pages {
        for part in [
            " · Ada &#38; Co</title>",
            "<bdi>Ada &#38; Co</bdi>",
            "/assets/brand/1f5f5b.",
            "<img class=\"logo\" src=\"https://cdn.example/logo.svg\"",
        ] {
            assert!(page.body.contains(part), "{path} lacks {part}: {}", page.body);
        }
        let policy = page.header("content-security-policy");
        assert!(policy.contains("img-src 'self' data: https://cdn.example;"), "{path}: {policy}");
    }
}

#[tokio::test]
async fn a_page_of_a_client_wears_its_name_and_not_the_logo_of_the_issuer() {
    let issuer = issuer().await;
    issuer.web("red", |_, sign_in| sign_in.brand_color = Some("#a02020".to_owned())).await;

    let plain = Browser::new(&issuer).authorize("web", &[]).await;
    let colored = Browser::new(&issuer).authorize("red", &[]).await;

    assert!(plain.body.contains("<bdi>Shop</bdi>") && !plain.body.contains("cdn.example"));
    // A client without a color wears that of the issuer.
    assert!(plain.body.contains("/assets/brand/1f5f5b."), "{}", plain.body);
    assert!(colored.body.contains("/assets/brand/a02020."), "{}", colored.body);
}
