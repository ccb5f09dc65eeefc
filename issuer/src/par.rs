//! Pushed authorization requests (RFC 9126): a client sends its request where nobody reads along, and the browser carries
//! only a reference. The request is checked now, as it will be when it is used; the reference is good once, for a minute. A
//! request object (§3) is verified and used up here, and what is kept are its parameters.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use countersign_verifier::binding::Proof;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::app::App;
use crate::authorize::{
    AuthorizationRequest, Carried, Failure, PUSHED_PREFIX, Parameters, RequestObject,
    require_unsigned_allowed,
};
use crate::binding;
use crate::cors::AnyOrigin;
use crate::error::OAuthError;
use crate::protocol::{ErrorCode, Form};
use crate::random;
use crate::registry::{Client, SignIn};
use crate::sealer::Purpose;
use crate::token::client_auth;
use crate::token::{read_form_body, refuse_form};

/// RFC 9126 §2.2: short.
const LIFETIME_SECONDS: i64 = 60;

/// `POST /par`.
pub async fn endpoint(State(app): State<Arc<App>>, request: Request) -> (AnyOrigin, Response) {
    let (parts, body) = request.into_parts();
    let outcome = async {
        let body = read_form_body(&parts, body).await?;
        let form = Form::parse(&body).map_err(refuse_form)?;
        let client = client_auth::authenticate_request(&app, &parts, &form).await?;
        let client = client.shared();
        let proof = binding::proven(&app, &parts, ("/par", client))?;
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
        let Some(object) = form.value("request") else {
            require_unsigned_allowed(sign_in)?;
            let kept = without_credentials(&form);
            let kept = bound(&kept, proof.as_ref())?;
            check(&app, &kept, (client, sign_in))?;
            use_up(&app, proof.as_ref()).await?;
            return keep(&app, client.id.as_str(), &kept).await;
        };
        // RFC 9126 §3: all parameters stand in the object.
        let object = RequestObject::verify(&app, (client, sign_in), object, Carried::Pushed);
        let object = Box::pin(object).await?;
        let kept = bound(&object.parameters, proof.as_ref())?;
        check(&app, &kept, (client, sign_in))?;
        use_up(&app, proof.as_ref()).await?;
        object.used.redeem(&app, client).await?;
        keep(&app, client.id.as_str(), &kept).await
    };
    (AnyOrigin, outcome.await.unwrap_or_else(IntoResponse::into_response))
}

/// RFC 9126 §2.1: a request is refused now for whatever it would be refused for later.
fn check(app: &App, kept: &str, named: (&Arc<Client>, &SignIn)) -> Result<(), OAuthError> {
    let (form, repeats) = Form::read(kept.as_bytes()).map_err(refuse_form)?;
    let parameters = Parameters { form: &form, repeats, carried: Carried::Pushed };
    AuthorizationRequest::read_parameters(app, parameters, named).map(drop).map_err(told)
}

/// The request as it will be read again: no credential stays in the database.
fn without_credentials(form: &Form<'_>) -> String {
    let mut kept = form_urlencoded::Serializer::new(String::new());
    let secret = ["client_secret", "client_assertion", "client_assertion_type"];
    kept.extend_pairs(form.pairs().filter(|(name, _)| !secret.contains(name)));
    kept.finish()
}

/// RFC 9449 §10.1: a proof says the same as `dpop_jkt`, and shows it; both must agree.
fn bound<'k>(kept: &'k str, proof: Option<&Proof>) -> Result<Cow<'k, str>, OAuthError> {
    let Some(proof) = proof else { return Ok(Cow::Borrowed(kept)) };
    let (form, _) = Form::read(kept.as_bytes()).map_err(refuse_form)?;
    match form.value("dpop_jkt") {
        Some(jkt) if jkt == proof.jkt() => Ok(Cow::Borrowed(kept)),
        Some(_) => {
            let description = "dpop_jkt is not the key of the proof";
            Err(OAuthError::new(ErrorCode::InvalidDpopProof, description))
        }
        None => Ok(Cow::Owned(format!("{kept}&dpop_jkt={}", proof.jkt()))),
    }
}

async fn use_up(app: &App, proof: Option<&Proof>) -> Result<(), OAuthError> {
    match proof {
        Some(proof) => binding::use_up(app, proof, ErrorCode::InvalidDpopProof).await,
        None => Ok(()),
    }
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
