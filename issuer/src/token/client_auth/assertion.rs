//! What every assertion that a client signs has in common (RFC 7521 §5.2, RFC 7523 §3), whether it authenticates the client
//! or names a user: it is from the client, for this issuer alone, good for minutes, and good once.

use std::borrow::Cow;

use aws_lc_rs::digest::{SHA256, digest};
use countersign_verifier::claims::{Claim, StandardClaims};
use countersign_verifier::validation::{AudienceRule, Expectations, validate};

use crate::app::App;
use crate::registry::{Client, ClientId};
use crate::store::StoreError;

/// How far the client's clock may be off, in seconds.
const SKEW_SECONDS: i64 = 30;

/// What one kind of assertion demands beyond the rest.
pub struct Demanded<'d> {
    /// `sub` must be this, if given.
    pub subject: Option<&'d str>,
    /// `aud` must be one string, and one of these.
    pub audiences: &'d [&'d str],
    /// Claims that must be there.
    pub required: &'d [Claim],
}

/// Checks the claims.
///
/// # Errors
///
/// With the cause, for the log.
pub fn check(
    app: &App,
    client: &Client,
    claims: &StandardClaims,
    demanded: &Demanded<'_>,
) -> Result<(), Cow<'static, str>> {
    let expected = Expectations {
        issuer: Some(client.id.as_str()),
        subject: demanded.subject,
        audience: AudienceRule::SingleString(demanded.audiences),
        required: demanded.required,
        max_lifetime: i64::from(app.config.client_authentication.max_assertion_lifetime_seconds),
        skew: SKEW_SECONDS,
    };
    let now = app.clock.now();
    validate(claims, &expected, now)
        .map_err(|error| Cow::Owned(format!("the assertion is refused: {error}")))?;
    // An assertion made long ago and good for long is a password with extra steps (CVE-2025-2559).
    let latest = now + expected.max_lifetime + SKEW_SECONDS;
    if claims.expires_at().is_some_and(|expires_at| expires_at > latest) {
        return Err("the assertion expires too far in the future".into());
    }
    Ok(())
}

/// The one use of an assertion.
pub struct AssertionUse {
    client_id: ClientId,
    jti_hash: [u8; 32],
    expires_at: i64,
}

impl AssertionUse {
    /// Of an assertion whose claims hold.
    pub fn of(client: &Client, claims: &StandardClaims) -> Self {
        let mut jti_hash = [0; 32];
        let jti = claims.token_id().unwrap_or_default();
        jti_hash.copy_from_slice(digest(&SHA256, jti.as_bytes()).as_ref());
        let expires_at = claims.expires_at().unwrap_or_default() + SKEW_SECONDS;
        Self { client_id: client.id.clone(), jti_hash, expires_at }
    }

    /// RFC 7523 §3: the `jti` is consumed by one conditional statement, on whichever node. True for one caller.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn consume(&self, app: &App) -> Result<bool, StoreError> {
        app.store.consume_assertion_jti(&self.client_id, &self.jti_hash, self.expires_at).await
    }
}
