//! `private_key_jwt` (RFC 7523 §2.2, §3): the client signs an assertion with a key whose public half
//! it registered, inline or by `jwks_uri`. Each assertion is good once, for this issuer, for minutes.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use countersign_keys::UnverifiedJws;
use countersign_verifier::claims::{Claim, StandardClaims};
use countersign_verifier::validation::{AudienceRule, Expectations, validate};
use serde::Deserialize;

use super::refusal;
use crate::app::App;
use crate::error::OAuthError;
use crate::protocol::Form;
use crate::registry::{Client, ClientAuthentication};

/// The one value of `client_assertion_type` (RFC 7523 §2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How far the client's clock may be off, in seconds.
const SKEW_SECONDS: i64 = 30;

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
    use_up(app, client, &claims).await?;
    Ok(Arc::clone(client))
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
    let expected = Expectations {
        issuer: client.id.as_str(),
        subject: Some(client.id.as_str()),
        audience: AudienceRule::SingleString(audiences),
        required: &[Claim::Jti],
        max_lifetime: i64::from(app.config.client_authentication.max_assertion_lifetime_seconds),
        skew: SKEW_SECONDS,
    };
    let now = app.clock.now();
    validate(claims, &expected, now)
        .map_err(|error| refusal(format!("the assertion is refused: {error}")))?;
    // An assertion made long ago and good for long is a password with extra steps (CVE-2025-2559).
    let latest = now + expected.max_lifetime + SKEW_SECONDS;
    if claims.expires_at().is_some_and(|expires_at| expires_at > latest) {
        return Err(refusal("the assertion expires too far in the future"));
    }
    Ok(())
}

/// RFC 7523 §3: the `jti` is consumed by one conditional statement, on whichever node.
async fn use_up(app: &App, client: &Client, claims: &StandardClaims) -> Result<(), OAuthError> {
    let jti = claims.token_id().unwrap_or_default();
    let expires_at = claims.expires_at().unwrap_or_default() + SKEW_SECONDS;
    let jti_hash = digest(&SHA256, jti.as_bytes());
    if app.store.consume_assertion_jti(&client.id, jti_hash.as_ref(), expires_at).await? {
        return Ok(());
    }
    Err(refusal("the assertion was used before"))
}
