//! Tokens of this issuer that come back to it: access tokens, at the endpoints that take them, to be exchanged, to be asked
//! about and to be revoked; ID tokens as hints. Checked by the SDK's own layers against the keys in memory; the kinds cannot
//! be taken for each other (RFC 8725 §3.11). Whether an access token was revoked is asked here, for every door in the same way.

use std::borrow::Cow;

use countersign_keys::{Kid, UnverifiedJws};
use countersign_verifier::binding::{Confirmation, confirmation};
use countersign_verifier::claims::{Claim, StandardClaims};
use countersign_verifier::validation::{AudienceRule, Expectations, validate};

use crate::app::App;
use crate::feed;
use crate::revocation::{FORGIVEN_SECONDS, Marks};

/// How far the clocks of two nodes may differ, in seconds.
const SKEW_SECONDS: i64 = 30;

/// 2,000 entries have some 300 KiB.
const MAX_FEED_MESSAGE_BYTES: usize = 1024 * 1024;

/// A token that this issuer signed.
pub struct SignedHere {
    /// What it says.
    pub claims: StandardClaims,
    /// By which key.
    kid: Kid,
}

impl SignedHere {
    /// Whether it is among what was revoked, as far as this node has heard.
    pub fn is_revoked(&self, app: &App) -> bool {
        app.revocations.match_any(&Marks::of(&self.claims, self.kid.as_ref()))
    }

    /// Whether it still is what it was when it was taken.
    pub fn is_good(&self, app: &App) -> bool {
        self.lives(app, SKEW_SECONDS) && !self.is_revoked(app)
    }

    /// Whether any verifier may still take it: one may forgive more than this issuer does.
    pub fn may_be_taken(&self, app: &App) -> bool {
        self.lives(app, FORGIVEN_SECONDS) && !self.is_revoked(app)
    }

    fn lives(&self, app: &App, skew: i64) -> bool {
        let expires_at = self.claims.expires_at().unwrap_or_default();
        app.clock.now() < expires_at.saturating_add(skew)
    }
}

/// A JWS of one type that this issuer signed.
fn signed_here(
    app: &App,
    token: &str,
    is_type: fn(&UnverifiedJws<'_>) -> bool,
) -> Option<SignedHere> {
    let jws = UnverifiedJws::parse(token).ok()?;
    verified(app, &jws, is_type)
}

fn verified(
    app: &App,
    jws: &UnverifiedJws<'_>,
    is_type: fn(&UnverifiedJws<'_>) -> bool,
) -> Option<SignedHere> {
    if !is_type(jws) {
        return None;
    }
    let live = app.keychain.live();
    let kid = *jws.kid()?;
    let payload = jws.verify(live.verifying_key(&kid)?).ok()?;
    Some(SignedHere { claims: StandardClaims::parse(&payload).ok()?, kid })
}

/// An access token that is good now, for this audience if one is named.
fn good(app: &App, token: &str, audience: Option<&str>) -> Result<SignedHere, Cow<'static, str>> {
    let signed = signed_here(app, token, |jws| jws.has_typ("at+jwt"));
    let signed = signed.ok_or("it is not an access token of this issuer")?;
    let audience = audience.or_else(|| signed.claims.text(Claim::Aud));
    let audience: Vec<String> = audience.map(str::to_owned).into_iter().collect();
    let expected = Expectations {
        issuer: Some(app.config.issuer.as_str()),
        subject: None,
        audience: AudienceRule::Contains(&audience),
        required: &[Claim::Sub, Claim::ClientId, Claim::Idtyp, Claim::Jti, Claim::Iat],
        max_lifetime: i64::from(app.config.keys.max_token_lifetime_seconds),
        // A node that knows of a level dates a token after it, and so ahead of the clock (decision 0031).
        skew: SKEW_SECONDS,
    };
    validate(&signed.claims, &expected, app.clock.now()).map_err(|error| error.to_string())?;
    if signed.is_revoked(app) {
        return Err("it was revoked".into());
    }
    Ok(signed)
}

/// An access token for an endpoint of the issuer itself.
///
/// # Errors
///
/// The cause, for the log.
pub fn access_token(
    app: &App,
    token: &str,
    audience: &str,
) -> Result<SignedHere, Cow<'static, str>> {
    good(app, token, Some(audience))
}

/// An access token for any resource: who may know of it, and what, is for the caller to say (RFC 7662 §2.2).
///
/// # Errors
///
/// The cause, for the log.
pub fn any_access_token(app: &App, token: &str) -> Result<SignedHere, Cow<'static, str>> {
    let signed = good(app, token, None)?;
    // Whoever asks takes the answer for as good as it is now, and what comes of an exchange lives no longer than this.
    let (claims, now) = (&signed.claims, app.clock.now());
    let has_begun = claims.not_before().is_none_or(|not_before| not_before <= now);
    if !has_begun || now >= claims.expires_at().unwrap_or_default() {
        return Err("the token has expired, or is not good yet".into());
    }
    Ok(signed)
}

/// An access token for any resource, as it is brought to be exchanged (RFC 8693 §2.1), and what it is bound to.
///
/// # Errors
///
/// The cause, for the log.
pub fn exchangeable_token(
    app: &App,
    token: &str,
) -> Result<(StandardClaims, Option<Confirmation>), Cow<'static, str>> {
    // Which audiences the client may bring is for the policy to say.
    let claims = any_access_token(app, token)?.claims;
    let bound_to = confirmation(&claims).map_err(|error| error.to_string())?;
    Ok((claims, bound_to))
}

/// An access token that was issued here, good or not, as it is brought to be revoked (RFC 7009 §2.1).
pub fn issued_token(app: &App, token: &str) -> Option<SignedHere> {
    let signed = signed_here(app, token, |jws| jws.has_typ("at+jwt"))?;
    (signed.claims.issuer() == Some(app.config.issuer.as_str())).then_some(signed)
}

/// The claims of an access token that came to a gateway, for the service behind it or the gateway itself.
///
/// # Errors
///
/// The cause, for the log.
pub fn bearer_token(
    app: &App,
    token: &str,
    audience: &str,
) -> Result<StandardClaims, Cow<'static, str>> {
    let claims = any_access_token(app, token)?.claims;
    if claims.text(Claim::Aud) != Some(audience) {
        return Err("it is for another audience".into());
    }
    // RFC 7800 §3.1, RFC 9449 §7.2: a bound token is no bearer token, and its proof is made for the service.
    if claims.has(Claim::Cnf) {
        return Err("it is bound to a key, and comes as a bearer token".into());
    }
    Ok(claims)
}

/// The `sub` of an ID token that was issued to a client, expired or not (OpenID Connect Core §3.1.2.1).
pub fn id_token_subject(app: &App, token: &str, client_id: &str) -> Option<String> {
    let claims = id_token(app, token)?;
    let is_theirs = claims.audiences().any(|audience| audience == client_id);
    claims.subject().filter(|_| is_theirs).map(str::to_owned)
}

/// The claims of an ID token that was issued here, expired or not (OpenID Connect RP-Initiated Logout §2).
pub fn id_token(app: &App, token: &str) -> Option<StandardClaims> {
    let claims = signed_here(app, token, |jws| jws.has_typ("JWT"))?.claims;
    // A signed UserInfo answer has the same type and audience; only an ID token expires and says when somebody signed in.
    let is_id_token = [Claim::Aud, Claim::Sub, Claim::Exp, Claim::Iat, Claim::AuthTime];
    let is_ours = claims.issuer() == Some(app.config.issuer.as_str());
    (is_ours && is_id_token.iter().all(|claim| claims.has(*claim))).then_some(claims)
}

/// The claims of a message of the feed that was signed here, however old (decision 0031).
pub fn feed_message(app: &App, token: &str) -> Option<StandardClaims> {
    let jws = UnverifiedJws::parse_within(token, MAX_FEED_MESSAGE_BYTES).ok()?;
    let claims = verified(app, &jws, |jws| jws.has_typ("secevent+jwt"))?.claims;
    let is_ours = claims.issuer() == Some(app.config.issuer.as_str());
    // A logout token or an event to another receiver is no message of the feed.
    let is_of_feed = claims.audiences().eq([feed::resource(&app.config.issuer).as_str()]);
    (is_ours && is_of_feed).then_some(claims)
}
