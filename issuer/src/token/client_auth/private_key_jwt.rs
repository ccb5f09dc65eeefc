//! `private_key_jwt` (RFC 7523 §2.2, §3): the client signs an assertion with a key whose public half
//! it registered, inline or by `jwks_uri`. Each assertion is good once, for this issuer, for minutes.

use std::sync::Arc;

use countersign_keys::UnverifiedJws;
use countersign_verifier::claims::{Claim, StandardClaims};
use serde::Deserialize;

use super::assertion::{self, AssertionUse, Demanded};
use super::refusal;
use crate::app::App;
use crate::error::OAuthError;
use crate::protocol::Form;
use crate::registry::{Client, ClientAuthentication};

/// The one value of `client_assertion_type` (RFC 7523 §2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An assertion, and who it claims to be from; its signature has not been checked.
pub struct PresentedAssertion<'r> {
    jws: UnverifiedJws<'r>,
    client_id: Option<String>,
}

impl<'r> PresentedAssertion<'r> {
    /// The assertion of a form.
    pub(super) fn from_form(form: &'r Form<'r>) -> Result<Option<Self>, OAuthError> {
        let Some(token) = form.value("client_assertion") else {
            return match form.value("client_assertion_type") {
                None => Ok(None),
                Some(_) => Err(OAuthError::invalid_request("client_assertion is missing")),
            };
        };
        if form.value("client_assertion_type") != Some(ASSERTION_TYPE) {
            return Err(OAuthError::invalid_request(
                "client_assertion_type must be urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ));
        }
        let jws = UnverifiedJws::parse(token)
            .map_err(|error| refusal(format!("the assertion is malformed: {error}")))?;
        let client_id = unverified_subject(&jws);
        // RFC 7521 §4.2: client_id is optional, and must name the same client.
        if form.value("client_id").is_some_and(|named| client_id.as_deref() != Some(named)) {
            return Err(refusal("client_id differs from the assertion's sub"));
        }
        Ok(Some(Self { jws, client_id }))
    }

    /// The client that the assertion names.
    pub(super) fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }
}

/// The `sub` of an assertion, only to choose whose keys must have signed it.
fn unverified_subject(jws: &UnverifiedJws<'_>) -> Option<String> {
    #[derive(Deserialize)]
    struct Subject {
        sub: String,
    }
    let payload = jws.danger_unverified_payload().ok()?;
    serde_json::from_slice::<Subject>(&payload).ok().map(|subject| subject.sub)
}

/// Checks an assertion, and uses it up.
pub(super) async fn authenticate(
    app: &App,
    assertion: &PresentedAssertion<'_>,
) -> Result<Arc<Client>, OAuthError> {
    let registry = app.registry.load_full();
    let client_id = assertion.client_id().unwrap_or_default();
    let client = registry.client(client_id).ok_or_else(|| refusal("the client is unknown"))?;
    if !client.enabled {
        return Err(refusal("the client is disabled"));
    }
    // Other clients may have keys too: for request objects, not to prove who they are.
    if client.auth != ClientAuthentication::PrivateKeyJwt {
        return Err(refusal("the client is not registered for private_key_jwt"));
    }
    check_type(&assertion.jws)?;
    let key = app.client_keys.find(client, &assertion.jws).await;
    let key = key.map_err(|missing| missing.refused(refusal))?;
    let payload = assertion
        .jws
        .verify(&key)
        .map_err(|error| refusal(format!("the assertion does not verify: {error}")))?;
    let claims = StandardClaims::parse(&payload)
        .map_err(|error| refusal(format!("the assertion's claims are malformed: {error}")))?;
    check_claims(app, client, &claims)?;
    if AssertionUse::of(client, &claims).consume(app).await? {
        return Ok(Arc::clone(client));
    }
    Err(refusal("the assertion was used before"))
}

/// RFC 7523 says nothing of `typ`; what is typed as something else is not an assertion
/// (RFC 8725 §3.11). `client-authentication+jwt` is the name in the revision of RFC 7523.
fn check_type(jws: &UnverifiedJws<'_>) -> Result<(), OAuthError> {
    let is_assertion = jws.has_typ("JWT") || jws.has_typ("client-authentication+jwt");
    if jws.typ().is_none() || is_assertion {
        return Ok(());
    }
    Err(refusal("the assertion's typ is that of another kind of token"))
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
