//! What a client's certificate says (RFC 5280), and which authorities are believed. All that is decided here is whether it
//! is one that the client was registered with; that the client holds its key was proved in the handshake.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign_keys::algorithm::ALGORITHMS;
use countersign_keys::{Kid, VerifyingKey};
use countersign_verifier::binding::ClientCertificate;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use crate::registry::{CertificateSubject, RelativeName};

/// The authorities that issue certificates to clients.
pub struct ClientAuthorities(Arc<dyn ClientCertVerifier>);

impl ClientAuthorities {
    /// From a file in PEM.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or holds no certificate or one that cannot be an authority.
    pub fn load(path: &Path) -> Result<Self, String> {
        let certificates =
            CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())?;
        let mut roots = RootCertStore::empty();
        for certificate in certificates {
            let certificate = certificate.map_err(|error| error.to_string())?;
            roots.add(certificate).map_err(|error| error.to_string())?;
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        verifier.build().map(Self).map_err(|error| error.to_string())
    }

    /// RFC 5280 §6: a chain to one of them, each link good now and for this use.
    pub(super) fn verify(&self, shown: &ClientCertificate, now: i64) -> Result<(), String> {
        let chain: Vec<CertificateDer<'_>> = shown.chain().map(CertificateDer::from).collect();
        let seconds = u64::try_from(now).unwrap_or_default();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let certificate = CertificateDer::from(shown.der());
        let verified = self.0.verify_client_cert(&certificate, &chain, now);
        verified.map(drop).map_err(|error| error.to_string())
    }
}

impl fmt::Debug for ClientAuthorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientAuthorities")
    }
}

/// A certificate that was read, and whose signature nobody has checked.
pub(super) struct UnverifiedCertificate<'c>(X509Certificate<'c>);

impl<'c> UnverifiedCertificate<'c> {
    pub(super) fn parse(shown: &'c ClientCertificate) -> Option<Self> {
        match X509Certificate::from_der(shown.der()) {
            Ok(([], certificate)) => Some(Self(certificate)),
            _ => None,
        }
    }

    /// Whether it is good at `now` by its own dates.
    pub(super) fn is_in_time(&self, now: i64) -> bool {
        let validity = self.0.validity();
        (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now)
    }

    /// The thumbprint of its key (RFC 7638), if it is of a kind that clients register.
    pub(super) fn key_thumbprint(&self) -> Option<Kid> {
        let spki = self.0.public_key().raw;
        let read = |row: &countersign_keys::algorithm::AlgorithmRow| {
            VerifyingKey::from_spki(spki, row.algorithm).ok()
        };
        ALGORITHMS.iter().find_map(read).map(|key| key.thumbprint())
    }

    /// RFC 8705 §2.1: what was registered stands where it belongs, whatever else the certificate says.
    pub(super) fn names(&self, expected: &CertificateSubject) -> bool {
        match expected {
            CertificateSubject::Dn(name) => self.subject().is_some_and(|subject| name.is(&subject)),
            // RFC 4343: hosts have no case.
            CertificateSubject::SanDns(host) => self.has_alternative_name(
                |name| matches!(name, GeneralName::DNSName(dns) if dns.eq_ignore_ascii_case(host)),
            ),
            CertificateSubject::SanUri(uri) => self.has_alternative_name(
                |name| matches!(name, GeneralName::URI(named) if named == uri),
            ),
            CertificateSubject::SanIp(address) => self.has_alternative_name(
                |name| matches!(name, GeneralName::IPAddress(bytes) if is_address(bytes, *address)),
            ),
            CertificateSubject::SanEmail(address) => self.has_alternative_name(
                |name| matches!(name, GeneralName::RFC822Name(named) if named == address),
            ),
        }
    }

    /// The subject; none if it has a value that is no text.
    fn subject(&self) -> Option<Vec<RelativeName>> {
        let names = self.0.subject().iter_rdn().map(|relative| {
            let attribute = |one: &x509_parser::x509::AttributeTypeAndValue<'_>| {
                let value = one.as_str().ok()?;
                Some((one.attr_type().to_id_string(), value.to_owned()))
            };
            relative.iter().map(attribute).collect::<Option<RelativeName>>()
        });
        names.collect()
    }

    fn has_alternative_name(&self, is_it: impl Fn(&GeneralName<'_>) -> bool) -> bool {
        // RFC 5280 §4.2: an extension that is there twice makes the certificate none.
        let names = self.0.subject_alternative_name().ok().flatten();
        names.is_some_and(|names| names.value.general_names.iter().any(is_it))
    }
}

/// RFC 5280 §4.2.1.6: four or sixteen bytes, and no mask.
fn is_address(bytes: &[u8], address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => bytes == v4.octets(),
        IpAddr::V6(v6) => bytes == v6.octets(),
    }
}
