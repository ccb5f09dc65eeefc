//! The FAPI 2.0 security profile, as far as it is a choice: what a client must be registered for, and which algorithms it may
//! use. The rest of it holds for every client here: S256, `iss` in answers, codes of a minute that are good once, one string as
//! the audience of assertions.

use countersign_keys::Algorithm;

use super::{Client, ClientAuthentication, ClientKeys, InvalidValue, Pkce};

/// FAPI 2.0 §5.4.1: PS256, ES256, and EdDSA with Ed25519.
pub fn allows(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::Ps256 | Algorithm::Es256 | Algorithm::EdDsa | Algorithm::Ed25519)
}

/// §5.3.2.1 item 6: the methods of authentication that it knows.
pub fn is_strong(method: ClientAuthentication) -> bool {
    matches!(
        method,
        ClientAuthentication::PrivateKeyJwt
            | ClientAuthentication::TlsClientAuth
            | ClientAuthentication::SelfSignedTlsClientAuth
    )
}

/// Refuses a client that is held to the profile and does not meet it.
///
/// # Errors
///
/// The first rule that it breaks.
pub fn check(client: &Client) -> Result<(), InvalidValue> {
    if client.fapi2 { require(client) } else { Ok(()) }
}

/// Refuses a client that does not meet the profile, whether or not it is held to it.
///
/// # Errors
///
/// The first rule that it breaks.
pub fn require(client: &Client) -> Result<(), InvalidValue> {
    let broken = |rule| Err(InvalidValue::new("FAPI 2.0 client", client.id.as_str(), rule));
    if !is_strong(client.auth) {
        return broken("authenticate it by private_key_jwt or by a certificate");
    }
    // §5.3.2.1 item 4.
    if !client.dpop_bound_access_tokens && !client.tls_client_certificate_bound_access_tokens {
        return broken("bind its tokens: --require-dpop or --certificate-bound");
    }
    // §5.3.2.1 item 8.
    if client.token_endpoint_audience {
        return broken("the issuer is the one audience of its assertions");
    }
    // Keys that are published elsewhere are judged when they are used.
    if let ClientKeys::Inline(keys) = &client.keys
        && !keys.iter().all(|key| allows(key.algorithm()))
    {
        return broken("its keys must be for PS256, ES256 or EdDSA");
    }
    let Some(sign_in) = &client.sign_in else { return Ok(()) };
    // §5.3.2.2 items 3 and 5.
    if !sign_in.require_pushed_authorization_requests {
        return broken("it must push its requests: --require-pushed-requests");
    }
    if sign_in.pkce != Pkce::Required {
        return broken("its requests must have a code challenge");
    }
    // §5.3.2.2 item 8.
    if !sign_in.redirect_uris.iter().all(|uri| uri.as_str().starts_with("https://")) {
        return broken("its redirect URIs must be https");
    }
    let signed = [
        Some(sign_in.id_token_signed_response_alg),
        sign_in.userinfo_signed_response_alg,
        sign_in.request_object_signing_alg,
    ];
    if !signed.into_iter().flatten().all(allows) {
        return broken("what is signed must be by PS256, ES256 or EdDSA: --id-token-alg ES256");
    }
    Ok(())
}
