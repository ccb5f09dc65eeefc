//! The sections of the configuration: every setting with its meaning, unit, default and reason to change it.
//! The reference page and `config example` are made from these comments.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use countersign_keys::algorithm::{ALGORITHMS, Algorithm};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de::Error as _};
use url::Url;

use super::outside::{UpstreamProvider, WorkloadIssuer};
use super::setting::section;
use super::{ClientCertificateHeader, GatewayRoute, IssuerUrl, NatsSettings, Secret};
use crate::mail::{Recipient, Sender};
use crate::page::{Brand, Color, LogoUrl};

section! {
    /// Where the issuer is, for the world and on this machine.
    "" => pub struct Config {
        /// The public URL of the issuer: the `iss` of every token, and the base of every endpoint.
        /// https, or http on localhost; no slash at the end. Every service must be told the same
        /// text. Without it, http://localhost at the port of the first `listen` address.
        pub issuer: IssuerUrl = IssuerUrl::default(), Default r#""http://localhost:8080""#;
        /// The addresses that serve tokens, keys and discovery. Change it to serve other machines,
        /// with `[tls]` or behind a proxy that has TLS.
        pub listen: Vec<SocketAddr> = vec![SocketAddr::from(([127, 0, 0, 1], 8080))],
            Default r#"["127.0.0.1:8080"]"#;
        /// The addresses that serve `/livez`, `/readyz` and `/metrics`. Never public. Empty to serve
        /// no metrics at all.
        pub management_listen: Vec<SocketAddr> = vec![SocketAddr::from(([127, 0, 0, 1], 9000))],
            Default r#"["127.0.0.1:9000"]"#;
        /// The folder of the embedded database, the master key and the audit log; made with mode 0700
        /// if absent. Back it up as a whole.
        pub data_dir: PathBuf = PathBuf::from("countersign-data"), Default r#""countersign-data""#;
        /// Whether every client is held to the FAPI 2.0 security profile, as `client create --fapi2` holds one to it. Those
        /// that do not meet it get nothing; `countersign doctor` names them. The metadata offer nothing else.
        pub fapi2: bool = false, Default "false";
    }
    nested {
        pub database: Database;
        pub master_key: MasterKeySource;
        pub tls: Option<Tls>;
        pub proxies: Proxies;
        pub keys: Keys;
        pub client_authentication: ClientAuthenticationLimits;
        pub token_exchange: TokenExchange;
        pub sessions: Sessions;
        pub refresh_tokens: RefreshTokens;
        pub dpop: Dpop;
        pub feed: FeedSettings;
        pub mtls: Mtls;
        pub credentials: CredentialSettings;
        pub brand: BrandSettings;
        pub mail: Mail;
        pub registration: Registration;
        pub upstream: BTreeMap<String, UpstreamProvider>;
        pub workload: BTreeMap<String, WorkloadIssuer>;
        pub gateway: BTreeMap<String, GatewayRoute>;
        pub outbound: Outbound;
        pub log: Log;
        pub tracing: Tracing;
        pub audit: Audit;
        pub shutdown: Shutdown;
        #[serde(skip)]
        pub source: Source;
    }
}

section! {
    /// Where everything is kept that must survive a restart.
    "database" => pub struct Database {
        /// `postgres://user:password@host/name` for several nodes, or `sqlite:///path/file.db`. A value or
        /// `{ file = "path" }`. Without it, SQLite in the data folder: right for one node.
        pub url: Option<Secret<String>> = None, Unset r#"{ file = "/run/secrets/database_url" }"#;
        /// How many connections one node opens at most; they are opened when needed. SQLite has one that
        /// writes, and two that read.
        pub max_connections: u32 = 4, Default "4";
    }
}

section! {
    /// The keys that seal the private signing keys in the database. Whoever has one of them and the database can
    /// sign tokens; without them the database is useless.
    "master_key" => pub struct MasterKeySource {
        /// Files with 32 bytes in base64 or hex each, for example from a mounted secret. The first seals, all of
        /// them open: to change the master key, put the new file first and keep the old one until
        /// `countersign doctor` says that nothing needs it. Without it, `master.key` in the data folder, made with
        /// mode 0600 if absent.
        pub files: Vec<PathBuf> = Vec::new(), Unset r#"["/run/secrets/master_key"]"#;
    }
    nested {
        #[serde(skip)]
        pub from_environment: Vec<Secret<String>>;
    }
}

section! {
    /// TLS of the `listen` addresses. Without this section they speak plain HTTP.
    "tls" => pub struct Tls {
        /// The certificate chain in PEM, the server's own certificate first. Read again when it changes.
        pub certificate_file: PathBuf = PathBuf::new(), Unset r#""/etc/countersign/tls.crt""#;
        /// The private key in PEM. Read again when it changes.
        pub key_file: PathBuf = PathBuf::new(), Unset r#""/etc/countersign/tls.key""#;
    }
}

section! {
    /// Who stands in front of the issuer.
    "proxies" => pub struct Proxies {
        /// Addresses or networks of proxies whose `X-Forwarded-For` is believed, for rate limits and the audit log.
        /// From anybody else the header is ignored. The issuer's own URL never comes from a header.
        #[serde(deserialize_with = "networks")]
        pub trusted: Vec<IpNet> = Vec::new(), Default "[]";
    }
}

section! {
    /// The signing keys.
    "keys" => pub struct Keys {
        /// The algorithms that resources may use; each has a ring of keys of its own.
        #[serde(deserialize_with = "algorithms")]
        pub algorithms: Vec<Algorithm> = vec![Algorithm::Es256, Algorithm::Rs256],
            Default r#"["ES256", "RS256"]"#;
        /// The size of new RSA keys: 2048, 3072 or 4096 bits. A larger one makes each RS256 signature 3 to 6 times
        /// as dear.
        pub rsa_bits: u32 = 2048, Default "2048";
        /// Seconds for which a key signs before the next one takes over.
        pub rotate_every_seconds: u32 = 2_592_000, Default "2592000";
        /// Seconds for which verifiers may keep the key set without asking again (`max-age`). A new key is
        /// published for twice as long before it signs.
        pub jwks_max_age_seconds: u32 = 300, Default "300";
        /// No token lives longer than this many seconds, and a key stays published for as long after its last
        /// signature. At least the longest token lifetime of any resource.
        pub max_token_lifetime_seconds: u32 = 86_400, Default "86400";
    }
}

section! {
    /// Limits on failed client authentication. Successes are not limited, so nobody is locked out by another's
    /// failures.
    "client_authentication" => pub struct ClientAuthenticationLimits {
        /// Failures a minute from one address (an IPv6 /64 counts as one) before wrong credentials are answered
        /// with 429. The right one always passes: nobody is locked out by another's failures.
        pub failures_per_minute_per_address: u32 = 100, Default "100";
        /// Failures a minute against one client, from anywhere, before the same happens.
        pub failures_per_minute_per_client: u32 = 200, Default "200";
        /// Seconds that a client assertion (`private_key_jwt`) may be valid for at most. Raise it for libraries
        /// that cannot be told: PyPI Authlib signs for 3600 by default.
        pub max_assertion_lifetime_seconds: u32 = 300, Default "300";
    }
}

section! {
    /// Services that act for the users of the tokens that they are given (RFC 8693).
    "token_exchange" => pub struct TokenExchange {
        /// How often a token may be exchanged on its way through the services, 1 to 10. Raise it when a call really goes
        /// through more of them; each step makes the token about 140 bytes larger.
        pub max_depth: u32 = 4, Default "4";
    }
}

section! {
    /// How long somebody stays signed in.
    "sessions" => pub struct Sessions {
        /// Seconds without any use after which a session ends.
        pub idle_seconds: u32 = 28_800, Default "28800";
        /// Seconds after which a session ends although it is used.
        pub absolute_seconds: u32 = 604_800, Default "604800";
    }
}

section! {
    /// Refresh tokens. Each is good once; whoever comes with an old one ends its whole family.
    "refresh_tokens" => pub struct RefreshTokens {
        /// Seconds without use after which a refresh token is refused.
        pub idle_seconds: u32 = 1_209_600, Default "1209600";
        /// Seconds after the sign-in after which every refresh token that follows from it is refused.
        pub absolute_seconds: u32 = 7_776_000, Default "7776000";
        /// Seconds for which the token before the present one is answered with the same successor again: for a lost
        /// answer, two tabs, a laptop that wakes up. 0 to revoke at once.
        pub grace_seconds: u32 = 10, Default "10";
    }
}

section! {
    /// Tokens that are bound to a key of the client (DPoP, RFC 9449). A client that sends a proof gets a bound token; which
    /// clients and resources demand one is part of their registration.
    "dpop" => pub struct Dpop {
        /// Whether each proof must carry a nonce of the issuer, so that none can be made ahead of time. Costs a client one
        /// more request every few minutes.
        pub require_nonce: bool = false, Default "false";
    }
}

section! {
    /// What services that check tokens themselves are told of revocations, as it happens.
    "feed" => pub struct FeedSettings {
        /// How many may listen to one node; whoever comes then is told to try again. Each takes a connection, so not more
        /// than the process may have files open.
        pub max_subscribers: u32 = 5_000, Default "5000";
    }
    nested {
        pub nats: Option<Box<NatsSettings>>;
    }
}

section! {
    /// Clients that show a certificate (mutual TLS, RFC 8705): to prove who they are, or to have tokens bound to it. Either
    /// the issuer ends TLS itself at `listen` of this section, or a proxy does and hands the certificate on.
    "mtls" => pub struct Mtls {
        /// Addresses whose TLS asks for a certificate of the client; needs `[tls]`. Best of their own, since browsers ask
        /// people which certificate to show; one may also stand in the `listen` at the top.
        pub listen: Vec<SocketAddr> = Vec::new(), Unset r#"["0.0.0.0:8444"]"#;
        /// The public URL of these addresses, or of the proxy's listener that asks for certificates: the base of
        /// `mtls_endpoint_aliases` in the metadata. Without it, the endpoints have no other addresses.
        pub url: Option<IssuerUrl> = None, Unset r#""https://mtls.example.com""#;
        /// A file in PEM with the authorities that issue certificates to clients, for `tls_client_auth`. Read at start.
        pub certificate_authority_file: Option<PathBuf> = None,
            Unset r#""/etc/countersign/client-ca.pem""#;
        /// In which header the `proxies.trusted` hand the certificate on: `client-cert` (RFC 9440) or
        /// `x-forwarded-client-cert` (Envoy). They must overwrite what a client sends. From anybody else the header is
        /// ignored.
        pub client_certificate_header: Option<ClientCertificateHeader> = None,
            Unset r#""client-cert""#;
    }
}

section! {
    /// How people prove who they are.
    "credentials" => pub struct CredentialSettings {
        /// The fewest characters of a new password, 8 to 64. NIST SP 800-63B-4 wants 15 where a password is the only
        /// factor, and 8 where there is a second.
        pub min_password_characters: u32 = 8, Default "8";
        /// Memory of one password hash (Argon2id) in KiB, 7168 to 131072. Hashes with less are made anew at the next
        /// sign-in.
        pub password_hash_memory_kib: u32 = 19_456, Default "19456";
        /// Passes of one password hash. More passes make guessing and signing in equally slower.
        pub password_hash_passes: u32 = 2, Default "2";
        /// Memory in MiB that all password hashes take at a time on one node, at least 128. None of it is taken at rest.
        pub max_hashing_memory_mib: u32 = 256, Default "256";
        /// Seconds for which a link to reset a password, to verify an address or to accept an invitation can be used.
        pub link_lifetime_seconds: u32 = 3_600, Default "3600";
    }
}

section! {
    /// How the issuer looks, on its own pages and in its mails. A client has a name, a logo and a color of its own
    /// (`countersign client update`); one without a color wears this one.
    "brand" => pub struct BrandSettings {
        /// The name above the pages, in the titles of windows and under mails.
        pub name: String = Brand::ISSUER.to_owned(), Default r#""Countersign""#;
        /// An image above the pages. Browsers load it from there: https, or http on localhost.
        pub logo_uri: Option<LogoUrl> = None, Unset r#""https://example.com/logo.svg""#;
        /// The color of buttons and links; shades of it that are read well in light and in dark are computed.
        pub color: Option<Color> = None, Unset r##""#1f5f5b""##;
    }
}

section! {
    /// Mails to people, with links to choose a new password or to confirm an address. Without mail, the pages offer no
    /// such link, and `countersign user reset-link` prints one.
    "mail" => pub struct Mail {
        /// `smtp`, `log` or `none`. `log` writes each mail with its link into the log instead of sending it: whoever reads
        /// the log can take over accounts. Without it, `log` if nothing is configured at all, else `none`.
        pub transport: Option<MailTransport> = None, Unset r#""smtp""#;
        /// The name of the SMTP server; its certificate must be for this name.
        pub host: Option<String> = None, Unset r#""smtp.example.com""#;
        /// Its port. Without it, 587 for `starttls`, 465 for `implicit` and 25 for `none`.
        pub port: Option<u16> = None, Unset "587";
        /// `starttls`: nothing is said before the connection is encrypted, and a server that does not offer it gets no
        /// mail. `implicit`: TLS from the first byte. `none`: only for a relay on this machine.
        pub tls: MailTls = MailTls::Starttls, Default r#""starttls""#;
        /// A file in PEM with the certificates that are trusted instead of those of the operating system: for a server
        /// with a certificate of your own authority.
        pub certificate_authority_file: Option<PathBuf> = None,
            Unset r#""/etc/countersign/mail-ca.pem""#;
        /// The name to sign in with at the server, if it asks for one.
        pub username: Option<String> = None, Unset r#""countersign""#;
        /// Its password. A value or `{ file = "path" }`.
        pub password: Option<Secret<String>> = None,
            Unset r#"{ file = "/run/secrets/mail_password" }"#;
        /// From whom mails come: an address, with or without a name. Required for `smtp`.
        pub from: Option<Sender> = None, Unset r#""Example <no-reply@example.com>""#;
        /// Where answers go to, if not to `from`.
        pub reply_to: Option<Sender> = None, Unset r#""Example support <support@example.com>""#;
    }
}

section! {
    /// Who may make an account without an operator. Nobody has one before the address was proved by a link.
    "registration" => pub struct Registration {
        /// `closed`: operators make all accounts. `invite`: whom `countersign user invite` sends a link. `open`:
        /// everybody who can read mail at an address; needs `[mail]`.
        pub mode: RegistrationMode = RegistrationMode::Closed, Default r#""closed""#;
        /// The domains whose addresses may register by themselves; each stands for itself alone. Empty for all.
        /// Invitations may go to any address.
        #[serde(deserialize_with = "domains")]
        pub allowed_email_domains: Vec<String> = Vec::new(), Default "[]";
        /// Seconds for which an invitation can be accepted.
        pub invitation_lifetime_seconds: u32 = 604_800, Default "604800";
    }
}

section! {
    /// Requests that the issuer makes itself: to upstream providers and issuers of workloads, to a client's `jwks_uri` and
    /// `backchannel_logout_uri`. Redirects are never followed.
    "outbound" => pub struct Outbound {
        /// Networks that may be asked although they are private, loopback or link-local. All other private
        /// addresses are refused, whatever name leads to them.
        #[serde(deserialize_with = "networks")]
        pub allow: Vec<IpNet> = Vec::new(), Default "[]";
        /// Seconds for one whole request.
        pub timeout_seconds: u32 = 5, Default "5";
        /// The largest answer that is read, in bytes.
        pub max_body_bytes: u32 = 262_144, Default "262144";
    }
}

section! {
    /// The log of the process, on standard error. Never contains secrets or tokens.
    "log" => pub struct Log {
        /// `human` or `json` (one object a line).
        pub format: LogFormat = LogFormat::Human, Default r#""human""#;
        /// `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,countersign=debug`.
        pub level: String = "info".to_owned(), Default r#""info""#;
    }
}

section! {
    /// OpenTelemetry traces.
    "tracing" => pub struct Tracing {
        /// Where spans are sent with OTLP over HTTP. Without it no spans are made.
        #[serde(deserialize_with = "absolute_url")]
        pub otlp_endpoint: Option<Url> = None, Unset r#""http://localhost:4318""#;
    }
}

section! {
    /// The audit log of issued and refused tokens: one JSON object a line. Changes of clients, resources, users and
    /// keys are audited in the database instead.
    "audit" => pub struct Audit {
        /// The file. Without it, `audit.log` in the data folder.
        pub file: Option<PathBuf> = None, Unset r#""/var/log/countersign/audit.log""#;
        /// What happens to a request when its line cannot be written: `refuse` it with 503, or `continue`
        /// without a record.
        pub on_write_failure: OnWriteFailure = OnWriteFailure::Refuse, Default r#""refuse""#;
    }
}

section! {
    /// How the server ends on SIGTERM or Ctrl-C.
    "shutdown" => pub struct Shutdown {
        /// Seconds for which it still takes new requests while `/readyz` already answers 503, so that load
        /// balancers look elsewhere first. Set it to a little more than their check interval.
        pub grace_seconds: u32 = 0, Default "0";
        /// Seconds that requests in flight then have to finish.
        pub drain_seconds: u32 = 10, Default "10";
    }
}

/// Where a configuration came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// Nobody configured anything.
    #[default]
    Defaults,
    /// A file or the environment.
    Configured,
}

/// The shape of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Who may make an account without an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RegistrationMode {
    /// Nobody.
    Closed,
    /// Who was invited.
    Invite,
    /// Everybody.
    Open,
}

impl Registration {
    /// Whether an address of this domain may register by itself.
    pub fn allows(&self, domain: &str) -> bool {
        let allowed = &self.allowed_email_domains;
        allowed.is_empty() || allowed.iter().any(|name| name == domain)
    }
}

/// What happens to a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTransport {
    /// It is sent.
    Smtp,
    /// It is written into the log, with its link.
    Log,
    /// There are no mails.
    None,
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// The connection begins in clear and must be encrypted before anything is said (RFC 3207).
    Starttls,
    /// TLS from the first byte (RFC 8314 §3.3).
    Implicit,
    /// Never encrypted: only on this machine.
    None,
}

/// What happens when the audit log cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnWriteFailure {
    /// The request is refused with 503.
    Refuse,
    /// The request goes on without a record.
    Continue,
}

fn algorithms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Algorithm>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let algorithm = |name: &String| {
        let known = || ALGORITHMS.iter().map(|row| row.name).collect::<Vec<_>>().join(", ");
        Algorithm::from_name(name)
            .ok_or_else(|| D::Error::custom(format!("`{name}` is not one of {}", known())))
    };
    names.iter().map(algorithm).collect()
}

pub(super) fn absolute_url<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Url>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.map(Some).ok_or_else(|| D::Error::custom(format!("`{text}` is not an http or https URL")))
}

/// Names of domains, in lower case.
fn domains<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let domain = |name: String| match Recipient::parse(&format!("a@{name}")) {
        Some(address) if !name.contains('@') => Ok(address.domain()),
        _ => Err(D::Error::custom(format!("`{name}` is not a domain such as example.com"))),
    };
    names.into_iter().map(domain).collect()
}

/// Networks in CIDR notation; a bare address is a network of one.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let network = |text: &String| {
        let address = text.parse::<IpAddr>().map(IpNet::from);
        address.or_else(|_| text.parse()).map_err(|_| {
            D::Error::custom(format!("`{text}` is not a network such as 10.0.0.0/8 or an address"))
        })
    };
    texts.iter().map(network).collect()
}
