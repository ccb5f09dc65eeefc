//! `self_signed_tls_client_auth` (RFC 8705 §2.2): the client registered its key, and the certificate is nothing but a way to
//! show it. Nobody vouches for the certificate, and nobody needs to.

use countersign_verifier::binding::ClientCertificate;

use super::certificate::UnverifiedCertificate;
use super::refusal;
use crate::app::App;
use crate::error::OAuthError;
use crate::registry::Client;

/// Checks that the key of the certificate is one of the client's keys.
pub(super) async fn authenticate(
    app: &App,
    client: &Client,
    shown: &ClientCertificate,
) -> Result<(), OAuthError> {
    let certificate = UnverifiedCertificate::parse(shown);
    let certificate = certificate.ok_or_else(|| refusal("the certificate is malformed"))?;
    if !certificate.is_in_time(app.clock.now()) {
        return Err(refusal("the certificate has expired or is not good yet"));
    }
    let thumbprint = certificate.key_thumbprint();
    let thumbprint =
        thumbprint.ok_or_else(|| refusal("the certificate's key is of no kind that is taken"))?;
    // RFC 8705 §2.2.2, RFC 7517 §4.7: the key of a registered certificate is that of its JWK.
    let known = app.client_keys.find_thumbprint(client, thumbprint).await;
    known.map(drop).map_err(|missing| missing.refused(refusal))
}
