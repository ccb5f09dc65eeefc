//! The authorization code grant (RFC 6749 §4.1.3, RFC 7636 §4.6): a client exchanges the code that a browser brought.
//! The code is sealed; it becomes used by one conditional insert, when everything else is done.

use countersign_verifier::binding::Confirmation;

use super::{
    Authorization, Authorizing, Commit, GrantRefusal, SignedIn, Subject, TokenRequest,
    invalid_grant, refresh_token,
};
use crate::app::App;
use crate::authorize::AuthorizationCode;
use crate::error::OAuthError;
use crate::protocol::pkce::WrongVerifier;
use crate::store::{CodeRedemption, Towards};

pub(super) fn authorize(request: TokenRequest<'_>) -> Authorizing<'_> {
    Box::pin(redeem(request))
}

async fn redeem(request: TokenRequest<'_>) -> Result<Authorization<'_>, GrantRefusal> {
    let app = request.app;
    let text = request.required("code", "code is missing")?;
    let now = app.clock.now();
    let code = AuthorizationCode::open(&app.sealer, text)
        .ok_or_else(|| invalid_grant("the code was not made here"))?;
    if now >= code.expires_at {
        return Err(invalid_grant("the code has expired").into());
    }
    // RFC 6749 §4.1.3: the code was issued to this client, and for this redirect_uri.
    if code.client_id != request.client.id.as_str() {
        return Err(invalid_grant("the code was issued to another client").into());
    }
    check_redirect_uri(request, &code)?;
    check_verifier(request, &code)?;
    // RFC 6749 §4.1.2: a code that is used twice takes back what it gave the first time.
    let hash = code.hash(&app.sealer);
    let (user_id, session_id, client_id) = (code.user_id, code.session_id, &*code.client_id);
    let towards = Towards { user_id, session_id, client_id };
    let (is_used, standing) = app.store.standing_of_code(&hash, towards, now).await?;
    if is_used {
        let error = invalid_grant("the code was used before");
        return Err(GrantRefusal { error, revoke: Some(code.id) });
    }
    let (session_id, expires_at) = (code.session_id, code.expires_at);
    let mut signed_in = SignedIn {
        grant_id: code.id,
        user_id: code.user_id,
        session_id: Some(session_id),
        auth_time: code.auth_time,
        amr: code.amr,
        scopes: code.scopes,
        resources: code.resources,
        nonce: code.nonce,
        claims: code.claims,
        bound_to: code.dpop_jkt.map(|jkt| Confirmation::Jkt(jkt.into())),
        refresh_token: None,
        standing,
    };
    let redemption = CodeRedemption {
        code_id: code.id,
        code_hash: hash,
        expires_at,
        participant: Some((session_id, code.client_id)),
        family: refresh_token::begin(request, &mut signed_in),
    };
    Ok(Authorization {
        subject: Subject::User(Box::new(signed_in)),
        resources: request.resources(),
        scope: None,
        commit: Commit::RedeemCode(Box::new(redemption)),
    })
}

/// RFC 6749 §4.1.3: identical to the one of the authorization request, if that had one. Clients of OAuth 2.1 send none;
/// the code challenge binds theirs.
fn check_redirect_uri(
    request: TokenRequest<'_>,
    code: &AuthorizationCode,
) -> Result<(), OAuthError> {
    match request.form.value("redirect_uri") {
        Some(uri) if uri == code.redirect_uri => Ok(()),
        Some(_) => {
            Err(invalid_grant("redirect_uri differs from that of the authorization request"))
        }
        None if code.code_challenge.is_some() => Ok(()),
        None => Err(invalid_grant("redirect_uri is missing")),
    }
}

/// RFC 7636 §4.6. RFC 9700 §2.1.1: a verifier without a challenge is a downgrade (CVE-2024-23647), a challenge without a
/// verifier is a theft (CVE-2023-48228).
fn check_verifier(request: TokenRequest<'_>, code: &AuthorizationCode) -> Result<(), OAuthError> {
    match (code.code_challenge, request.form.value("code_verifier")) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(invalid_grant("a code_verifier without a code_challenge")),
        (Some(_), None) => Err(invalid_grant("code_verifier is missing")),
        (Some(challenge), Some(verifier)) => {
            challenge.check(verifier).map_err(|wrong| match wrong {
                WrongVerifier::Malformed => invalid_grant("code_verifier is malformed"),
                WrongVerifier::Mismatch => invalid_grant("code_verifier does not match"),
            })
        }
    }
}

/// Uses the code up, unless somebody else did meanwhile: then it was stolen, or sent twice, and what it gave is revoked
/// (RFC 6749 §4.1.2).
pub(super) async fn commit(app: &App, redemption: CodeRedemption) -> Result<(), GrantRefusal> {
    let code_id = redemption.code_id;
    if app.store.redeem_code(redemption, app.clock.now()).await? {
        return Ok(());
    }
    let error = invalid_grant("the code was used at the same time by another request");
    Err(GrantRefusal { error, revoke: Some(code_id) })
}
