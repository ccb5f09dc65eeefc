//! Redirect URIs (RFC 6749 §3.1.2, RFC 9700 §2.1, RFC 8252 §7): which may be registered, and when a presented one is
//! the registered one. Comparison is byte for byte; only the port of a native client's loopback literal is free.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::registry::InvalidValue;

/// The kind of a client (OpenID Connect Registration §2 `application_type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplicationType {
    /// On a server or in a browser: https, or http on this machine while it is developed.
    #[default]
    Web,
    /// On a device: also private-use schemes and loopback literals at any port (RFC 8252 §7).
    Native,
}

/// The parameters of answers (RFC 6749 §4.1.2, RFC 9207 §2).
const ANSWERED: [&str; 8] =
    ["code", "state", "iss", "error", "error_description", "error_uri", "id_token", "response"];

/// A redirect URI that was found fit when it was registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RedirectUri(String);

impl RedirectUri {
    /// Checks what a client of this kind may register.
    ///
    /// # Errors
    ///
    /// With the rule that is broken.
    pub fn parse(text: &str, kind: ApplicationType) -> Result<Self, InvalidValue> {
        let invalid = |rule: &str| Err(InvalidValue::new("redirect URI", text, rule));
        if text.len() > 512 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return invalid("use at most 512 ASCII characters without blanks");
        }
        let Ok(url) = Url::parse(text) else { return invalid("use an absolute URI") };
        // RFC 6749 §3.1.2: no fragment. RFC 9700 §4.1.3: no patterns.
        if text.contains(['#', '*', '\\', '<', '>', '"']) {
            return invalid("it must not have a fragment, a wildcard, a backslash or a bracket");
        }
        // RFC 9700 §4.1: an answer has exactly one of each, and it is ours.
        if url.query_pairs().any(|(name, _)| ANSWERED.contains(&&*name)) {
            return invalid("its query must not have a parameter of an answer, such as code");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return invalid("it must not contain a username or password");
        }
        let on_this_machine = is_loopback_literal(&url) || url.host_str() == Some("localhost");
        match (url.scheme(), kind) {
            ("https", _) if url.host().is_some() => Ok(Self(text.to_owned())),
            ("http", _) if on_this_machine => Ok(Self(text.to_owned())),
            ("http", _) => invalid("http is for this machine only: use https"),
            // RFC 8252 §7.1: a private-use scheme is a reversed domain name, so that it belongs to somebody.
            (scheme, ApplicationType::Native) if scheme.contains('.') => Ok(Self(text.to_owned())),
            (_, ApplicationType::Native) => {
                invalid("use https, a loopback address, or a scheme such as com.example.app")
            }
            (_, ApplicationType::Web) => invalid("use an https URI"),
        }
    }

    /// The URI as registered.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a presented URI is this one.
    pub fn is(&self, presented: &str, kind: ApplicationType) -> bool {
        self.0 == presented || kind == ApplicationType::Native && self.is_at_another_port(presented)
    }

    /// RFC 8252 §7.3: any port of a loopback literal; everything else is the same.
    fn is_at_another_port(&self, presented: &str) -> bool {
        let rests = (without_loopback_port(&self.0), without_loopback_port(presented));
        matches!(rests, (Some(ours), Some(theirs)) if ours == theirs)
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_loopback_literal(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    }
}

/// The literal host and what follows the port, of `http://127.0.0.1:port/…` and `http://[::1]:port/…`. Read from the
/// text, so that no parser's idea of equality comes in.
fn without_loopback_port(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let host = ["127.0.0.1", "[::1]"].into_iter().find(|host| rest.starts_with(host))?;
    let after = rest.get(host.len()..)?;
    let path_at = after.find('/').unwrap_or(after.len());
    let (port, path) = after.split_at(path_at);
    let is_port = match port.strip_prefix(':') {
        Some(digits) => digits.parse::<u16>().is_ok() && digits.bytes().all(|b| b.is_ascii_digit()),
        None => port.is_empty(),
    };
    is_port.then_some((host, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registered(text: &str, kind: ApplicationType) -> RedirectUri {
        RedirectUri::parse(text, kind).unwrap()
    }

    #[test]
    fn r03_r07_what_a_web_client_may_not_register() {
        for bad in [
            "http://app.example/cb",
            "com.example.app:/cb",
            "https://app.example/cb#here",
            "https://*.example/cb",
            "https://u:p@app.example/cb",
            "javascript:alert(1)",
            "/cb",
            "https://app.example/c b",
            "data:text/html,x",
            "https://app.example/cb?code=attacker",
            "https://app.example/cb?x=1&%63ode=attacker",
            "https://app.example/cb?iss=https://evil.example",
        ] {
            assert!(RedirectUri::parse(bad, ApplicationType::Web).is_err(), "{bad}");
        }
        for good in
            ["https://app.example/cb", "https://app.example/cb?x=1", "http://localhost:3000/cb"]
        {
            assert!(RedirectUri::parse(good, ApplicationType::Web).is_ok(), "{good}");
        }
        assert!(RedirectUri::parse("com.example.app:/cb", ApplicationType::Native).is_ok());
        assert!(RedirectUri::parse("myapp:/cb", ApplicationType::Native).is_err());
    }

    #[test]
    fn r01_cve_2024_8883_cve_2026_28512_only_the_same_bytes_are_the_same() {
        let uri = registered("https://app.example/cb", ApplicationType::Web);

        for other in [
            "https://app.example/cb/",
            "https://app.example/cb?x",
            "https://app.example/cb#f",
            "https://app.example/CB",
            "https://app.example/%63b",
            "https://app.example/cb/../cb",
            "https://app.example:443/cb",
            "https://app.example@evil.example/cb",
            "https://app.example.evil.example/cb",
            "https://app.example\\@evil.example/cb",
            "HTTPS://app.example/cb",
            "https://app.example/cb;/",
            "",
        ] {
            assert!(!uri.is(other, ApplicationType::Web), "{other}");
            assert!(!uri.is(other, ApplicationType::Native), "{other}");
        }
        assert!(uri.is("https://app.example/cb", ApplicationType::Web));
    }

    #[test]
    fn r02_the_port_of_a_native_loopback_literal_is_free_and_nothing_else_is() {
        let uri = registered("http://127.0.0.1/cb", ApplicationType::Native);

        assert!(uri.is("http://127.0.0.1:51004/cb", ApplicationType::Native));
        assert!(!uri.is("http://127.0.0.1:51004/cb", ApplicationType::Web));
        for other in [
            "http://127.0.0.1:51004/other",
            "http://127.0.0.2:51004/cb",
            "http://[::1]:51004/cb",
            "http://localhost:51004/cb",
            "https://127.0.0.1:51004/cb",
            "http://127.0.0.1:51004@evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://127.0.0.1:+80/cb",
            "http://127.0.0.1:99999/cb",
        ] {
            assert!(!uri.is(other, ApplicationType::Native), "{other}");
        }
        let six = registered("http://[::1]:1/cb", ApplicationType::Native);
        assert!(six.is("http://[::1]:2/cb", ApplicationType::Native));
        let localhost = registered("http://localhost:1/cb", ApplicationType::Native);
        assert!(!localhost.is("http://localhost:2/cb", ApplicationType::Native));
    }
}
