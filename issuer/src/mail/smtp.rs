//! How a mail leaves (RFC 5321): one connection a mail, encrypted before anything is said (RFC 3207, RFC 8314), to a server
//! whose certificate is for the configured name (RFC 6125). What a server answers is not logged: it may quote the mail.

use std::time::Duration;

use lettre::message::Message;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use url::Host;

use crate::config::{Config, Mail, MailTls};

/// The whole conversation with the server; without a limit a silent one would hold the mail for ever.
const SEND_TIMEOUT: Duration = Duration::from_mins(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Mails cannot be sent at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SmtpError {
    /// The file of certificates cannot be used.
    #[error("`mail.certificate_authority_file`: {0}")]
    Certificates(String),
    /// TLS cannot be set up.
    #[error("the TLS of the mail server cannot be set up: {0}")]
    Tls(String),
    /// There is no server, or nobody from whom mails come.
    #[error("mail is not configured: set `mail.transport`, `mail.host` and `mail.from`")]
    Unconfigured,
    /// A mail cannot be put together.
    #[error("the mail could not be put together")]
    Message,
}

/// Why the server did not take a mail.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct SendError {
    /// What happened; never what the server said.
    text: String,
    /// Trying again would not help.
    pub(super) is_lasting: bool,
}

/// The way to the mail server. Nothing is connected before the first mail.
pub(super) struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

impl Smtp {
    /// With the settings of the configuration.
    pub(super) fn new(config: &Config) -> Result<Self, SmtpError> {
        let mail = &config.mail;
        let host = mail.host.as_deref().ok_or(SmtpError::Unconfigured)?;
        let (tls, port) = match mail.tls {
            MailTls::Starttls => (Tls::Required(tls_parameters(mail, host)?), 587),
            MailTls::Implicit => (Tls::Wrapper(tls_parameters(mail, host)?), 465),
            MailTls::None => (Tls::None, 25),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(mail.port.unwrap_or(port))
            .tls(tls)
            .hello_name(hello_name(config))
            .timeout(Some(CONNECT_TIMEOUT));
        if let (Some(username), Some(password)) = (&mail.username, &mail.password) {
            let credentials = Credentials::new(username.clone(), password.expose().clone());
            builder = builder.credentials(credentials);
        }
        Ok(Self { transport: builder.build() })
    }

    /// Sends one mail.
    pub(super) async fn send(&self, message: Message) -> Result<(), SendError> {
        match tokio::time::timeout(SEND_TIMEOUT, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(SendError::from(&error)),
            Err(_) => Err(SendError::timeout()),
        }
    }

    /// Connects, encrypts and signs in as if for a mail, and sends none. The text of an error holds what the server said,
    /// since no mail was quoted to it.
    pub(super) async fn check(&self) -> Result<(), String> {
        match tokio::time::timeout(SEND_TIMEOUT, self.transport.test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err("the server hung up".to_owned()),
            Ok(Err(error)) => Err(chain(&error)),
            Err(_) => Err(SendError::timeout().text),
        }
    }
}

fn tls_parameters(mail: &Mail, host: &str) -> Result<TlsParameters, SmtpError> {
    // The name is checked, and there is no setting that turns it off (RUSTSEC-2026-0141).
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(path) = &mail.certificate_authority_file {
        let failed =
            |cause: String| SmtpError::Certificates(format!("{}: {cause}", path.display()));
        let pem = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
        let certificates =
            Certificate::from_pem(&pem).map_err(|error| failed(error.to_string()))?;
        builder =
            builder.certificate_store(CertificateStore::None).add_root_certificate(certificates);
    }
    builder.build().map_err(|error| SmtpError::Tls(chain(&error)))
}

/// RFC 5321 §4.1.1.1: the client says its own name, or its address where it has none.
fn hello_name(config: &Config) -> ClientId {
    match config.issuer.url().host() {
        Some(Host::Domain(name)) => ClientId::Domain(name.to_owned()),
        Some(Host::Ipv4(address)) => ClientId::Ipv4(address),
        Some(Host::Ipv6(address)) => ClientId::Ipv6(address),
        None => ClientId::default(),
    }
}

impl SendError {
    fn timeout() -> Self {
        let text = format!("the server took more than {} seconds", SEND_TIMEOUT.as_secs());
        Self { text, is_lasting: false }
    }
}

impl From<&lettre::transport::smtp::Error> for SendError {
    fn from(error: &lettre::transport::smtp::Error) -> Self {
        let text = match error.status() {
            Some(code) => format!("the server answered {code}{}", enhanced_status(error)),
            None if error.is_response() => "the server does not speak SMTP".to_owned(),
            None => chain(error),
        };
        Self { text, is_lasting: error.is_permanent() || error.is_client() }
    }
}

/// RFC 2034 §4: the enhanced status code at the head of an answer, and nothing after it.
fn enhanced_status(error: &dyn std::error::Error) -> String {
    let said = error.source().map(ToString::to_string).unwrap_or_default();
    let head = said.split_whitespace().next().unwrap_or_default();
    let is_status = (5..=11).contains(&head.len())
        && head.split('.').count() == 3
        && head.chars().all(|c| c.is_ascii_digit() || c == '.');
    if is_status { format!(" {head}") } else { String::new() }
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

impl From<SmtpError> for SendError {
    fn from(error: SmtpError) -> Self {
        Self { text: error.to_string(), is_lasting: true }
    }
}
