//! How mails leave: encrypted or not at all, to nobody but who was meant, again if need be, and without a trace of their
//! links.

use countersign::clock::Clock;
use countersign::config::{Config, MailTls, Secret};
use countersign::mail::{Kind, Letter, Link, Mailer, Recipient};
use countersign::page::Language;
use countersign::telemetry::{MailMetrics, Metrics};
use zeroize::Zeroizing;

use crate::harness::START;
use crate::log::Log;
use crate::smtp::{SmtpServer, eventually};

const TOKEN: &str = "canary-4f1d-canary-4f1d-canary-4f1d";

fn letter(language: Language, kind: Kind) -> Letter {
    let url = format!("https://issuer.example/reset-password?token={TOKEN}");
    Letter {
        to: Recipient::parse("ada@example.com").unwrap(),
        language,
        kind,
        about: "ada".to_owned(),
        link: Link::OneTime { url: Zeroizing::new(url), lifetime: 3_600 },
    }
}

fn reset() -> Letter {
    letter(Language::English, Kind::PasswordReset)
}

fn config(server: &SmtpServer) -> Config {
    let mut config =
        Config { issuer: "https://issuer.example".parse().unwrap(), ..Config::default() };
    server.configure(&mut config);
    config
}

fn mailer(config: &Config) -> Mailer {
    Mailer::new(config, &Clock::fixed(START), MailMetrics::default()).unwrap()
}

#[tokio::test]
async fn a_mail_says_what_is_wanted_to_one_person_in_their_language() {
    for (number, language) in Language::SUPPORTED.iter().enumerate() {
        let server = SmtpServer::plain().await;
        for (sent, kind) in Kind::ALL.iter().enumerate() {
            mailer(&config(&server)).send_now(&letter(*language, *kind)).await.unwrap();

            let mail = server.mail(sent + 1).await;
            let text = mail.text();
            assert_eq!(
                (mail.from.as_str(), mail.to.clone()),
                ("no-reply@issuer.example", vec!["ada@example.com".to_owned()])
            );
            assert_eq!(mail.link("/reset-password"), format!("/reset-password?token={TOKEN}"));
            assert!(
                text.contains("ada") && text.contains("60") && text.contains("\r\nCountersign\r\n"),
                "{text}"
            );
            assert!(!text.contains("{}"), "{number} {text}");
        }
    }
}

#[tokio::test]
async fn a_mail_speaks_for_the_issuer_by_its_name() {
    let server = SmtpServer::plain().await;
    let mut config = config(&server);
    "Ada & Co".clone_into(&mut config.brand.name);

    mailer(&config).send_now(&reset()).await.unwrap();

    let mail = server.mail(1).await;
    assert_eq!(mail.header("Subject").as_deref(), Some("A new password for Ada & Co"));
    assert!(mail.text().ends_with("-- \r\nAda & Co\r\nhttps://issuer.example\r\n"));
}

#[tokio::test]
async fn a_mail_has_the_headers_of_a_machine_and_no_others() {
    let server = SmtpServer::plain().await;
    let mut config = config(&server);
    config.mail.reply_to = Some("Support <support@issuer.example>".parse().unwrap());

    mailer(&config).send_now(&reset()).await.unwrap();

    let mail = server.mail(1).await;
    assert_eq!(mail.header("From").as_deref(), Some("Countersign <no-reply@issuer.example>"));
    assert_eq!(mail.header("To").as_deref(), Some("ada@example.com"));
    assert_eq!(mail.header("Reply-To").as_deref(), Some("Support <support@issuer.example>"));
    assert_eq!(mail.header("Subject").as_deref(), Some("A new password for Countersign"));
    assert_eq!(mail.header("Auto-Submitted").as_deref(), Some("auto-generated"));
    assert_eq!(mail.header("Date").as_deref(), Some("Fri, 15 Jan 2027 08:00:00 +0000"));
    assert!(mail.header("Message-ID").unwrap().ends_with("@issuer.example>"));
    let mut names = mail.header_names();
    names.sort();
    let expected = [
        "Auto-Submitted",
        "Content-Transfer-Encoding",
        "Content-Type",
        "Date",
        "From",
        "MIME-Version",
        "Message-ID",
        "Reply-To",
        "Subject",
        "To",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_name_with_line_breaks_becomes_no_header_and_no_second_recipient() {
    let server = SmtpServer::plain().await;
    let about = "ada\r\n.\r\nMAIL FROM:<eve@example.com>\r\nBcc: eve@example.com";

    mailer(&config(&server))
        .send_now(&Letter { about: about.to_owned(), ..reset() })
        .await
        .unwrap();

    let mail = server.mail(1).await;
    assert_eq!(mail.to, ["ada@example.com"]);
    assert_eq!(mail.header("Bcc"), None);
    assert!(mail.text().contains("MAIL FROM:<eve@example.com>"), "it is text");
}

#[tokio::test]
async fn rustsec_2026_0141_a_certificate_for_another_name_gets_no_mail() {
    for security in [MailTls::Starttls, MailTls::Implicit] {
        for (name, is_good) in [("localhost", true), ("other.example", false)] {
            let server = SmtpServer::start("127.0.0.1:0".parse().unwrap(), security, name).await;
            let mut config = config(&server);
            config.mail.username = Some("issuer".to_owned());
            config.mail.password = Some(Secret::new("s3cret".to_owned()));
            let mailer = mailer(&config);

            let checked = mailer.check().await.unwrap();
            let sent = mailer.send_now(&reset()).await;

            assert_eq!((checked.is_ok(), sent.is_ok()), (is_good, is_good), "{checked:?} {sent:?}");
            assert_eq!(server.mails().len(), usize::from(is_good), "{security:?} {name}");
            if is_good {
                let mail = server.mail(1).await;
                assert!(mail.encrypted);
                assert_eq!(mail.credentials.as_deref(), Some(" issuer s3cret"));
            } else {
                assert!(checked.unwrap_err().contains("other.example"));
            }
        }
    }
}

#[tokio::test]
async fn an_unknown_authority_and_a_server_without_encryption_get_no_mail() {
    let address = "127.0.0.1:0".parse().unwrap();
    let tls = SmtpServer::start(address, MailTls::Implicit, "localhost").await;
    let stranger = SmtpServer::start(address, MailTls::Implicit, "localhost").await;
    let plain = SmtpServer::plain().await;
    let mut foreign = config(&tls);
    foreign.mail.certificate_authority_file = Some(stranger.folder().join("smtp.crt"));
    let mut stripped = config(&plain);
    stripped.mail.tls = MailTls::Starttls;

    let foreign = mailer(&foreign).send_now(&reset()).await;
    let stripped = mailer(&stripped).send_now(&reset()).await;

    assert!(foreign.is_err() && stripped.is_err(), "{foreign:?} {stripped:?}");
    assert!(tls.mails().is_empty() && plain.mails().is_empty());
    assert_eq!(plain.connections(), 1);
}

#[tokio::test]
async fn a_mail_waits_for_a_server_that_is_down_and_is_sent_once_when_it_is_up() {
    let mut config = config(&SmtpServer::plain().await);
    // Nobody listens there once the socket is closed.
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    drop(socket);
    config.mail.port = Some(address.port());
    let metrics = Metrics::new();
    let mailer = Mailer::new(&config, &Clock::fixed(START), metrics.mail()).unwrap();

    mailer.place().unwrap().post(reset());
    let text = || metrics.render(std::time::Duration::ZERO, 0);
    eventually("failed try", || text().contains("countersign_mail_retries_total 1")).await;
    let waiting = text().contains("countersign_mails_waiting 1");
    let server = SmtpServer::start(address, MailTls::None, "localhost").await;
    let mail = server.mail(1).await;
    mailer.close().await;

    assert!(waiting && mail.text().contains(TOKEN));
    assert!(text().contains("countersign_mails_sent_total 1"));
    assert!(text().contains("countersign_mails_waiting 0"));
}

#[tokio::test]
async fn a_refusal_for_now_is_tried_again_and_one_for_good_is_not() {
    let server = SmtpServer::plain().await;
    let metrics = Metrics::new();
    let mailer = Mailer::new(&config(&server), &Clock::fixed(START), metrics.mail()).unwrap();
    let text = || metrics.render(std::time::Duration::ZERO, 0);

    server.refuse_next("451 4.3.0 not now");
    mailer.place().unwrap().post(reset());
    server.mail(1).await;
    server.refuse_next("550 5.7.1 never");
    mailer.place().unwrap().post(reset());
    eventually("failure", || text().contains("countersign_mails_failed_total 1")).await;
    mailer.close().await;

    assert_eq!(server.mails().len(), 1);
    assert!(text().contains("countersign_mail_retries_total 1"), "{}", text());
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn the_queue_is_bounded_and_says_so() {
    let server = SmtpServer::plain().await;
    let mailer = mailer(&config(&server));

    let places: Vec<_> = std::iter::from_fn(|| mailer.place().ok()).collect();

    assert_eq!(places.len(), 1_000);
    drop(places);
    assert!(mailer.place().is_ok());
}

#[tokio::test]
async fn cve_2024_8365_no_log_quotes_a_link_whatever_the_server_says() {
    let server = SmtpServer::plain().await;
    let mailer = mailer(&config(&server));
    let (log, guard) = Log::listen();

    for answer in ["550 5.7.1 blocked", "451 4.7.1 wait", "554 no"] {
        server
            .refuse_next(&format!("{answer}: https://issuer.example/reset-password?token={TOKEN}"));
        mailer.place().unwrap().post(reset());
        let tries = log.text().matches("password_reset").count() + 1;
        eventually("a line", || log.text().matches("password_reset").count() >= tries).await;
    }
    mailer.close().await;
    drop(guard);

    let lines = log.text();
    assert!(lines.contains("550 5.7.1") && lines.contains("password_reset"), "{lines}");
    assert!(!lines.contains("canary") && !lines.contains("ada@example.com"), "{lines}");
}
