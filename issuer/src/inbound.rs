//! Tokens of this issuer that come back to it: access tokens at the UserInfo endpoint, ID tokens as hints. Checked by the
//! SDK's own layers against the keys in memory; the kinds cannot be taken for each other (RFC 8725 §3.11).

use std::borrow::Cow;

use countersign_keys::UnverifiedJws;
use countersign_verifier::binding::{Confirmation, confirmation};
use countersign_verifier::claims::{Claim, StandardClaims};
use countersign_verifier::validation::{AudienceRule, Expectations, validate};

use crate::app::App;

/// How far the clocks of two nodes may differ, in seconds.
const SKEW_SECONDS: i64 = 30;

/// The claims of a JWS that this issuer signed, of one type.
fn signed_here(
    app: &App,
    token: &str,
    is_type: fn(&UnverifiedJws<'_>) -> bool,
) -> Option<StandardClaims> {
    let jws = UnverifiedJws::parse(token).ok()?;
    if !is_type(&jws) {
        return None;
    }
    let live = app.keychain.live();
    let payload = jws.verify(live.verifying_key(jws.kid()?)?).ok()?;
    StandardClaims::parse(&payload).ok()
}

/// The claims of an access token for the issuer itself.
pub fn access_token(app: &App, token: &str) -> Option<StandardClaims> {
    let claims = signed_here(app, token, |jws| jws.has_typ("at+jwt"))?;
    let own = [app.config.issuer.to_string()];
    let expected = Expectations {
        issuer: Some(app.config.issuer.as_str()),
        subject: None,
        audience: AudienceRule::Contains(&own),
        required: &[Claim::Sub, Claim::ClientId, Claim::Idtyp, Claim::Jti],
        max_lifetime: i64::from(app.config.keys.max_token_lifetime_seconds),
        skew: SKEW_SECONDS,
    };
    validate(&claims, &expected, app.clock.now()).ok()?;
    Some(claims)
}

/// The claims of an access token for any resource, as it is brought to be exchanged (RFC 8693 §2.1), and what it is bound to.
///
/// # Errors
///
/// The cause, for the log.
pub fn exchangeable_token(
    app: &App,
    token: &str,
) -> Result<(StandardClaims, Option<Confirmation>), Cow<'static, str>> {
    let claims = signed_here(app, token, |jws| jws.has_typ("at+jwt"));
    let claims = claims.ok_or("it is not an access token of this issuer")?;
    // Which audiences the client may bring is for the policy to say.
    let audience: Vec<String> = claims.text(Claim::Aud).map(str::to_owned).into_iter().collect();
    let expected = Expectations {
        issuer: Some(app.config.issuer.as_str()),
        subject: None,
        audience: AudienceRule::Contains(&audience),
        required: &[Claim::Sub, Claim::ClientId, Claim::Idtyp, Claim::Jti, Claim::Iat],
        max_lifetime: i64::from(app.config.keys.max_token_lifetime_seconds),
        // What follows from it lives no longer than it does, so that nothing is forgiven here.
        skew: 0,
    };
    validate(&claims, &expected, app.clock.now()).map_err(|error| error.to_string())?;
    let bound_to = confirmation(&claims).map_err(|error| error.to_string())?;
    Ok((claims, bound_to))
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
    let claims = signed_here(app, token, |jws| jws.has_typ("at+jwt"));
    let claims = claims.ok_or("it is not an access token of this issuer")?;
    let expected = Expectations {
        issuer: Some(app.config.issuer.as_str()),
        subject: None,
        audience: AudienceRule::SingleString(&[audience]),
        required: &[Claim::Sub, Claim::ClientId, Claim::Idtyp, Claim::Jti, Claim::Iat],
        max_lifetime: i64::from(app.config.keys.max_token_lifetime_seconds),
        // The clocks of this issuer's nodes are all that could differ: what follows from it lives no longer than it does.
        skew: 0,
    };
    validate(&claims, &expected, app.clock.now()).map_err(|error| error.to_string())?;
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
    let claims = signed_here(app, token, |jws| jws.has_typ("JWT"))?;
    // A signed UserInfo answer has the same type and audience; only an ID token expires and says when somebody signed in.
    let is_id_token = [Claim::Aud, Claim::Sub, Claim::Exp, Claim::Iat, Claim::AuthTime];
    let is_ours = claims.issuer() == Some(app.config.issuer.as_str());
    (is_ours && is_id_token.iter().all(|claim| claims.has(*claim))).then_some(claims)
}
