//! What tokens are bound to: a key, by proofs of possession (DPoP, RFC 9449), or the certificate of mutual TLS (RFC 8705).
//! What a request proves, whether that is enough, and that no proof is used twice, on whichever node. Proofs are checked by
//! the SDK's own `ProofVerifier`; what a grant is bound to is compared here, for every grant in the same way.

use countersign_keys::Algorithm;
use countersign_verifier::binding::{
    ClientCertificate, Confirmation, DEFAULT_PROOF_ALGORITHMS, Proof, ProofError, ProofRequest,
    ProofVerifier, RollingNonces,
};
use http::request::Parts;

use crate::app::App;
use crate::client_certificate;
use crate::config::Config;
use crate::error::OAuthError;
use crate::protocol::ErrorCode;
use crate::registry::{Client, RequiredBinding, Resource, fapi2};
use crate::sealer::{Purpose, Sealer};

/// How many keys of clients are kept parsed; about a kilobyte each.
const KNOWN_KEYS: usize = 1_000;

/// What a token is bound to, of which the request proved possession.
#[derive(Clone, Debug)]
pub enum Binding {
    /// A key, by a proof.
    Dpop(Proof),
    /// The certificate of the connection.
    Certificate(ClientCertificate),
}

impl Binding {
    /// The proof, if there is one.
    pub fn proof(&self) -> Option<&Proof> {
        match self {
            Self::Dpop(proof) => Some(proof),
            Self::Certificate(_) => None,
        }
    }

    /// The thumbprint of the certificate, if it is one.
    pub fn x5t_s256(&self) -> Option<&str> {
        match self {
            Self::Certificate(certificate) => Some(certificate.x5t_s256()),
            Self::Dpop(_) => None,
        }
    }

    /// What is kept of it.
    pub fn confirmation(&self) -> Confirmation {
        match self {
            Self::Dpop(proof) => Confirmation::Jkt(proof.jkt().into()),
            Self::Certificate(certificate) => Confirmation::X5tS256(certificate.x5t_s256().into()),
        }
    }
}

/// What checks the proofs of a node. All nodes recognize each other's nonces, since these follow from a sealed key.
pub fn verifier(config: &Config, sealer: &Sealer) -> ProofVerifier {
    let nonces = RollingNonces::new(&sealer.mac(Purpose::ProofNonce, &[]));
    let verifier = ProofVerifier::new(KNOWN_KEYS).algorithms(algorithms(config));
    if config.dpop.require_nonce {
        verifier.require_nonces(nonces)
    } else {
        verifier.nonces(nonces)
    }
}

/// The algorithms of proofs.
pub fn algorithms(config: &Config) -> impl Iterator<Item = Algorithm> {
    let known = DEFAULT_PROOF_ALGORITHMS.iter().copied();
    known.filter(|algorithm| !config.fapi2 || fapi2::allows(*algorithm))
}

/// FAPI 2.0 §5.4.1: a client that is held to it signs its proofs too with the algorithms of the profile alone.
///
/// # Errors
///
/// `code`.
pub fn require_algorithm(
    client: &Client,
    proof: &Proof,
    code: ErrorCode,
) -> Result<(), OAuthError> {
    if !client.fapi2 || fapi2::allows(proof.algorithm()) {
        return Ok(());
    }
    let cause = "FAPI 2.0 has not the algorithm of the proof";
    Err(OAuthError::because(code, "the proof of possession is not good", cause))
}

/// The key that a request of a client to an endpoint of the issuer proves possession of, if it brings a proof.
///
/// # Errors
///
/// `invalid_dpop_proof`, or `use_dpop_nonce` with a nonce.
pub fn proven(
    app: &App,
    parts: &Parts,
    (path, client): (&str, &Client),
) -> Result<Option<Proof>, OAuthError> {
    let code = ErrorCode::InvalidDpopProof;
    let proof = check(app, parts, path, (None, None))
        .map_err(|error| refusal(&error, code, ErrorCode::UseDpopNonce))?;
    if let Some(proof) = &proof {
        require_algorithm(client, proof, code)?;
    }
    Ok(proof)
}

/// Checks the proof of a request to an endpoint, with the token and the key that it must be for.
fn check(
    app: &App,
    parts: &Parts,
    path: &str,
    (access_token, jkt): (Option<&str>, Option<&str>),
) -> Result<Option<Proof>, ProofError> {
    let at = |url: &str| {
        let request = ProofRequest { method: parts.method.as_str(), url, access_token, jkt };
        app.proofs.check_header(parts.headers.get_all("dpop"), &request, app.clock.now())
    };
    let checked = at(&app.config.issuer.endpoint(path));
    match (&checked, &app.config.mtls.url) {
        // RFC 8705 §5: the endpoint has two addresses then.
        (Err(ProofError::WrongUrl), Some(alias)) => at(&alias.endpoint(path)),
        _ => checked,
    }
}

/// What the token of a request to the token endpoint will be bound to.
///
/// # Errors
///
/// As [`proven`]; `invalid_request` if a client that is registered for certificates shows none, or a proof too.
pub fn of_token_request(
    app: &App,
    parts: &Parts,
    client: &Client,
) -> Result<Option<Binding>, OAuthError> {
    let proof = proven(app, parts, ("/token", client))?;
    if !client.tls_client_certificate_bound_access_tokens {
        return Ok(proof.map(Binding::Dpop));
    }
    // RFC 8705 §3.4: who is registered for it gets no others.
    match (proof, client_certificate::shown(parts)?) {
        (None, Some(certificate)) => Ok(Some(Binding::Certificate(certificate))),
        (None, None) => Err(OAuthError::invalid_request(
            "the token must be bound to a certificate, and the connection has none",
        )),
        (Some(_), _) => Err(OAuthError::invalid_request(
            "the token is bound to a certificate: a proof is not taken beside it",
        )),
    }
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
    let checked = check(app, parts, path, (Some(token), Some(jkt)));
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

/// A grant that is bound is for who holds the key: a code by `dpop_jkt` (RFC 9449 §10), the refresh token of a public client
/// by the proof with which it was got (§5), or by the certificate (RFC 8705 §4).
///
/// # Errors
///
/// `invalid_grant`.
pub fn compare(
    bound_to: Option<&Confirmation>,
    binding: Option<&Binding>,
) -> Result<(), OAuthError> {
    match (bound_to, binding) {
        (None, _) => Ok(()),
        (Some(bound_to), Some(binding)) if *bound_to == binding.confirmation() => Ok(()),
        (Some(_), binding) => {
            let cause = if binding.is_some() { "another key" } else { "no proof" };
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
/// `invalid_dpop_proof`, or `invalid_request` where it is not a proof alone that would do.
pub fn require(
    client: &Client,
    resource: &Resource,
    binding: Option<&Binding>,
) -> Result<(), OAuthError> {
    let proof = "the token must be bound to a key: a proof is missing in the header DPoP";
    let refused = match (resource.required_binding, binding) {
        (_, None | Some(Binding::Certificate(_))) if client.dpop_bound_access_tokens => {
            OAuthError::new(ErrorCode::InvalidDpopProof, proof)
        }
        (Some(RequiredBinding::Dpop), None | Some(Binding::Certificate(_))) => {
            OAuthError::new(ErrorCode::InvalidDpopProof, proof)
        }
        (Some(RequiredBinding::Certificate), None | Some(Binding::Dpop(_))) => {
            OAuthError::invalid_request(
                "the resource takes tokens that are bound to a certificate, of clients that are registered so",
            )
        }
        (Some(RequiredBinding::Any), None) => OAuthError::invalid_request(
            "the resource takes tokens that are bound: to a key by a proof, or to a certificate",
        ),
        _ => return Ok(()),
    };
    Err(refused)
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
