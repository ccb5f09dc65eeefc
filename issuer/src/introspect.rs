//! `POST /introspect` (RFC 7662): a resource server asks whether a token is good, and what it says. Access tokens are
//! judged from memory: by signature, time and what was revoked. Who may know of a token is told what it may know; everybody
//! else, and of everything that is not good, `{"active": false}` and nothing else. On request the answer is signed (RFC 9701).

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use countersign_verifier::binding::{Confirmation, confirmation};
use countersign_verifier::claims::{Claim, StandardClaims};
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::conditional::accepts;
use crate::error::OAuthError;
use crate::inbound;
use crate::protocol::{ErrorCode, Form};
use crate::registry::Client;
use crate::signing::TokenType;
use crate::store::RefreshFamily;
use crate::token::client_auth;
use crate::token::grants::RefreshToken;
use crate::token::{read_form_body, refuse_form};

/// RFC 9701 §4: what is asked for, and answered with.
const SIGNED: &str = "application/token-introspection+jwt";

/// What the client of a token may know of it. Whom it is about is not among it: the client knows its users by names of its
/// own (OpenID Connect Core §8.1).
const OF_THE_CLIENT: [Claim; 7] =
    [Claim::Iss, Claim::Aud, Claim::Exp, Claim::Iat, Claim::Jti, Claim::ClientId, Claim::Scope];

/// Members of a token that are for the issuer alone.
const OF_THE_ISSUER: [&str; 3] = ["ancestor_jti", "grant_id", "userinfo_claims"];

/// What is told of a token; without it, that it is not active.
type Told = Result<Map<String, Value>, Cow<'static, str>>;

/// The handler.
pub async fn endpoint(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let outcome = async {
        let body = read_form_body(&parts, body).await?;
        let form = Form::parse(&body).map_err(refuse_form)?;
        let client = client_auth::authenticate_request(&app, &parts, &form).await?;
        require_confidential(client.client())?;
        let token = form.value("token").filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| OAuthError::invalid_request("token is missing"))?;
        let told = introspect(&app, client.client(), token).await?;
        app.metrics.feed.introspected(Some(told.is_ok()));
        respond(&app, client.client(), &parts.headers, &answer(told))
    };
    outcome.await.unwrap_or_else(|error: OAuthError| {
        app.metrics.feed.introspected(None);
        error.into_response()
    })
}

/// RFC 7662 §2.1: whoever could ask without a proof of who it is could try tokens.
fn require_confidential(client: &Client) -> Result<(), OAuthError> {
    if !client.is_public() {
        return Ok(());
    }
    let description = "client authentication failed";
    Err(OAuthError::because(ErrorCode::InvalidClient, description, "a public client asks"))
}

/// The body of the answer.
fn answer(told: Told) -> Value {
    match told {
        Ok(mut members) => {
            members.insert("active".to_owned(), json!(true));
            Value::Object(members)
        }
        Err(cause) => {
            // RFC 7662 §2.2: nothing more, also not why.
            tracing::info!(cause = cause.as_ref(), "a token is not active");
            json!({ "active": false })
        }
    }
}

async fn introspect(app: &App, client: &Client, token: &str) -> Result<Told, OAuthError> {
    if let Some(token) = RefreshToken::open(&app.sealer, token) {
        let family = app.store.refresh_family(token.family).await?;
        return Ok(refresh_token(app, client, (token, family)));
    }
    Ok(access_token(app, client, token))
}

fn access_token(app: &App, client: &Client, token: &str) -> Told {
    let claims = inbound::any_access_token(app, token)?.claims;
    let registry = app.registry.load();
    let (owner, audience) = (claims.text(Claim::ClientId), claims.text(Claim::Aud));
    let (owner, audience) = (owner.unwrap_or_default(), audience.unwrap_or_default());
    // Also of a client that was disabled by a release that revoked nothing then.
    if registry.client(owner).is_none_or(|owner| !owner.enabled) {
        return Err("its client is gone".into());
    }
    let mut told = if client.introspects.iter().any(|resource| resource == audience) {
        of_the_resource(&claims)?
    } else if owner == client.id.as_str() {
        of_the_client(&claims)
    } else {
        return Err("it is neither of the client that asks nor for a resource of its".into());
    };
    let bound_to = confirmation(&claims).map_err(|_| "it is bound in a way that is not known")?;
    let is_bound_to_key = bound_to.as_ref().and_then(Confirmation::jkt).is_some();
    // RFC 9449 §6.2, RFC 8705 §3.2: `cnf` is in the answer.
    told.insert("token_type".to_owned(), json!(if is_bound_to_key { "DPoP" } else { "Bearer" }));
    Ok(told)
}

/// All that the token says to its resource.
fn of_the_resource(claims: &StandardClaims) -> Told {
    let mut members: Map<String, Value> =
        serde_json::from_str(claims.payload()).map_err(|error| error.to_string())?;
    members.retain(|name, _| !OF_THE_ISSUER.contains(&name.as_str()));
    Ok(members)
}

fn of_the_client(claims: &StandardClaims) -> Map<String, Value> {
    let mut members: Map<String, Value> =
        serde_json::from_str(claims.payload()).unwrap_or_default();
    let is_told = |name: &String| {
        name == Claim::Cnf.name() || OF_THE_CLIENT.iter().any(|claim| claim.name() == name)
    };
    members.retain(|name, _| is_told(name));
    members
}

/// A refresh token is nobody's business but its client's.
fn refresh_token(
    app: &App,
    client: &Client,
    (token, family): (RefreshToken, Option<RefreshFamily>),
) -> Told {
    let family = family.ok_or("the refresh token's family is gone")?;
    let now = app.clock.now();
    let idle_until = family.rotated_at + i64::from(app.config.refresh_tokens.idle_seconds);
    let expires_at = family.expires_at.min(idle_until.saturating_add(1));
    if family.client_id != client.id.as_str() {
        return Err("the refresh token was issued to another client".into());
    }
    if family.revoked_at.is_some() || token.counter != family.counter {
        return Err("the refresh token was revoked or used".into());
    }
    if now >= expires_at {
        return Err("the refresh token has expired".into());
    }
    let told = json!({
        "iss": app.config.issuer.as_str(), "client_id": family.client_id,
        "scope": family.scopes.join(" "), "iat": family.rotated_at, "exp": expires_at,
    });
    match told {
        Value::Object(members) => Ok(members),
        _ => Err("there is nothing to tell".into()),
    }
}

fn respond(
    app: &App,
    client: &Client,
    headers: &HeaderMap,
    answer: &Value,
) -> Result<Response, OAuthError> {
    let no_store = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !accepts(headers, SIGNED) {
        return Ok(([no_store], axum::Json(answer)).into_response());
    }
    // RFC 9701 §5: from whom, for whom, when; what is told is nested, so that it cannot pass for claims of a token.
    let payload = json!({
        "iss": app.config.issuer.as_str(), "aud": client.id.as_str(), "iat": app.clock.now(),
        "token_introspection": answer,
    });
    let algorithm = app.registry.load().own_resource().algorithm;
    let payload = payload.to_string();
    let jwt = app.keychain.live().sign(TokenType::Introspection, algorithm, payload.as_bytes())?;
    let media_type = (header::CONTENT_TYPE, HeaderValue::from_static(SIGNED));
    Ok(([no_store, media_type], jwt).into_response())
}
