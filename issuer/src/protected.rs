//! The issuer as a protected resource (RFC 6750): what UserInfo and the feed have in common. A token of this issuer for the
//! endpoint, with the proof that it needs if it is bound to something (RFC 9449 §7.1, RFC 8705 §3), and how it is refused.

use axum::response::{IntoResponse as _, Response};
use countersign_verifier::binding::{Confirmation, Proof, confirmation};
use countersign_verifier::claims::StandardClaims;
use countersign_verifier::credential::{Credential, CredentialError, Scheme};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};

use crate::app::App;
use crate::binding;
use crate::client_certificate;
use crate::error::OAuthError;
use crate::inbound::{self, SignedHere};
use crate::protocol::ErrorCode;

/// A good token, and the proof that came with it.
pub struct Presented {
    /// The token.
    pub token: SignedHere,
    /// Still to be used up.
    pub proof: Option<Proof>,
}

/// Checks the token that is presented at an endpoint of the issuer.
///
/// # Errors
///
/// As a protected resource answers them (RFC 6750 §3.1, RFC 9449 §7.1).
pub fn presented(
    app: &App,
    parts: &Parts,
    (path, audience): (&str, &str),
    credential: &Credential,
) -> Result<Presented, OAuthError> {
    let token = inbound::access_token(app, &credential.token, audience).map_err(invalid)?;
    let proof = proven(app, parts, path, (credential, &token.claims))?;
    Ok(Presented { token, proof })
}

/// RFC 9449 §7.1, §7.2: a token that is bound to a key comes with a proof, and nothing else does. RFC 8705 §3: one that is
/// bound to a certificate comes with that.
fn proven(
    app: &App,
    parts: &Parts,
    path: &str,
    (credential, claims): (&Credential, &StandardClaims),
) -> Result<Option<Proof>, OAuthError> {
    let bound_to =
        confirmation(claims).map_err(|_| invalid("it is bound in a way that is not known here"))?;
    let jkt = bound_to.as_ref().and_then(Confirmation::jkt);
    let certificate = bound_to.as_ref().and_then(Confirmation::x5t_s256);
    match (credential.scheme, jkt) {
        (Scheme::Dpop, Some(jkt)) => {
            binding::proven_with_token(app, parts, (path, &credential.token, jkt)).map(Some)
        }
        (Scheme::Dpop, None) => Err(invalid("it is bound to no key, and comes with a proof")),
        (Scheme::Bearer, Some(_)) => {
            Err(invalid("it is bound to a key, and comes without a proof"))
        }
        (Scheme::Bearer, None) => match (certificate, client_certificate::shown(parts)?) {
            (None, _) => Ok(None),
            (Some(bound), Some(shown)) if bound == shown.x5t_s256() => Ok(None),
            (Some(_), Some(_)) => Err(invalid("it is bound to another certificate")),
            (Some(_), None) => {
                Err(invalid("it is bound to a certificate, and the connection has none"))
            }
        },
    }
}

/// RFC 6750 §2: how a request is refused that carries no token, or several.
pub fn uncarried(error: CredentialError) -> OAuthError {
    match error {
        CredentialError::Missing => {
            OAuthError::new(ErrorCode::InvalidToken, "there is no access token")
        }
        CredentialError::Several => {
            OAuthError::invalid_request("the access token is given in more than one way")
        }
        _ => invalid("it is malformed"),
    }
}

/// One outward wording for every token that is not good; the cause is for the log.
pub fn invalid(cause: impl Into<std::borrow::Cow<'static, str>>) -> OAuthError {
    OAuthError::because(ErrorCode::InvalidToken, "the access token is not good here", cause)
}

/// RFC 6750 §3, RFC 9449 §7.1: the challenges say what is wrong with the token or the proof, and how tokens are taken.
pub fn refusal(app: &App, path: &'static str, error: OAuthError) -> Response {
    let row = error.code.row();
    tracing::info!(path, code = row.wire, cause = error.cause.as_ref(), "a token was refused");
    let is_about_the_token =
        row.status == StatusCode::UNAUTHORIZED || error.code == ErrorCode::InsufficientScope;
    let is_about_the_proof =
        matches!(error.code, ErrorCode::ProofRefused | ErrorCode::ResourceNonceNeeded);
    let told = format!("error=\"{}\", error_description=\"{}\"", row.wire, error.description);
    let algs = format!("algs=\"{}\"", app.proofs.algorithm_names());
    let challenges = if is_about_the_proof {
        vec![format!("DPoP {told}, {algs}")]
    } else {
        vec![format!("Bearer realm=\"countersign\", {told}"), format!("DPoP {algs}")]
    };
    let mut response = error.into_response();
    for challenge in challenges.into_iter().filter(|_| is_about_the_token) {
        if let Ok(challenge) = HeaderValue::try_from(challenge) {
            response.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
        }
    }
    response
}
