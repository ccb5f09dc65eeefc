//! The configuration: one TOML file, and the environment for what differs between machines.
//! After `Config::load` nothing can be invalid, and nothing else reads the environment.

use std::fmt;
use std::path::PathBuf;

mod client_certificate_header;
mod gateway;
mod issuer_url;
mod load;
mod nats;
mod outside;
pub mod reference;
mod secret;
mod sections;
mod setting;
mod validate;

pub use client_certificate_header::ClientCertificateHeader;
pub use gateway::GatewayRoute;
pub use issuer_url::IssuerUrl;
pub use load::{ConfigError, ENVIRONMENT, EnvironmentVariable};
pub use nats::NatsSettings;
pub use outside::{UpstreamProvider, UpstreamRegistration, WorkloadIssuer, WorkloadTokenType};
pub use secret::Secret;
pub use sections::{
    Audit, BrandSettings, ClientAuthenticationLimits, Config, CredentialSettings, Database, Dpop,
    FeedSettings, Keys, Log, LogFormat, Mail, MailTls, MailTransport, MasterKeySource, Mtls,
    OnWriteFailure, Outbound, Proxies, RefreshTokens, Registration, RegistrationMode, Sessions,
    Shutdown, Source, Tls, TokenExchange, Tracing,
};
pub use setting::{Section, Setting, Shown};

use countersign_keys::Algorithm;

use crate::page::Brand;
use crate::registry::fapi2;

/// Something that is allowed and probably not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning(String);

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the database is.
#[derive(Clone, Debug)]
pub enum DatabaseLocation {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL server, by URL.
    Postgres(Secret<String>),
}

/// Every section of the file, in the order of the reference.
pub const SECTIONS: &[Section] = &[
    Config::SECTION,
    Database::SECTION,
    MasterKeySource::SECTION,
    Tls::SECTION,
    Proxies::SECTION,
    Keys::SECTION,
    ClientAuthenticationLimits::SECTION,
    TokenExchange::SECTION,
    Sessions::SECTION,
    RefreshTokens::SECTION,
    Dpop::SECTION,
    FeedSettings::SECTION,
    NatsSettings::SECTION,
    Mtls::SECTION,
    CredentialSettings::SECTION,
    BrandSettings::SECTION,
    Mail::SECTION,
    Registration::SECTION,
    UpstreamProvider::SECTION,
    WorkloadIssuer::SECTION,
    GatewayRoute::SECTION,
    Outbound::SECTION,
    Log::SECTION,
    Tracing::SECTION,
    Audit::SECTION,
    Shutdown::SECTION,
];

impl Config {
    /// Nothing was configured at all: no file and no variable, except where the data folder is. Then `serve` makes
    /// a client to try things with, which a configured server never does.
    pub fn is_development(&self) -> bool {
        self.source == Source::Defaults
    }

    /// What is allowed and probably not meant.
    pub fn warnings(&self) -> Vec<Warning> {
        validate::warnings(self)
    }

    /// The looks of the issuer itself.
    pub fn brand(&self) -> Brand {
        let BrandSettings { name, logo_uri, color } = self.brand.clone();
        Brand { name, logo: logo_uri, color }
    }

    /// The algorithms by which the issuer signs and says that it does: with FAPI 2.0 for all, those of the profile.
    pub fn offered_algorithms(&self) -> impl Iterator<Item = Algorithm> {
        let algorithms = self.keys.algorithms.iter().copied();
        algorithms.filter(|algorithm| !self.fapi2 || fapi2::allows(*algorithm))
    }

    /// What happens to mails: what is configured, or the log where nothing at all is.
    pub fn mail_transport(&self) -> MailTransport {
        let unset = if self.is_development() { MailTransport::Log } else { MailTransport::None };
        self.mail.transport.unwrap_or(unset)
    }

    /// Where the database is: `database.url`, or a file in the data folder.
    pub fn database_location(&self) -> DatabaseLocation {
        let Some(url) = &self.database.url else {
            return DatabaseLocation::Sqlite(self.data_dir.join("countersign.db"));
        };
        match url.expose().strip_prefix("sqlite:") {
            Some(path) => DatabaseLocation::Sqlite(path.trim_start_matches("//").into()),
            None => DatabaseLocation::Postgres(url.clone()),
        }
    }

    /// The files with master keys, the one that seals first.
    pub fn master_key_files(&self) -> Vec<PathBuf> {
        if self.master_key.files.is_empty() {
            return vec![self.data_dir.join("master.key")];
        }
        self.master_key.files.clone()
    }

    /// The file of the audit log.
    pub fn audit_file(&self) -> PathBuf {
        self.audit.file.clone().unwrap_or_else(|| self.data_dir.join("audit.log"))
    }
}

#[cfg(test)]
mod tests;
