//! The issuer's own URL: the `iss` of every token, compared byte by byte by everybody (RFC 8414 §2, RFC 9068 §4).
//! It comes from the configuration alone, never from a request.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de::Error as _};
use url::{Host, Url};

use super::Config;

/// `https://host[:port][/path]`, or the same with `http` on a loopback host; no slash at the end.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuerUrl {
    text: String,
    url: Url,
}

impl IssuerUrl {
    /// The URL as written, which is how it stands in tokens.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL in parts.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The path under which every endpoint lies: empty, or `/a/b` without a slash at the end.
    pub fn path(&self) -> &str {
        self.url.path().trim_end_matches('/')
    }

    /// The URL of an endpoint; `path` begins with a slash.
    pub fn endpoint(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    /// This machine, at the port of the first address that is listened on.
    pub(super) fn local(config: &Config) -> Result<Self, String> {
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        match config.listen.first().map(SocketAddr::port) {
            Some(port) => format!("{scheme}://localhost:{port}").parse(),
            None => Ok(Self::default()),
        }
    }
}

impl Default for IssuerUrl {
    #[expect(clippy::expect_used, reason = "a constant, and a test parses it")]
    fn default() -> Self {
        "http://localhost:8080".parse().expect("the default issuer is valid")
    }
}

impl FromStr for IssuerUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_| format!("`{text}` is not an absolute URL"))?;
        // RFC 8414 §2: https, and neither query nor fragment.
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => return Err("http is for localhost only: use https".to_owned()),
            _ => return Err("use an https URL".to_owned()),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("remove the username and password".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("remove the query and fragment".to_owned());
        }
        // Everybody compares `iss` as a string: only one spelling may exist.
        let canonical = url.as_str().trim_end_matches('/');
        if text != canonical {
            return Err(format!("write it as `{canonical}`"));
        }
        if url.path().contains("/.well-known") {
            return Err("remove /.well-known from the path".to_owned());
        }
        Ok(Self { text: text.to_owned(), url })
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl fmt::Display for IssuerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for IssuerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for IssuerUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
