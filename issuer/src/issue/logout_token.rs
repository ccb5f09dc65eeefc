//! The logout token (OpenID Connect Back-Channel Logout §2.4): a client is told that a session has ended. It is no ID token
//! and cannot pass for one: another `typ`, `events`, and never a `nonce`.

use serde::Serialize;

use super::access_token::to_json;
use super::{encrypted, subject_identifier};
use crate::app::App;
use crate::error::OAuthError;
use crate::random;
use crate::registry::{Client, SignIn};
use crate::signing::TokenType;
use crate::store::LogoutDelivery;

/// §2.4: at most two minutes; each attempt has a token of its own.
const LIFETIME_SECONDS: i64 = 120;

/// The payload, in the order in which it is written.
#[derive(Serialize)]
struct LogoutTokenClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
    iat: i64,
    jti: &'a str,
    events: Events,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
}

/// §2.4: one member, whose value is an empty object.
#[derive(Serialize)]
struct Events {
    #[serde(rename = "http://schemas.openid.net/event/backchannel-logout")]
    backchannel_logout: Empty,
}

#[derive(Serialize)]
struct Empty {}

/// Makes the logout token of one client for one session; it is signed and encrypted as the client's ID
/// tokens are (§2.4).
///
/// # Errors
///
/// `server_error` if the algorithm has no key.
pub fn logout_token(
    app: &App,
    (client, sign_in): (&Client, &SignIn),
    delivery: &LogoutDelivery,
) -> Result<String, OAuthError> {
    let now = app.clock.now();
    let claims = LogoutTokenClaims {
        iss: app.config.issuer.as_str(),
        sub: &subject_identifier(&app.sealer, sign_in, delivery.user_id),
        aud: client.id.as_str(),
        exp: now + LIFETIME_SECONDS,
        iat: now,
        jti: &random::jti(),
        events: Events { backchannel_logout: Empty {} },
        sid: sign_in.backchannel_logout_session_required.then(|| delivery.session_id.to_string()),
    };
    let algorithm = sign_in.id_token_signed_response_alg;
    let signed =
        app.keychain.live().sign(TokenType::LogoutToken, algorithm, &to_json(&claims, 512))?;
    encrypted(signed, sign_in.id_token_recipient())
}
