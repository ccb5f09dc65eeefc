//! From an `Authorization` to a token: the only caller of the signer. Access tokens are those of
//! RFC 9068 with `idtyp`; nothing about an access token is stored.

mod access_token;

pub use access_token::Identity;

use std::sync::Arc;

use serde::Serialize;

use crate::app::App;
use crate::error::OAuthError;
use crate::policy::Permitted;
use crate::random;
use crate::registry::Client;
use crate::token::client_auth::AuthenticatedClient;
use access_token::AccessTokenClaims;

/// Who gets what, for whom, and how it was proved: what a grant answers, and all that minting needs.
#[derive(Debug)]
pub struct Authorization {
    /// Whose identity the token carries.
    pub identity: Identity,
    /// The client that asked.
    pub client: AuthenticatedClient,
    /// The resource, scopes and roles.
    pub permitted: Permitted,
}

/// A token that was made, with what the audit record says of it.
pub struct Issued {
    /// The signed token: never logged.
    token: String,
    /// Its id.
    pub jti: String,
    /// The kind of identity.
    pub identity: Identity,
    /// The client.
    pub client: Arc<Client>,
    /// The audience, scopes and roles.
    pub permitted: Permitted,
    /// Seconds that it lives.
    lifetime: u32,
    /// Expiry in Unix seconds.
    pub expires_at: i64,
}

/// Makes the token of an authorization.
///
/// # Errors
///
/// `server_error` if the resource asks for an algorithm without a key, or the token is too large.
pub fn mint(app: &App, authorization: Authorization) -> Result<Issued, OAuthError> {
    let Authorization { identity, client, permitted } = authorization;
    let client = client.into_client();
    let jti = random::jti();
    let issued_at = app.clock.now();
    // The key that signs is deleted this long after its retirement: no token may live longer.
    let longest = app.config.keys.max_token_lifetime_seconds;
    let lifetime = permitted.resource.token_lifetime.min(longest);
    let claims = AccessTokenClaims {
        iss: app.config.issuer.as_str(),
        sub: client.id.as_str(),
        aud: &permitted.resource.identifier,
        exp: issued_at + i64::from(lifetime),
        iat: issued_at,
        jti: &jti,
        client_id: client.id.as_str(),
        idtyp: identity,
        scope: &permitted.scope,
        roles: &permitted.roles,
    };
    let expires_at = claims.exp;
    let token = app.keychain.live().sign(permitted.resource.algorithm, &claims.to_json())?;
    // The cap is enforced when a client or resource is configured; this catches what slipped through.
    if token.len() > permitted.resource.max_token_bytes as usize {
        return Err(OAuthError::server_error(format!(
            "the token of client {} for {} has {} bytes, over the resource's limit",
            client.id,
            permitted.resource.identifier,
            token.len()
        )));
    }
    Ok(Issued { token, jti, identity, client, permitted, lifetime, expires_at })
}

/// RFC 6749 §5.1.
#[derive(Serialize)]
struct TokenResponse<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    scope: &'a str,
}

impl Issued {
    /// The body of the token response.
    pub fn to_json(&self) -> Vec<u8> {
        let response = TokenResponse {
            access_token: &self.token,
            token_type: "Bearer",
            expires_in: self.lifetime,
            scope: &self.permitted.scope,
        };
        access_token::to_json(&response, self.token.len() + 256)
    }
}
