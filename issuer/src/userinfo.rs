//! The UserInfo endpoint (OpenID Connect Core §5.3): what a client may know of a user, as the user is now. Takes access
//! tokens of signed-in users for the issuer itself, in the header or in a form; answers JSON, or a JWT if the client is
//! registered for one.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use countersign_verifier::claims::{Claim, StandardClaims};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::cors::AnyOrigin;
use crate::error::OAuthError;
use crate::inbound;
use crate::issue::subject_identifier;
use crate::protocol::{ErrorCode, Form};
use crate::registry::{Client, SCOPE_CLAIMS, SignIn, User};
use crate::signing::TokenType;
use crate::token::{read_form_body, refuse_form};

/// The handler.
pub async fn endpoint(State(app): State<Arc<App>>, request: Request) -> (AnyOrigin, Response) {
    let (parts, body) = request.into_parts();
    let outcome = async {
        let token = presented(&parts, body).await?;
        answer(&app, &token).await
    };
    (AnyOrigin, outcome.await.unwrap_or_else(refusal))
}

/// RFC 6750 §2.1, §2.2: in the header, or in the form of a POST; never both, never in the query.
async fn presented(parts: &Parts, body: axum::body::Body) -> Result<String, OAuthError> {
    let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let header = header.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim().to_owned())
    });
    let has_form = parts.method == Method::POST && parts.headers.contains_key(header::CONTENT_TYPE);
    let posted = if has_form {
        let body = read_form_body(parts, body).await?;
        let form = Form::parse(&body).map_err(refuse_form)?;
        form.value("access_token").map(str::to_owned)
    } else {
        None
    };
    match (header, posted) {
        (Some(token), None) | (None, Some(token)) => Ok(token),
        (None, None) => Err(OAuthError::new(ErrorCode::InvalidToken, "there is no access token")),
        (Some(_), Some(_)) => {
            Err(OAuthError::invalid_request("the access token is given in more than one way"))
        }
    }
}

/// What an access token says to this endpoint alone.
#[derive(Default, Deserialize)]
struct OwnClaims {
    /// Claims beyond those of the scopes.
    #[serde(default)]
    userinfo_claims: Vec<String>,
    grant_id: Option<Uuid>,
}

async fn answer(app: &App, token: &str) -> Result<Response, OAuthError> {
    app.freshness.require(app.clock.elapsed())?;
    let claims = inbound::access_token(app, token).ok_or_else(|| invalid("it does not verify"))?;
    if claims.text(Claim::Idtyp) != Some("user") {
        return Err(invalid("it is not of a user"));
    }
    if !claims.list(Claim::Scope).any(|scope| scope == "openid") {
        let description = "the access token has not the scope openid";
        return Err(OAuthError::new(ErrorCode::InsufficientScope, description));
    }
    let registry = app.registry.load();
    let client = claims.text(Claim::ClientId).and_then(|id| registry.client(id));
    let client =
        client.filter(|client| client.enabled).ok_or_else(|| invalid("the client is gone"))?;
    let sign_in = client.sign_in.as_ref().ok_or_else(|| invalid("the client has no users"))?;
    let user_id = claims.subject().and_then(|sub| Uuid::parse_str(sub).ok());
    let user_id = user_id.ok_or_else(|| invalid("its sub is not of a user"))?;
    let user = app.store.user_by_id(user_id).await?;
    let user = user.filter(|user| user.enabled).ok_or_else(|| invalid("the user is gone"))?;
    let own: OwnClaims = serde_json::from_str(claims.payload()).unwrap_or_default();
    // RFC 6749 §4.1.2: a code that was used twice takes back the access token too.
    if let Some(grant) = own.grant_id
        && app.store.is_grant_revoked(grant).await?
    {
        return Err(invalid("the grant was revoked"));
    }
    let mut told = told(&claims, &own, &user);
    told.insert("sub".to_owned(), json!(subject_identifier(&app.sealer, sign_in, user.id)));
    respond(app, client, sign_in, told)
}

/// The claims of the granted scopes (OpenID Connect Core §5.4), and those that were asked for by name.
fn told(claims: &StandardClaims, own: &OwnClaims, user: &User) -> Map<String, Value> {
    let scopes: Vec<&str> = claims.list(Claim::Scope).collect();
    let of_scopes = SCOPE_CLAIMS
        .iter()
        .filter(|(scope, _)| scopes.contains(scope))
        .flat_map(|(_, names)| names.iter().copied());
    let named = own.userinfo_claims.iter().map(String::as_str);
    let wanted: Vec<&str> = of_scopes.chain(named).collect();
    let mut told = user.claims();
    told.retain(|name, _| wanted.contains(&name.as_str()));
    told
}

fn respond(
    app: &App,
    client: &Client,
    sign_in: &SignIn,
    mut told: Map<String, Value>,
) -> Result<Response, OAuthError> {
    let no_store = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let Some(algorithm) = sign_in.userinfo_signed_response_alg else {
        return Ok(([no_store], axum::Json(told)).into_response());
    };
    // OpenID Connect Core §5.3.2: a signed answer says from whom and for whom it is.
    told.insert("iss".to_owned(), json!(app.config.issuer.as_str()));
    told.insert("aud".to_owned(), json!(client.id.as_str()));
    let payload = Value::Object(told).to_string();
    let jwt = app.keychain.live().sign(TokenType::Jwt, algorithm, payload.as_bytes())?;
    let media_type = (header::CONTENT_TYPE, HeaderValue::from_static("application/jwt"));
    Ok(([no_store, media_type], jwt).into_response())
}

fn invalid(cause: &'static str) -> OAuthError {
    OAuthError::because(ErrorCode::InvalidToken, "the access token is not good here", cause)
}

/// RFC 6750 §3: the challenge says what is wrong with the token, and nothing if there was none.
fn refusal(error: OAuthError) -> Response {
    let row = error.code.row();
    tracing::info!(code = row.wire, cause = error.cause.as_ref(), "a UserInfo request was refused");
    let is_about_the_token = matches!(row.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    let challenge = format!(
        "Bearer realm=\"countersign\", error=\"{}\", error_description=\"{}\"",
        row.wire, error.description
    );
    let mut response = error.into_response();
    if let (true, Ok(challenge)) = (is_about_the_token, HeaderValue::try_from(challenge)) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
