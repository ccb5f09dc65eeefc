//! `workload_identity`: the assertion (RFC 7523 §2.2) is a token by which an issuer outside says which workload it is: a pod,
//! a CI job, a SPIFFE ID. It is believed of issuers that the configuration trusts, for workloads that a rule of the client
//! fits. Such a token is kept in a file and used until it ends, so that it is not consumed as what a client signs itself.

mod issuers;

pub use issuers::WorkloadIssuers;

use countersign_verifier::claims::{Claim, StandardClaims};
use countersign_verifier::validation::{AudienceRule, Expectations, validate};
use serde::Serialize;
use serde_json::Value;

use super::client_assertion::{PresentedAssertion, check_type};
use super::client_keys::NoKey;
use super::refusal;
use crate::app::App;
use crate::config::WorkloadTokenType;
use crate::error::OAuthError;
use crate::registry::Client;
use issuers::WorkloadIssuer;

/// How far the clocks may disagree, in seconds.
const SKEW_SECONDS: i64 = 30;

/// A workload that an issuer outside vouches for, for the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Workload {
    /// The issuer, as the configuration names it.
    iss: String,
    /// Its subject there.
    sub: String,
}

/// Checks that a token is about a workload that is this client.
pub(super) async fn check(
    app: &App,
    client: &Client,
    assertion: &PresentedAssertion<'_>,
) -> Result<Workload, OAuthError> {
    let trusted = app.workload_issuers.of(assertion.issuer(), assertion.subject());
    let trusted = trusted.ok_or_else(|| refusal("the issuer of the assertion is not trusted"))?;
    let issuer = trusted.settings.issuer.as_str();
    // Before its keys are asked for, so that only who has a rule may make us ask.
    if !client.workload_rules.iter().any(|rule| rule.issuer == issuer) {
        return Err(refusal("no rule of the client names the issuer of the assertion"));
    }
    let claims = verified(app, trusted, assertion).await?;
    let sub = claims.subject().unwrap_or_default();
    let every: Value = serde_json::from_str(claims.payload())
        .map_err(|error| refusal(format!("the assertion's claims are malformed: {error}")))?;
    if !client.workload_rules.iter().any(|rule| rule.fits(issuer, sub, &every)) {
        return Err(refusal(format!("no rule of the client fits workload `{sub}`")));
    }
    Ok(Workload { iss: issuer.to_owned(), sub: sub.to_owned() })
}

/// The claims of a token, once its signature holds and it is for this issuer now.
async fn verified(
    app: &App,
    trusted: &WorkloadIssuer,
    assertion: &PresentedAssertion<'_>,
) -> Result<StandardClaims, OAuthError> {
    let (jws, settings) = (assertion.jws(), &trusted.settings);
    match settings.token_type {
        WorkloadTokenType::Jwt => check_type(jws)?,
        WorkloadTokenType::AccessToken if jws.has_typ("at+jwt") => {}
        WorkloadTokenType::AccessToken => return Err(refusal("the assertion is no access token")),
    }
    let key = trusted.keys.find(jws.kid()).await;
    let key = key.map_err(|error| NoKey::of(&error, &settings.issuer).refused(refusal))?;
    let payload = jws
        .verify(&key)
        .map_err(|error| refusal(format!("the assertion does not verify: {error}")))?;
    let claims = StandardClaims::parse(&payload)
        .map_err(|error| refusal(format!("the assertion's claims are malformed: {error}")))?;
    let is_domain = settings.trust_domain().is_some();
    let expected = Expectations {
        // JWT-SVID §3: `sub` alone says who it is, and the trust domain in it who may say so.
        issuer: (!is_domain).then_some(settings.issuer.as_str()),
        subject: None,
        audience: AudienceRule::Only(
            settings.audience.as_deref().unwrap_or(app.config.issuer.as_str()),
        ),
        required: &[Claim::Sub],
        max_lifetime: settings.max_lifetime_seconds.into(),
        skew: SKEW_SECONDS,
    };
    validate(&claims, &expected, app.clock.now())
        .map_err(|error| refusal(format!("the assertion is refused: {error}")))?;
    if is_domain && !claims.subject().is_some_and(|id| trusted.has_subject(id)) {
        return Err(refusal("the assertion's sub is not in the trust domain"));
    }
    // RFC 7800 §3.1: whoever holds a bound token has to prove it.
    if claims.has(Claim::Cnf) {
        return Err(refusal("the assertion is bound to a key, and came without proof"));
    }
    Ok(claims)
}
