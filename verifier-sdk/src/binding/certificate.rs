//! The certificate that a client showed in mutual TLS, from whoever ended the connection. It is a name for a key here and
//! nothing else: who issued it, and until when it is good, was for the end of TLS to say.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A certificate of which the client proved, in the handshake, that it holds the key. Put it into the extensions of a
/// request where TLS ends in the service itself; never from anything that the client wrote. Cheap to clone.
#[derive(Clone)]
pub struct ClientCertificate(Arc<Inner>);

struct Inner {
    der: Vec<u8>,
    chain: Vec<Vec<u8>>,
    x5t_s256: String,
}

impl ClientCertificate {
    /// From the certificate in DER, as TLS carries it.
    pub fn from_der(der: impl Into<Vec<u8>>) -> Self {
        Self::with_chain(der, Vec::new())
    }

    /// The same with the certificates that the client sent along, its own not among them.
    pub fn with_chain(der: impl Into<Vec<u8>>, chain: Vec<Vec<u8>>) -> Self {
        let der = der.into();
        let x5t_s256 = URL_SAFE_NO_PAD.encode(digest(&SHA256, &der));
        Self(Arc::new(Inner { der, chain, x5t_s256 }))
    }

    /// In DER.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// What the client sent along, each in DER.
    pub fn chain(&self) -> impl Iterator<Item = &[u8]> {
        self.0.chain.iter().map(Vec::as_slice)
    }

    /// Its thumbprint: base64url of the SHA-256 of the DER (RFC 8705 §3.1).
    pub fn x5t_s256(&self) -> &str {
        &self.0.x5t_s256
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientCertificate").field(&self.x5t_s256()).finish()
    }
}

impl PartialEq for ClientCertificate {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl Eq for ClientCertificate {}
