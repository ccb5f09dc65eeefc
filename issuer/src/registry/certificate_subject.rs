//! By what a certificate names a client (RFC 8705 §2.1.2): exactly one thing of it, registered by the name of its metadata.

use std::net::IpAddr;

use super::{DistinguishedName, InvalidValue};

/// What a certificate of the client must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSubject {
    /// Its subject is this.
    Dn(DistinguishedName),
    /// One of its alternative names is this name of a host.
    SanDns(String),
    /// One of them is this URI.
    SanUri(String),
    /// One of them is this address.
    SanIp(IpAddr),
    /// One of them is this e-mail address.
    SanEmail(String),
}

impl CertificateSubject {
    /// The names of the metadata (RFC 8705 §2.1.2).
    pub const KINDS: [&str; 5] = [
        "tls_client_auth_subject_dn",
        "tls_client_auth_san_dns",
        "tls_client_auth_san_uri",
        "tls_client_auth_san_ip",
        "tls_client_auth_san_email",
    ];

    /// Reads one metadata value.
    ///
    /// # Errors
    ///
    /// With the rule that it breaks.
    pub fn parse(kind: &str, value: &str) -> Result<Self, InvalidValue> {
        let is_plain = !value.is_empty()
            && value.len() <= 512
            && value.bytes().all(|byte| byte.is_ascii_graphic());
        let (found, rule) = match kind {
            "tls_client_auth_subject_dn" => {
                let name = Some(value).filter(|text| text.len() <= 1024);
                let name = name.and_then(DistinguishedName::parse).map(Self::Dn);
                (name, "use a name as in RFC 4514, such as CN=orders,O=Example,C=DE")
            }
            "tls_client_auth_san_dns" => {
                let is_host = is_plain && !value.contains(['*', '/', ':', '@']);
                let host = is_host.then(|| Self::SanDns(value.to_ascii_lowercase()));
                (host, "use the name of one host, such as orders.example.com")
            }
            "tls_client_auth_san_uri" => {
                let is_uri = is_plain && value.contains(':');
                let uri = is_uri.then(|| Self::SanUri(value.to_owned()));
                (uri, "use an absolute URI, such as spiffe://example.com/orders")
            }
            "tls_client_auth_san_ip" => {
                (value.parse().ok().map(Self::SanIp), "use one address, such as 192.0.2.1")
            }
            "tls_client_auth_san_email" => {
                let is_address = is_plain && value.matches('@').count() == 1;
                let address = is_address.then(|| Self::SanEmail(value.to_owned()));
                (address, "use an e-mail address, such as orders@example.com")
            }
            _ => (None, "it is none of the names of RFC 8705 §2.1.2"),
        };
        found.ok_or_else(|| InvalidValue::new("certificate subject", value, rule))
    }

    /// The name of its metadata, and the value.
    pub fn parts(&self) -> (&'static str, String) {
        let [dn, dns, uri, ip, email] = Self::KINDS;
        match self {
            Self::Dn(name) => (dn, name.as_str().to_owned()),
            Self::SanDns(name) => (dns, name.clone()),
            Self::SanUri(name) => (uri, name.clone()),
            Self::SanIp(address) => (ip, address.to_string()),
            Self::SanEmail(address) => (email, address.clone()),
        }
    }
}
