//! Tokens that are bound to a key (DPoP, RFC 9449), at the endpoints of the issuer: every way in which a proof can be wrong,
//! nonces, what is bound to a key and stays so, and that a proof is good once, on whichever node.

mod code;
mod demanded;
mod refresh;
mod token;
mod userinfo;

use axum::body::Body;
use countersign_verifier::testing::{TestHolder, TestProof};
use http::{Request, header};

use crate::harness::{Answer, Issuer, form};

/// A good proof for a request to an endpoint, by the clock of the issuer.
pub(crate) fn proof<'h>(
    issuer: &Issuer,
    holder: &'h TestHolder,
    (method, path): (&str, &str),
) -> TestProof<'h> {
    let url = format!("https://issuer.example{path}");
    holder.proof(method, &url).claim("iat", issuer.app.clock.now())
}

/// Posts a form with these values of the header `DPoP`.
pub(crate) async fn post(
    issuer: &Issuer,
    path: &str,
    parameters: &[(&str, &str)],
    proofs: &[&str],
) -> Answer {
    let request =
        Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let request = proofs.iter().fold(request, |request, proof| request.header("DPoP", *proof));
    issuer.send(request.body(Body::from(form(parameters))).unwrap()).await
}

/// Asks for tokens with a fresh proof of a holder, if there is one.
async fn token(
    issuer: &Issuer,
    holder: Option<&TestHolder>,
    parameters: &[(&str, &str)],
) -> Answer {
    let proof = holder.map(|holder| proof(issuer, holder, ("POST", "/token")).mint());
    let proofs: Vec<&str> = proof.as_deref().into_iter().collect();
    post(issuer, "/token", parameters, &proofs).await
}

fn refused(error: &str) -> (u16, String) {
    (400, error.to_owned())
}
