//! The section of the bus on which verifiers are told of revocations too (decision 0035).

use std::path::PathBuf;

use async_nats::{ConnectOptions, ServerAddr};
use countersign_verifier::revocation::nats::NatsNames;

use super::setting::section;
use super::{IssuerUrl, Secret};

section! {
    /// A NATS server with JetStream, or a cluster of them, on which verifiers are told of revocations too. Without this
    /// section there is none. The issuer never fails because it is away, and what was not told is told when it is back. Who
    /// may subscribe there reads what was revoked; who may publish there can forge nothing.
    "feed.nats" => pub struct NatsSettings {
        /// Its addresses: `tls://` where it is on another machine, else `nats://`; names and passwords do not belong here.
        pub servers: Vec<String> = Vec::new(), Unset r#"["tls://nats.example.com:4222"]"#;
        /// What the subjects (`countersign.NAME.…`) and the stream (`countersign-NAME`) are called after: letters, digits,
        /// hyphens and underscores. Without it, the URL of the issuer without the scheme, with underscores for the rest.
        pub name: Option<String> = None, Unset r#""issuer_example_com""#;
        /// The contents of a credentials file (`.creds`), if the server asks for one.
        pub credentials: Option<Secret<String>> = None, Unset r#"{ file = "/run/secrets/nats.creds" }"#;
        /// The name to sign in with, if the server asks for one.
        pub username: Option<String> = None, Unset r#""countersign""#;
        /// Its password. A value or `{ file = "path" }`.
        pub password: Option<Secret<String>> = None,
            Unset r#"{ file = "/run/secrets/nats_password" }"#;
        /// A token instead of both.
        pub token: Option<Secret<String>> = None, Unset r#"{ file = "/run/secrets/nats_token" }"#;
        /// A file in PEM with the certificates that are trusted instead of those of the operating system.
        pub certificate_authority_file: Option<PathBuf> = None,
            Unset r#""/etc/countersign/nats-ca.pem""#;
        /// On how many servers the stream is kept when the issuer makes it, 1 to 5. Without it, 1. One that is there
        /// already is used as it is.
        pub replicas: Option<u32> = None, Unset "3";
    }
}

impl NatsSettings {
    /// Where the feed of this issuer is.
    pub fn names(&self, issuer: &IssuerUrl) -> NatsNames {
        let named = self.name.as_deref().and_then(NatsNames::named);
        named.unwrap_or_else(|| NatsNames::of(issuer.as_str()))
    }

    /// The addresses; none of one that is none.
    pub fn addresses(&self) -> Vec<ServerAddr> {
        self.servers.iter().filter_map(|server| server.parse().ok()).collect()
    }

    /// How to sign in; none if the credentials cannot be read.
    pub fn sign_in(&self) -> Option<ConnectOptions> {
        let options = ConnectOptions::new();
        Some(match (&self.credentials, &self.token, &self.username, &self.password) {
            // The line that ends them may have lost its own end.
            (Some(credentials), ..) => {
                options.credentials(&format!("{}\n", credentials.expose())).ok()?
            }
            (_, Some(token), ..) => options.token(token.expose().clone()),
            (.., Some(username), Some(password)) => {
                options.user_and_password(username.clone(), password.expose().clone())
            }
            _ => options,
        })
    }

    /// What cannot work: the key and the problem.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        let is_address = |server: &String| {
            server.parse::<ServerAddr>().is_ok_and(|address| {
                matches!(address.scheme(), "nats" | "tls") && !address.has_user_pass()
            })
        };
        if self.servers.is_empty() || !self.servers.iter().all(is_address) {
            let problem = "name servers such as tls://nats.example.com:4222, without a password";
            return Err(("feed.nats.servers", problem.to_owned()));
        }
        if self.name.as_deref().is_some_and(|name| NatsNames::named(name).is_none()) {
            let problem = "use letters, digits, hyphens and underscores";
            return Err(("feed.nats.name", problem.to_owned()));
        }
        let ways = [&self.credentials, &self.token, &self.password];
        if ways.iter().filter(|way| way.is_some()).count() > 1 {
            let problem = "set one of `credentials`, `token` and `password`";
            return Err(("feed.nats.credentials", problem.to_owned()));
        }
        if self.username.is_some() != self.password.is_some() {
            let problem = "set both `feed.nats.username` and it, or neither";
            return Err(("feed.nats.password", problem.to_owned()));
        }
        if self.sign_in().is_none() {
            let problem = "they are not the contents of a credentials file (and are not shown)";
            return Err(("feed.nats.credentials", problem.to_owned()));
        }
        if !(1..=5).contains(&self.replicas.unwrap_or(1)) {
            return Err(("feed.nats.replicas", "use 1 to 5".to_owned()));
        }
        Ok(())
    }

    /// Whether what it signs in with can be read on the way.
    pub(super) fn shows_secrets(&self) -> bool {
        let has_secret = self.token.is_some() || self.password.is_some();
        let is_plain = |address: &ServerAddr| {
            let host = address.host().trim_matches(['[', ']']);
            let is_here = host == "localhost"
                || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
            address.scheme() == "nats" && !is_here
        };
        has_secret && self.addresses().iter().any(is_plain)
    }
}
