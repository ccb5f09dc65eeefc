//! `private_key_jwt` (RFC 7523 §2.2, §3): the client signs an assertion with a key whose public half
//! it registered, inline or by `jwks_uri`. Each assertion is good once, for this issuer, for minutes.

use countersign_keys::UnverifiedJws;
use countersign_verifier::claims::{Claim, StandardClaims};

use super::assertion::{self, AssertionUse, Demanded};
use super::client_assertion::check_type;
use super::refusal;
use crate::app::App;
use crate::error::OAuthError;
use crate::registry::Client;

/// Checks an assertion, and uses it up.
pub(super) async fn check(
    app: &App,
    client: &Client,
    jws: &UnverifiedJws<'_>,
) -> Result<(), OAuthError> {
    check_type(jws)?;
    let key = app.client_keys.find(client, jws).await;
    let key = key.map_err(|missing| missing.refused(refusal))?;
    let payload = jws
        .verify(&key)
        .map_err(|error| refusal(format!("the assertion does not verify: {error}")))?;
    let claims = StandardClaims::parse(&payload)
        .map_err(|error| refusal(format!("the assertion's claims are malformed: {error}")))?;
    check_claims(app, client, &claims)?;
    if AssertionUse::of(client, &claims).consume(app).await? {
        return Ok(());
    }
    Err(refusal("the assertion was used before"))
}

fn check_claims(app: &App, client: &Client, claims: &StandardClaims) -> Result<(), OAuthError> {
    let issuer = app.config.issuer.as_str();
    let token_endpoint = format!("{issuer}/token");
    // RFC 7523 §3 as revised after CVE-2025-27371: the issuer alone, as one string; the token
    // endpoint only for clients that cannot be changed yet.
    let both = [issuer, token_endpoint.as_str()];
    let audiences = if client.token_endpoint_audience { &both[..] } else { &both[..1] };
    let subject = Some(client.id.as_str());
    let demanded = Demanded { subject, audiences, required: &[Claim::Jti] };
    assertion::check(app, client, claims, &demanded).map_err(refusal)
}
