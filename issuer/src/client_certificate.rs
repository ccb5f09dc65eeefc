//! The certificate that a client showed in mutual TLS (RFC 8705): in the connection itself, or, if a proxy ends TLS, in the
//! header that was agreed on with it. From anybody but a trusted proxy the header counts for nothing (RFC 9440 §4). Whose
//! the certificate is, is judged elsewhere.

use std::net::IpAddr;

use countersign_verifier::binding::{CertificateHeaderError, ClientCertificate};
use http::HeaderMap;
use http::request::Parts;

use crate::config::Config;
use crate::error::OAuthError;
use crate::protocol::ErrorCode;

/// What a listener found, for the extensions of a request.
#[derive(Clone, Debug)]
pub struct Found(Result<ClientCertificate, CertificateHeaderError>);

/// Looks for the certificate of a request, which came from `peer`, and which has perhaps one of its connection.
pub fn of(
    config: &Config,
    (peer, of_connection): (IpAddr, Option<ClientCertificate>),
    headers: &HeaderMap,
) -> Option<Found> {
    let peer = peer.to_canonical();
    let is_proxy = config.proxies.trusted.iter().any(|network| network.contains(&peer));
    let found = match config.mtls.client_certificate_header {
        // What the proxy shows in its own connection is not the client's.
        Some(header) if is_proxy => header.0.read(headers).transpose(),
        _ => of_connection.map(Ok),
    };
    found.map(Found)
}

/// The certificate of a request, if it has one.
///
/// # Errors
///
/// `invalid_request` if a proxy wrote what cannot be read: then nobody knows who the client is.
pub fn shown(parts: &Parts) -> Result<Option<ClientCertificate>, OAuthError> {
    match parts.extensions.get::<Found>() {
        None => Ok(None),
        Some(Found(Ok(certificate))) => Ok(Some(certificate.clone())),
        Some(Found(Err(error))) => Err(OAuthError::because(
            ErrorCode::InvalidRequest,
            "the client's certificate cannot be read",
            error.to_string(),
        )),
    }
}
