//! `tls_client_auth` (RFC 8705 §2.1): the certificate comes from an authority that the operator named, and names the client
//! by what was registered.

use countersign_verifier::binding::ClientCertificate;

use super::certificate::UnverifiedCertificate;
use super::refusal;
use crate::app::App;
use crate::error::OAuthError;
use crate::registry::Client;

/// Checks a certificate: first that somebody vouches for it, then for what.
pub(super) fn authenticate(
    app: &App,
    client: &Client,
    shown: &ClientCertificate,
) -> Result<(), OAuthError> {
    let authorities = app.client_authorities.as_ref();
    let authorities = authorities.ok_or_else(|| {
        refusal("no authority of clients is trusted; see mtls.certificate_authority_file")
    })?;
    authorities
        .verify(shown, app.clock.now())
        .map_err(|error| refusal(format!("the certificate is not trusted: {error}")))?;
    let certificate = UnverifiedCertificate::parse(shown);
    let certificate = certificate.ok_or_else(|| refusal("the certificate is malformed"))?;
    // RFC 8705 §2.1.2: a client is registered with exactly one.
    let expected = client.certificate_subject.as_ref();
    let expected = expected.ok_or_else(|| refusal("the client has no registered subject"))?;
    if certificate.names(expected) {
        return Ok(());
    }
    Err(refusal(format!("the certificate is not one of the client: no {}", expected.parts().0)))
}
