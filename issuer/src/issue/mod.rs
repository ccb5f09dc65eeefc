//! From what was proved and permitted to tokens: the only caller of the signer. Access tokens are those of RFC 9068 with
//! `idtyp`, encrypted where the recipient has registered a key for that; nothing about an access token is stored, unless its resource wants
//! a status list.

mod access_token;
mod exchanged;
mod id_token;
mod logout_token;
mod subject;

pub use logout_token::logout_token;
pub use subject::subject_identifier;

use std::sync::Arc;

use countersign_keys::UnverifiedJws;
use countersign_verifier::binding::Proof;
use serde::Serialize;

use crate::app::App;
use crate::binding::Binding;
use crate::error::OAuthError;
use crate::policy::Permitted;
use crate::protocol::{Identity, acr};
use crate::random;
use crate::registry::{AssertedUser, Client, Encryption, Recipient, User};
use crate::revocation::FURTHEST_AHEAD_SECONDS;
use crate::signing::TokenType;
use crate::status_list::{self, Place};
use crate::store::StatusToken;
use crate::token::client_auth::AuthenticatedClient;
use crate::token::grants::{ACCESS_TOKEN_TYPE, Asserted, SignedIn};
use crate::token::subject_token::SubjectToken;
use access_token::{AccessTokenClaims, Actors, Confirmation, InStatusList, Status};
use exchanged::Chain;
use id_token::{IdTokenClaims, at_hash};

/// Seconds for which an ID token may be looked at; a client looks at once.
const ID_TOKEN_LIFETIME_SECONDS: i64 = 600;

/// Whose identity a token will carry, and what it says of it.
#[derive(Clone, Copy)]
pub enum Bearer<'a> {
    /// The client's own.
    Client,
    /// That of a user who signed in, as the user is now.
    User(&'a User, &'a SignedIn),
    /// That of a user whom the client named; only the client has authenticated.
    Asserted(AssertedUser<'a>, &'a Asserted),
    /// That of whoever a token is about that the client was given; with the user, if it is one of this issuer.
    Exchanged(Option<&'a User>, &'a SubjectToken),
}

/// Tokens that were made, with what the audit record says of them.
pub struct Issued {
    /// The signed access token: never logged.
    token: String,
    /// The signed ID token.
    id_token: Option<String>,
    /// The refresh token.
    refresh_token: Option<String>,
    /// The id of the access token.
    pub jti: String,
    /// The kind of identity.
    pub identity: Identity,
    /// The `sub` of a user, or of whomever the client acts for.
    pub user: Option<String>,
    /// Who acts, the last one first.
    pub actors: Vec<String>,
    /// The id of the token that was exchanged for it.
    pub parent: Option<String>,
    /// What was issued, for who asked to be told (RFC 8693 §2.2.1).
    token_type_uri: Option<&'static str>,
    /// Why the client named the user.
    pub reason: Option<String>,
    /// The client.
    pub client: Arc<Client>,
    /// The audience, scopes and roles.
    pub permitted: Permitted,
    /// Unix seconds.
    iat: i64,
    /// Seconds that it lives.
    lifetime: u32,
    /// Expiry in Unix seconds.
    pub expires_at: i64,
    /// What the access token is bound to.
    pub binding: Option<Binding>,
    /// What is kept of it, if it has a place in a status list.
    status_token: Option<StatusToken>,
}

/// Makes the tokens for a client.
///
/// # Errors
///
/// `server_error` if the resource asks for an algorithm without a key, or the token is too large.
pub fn mint(
    app: &App,
    client: &AuthenticatedClient,
    bearer: Bearer<'_>,
    permitted: Permitted,
    binding: Option<&Binding>,
) -> Result<Issued, OAuthError> {
    let client = Arc::clone(client.shared());
    let jti = random::jti();
    let now = app.clock.now();
    // The key that signs is deleted this long after its retirement: no token may live longer.
    let longest = app.config.keys.max_token_lifetime_seconds;
    let lifetime = permitted.lifetime.min(longest);
    let expires_at = bearer.expiry_of(now + i64::from(lifetime));
    let lifetime = u32::try_from(expires_at - now).unwrap_or_default();
    let list = permitted.status.map(|place| place.uri(&app.config.issuer));
    let (Signed { token, iat, status_token }, identity) = {
        let claims = AccessTokenClaims {
            iss: app.config.issuer.as_str(),
            aud: &permitted.resource.identifier,
            exp: expires_at,
            iat: now,
            jti: &jti,
            client_id: client.id.as_str(),
            scope: &permitted.scope,
            roles: &permitted.roles,
            cnf: binding.map(Confirmation::of),
            status: permitted.status.zip(list.as_deref()).map(in_status_list),
            ..AccessTokenClaims::default()
        };
        match bearer {
            Bearer::Client => {
                let claims = AccessTokenClaims { sub: client.id.as_str(), ..claims };
                (sign(app, &permitted, &claims)?, Identity::App)
            }
            Bearer::User(user, signed_in) => {
                let sub = user.id.to_string();
                let claims = about_the_user(app, &permitted, (user, signed_in), &claims);
                (sign(app, &permitted, &AccessTokenClaims { sub: &sub, ..claims })?, Identity::User)
            }
            Bearer::Asserted(user, _) => {
                let idtyp = Identity::AppAsserted;
                let act = Actors(&[client.id.as_str()]);
                let sub = user.subject();
                let claims = AccessTokenClaims { sub: &sub, act, idtyp, ..claims };
                (sign(app, &permitted, &claims)?, idtyp)
            }
            Bearer::Exchanged(user, token) => {
                let chain = Chain::new(token, client.id.as_str(), permitted.impersonates);
                let claims = chain.claims((user, token), &claims);
                (sign(app, &permitted, &claims)?, token.identity)
            }
        }
    };
    let mut issued = Issued {
        token,
        id_token: None,
        refresh_token: None,
        jti,
        identity,
        user: None,
        actors: Vec::new(),
        parent: None,
        token_type_uri: None,
        reason: None,
        client,
        permitted,
        iat,
        lifetime,
        expires_at,
        binding: binding.cloned(),
        status_token,
    };
    complete(app, &mut issued, bearer)?;
    Ok(issued)
}

/// Adds what comes with the token, and what the audit record says of it.
fn complete(app: &App, issued: &mut Issued, bearer: Bearer<'_>) -> Result<(), OAuthError> {
    match bearer {
        Bearer::Client => {}
        Bearer::User(user, signed_in) => {
            issued.user = Some(user.id.to_string());
            issued.id_token = id_token(app, issued, (user, signed_in))?;
            issued.refresh_token = signed_in.refresh_token.map(|token| token.to_text(&app.sealer));
        }
        // It is asked for again: no refresh token outlives the client's reason (RFC 7523 §1).
        Bearer::Asserted(user, asserted) => {
            issued.user = Some(user.subject());
            issued.reason.clone_from(&asserted.reason);
            issued.actors = vec![issued.client.id.to_string()];
            issued.token_type_uri = asserted.issued_token_type;
        }
        Bearer::Exchanged(_, token) => {
            let chain = Chain::new(token, issued.client.id.as_str(), issued.permitted.impersonates);
            issued.actors = chain.actors.iter().map(|actor| (*actor).to_owned()).collect();
            issued.user = Some(chain.subject);
            issued.parent = Some(token.jti.clone());
            issued.token_type_uri = Some(ACCESS_TOKEN_TYPE);
        }
    }
    Ok(())
}

impl Bearer<'_> {
    /// The expiry of a token that would live until then: never after the one that it came from.
    fn expiry_of(&self, expires_at: i64) -> i64 {
        match self {
            Self::Exchanged(_, token) => expires_at.min(token.expires_at),
            Self::Client | Self::User(..) | Self::Asserted(..) => expires_at,
        }
    }
}

/// What a token says of a user who signed in; a token for the issuer itself needs less.
fn about_the_user<'a>(
    app: &App,
    permitted: &Permitted,
    (user, signed_in): (&'a User, &'a SignedIn),
    claims: &AccessTokenClaims<'a>,
) -> AccessTokenClaims<'a> {
    let is_own = permitted.resource.identifier == app.config.issuer.as_str();
    AccessTokenClaims {
        idtyp: Identity::User,
        groups: if is_own { &[] } else { &user.groups },
        auth_time: Some(signed_in.auth_time),
        acr: Some(acr::of(&signed_in.amr)),
        amr: &signed_in.amr,
        // What goes on after its session ended is no longer of it.
        sid: signed_in.session_id.filter(|_| signed_in.standing.has_session),
        grant_id: Some(signed_in.grant_id),
        userinfo_claims: if is_own { &signed_in.claims.userinfo } else { &[] },
        ..*claims
    }
}

/// An access token, and when it says that it was issued.
struct Signed {
    token: String,
    iat: i64,
    status_token: Option<StatusToken>,
}

fn in_status_list((place, uri): (Place, &str)) -> Status<'_> {
    Status { status_list: InStatusList { idx: place.idx, uri } }
}

fn sign(
    app: &App,
    permitted: &Permitted,
    claims: &AccessTokenClaims<'_>,
) -> Result<Signed, OAuthError> {
    let resource = &permitted.resource;
    // What was revoked before must not take back what is given now (decision 0031).
    let level = app.revocations.level(|| claims.holder());
    let iat = level.map_or(claims.iat, |level| claims.iat.max(level + 1));
    // No level lies above what would be dated so far ahead: it could not be revoked.
    if iat > claims.iat + FURTHEST_AHEAD_SECONDS {
        return Err(OAuthError::unavailable("revoked too often within seconds"));
    }
    let claims = AccessTokenClaims { iat, ..*claims };
    let token =
        app.keychain.live().sign(TokenType::AccessToken, resource.algorithm, &claims.to_json())?;
    let status_token = permitted.status.map(|place| status_token(place, &claims, &token));
    let status_token = status_token.transpose()?;
    let recipient = resource.encryption.as_ref().and_then(Encryption::recipient);
    let token = encrypted(token, recipient)?;
    // The cap is enforced when a client or resource is configured; this catches what slipped through.
    if token.len() > resource.max_token_bytes as usize {
        return Err(OAuthError::server_error(format!(
            "the token of client {} for {} has {} bytes, over the resource's limit",
            claims.client_id,
            resource.identifier,
            token.len()
        )));
    }
    Ok(Signed { token, iat, status_token })
}

/// What is kept of a token that was signed: all that a revocation can match, or the token does not go out.
fn status_token(
    place: Place,
    claims: &AccessTokenClaims<'_>,
    signed: &str,
) -> Result<StatusToken, OAuthError> {
    let kid = UnverifiedJws::parse(signed).ok().and_then(|jws| jws.kid().copied());
    let kid = kid.ok_or_else(|| OAuthError::server_error("a signed token names no key"))?;
    status_list::token(place, &claims.kept_marks(kid.as_ref()), claims.exp)
        .map_err(|error| OAuthError::server_error(format!("a token cannot be kept: {error}")))
}

/// RFC 7519 §11.2: signed first, then encrypted, if the recipient has a key for that.
///
/// # Errors
///
/// `server_error` if that fails; the token does not go out in clear.
pub fn encrypted(signed: String, recipient: Option<Recipient<'_>>) -> Result<String, OAuthError> {
    let Some((key, enc)) = recipient else { return Ok(signed) };
    key.encrypt(&signed, enc)
        .map_err(|error| OAuthError::server_error(format!("encryption failed: {error}")))
}

/// OpenID Connect Core §3.1.3.3: an ID token for requests with the scope `openid`, and for no others.
fn id_token(
    app: &App,
    issued: &Issued,
    (user, signed_in): (&User, &SignedIn),
) -> Result<Option<String>, OAuthError> {
    let Some(sign_in) = &issued.client.sign_in else { return Ok(None) };
    if !signed_in.scopes.iter().any(|scope| scope == "openid") {
        return Ok(None);
    }
    let now = app.clock.now();
    let algorithm = sign_in.id_token_signed_response_alg;
    let wanted = &signed_in.claims.id_token;
    let mut more = user.claims();
    more.retain(|name, _| wanted.contains(name));
    let claims = IdTokenClaims {
        iss: app.config.issuer.as_str(),
        sub: &subject_identifier(&app.sealer, sign_in, user.id),
        aud: issued.client.id.as_str(),
        exp: now + ID_TOKEN_LIFETIME_SECONDS,
        // As the access token: a level is asked for ID tokens too.
        iat: issued.iat,
        auth_time: signed_in.auth_time,
        nonce: signed_in.nonce.as_deref(),
        acr: acr::of(&signed_in.amr),
        amr: &signed_in.amr,
        sid: signed_in.session_id.map(|id| id.to_string()),
        azp: issued.client.id.as_str(),
        at_hash: Some(at_hash(&issued.token, algorithm)),
        more,
    };
    let payload = access_token::to_json(&claims, 512);
    let signed = app.keychain.live().sign(TokenType::Jwt, algorithm, &payload)?;
    encrypted(signed, sign_in.id_token_recipient()).map(Some)
}

/// RFC 6749 §5.1, RFC 8693 §2.2.1, OpenID Connect Core §3.1.3.3.
#[derive(Serialize)]
struct TokenResponse<'a> {
    access_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
    token_type: &'static str,
    expires_in: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
}

impl Issued {
    /// The proof of possession that came with the request, if it is what the token is bound by.
    pub fn proof(&self) -> Option<&Proof> {
        self.binding.as_ref().and_then(Binding::proof)
    }

    /// What is to be written down before the token leaves, if it has a place in a status list.
    pub fn status_token(&self) -> Option<StatusToken> {
        self.status_token.clone()
    }

    /// The signed access token: never logged.
    pub fn access_token(&self) -> &str {
        &self.token
    }

    /// The body of the token response.
    pub fn to_json(&self) -> Vec<u8> {
        let response = TokenResponse {
            access_token: &self.token,
            issued_token_type: self.token_type_uri,
            // RFC 9449 §5; RFC 8705 §3 has no type of its own.
            token_type: if self.proof().is_some() { "DPoP" } else { "Bearer" },
            expires_in: self.lifetime,
            scope: &self.permitted.scope,
            id_token: self.id_token.as_deref(),
            refresh_token: self.refresh_token.as_deref(),
        };
        let more = self.id_token.as_deref().map_or(0, str::len);
        access_token::to_json(&response, self.token.len() + more + 256)
    }
}
