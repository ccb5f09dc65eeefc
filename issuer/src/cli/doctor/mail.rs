//! Whether the mail server can be reached, speaks TLS under its own name and lets the issuer in. No mail is sent.

use super::Finding;
use crate::clock::Clock;
use crate::config::{Config, MailTransport};
use crate::mail::Mailer;
use crate::telemetry::MailMetrics;

pub(super) async fn server(config: &Config, clock: &Clock) -> Finding {
    match config.mail_transport() {
        MailTransport::None => {
            return Finding::skipped("mail", "`mail.transport` is not set: no mail is sent");
        }
        MailTransport::Log => {
            return Finding::skipped("mail", "mails go to the log, with their links");
        }
        MailTransport::Smtp => {}
    }
    let host = config.mail.host.as_deref().unwrap_or_default();
    let mailer = match Mailer::new(config, clock, MailMetrics::default()) {
        Ok(mailer) => mailer,
        Err(error) => {
            return Finding::failed("mail", error).hint("name a PEM file that can be read");
        }
    };
    match mailer.check().await {
        Some(Err(error)) => Finding::failed("mail", format!("{host}: {error}")).hint(
            "look at `mail.host`, `mail.port`, `mail.tls`, the certificate of the server and the password",
        ),
        _ => Finding::ok("mail", format!("{host} takes mails from here")),
    }
}
