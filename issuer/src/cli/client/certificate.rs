//! By what a certificate names a client, as arguments: exactly one for `tls_client_auth`, and none for anybody else.

use clap::Args;

use super::super::Failure;
use crate::registry::{CertificateSubject, ClientAuthentication};

/// What a certificate of the client must say, for `tls_client_auth` (RFC 8705 §2.1.2).
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct CertificateArguments {
    /// The whole subject of its certificates (RFC 4514), such as CN=orders,O=Example,C=DE.
    #[arg(long = "tls-subject-dn", value_name = "DN")]
    subject_dn: Option<String>,
    /// A host among the alternative names of its certificates.
    #[arg(long = "tls-san-dns", value_name = "HOST")]
    san_dns: Option<String>,
    /// A URI among them, such as a SPIFFE id.
    #[arg(long = "tls-san-uri", value_name = "URI")]
    san_uri: Option<String>,
    /// An IP address among them.
    #[arg(long = "tls-san-ip", value_name = "ADDRESS")]
    san_ip: Option<String>,
    /// An e-mail address among them.
    #[arg(long = "tls-san-email", value_name = "ADDRESS")]
    san_email: Option<String>,
}

impl CertificateArguments {
    /// What was named.
    pub(super) fn subject(&self) -> Result<Option<CertificateSubject>, Failure> {
        let values =
            [&self.subject_dn, &self.san_dns, &self.san_uri, &self.san_ip, &self.san_email];
        let mut named = CertificateSubject::KINDS.into_iter().zip(values);
        let named = named.find_map(|(kind, value)| Some((kind, value.as_deref()?)));
        Ok(named.map(|(kind, value)| CertificateSubject::parse(kind, value)).transpose()?)
    }
}

/// RFC 8705 §2.1.2: who authenticates so is registered with one, and nobody else with any.
pub(super) fn require_fitting(
    auth: Option<ClientAuthentication>,
    subject: Option<&CertificateSubject>,
) -> Result<(), Failure> {
    let is_by_subject = auth == Some(ClientAuthentication::TlsClientAuth);
    match subject {
        None if is_by_subject => {
            let problem = "tls_client_auth needs what the client's certificates say";
            Err(Failure::new("certificate_subject_missing", problem).hint(
                "name it with --tls-subject-dn, or with one of --tls-san-dns, -uri, -ip and -email",
            ))
        }
        Some(_) if !is_by_subject => {
            let problem = "the subject of certificates is for tls_client_auth alone";
            Err(Failure::new("certificate_subject_unused", problem)
                .hint("use --auth tls_client_auth"))
        }
        _ => Ok(()),
    }
}
