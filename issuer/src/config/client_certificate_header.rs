//! In which header a proxy hands the certificate of a client on, by its name.

use countersign_verifier::binding::CertificateHeader;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::Mtls;

/// A header in which a proxy hands a certificate on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientCertificateHeader(pub CertificateHeader);

impl<'de> Deserialize<'de> for ClientCertificateHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let known = [CertificateHeader::ClientCert, CertificateHeader::XForwardedClientCert];
        let found = known.into_iter().find(|header| name.eq_ignore_ascii_case(header.name()));
        found.map(Self).ok_or_else(|| {
            let [one, other] = known.map(CertificateHeader::name);
            D::Error::custom(format!("`{name}` is neither `{one}` nor `{other}`"))
        })
    }
}

impl Mtls {
    /// Whether clients can show certificates at all.
    pub fn is_offered(&self) -> bool {
        !self.listen.is_empty() || self.client_certificate_header.is_some()
    }
}
