//! What a service chooses of mutual TLS, and the comparison: a token is for whoever shows the certificate that it is bound
//! to (RFC 8705 §3).

use std::fmt;
use std::net::IpAddr;

use http::{Extensions, HeaderMap};

use super::settings::BearerTokens;
use super::{CertificateHeader, ClientCertificate, ProofError};

/// The address of the peer of a connection, for the extensions of a request; axum's `ConnectInfo<SocketAddr>` says the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeerAddress(pub IpAddr);

/// Accepts tokens that are bound to a certificate (RFC 8705 §3), from whoever shows it. Bearer tokens are accepted too,
/// unless [`required`](Self::required); a bound token without its certificate is never accepted.
#[must_use]
pub struct Mtls {
    source: Source,
    bearer: BearerTokens,
}

enum Source {
    Connection,
    Proxy { header: CertificateHeader, is_trusted: Box<dyn Fn(IpAddr) -> bool + Send + Sync> },
}

impl Mtls {
    /// For a service that ends TLS itself, and puts a [`ClientCertificate`] into the extensions of each request whose
    /// connection has one.
    pub fn of_connection() -> Self {
        Self { source: Source::Connection, bearer: BearerTokens::Accepted }
    }

    /// For a service behind a proxy that ends TLS, and which writes this header over whatever a client sent. The header of a
    /// peer that `is_trusted` does not name counts for nothing, and so does that of an unknown one: the address is that of
    /// [`PeerAddress`] or of axum's `ConnectInfo` in the extensions of the request.
    pub fn behind_proxy(
        header: CertificateHeader,
        is_trusted: impl Fn(IpAddr) -> bool + Send + Sync + 'static,
    ) -> Self {
        let source = Source::Proxy { header, is_trusted: Box::new(is_trusted) };
        Self { source, bearer: BearerTokens::Accepted }
    }

    /// Refuses tokens that are bound to nothing.
    pub fn required(self) -> Self {
        Self { bearer: BearerTokens::Refused, ..self }
    }

    pub(crate) fn refuses_bearer_tokens(&self) -> bool {
        self.bearer == BearerTokens::Refused
    }

    /// That a request shows the certificate of this thumbprint.
    pub(crate) fn prove(
        &self,
        x5t_s256: &str,
        (headers, extensions): (&HeaderMap, &Extensions),
    ) -> Result<(), ProofError> {
        let shown = self.certificate(headers, extensions)?.ok_or(ProofError::CertificateMissing)?;
        // RFC 8705 §3: another certificate is another client.
        if shown.x5t_s256() == x5t_s256 { Ok(()) } else { Err(ProofError::WrongCertificate) }
    }

    fn certificate(
        &self,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Result<Option<ClientCertificate>, ProofError> {
        match &self.source {
            // What the proxy shows in its own connection is not the client's.
            Source::Proxy { header, is_trusted } if peer(extensions).is_some_and(is_trusted) => {
                header.read(headers).map_err(ProofError::CertificateHeader)
            }
            Source::Proxy { .. } | Source::Connection => Ok(extensions.get().cloned()),
        }
    }
}

fn peer(extensions: &Extensions) -> Option<IpAddr> {
    let named = extensions.get::<PeerAddress>().map(|peer| peer.0);
    #[cfg(feature = "axum")]
    let named = named.or_else(|| {
        let connected = extensions.get::<axum::extract::ConnectInfo<std::net::SocketAddr>>();
        connected.map(|connected| connected.0.ip())
    });
    named.map(|address| address.to_canonical())
}

impl fmt::Debug for Mtls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mtls").field("bearer", &self.bearer).finish_non_exhaustive()
    }
}
