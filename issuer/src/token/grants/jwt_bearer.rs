//! The JWT bearer grant (RFC 7523 §2.1): a client names a user who did not sign in here, by an assertion that it signed
//! with its registered key. The token says so (`idtyp: app_asserted`, `act.sub`), and whom a client may name is for the
//! policy to say. Each assertion is good once, for this issuer, for minutes.

use std::borrow::Cow;

use countersign_keys::UnverifiedJws;
use countersign_verifier::claims::{Claim, StandardClaims};
use serde::Deserialize;
use uuid::Uuid;

use super::{Authorization, Authorizing, Commit, GrantRefusal, Subject, TokenRequest};
use crate::app::App;
use crate::error::OAuthError;
use crate::protocol::ErrorCode;
use crate::registry::{Client, ExternalSubject, Whom};
use crate::token::client_auth::assertion::{self, AssertionUse, Demanded};

/// Its `grant_type`.
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A reason is for people who read the audit log.
const MAX_REASON_BYTES: usize = 256;

/// Whom a client named, and why.
pub struct Asserted {
    /// Whom.
    pub named: Named,
    /// Why, in the client's words.
    pub reason: Option<String>,
    /// What the answer says was issued, if the client must be told (RFC 8693 §2.2.1).
    pub issued_token_type: Option<&'static str>,
}

/// A user as an assertion names one.
pub enum Named {
    /// By the id that is the `sub` of the user's tokens.
    Id(Uuid),
    /// By username.
    Username(String),
    /// In a namespace of the client's.
    External(ExternalSubject),
}

pub(super) fn authorize(request: TokenRequest<'_>) -> Authorizing<'_> {
    Box::pin(async move {
        let assertion = request.required("assertion", "assertion is missing")?;
        let (asserted, used) = read(request, assertion).await?;
        Ok(Authorization {
            subject: Subject::Asserted(asserted),
            resources: request.resources(),
            scope: request.form.value("scope"),
            commit: Commit::UseAssertion(used),
        })
    })
}

/// Whom an assertion of the client names, and its one use.
pub(super) async fn read(
    request: TokenRequest<'_>,
    assertion: &str,
) -> Result<(Asserted, AssertionUse), OAuthError> {
    let jws = UnverifiedJws::parse(assertion).map_err(malformed)?;
    check_type(&jws)?;
    let key = request.app.client_keys.find(request.client, &jws).await;
    let key = key.map_err(|missing| missing.refused(refusal))?;
    let payload = jws.verify(&key).map_err(|error| refusal(error.to_string()))?;
    let claims = StandardClaims::parse(&payload).map_err(malformed)?;
    check_claims(request.app, request.client, &claims)?;
    let named = named(request.client, claims.subject().unwrap_or_default());
    let reason = reason(payload.as_str())?;
    let asserted = Asserted { named, reason, issued_token_type: None };
    Ok((asserted, AssertionUse::of(request.client, &claims)))
}

/// RFC 7523 says nothing of `typ`; what is typed as something else is not an assertion about a user (RFC 8725 §3.11).
fn check_type(jws: &UnverifiedJws<'_>) -> Result<(), OAuthError> {
    if jws.typ().is_none() || jws.has_typ("JWT") {
        return Ok(());
    }
    Err(refusal("its typ is that of another kind of token"))
}

/// RFC 7523 §3.
fn check_claims(app: &App, client: &Client, claims: &StandardClaims) -> Result<(), OAuthError> {
    // The issuer alone: what was made for another server is not good here (CVE-2025-27371).
    let audiences = &[app.config.issuer.as_str()];
    let required = &[Claim::Sub, Claim::Jti];
    let demanded = Demanded { subject: None, audiences, required };
    assertion::check(app, client, claims, &demanded).map_err(refusal)?;
    // With its client as its subject it is a client assertion, with a `client_id` a request object: neither names a user.
    if claims.subject() == Some(client.id.as_str()) || claims.has(Claim::ClientId) {
        return Err(refusal("it is another kind of JWT of the client"));
    }
    Ok(())
}

/// Who is meant. A namespace of the client's goes first: what it calls `crm:…` is never a user of this issuer.
fn named(client: &Client, subject: &str) -> Named {
    if let Ok(id) = Uuid::try_parse(subject) {
        return Named::Id(id);
    }
    let is_own = |external: &ExternalSubject| {
        let is_it = |whom: &Whom| matches!(whom, Whom::Namespace(n) if n == external.namespace());
        client.assertion_rules.iter().any(|rule| is_it(&rule.whom))
    };
    match ExternalSubject::parse(subject).filter(is_own) {
        Some(external) => Named::External(external),
        None => Named::Username(subject.to_owned()),
    }
}

/// The `reason` of an assertion: a private claim (RFC 7519 §4.3), for the audit log.
fn reason(payload: &str) -> Result<Option<String>, OAuthError> {
    #[derive(Deserialize)]
    struct Reason {
        reason: Option<String>,
    }
    let Reason { reason } = serde_json::from_str(payload).map_err(malformed)?;
    let reason = reason.filter(|reason| !reason.trim().is_empty());
    let is_good =
        |text: &String| text.len() <= MAX_REASON_BYTES && !text.chars().any(char::is_control);
    if reason.as_ref().is_none_or(is_good) {
        return Ok(reason);
    }
    Err(OAuthError::new(
        ErrorCode::InvalidGrant,
        "the claim `reason` must have at most 256 bytes and no control characters",
    ))
}

pub(super) async fn commit(app: &App, used: &AssertionUse) -> Result<(), GrantRefusal> {
    if used.consume(app).await? {
        return Ok(());
    }
    Err(refusal("it was used before").into())
}

fn malformed(error: impl std::fmt::Display) -> OAuthError {
    refusal(error.to_string())
}

/// RFC 7523 §3.1; the cause is for the log.
fn refusal(cause: impl Into<Cow<'static, str>>) -> OAuthError {
    OAuthError::because(
        ErrorCode::InvalidGrant,
        "the assertion is malformed, expired, used, or not signed by the client",
        cause,
    )
}
