//! A mail server on a real socket (RFC 5321), in clear, with STARTTLS or with TLS from the first byte. It keeps what it
//! takes, and can be told to refuse.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::config::{Config, Mail, MailTls, MailTransport};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A mail as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// Headers and body.
    pub(crate) raw: String,
    pub(crate) encrypted: bool,
    /// What was sent with `AUTH PLAIN`.
    pub(crate) credentials: Option<String>,
}

/// The server; it ends with the runtime.
pub(crate) struct SmtpServer {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    security: MailTls,
    certificate: Option<PathBuf>,
    folder: tempfile::TempDir,
}

#[derive(Default)]
struct State {
    mails: Mutex<Vec<Received>>,
    /// What it answers to the next mails instead of taking them.
    refusals: Mutex<Vec<String>>,
    connections: Mutex<u32>,
}

impl SmtpServer {
    /// In clear, on a free port.
    pub(crate) async fn plain() -> Self {
        Self::start("127.0.0.1:0".parse().unwrap(), MailTls::None, "localhost").await
    }

    /// With a certificate for `name`, if it speaks TLS.
    pub(crate) async fn start(address: SocketAddr, security: MailTls, name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tls = (security != MailTls::None).then(|| certificate(folder.path(), name));
        let acceptor = tls.as_ref().map(|(certificate, key)| acceptor(certificate, key));
        let socket = TcpListener::bind(address).await.unwrap();
        let address = socket.local_addr().unwrap();
        let state = Arc::new(State::default());
        let served = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                tokio::spawn(serve(stream, security, acceptor.clone(), Arc::clone(&served)));
            }
        });
        let certificate = tls.map(|(certificate, _)| certificate);
        Self { address, state, security, certificate, folder }
    }

    /// The section `[mail]` for this server.
    pub(crate) fn settings(&self) -> Mail {
        Mail {
            transport: Some(MailTransport::Smtp),
            host: Some("localhost".to_owned()),
            port: Some(self.address.port()),
            tls: self.security,
            certificate_authority_file: self.certificate.clone(),
            from: Some("Countersign <no-reply@issuer.example>".parse().unwrap()),
            ..Mail::default()
        }
    }

    /// Sends the mails of an issuer here.
    pub(crate) fn configure(&self, config: &mut Config) {
        config.mail = self.settings();
    }

    /// The folder with its certificate.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Refuses the next mail with this answer.
    pub(crate) fn refuse_next(&self, answer: &str) {
        self.state.refusals.lock().unwrap().push(answer.to_owned());
    }

    /// What it has taken.
    pub(crate) fn mails(&self) -> Vec<Received> {
        self.state.mails.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> u32 {
        *self.state.connections.lock().unwrap()
    }

    /// Waits until it has so many mails, and returns the last.
    pub(crate) async fn mail(&self, number: usize) -> Received {
        eventually("a mail", || self.mails().len() >= number).await;
        let mails = self.mails();
        assert_eq!(mails.len(), number, "{mails:?}");
        mails[number - 1].clone()
    }
}

impl Received {
    /// A header, unfolded; as it travels.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let (head, _) = self.raw.split_once("\r\n\r\n").unwrap();
        let head = head.replace("\r\n ", " ");
        let mut found = head.split("\r\n").filter_map(|line| line.split_once(": "));
        found.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    }

    /// The names of all headers.
    pub(crate) fn header_names(&self) -> Vec<String> {
        let (head, _) = self.raw.split_once("\r\n\r\n").unwrap();
        let lines = head.split("\r\n").filter(|line| !line.starts_with(' '));
        lines.map(|line| line.split(':').next().unwrap().to_owned()).collect()
    }

    /// The text, decoded.
    pub(crate) fn text(&self) -> String {
        let (_, body) = self.raw.split_once("\r\n\r\n").unwrap();
        match self.header("Content-Transfer-Encoding").as_deref() {
            Some("base64") => {
                let bytes = STANDARD.decode(body.replace("\r\n", "")).unwrap();
                String::from_utf8(bytes).unwrap()
            }
            Some("quoted-printable") => quoted_printable(body),
            _ => body.to_owned(),
        }
    }

    /// The link to a page of the issuer, as a path.
    pub(crate) fn link(&self, path: &str) -> String {
        let text = self.text();
        let begin = text.find(&format!("https://issuer.example{path}"));
        assert!(begin.is_some(), "no {path} in {text}");
        let link = text[begin.unwrap()..].split_whitespace().next().unwrap();
        link.strip_prefix("https://issuer.example").unwrap().to_owned()
    }
}

/// Waits for a condition.
pub(crate) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    let waiting = async {
        while !holds() {
            ticks.tick().await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(30), waiting).await.is_ok(), "no {what}");
}

/// A certificate that is its own authority.
fn certificate(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let (certificate, key) = (folder.join("smtp.crt"), folder.join("smtp.key"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-days", "2", "-subj", &format!("/CN={name}")])
        .args(["-addext", &format!("subjectAltName=DNS:{name}")])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (certificate, key)
}

fn acceptor(certificate: &Path, key: &Path) -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(
    stream: TcpStream,
    security: MailTls,
    acceptor: Option<TlsAcceptor>,
    state: Arc<State>,
) {
    *state.connections.lock().unwrap() += 1;
    match (security, acceptor) {
        (MailTls::Implicit, Some(acceptor)) => {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let mut stream = BufReader::new(stream);
            stream.write_all(b"220 localhost\r\n").await.unwrap();
            let _ = converse(&mut stream, Offer::Mail { encrypted: true }, &state).await;
        }
        (MailTls::Starttls, Some(acceptor)) => {
            let mut stream = BufReader::new(stream);
            stream.write_all(b"220 localhost\r\n").await.unwrap();
            if converse(&mut stream, Offer::Starttls, &state).await.is_none() {
                return;
            }
            let Ok(stream) = acceptor.accept(stream.into_inner()).await else { return };
            let mut stream = BufReader::new(stream);
            let _ = converse(&mut stream, Offer::Mail { encrypted: true }, &state).await;
        }
        _ => {
            let mut stream = BufReader::new(stream);
            stream.write_all(b"220 localhost\r\n").await.unwrap();
            let _ = converse(&mut stream, Offer::Mail { encrypted: false }, &state).await;
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Offer {
    /// Nothing but encryption.
    Starttls,
    /// To take mails.
    Mail { encrypted: bool },
}

/// Speaks until the client hangs up; `Some` if it asked for encryption.
async fn converse<S>(stream: &mut BufReader<S>, offer: Offer, state: &State) -> Option<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let encrypted = offer == Offer::Mail { encrypted: true };
    let (mut from, mut to, mut credentials) = (String::new(), Vec::new(), None);
    loop {
        let line = line(stream).await?;
        let command = line.to_ascii_uppercase();
        let answer = match command.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" if offer == Offer::Starttls => "250-localhost\r\n250 STARTTLS".to_owned(),
            "EHLO" => "250-localhost\r\n250-8BITMIME\r\n250-AUTH PLAIN\r\n250 SMTPUTF8".to_owned(),
            "STARTTLS" if offer == Offer::Starttls => {
                stream.write_all(b"220 go ahead\r\n").await.ok()?;
                return Some(());
            }
            _ if offer == Offer::Starttls => "530 5.7.0 STARTTLS first".to_owned(),
            "AUTH" => {
                let plain = STANDARD.decode(line.rsplit(' ').next().unwrap()).unwrap();
                credentials = Some(String::from_utf8(plain).unwrap().replace('\0', " "));
                "235 2.7.0 welcome".to_owned()
            }
            "MAIL" => {
                from = between(&line);
                "250 2.1.0 ok".to_owned()
            }
            "RCPT" => {
                to.push(between(&line));
                "250 2.1.5 ok".to_owned()
            }
            "DATA" => {
                stream.write_all(b"354 go ahead\r\n").await.ok()?;
                let raw = data(stream).await?;
                let refusal = state.refusals.lock().unwrap().pop();
                if let Some(refusal) = refusal {
                    // Real servers quote what they do not like.
                    format!("{refusal} {}", raw.lines().last().unwrap_or_default())
                } else {
                    let (to, credentials) = (std::mem::take(&mut to), credentials.clone());
                    let mail = Received { from: from.clone(), to, raw, encrypted, credentials };
                    state.mails.lock().unwrap().push(mail);
                    "250 2.0.0 queued".to_owned()
                }
            }
            "QUIT" => {
                let _ = stream.write_all(b"221 bye\r\n").await;
                return None;
            }
            _ => "250 ok".to_owned(),
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
}

async fn line<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await.ok()?;
    (read > 0).then(|| line.trim_end_matches("\r\n").to_owned())
}

/// RFC 5321 §4.5.2: up to the line with one dot; a doubled dot is one.
async fn data<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let mut data = Vec::new();
    loop {
        let line = line(stream).await?;
        if line == "." {
            return Some(data.join("\r\n"));
        }
        data.push(line.strip_prefix('.').unwrap_or(&line).to_owned());
    }
}

fn between(line: &str) -> String {
    line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).unwrap().0.to_owned()
}

/// RFC 2045 §6.7.
fn quoted_printable(body: &str) -> String {
    let body = body.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = body.as_bytes();
    while let [first, after @ ..] = rest {
        if *first == b'=' {
            let digits = std::str::from_utf8(&after[..2]).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap()
}
