//! `POST /revoke` (RFC 7009): a client says that a token of its own is no longer good. Revoking a refresh token ends its
//! family and every access token that came from it; revoking an access token ends that one, and what was exchanged for it.
//! Nobody learns from the answer what became of somebody else's token.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use countersign_keys::jwe::EncryptedToken;
use countersign_keys::jws::MAX_TOKEN_BYTES;
use countersign_verifier::claims::Claim;
use http::{HeaderValue, StatusCode, header};
use uuid::Uuid;

use crate::app::App;
use crate::audit::AuditEvent;
use crate::cors::AnyOrigin;
use crate::error::OAuthError;
use crate::inbound;
use crate::origin::Origin;
use crate::protocol::{ErrorCode, Form};
use crate::registry::Client;
use crate::token::client_auth;
use crate::token::grants::RefreshToken;
use crate::token::{read_form_body, refuse_form};

/// What is no longer good by the word of its client.
enum Ended {
    /// A family of refresh tokens, and what came from it.
    Family(Uuid),
    /// An access token.
    Token(String),
}

/// The handler.
pub async fn endpoint(State(app): State<Arc<App>>, request: Request) -> (AnyOrigin, Response) {
    let (parts, body) = request.into_parts();
    let outcome = async {
        let body = read_form_body(&parts, body).await?;
        let form = Form::parse(&body).map_err(refuse_form)?;
        // RFC 7009 §2.1: the client authenticates, or says which public one it is.
        let client = client_auth::authenticate_request(&app, &parts, &form).await?;
        let token = form.value("token").filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| OAuthError::invalid_request("token is missing"))?;
        let Some(ended) = revoke(&app, client.client(), token).await? else { return Ok(()) };
        let origin = Origin::of(&parts);
        let what = ended.named();
        let event =
            AuditEvent::revoked(app.clock.now(), origin, client.client().id.as_str(), &what);
        Ok::<_, OAuthError>(app.audit.record(&event).await?)
    };
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    // RFC 7009 §2.2: the same answer for a token that was revoked, and for one that nobody knows.
    let response = match outcome.await {
        Ok(()) => (StatusCode::OK, no_store).into_response(),
        Err(error) => {
            tracing::info!(
                code = error.code.row().wire,
                cause = error.cause.as_ref(),
                "a token was not revoked"
            );
            error.into_response()
        }
    };
    (AnyOrigin, response)
}

impl Ended {
    /// For the record.
    fn named(&self) -> (Option<&str>, Option<String>) {
        match self {
            Self::Family(id) => (None, Some(id.to_string())),
            Self::Token(jti) => (Some(jti), None),
        }
    }
}

/// What the token is, it says itself: `token_type_hint` is not needed (RFC 7009 §2.1).
async fn revoke(app: &App, client: &Client, token: &str) -> Result<Option<Ended>, OAuthError> {
    if let Some(token) = RefreshToken::open(&app.sealer, token) {
        return revoke_family(app, client, token.family).await;
    }
    // RFC 7009 §2.2.1: rather than a word that nothing follows from. Nobody but its resource can read an encrypted token.
    let is_encrypted = EncryptedToken::parse_within(token, MAX_TOKEN_BYTES).is_ok();
    if is_encrypted || inbound::id_token(app, token).is_some() {
        let description = "only access and refresh tokens can be revoked, and no encrypted ones";
        return Err(OAuthError::new(ErrorCode::UnsupportedTokenType, description));
    }
    let Some(token) = inbound::issued_token(app, token) else { return Ok(None) };
    // RFC 7009 §2.1: it was issued to the client that asks.
    if token.claims.text(Claim::ClientId) != Some(client.id.as_str()) {
        return Ok(None);
    }
    let may_be_taken = token.may_be_taken(app);
    let Some(jti) = token.claims.token_id().filter(|_| may_be_taken) else { return Ok(None) };
    let expires_at = token.claims.expires_at().unwrap_or_default();
    app.store.revoke_token(jti, expires_at, app.clock.now()).await?;
    Ok(Some(Ended::Token(jti.to_owned())))
}

async fn revoke_family(
    app: &App,
    client: &Client,
    family: Uuid,
) -> Result<Option<Ended>, OAuthError> {
    let found = app.store.refresh_family(family).await?;
    let is_own = |client_id: &str| client_id == client.id.as_str();
    let Some(family) = found.filter(|family| is_own(&family.client_id)) else { return Ok(None) };
    app.store.revoke_family(family.id, app.clock.now()).await?;
    Ok(Some(Ended::Family(family.id)))
}
