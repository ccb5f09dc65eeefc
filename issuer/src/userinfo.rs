//! The UserInfo endpoint (OpenID Connect Core §5.3): what a client may know of a user, as the user is now. Takes access
//! tokens of signed-in users for the issuer itself, in the header or in a form; answers JSON, or a JWT if the client is
//! registered for one. A token that is bound to a key comes with a proof (RFC 9449 §7.1), or is refused.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use countersign_verifier::binding::Proof;
use countersign_verifier::claims::{Claim, StandardClaims};
use countersign_verifier::credential::{Carriers, Credential};
use http::request::Parts;
use http::{HeaderValue, Method, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::binding;
use crate::cors::AnyOrigin;
use crate::error::{DPOP_NONCE, OAuthError};
use crate::issue::{encrypted, subject_identifier};
use crate::protected::{self, Presented, invalid, refusal, uncarried};
use crate::protocol::{ErrorCode, Form};
use crate::registry::{Client, SCOPE_CLAIMS, SignIn, User};
use crate::signing::TokenType;
use crate::token::{read_form_body, refuse_form};

/// The handler.
pub async fn endpoint(State(app): State<Arc<App>>, request: Request) -> (AnyOrigin, Response) {
    let (parts, body) = request.into_parts();
    let outcome = async {
        let credential = presented(&parts, body).await?;
        answer(&app, &parts, &credential).await
    };
    (AnyOrigin, outcome.await.unwrap_or_else(|error| refusal(&app, "/userinfo", error)))
}

/// RFC 6750 §2.1, §2.2: in the header, or in the form of a POST; never both, never in the query.
async fn presented(parts: &Parts, body: axum::body::Body) -> Result<Credential, OAuthError> {
    let has_form = parts.method == Method::POST && parts.headers.contains_key(header::CONTENT_TYPE);
    let form = if has_form { read_form_body(parts, body).await? } else { Bytes::new() };
    Form::parse(&form).map_err(refuse_form)?;
    Carriers::bearer().find(parts, Some(&form)).map_err(uncarried)
}

/// What an access token says to this endpoint alone.
#[derive(Default, Deserialize)]
struct OwnClaims {
    /// Claims beyond those of the scopes.
    #[serde(default)]
    userinfo_claims: Vec<String>,
}

async fn answer(app: &App, parts: &Parts, credential: &Credential) -> Result<Response, OAuthError> {
    app.freshness.require(app.clock.elapsed())?;
    let door = ("/userinfo", app.config.issuer.as_str());
    let Presented { token, proof } = protected::presented(app, parts, door, credential)?;
    let claims = token.claims;
    if claims.text(Claim::Idtyp) != Some("user") {
        return Err(invalid("it is not of a user"));
    }
    if !claims.list(Claim::Scope).any(|scope| scope == "openid") {
        let description = "the access token has not the scope openid";
        return Err(OAuthError::new(ErrorCode::InsufficientScope, description));
    }
    let registry = app.registry.load();
    let client = claims.text(Claim::ClientId).and_then(|id| registry.client(id));
    let client = client
        .filter(|client| client.refused().is_none())
        .ok_or_else(|| invalid("the client is gone"))?;
    let sign_in = client.sign_in.as_ref().ok_or_else(|| invalid("the client has no users"))?;
    let user_id = claims.subject().and_then(|sub| Uuid::parse_str(sub).ok());
    let user_id = user_id.ok_or_else(|| invalid("its sub is not of a user"))?;
    let user = app.store.user_by_id(user_id).await?;
    let user = user.filter(|user| user.enabled).ok_or_else(|| invalid("the user is gone"))?;
    let own: OwnClaims = serde_json::from_str(claims.payload()).unwrap_or_default();
    if let Some(proof) = &proof {
        binding::require_algorithm(client, proof, ErrorCode::ProofRefused)?;
        binding::use_up(app, proof, ErrorCode::ProofRefused).await?;
    }
    let mut told = told(&claims, &own, &user);
    told.insert("sub".to_owned(), json!(subject_identifier(&app.sealer, sign_in, user.id)));
    let mut response = respond(app, client, sign_in, told)?;
    let nonce = proof.as_ref().and_then(Proof::next_nonce).map(HeaderValue::try_from);
    if let Some(Ok(nonce)) = nonce {
        response.headers_mut().insert(DPOP_NONCE, nonce);
    }
    Ok(response)
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
    // §5.3.2: signed, then encrypted.
    let jwt = encrypted(jwt, sign_in.userinfo_recipient())?;
    let media_type = (header::CONTENT_TYPE, HeaderValue::from_static("application/jwt"));
    Ok(([no_store, media_type], jwt).into_response())
}
