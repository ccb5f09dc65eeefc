//! Proofs of possession (DPoP, RFC 9449) at the endpoints of the issuer: what a request proves, whether that is enough, and
//! that no proof is used twice, on whichever node. Checked by the SDK's own `ProofVerifier`; what a grant is bound to is
//! compared here, for every grant in the same way.

use countersign_verifier::binding::{
    Proof, ProofError, ProofRequest, ProofVerifier, RollingNonces,
};
use http::request::Parts;

use crate::app::App;
use crate::config::Dpop;
use crate::error::OAuthError;
use crate::protocol::ErrorCode;
use crate::registry::{Client, RequiredBinding, Resource};
use crate::sealer::{Purpose, Sealer};

/// How many keys of clients are kept parsed; about a kilobyte each.
const KNOWN_KEYS: usize = 1_000;

/// What checks the proofs of a node. All nodes recognize each other's nonces, since these follow from a sealed key.
pub fn verifier(settings: &Dpop, sealer: &Sealer) -> ProofVerifier {
    let nonces = RollingNonces::new(&sealer.mac(Purpose::ProofNonce, &[]));
    let verifier = ProofVerifier::new(KNOWN_KEYS);
    if settings.require_nonce { verifier.require_nonces(nonces) } else { verifier.nonces(nonces) }
}

/// The key that a request to an endpoint of the issuer proves possession of, if it brings a proof.
///
/// # Errors
///
/// `invalid_dpop_proof`, or `use_dpop_nonce` with a nonce.
pub fn proven(app: &App, parts: &Parts, path: &str) -> Result<Option<Proof>, OAuthError> {
    let url = app.config.issuer.endpoint(path);
    let request =
        ProofRequest { method: parts.method.as_str(), url: &url, access_token: None, jkt: None };
    let checked = app.proofs.check_header(parts.headers.get_all("dpop"), &request, app.clock.now());
    checked.map_err(|error| refusal(&error, ErrorCode::InvalidDpopProof, ErrorCode::UseDpopNonce))
}

/// The proof that comes with an access token for the issuer itself, which is bound to this key.
///
/// # Errors
///
/// `invalid_dpop_proof` or `use_dpop_nonce`, as a protected resource answers them (RFC 9449 §7.1, §9).
pub fn proven_with_token(
    app: &App,
    parts: &Parts,
    (path, token, jkt): (&str, &str, &str),
) -> Result<Proof, OAuthError> {
    let url = app.config.issuer.endpoint(path);
    let request = ProofRequest {
        method: parts.method.as_str(),
        url: &url,
        access_token: Some(token),
        jkt: Some(jkt),
    };
    let checked = app.proofs.check_header(parts.headers.get_all("dpop"), &request, app.clock.now());
    let checked = checked.and_then(|proof| proof.ok_or(ProofError::Missing));
    checked
        .map_err(|error| refusal(&error, ErrorCode::ProofRefused, ErrorCode::ResourceNonceNeeded))
}

/// Uses a proof up.
///
/// # Errors
///
/// `code` if it was used before, on any node; `temporarily_unavailable` if the store cannot tell.
pub async fn use_up(app: &App, proof: &Proof, code: ErrorCode) -> Result<(), OAuthError> {
    // RFC 9449 §11.1: a proof is good once, and is not remembered for longer than it is young.
    let name = proof.replay_name();
    let hash = app.sealer.mac_text(Purpose::OneTime, &[b"proof", name.as_bytes()]);
    if app.store.use_proof(hash, proof.expires_at()).await? {
        return Ok(());
    }
    Err(refusal(&ProofError::Replayed, code, code))
}

/// A grant that is bound to a key is for who holds it: a code by `dpop_jkt` (RFC 9449 §10), the refresh token of a public
/// client by the proof with which it was got (§5).
///
/// # Errors
///
/// `invalid_grant`.
pub fn compare(bound_to: Option<&str>, proof: Option<&Proof>) -> Result<(), OAuthError> {
    match (bound_to, proof) {
        (None, _) => Ok(()),
        (Some(jkt), Some(proof)) if jkt == proof.jkt() => Ok(()),
        (Some(_), proof) => {
            let cause = if proof.is_some() { "another key" } else { "no proof" };
            Err(OAuthError::because(
                ErrorCode::InvalidGrant,
                "the grant is bound to a key, of which possession must be proved",
                format!("the grant is bound to a key, and the request has {cause}"),
            ))
        }
    }
}

/// Who is registered for bound tokens gets no others (RFC 9449 §5.2), and a resource that takes no others neither.
///
/// # Errors
///
/// `invalid_dpop_proof`.
pub fn require(
    client: &Client,
    resource: &Resource,
    proof: Option<&Proof>,
) -> Result<(), OAuthError> {
    let by_resource = resource.required_binding == Some(RequiredBinding::Dpop);
    if proof.is_some() || !(client.dpop_bound_access_tokens || by_resource) {
        return Ok(());
    }
    let description = "the token must be bound to a key: a proof is missing in the header DPoP";
    Err(OAuthError::new(ErrorCode::InvalidDpopProof, description))
}

/// The cause is for the log: the caller learns whether a nonce helps, and nothing else.
fn refusal(error: &ProofError, invalid: ErrorCode, nonce_needed: ErrorCode) -> OAuthError {
    match error.nonce() {
        Some(nonce) => OAuthError {
            dpop_nonce: Some(nonce.into()),
            ..OAuthError::new(nonce_needed, "the proof needs the nonce of the header DPoP-Nonce")
        },
        None => OAuthError::because(invalid, "the proof of possession is not good", error.code()),
    }
}
