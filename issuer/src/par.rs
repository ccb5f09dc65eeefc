//! Pushed authorization requests (RFC 9126): a client sends its request where nobody reads along, and the browser carries
//! only a reference. The request is checked now, as it will be when it is used; the reference is good once, for a minute.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::app::App;
use crate::authorize::{AuthorizationRequest, Carried, Failure, PUSHED_PREFIX, Parameters};
use crate::cors::AnyOrigin;
use crate::error::OAuthError;
use crate::origin::Origin;
use crate::protocol::form::Repeats;
use crate::protocol::{ErrorCode, Form};
use crate::random;
use crate::sealer::Purpose;
use crate::token::client_auth::{self, AuthenticatedClient, PresentedCredential};
use crate::token::{read_form_body, refuse_form};

/// RFC 9126 §2.2: short.
const LIFETIME_SECONDS: i64 = 60;

/// `POST /par`.
pub async fn endpoint(State(app): State<Arc<App>>, request: Request) -> (AnyOrigin, Response) {
    let (parts, body) = request.into_parts();
    let outcome = async {
        let body = read_form_body(&parts, body).await?;
        let form = Form::parse(&body).map_err(refuse_form)?;
        app.freshness.require(app.clock.elapsed())?;
        let client = authenticate(&app, &parts, &form).await?;
        let client = client.shared();
        // RFC 9126 §2: the parameters are those of the client that authenticated.
        if form.value("client_id").is_some_and(|named| named != client.id.as_str()) {
            return Err(OAuthError::invalid_request("client_id is not that of the credential"));
        }
        // RFC 9126 §2.1: a reference must not be pushed.
        if form.value("request_uri").is_some() {
            return Err(OAuthError::invalid_request("request_uri must not be pushed"));
        }
        let sign_in = client
            .sign_in
            .as_ref()
            .filter(|_| client.grants.iter().any(|grant| grant == "authorization_code"));
        let sign_in = sign_in.ok_or_else(|| {
            OAuthError::new(
                ErrorCode::UnauthorizedClient,
                "no users may sign in through the client",
            )
        })?;
        let parameters =
            Parameters { form: &form, repeats: Repeats::None, carried: Carried::Pushed };
        AuthorizationRequest::read_parameters(&app, parameters, (client, sign_in)).map_err(told)?;
        keep(&app, client.id.as_str(), &without_credentials(&form)).await
    };
    (AnyOrigin, outcome.await.unwrap_or_else(IntoResponse::into_response))
}

/// The same as at the token endpoint, failures counted.
async fn authenticate(
    app: &App,
    parts: &Parts,
    form: &Form<'_>,
) -> Result<AuthenticatedClient, OAuthError> {
    let presented = PresentedCredential::of(&parts.headers, form)?;
    let outcome = client_auth::authenticate(app, &presented).await;
    outcome.map_err(|mut error| {
        let client_key = app.limiter.client_key(presented.client_id().unwrap_or_default());
        let address = Origin::of(parts).address;
        if client_auth::count_failure(app, (client_key, address), &mut error) {
            let (code, cause) = (error.code.row().wire, error.cause.as_ref());
            tracing::info!(request_id = %Origin::of(parts).request_id, code, cause, "a request was not taken");
        }
        error
    })
}

/// The request as it will be read again: no credential stays in the database.
fn without_credentials(form: &Form<'_>) -> String {
    let mut kept = form_urlencoded::Serializer::new(String::new());
    let secret = ["client_secret", "client_assertion", "client_assertion_type"];
    kept.extend_pairs(form.pairs().filter(|(name, _)| !secret.contains(name)));
    kept.finish()
}

async fn keep(app: &App, client_id: &str, parameters: &str) -> Result<Response, OAuthError> {
    let id = random::client_secret();
    let hash = app.sealer.mac_text(Purpose::PushedRequest, &[id.as_bytes()]);
    let expires_at = app.clock.now() + LIFETIME_SECONDS;
    app.store.push_request(&hash, client_id, parameters, expires_at).await?;
    let document = json!({
        "request_uri": format!("{PUSHED_PREFIX}{}", id.as_str()),
        "expires_in": LIFETIME_SECONDS,
    });
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::CREATED, no_store, axum::Json(document)).into_response())
}

/// RFC 9126 §2.3: what would be a page or a redirect is told to the client at once.
fn told(failure: Failure) -> OAuthError {
    match failure {
        Failure::Page(_, error) => *error,
        Failure::Redirect(refused) => refused.error,
    }
}
