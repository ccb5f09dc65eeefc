//! `POST /token` (RFC 6749 §3.2) as a pipeline, in order: form, client authentication, the proof of possession, the grant,
//! the user's standing, policy, minting, commit, audit, answer. A grant never authenticates, never mints and
//! never writes a response; what is common to all grants stands here once.

pub mod client_auth;
pub mod grants;
mod standing;
pub mod subject_token;

pub(crate) use standing::user_of as user_of_token;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use countersign_verifier::binding::Proof;
use http::request::Parts;
use http::{HeaderValue, header};
use http_body_util::{BodyExt, Limited};

use crate::app::App;
use crate::audit::AuditEvent;
use crate::binding;
use crate::cors::AnyOrigin;
use crate::error::{DPOP_NONCE, OAuthError};
use crate::issue::{self, Issued};
use crate::origin::Origin;
use crate::policy::{self, AccessRequest};
use crate::protocol::form::{FormError, MAX_FORM_BYTES};
use crate::protocol::{ErrorCode, Form};
use crate::registry::{Client, ClientId};
use crate::status_list;
use client_auth::{PresentedCredential, Workload};
use grants::{Grant, GrantRefusal, SignedIn, Subject, TokenRequest};

/// A body that takes longer holds a connection for nothing.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What is known of a request so far; a refusal is audited with as much as this.
#[derive(Default)]
struct Trail {
    grant: Option<&'static Grant>,
    client_id: Option<ClientId>,
    client_key: u64,
    is_authenticated: bool,
    workload: Option<Workload>,
}

/// The handler of the token endpoint.
pub async fn endpoint(State(app): State<Arc<App>>, request: Request) -> (AnyOrigin, Response) {
    let started = app.clock.elapsed();
    let (parts, body) = request.into_parts();
    let origin = Origin::of(&parts);
    let mut trail = Trail::default();
    let mut outcome = answer(&app, &parts, body, &mut trail).await;
    let is_waiting = outcome.as_ref().is_err_and(|error| error.code.is_waiting());
    let is_recorded = !is_waiting && count_failure(&app, origin, &trail, &mut outcome);
    if is_recorded {
        let recorded = app.audit.record(&event(&app, origin, &trail, &outcome)).await;
        if let Err(unwritten) = recorded {
            // What cannot be audited is not issued.
            outcome = Err(unwritten.into());
        }
    }
    let code = outcome.as_ref().err().map(|error| error.code);
    app.metrics.token_request(trail.grant, code, app.clock.elapsed().saturating_sub(started));
    let response = match outcome {
        Ok(issued) => response(&issued),
        Err(error) => {
            if is_recorded {
                log_refusal(origin, &trail, &error);
            }
            error.into_response()
        }
    };
    (AnyOrigin, response)
}

async fn answer(
    app: &App,
    parts: &Parts,
    body: Body,
    trail: &mut Trail,
) -> Result<Issued, OAuthError> {
    let body = read_form_body(parts, body).await?;
    let form = Form::parse(&body).map_err(refuse_form)?;
    let grant = grants::find(form.value("grant_type"))?;
    trail.grant = Some(grant);
    app.freshness.require(app.clock.elapsed())?;
    let presented = PresentedCredential::of(parts, &form)?;
    // What names no client may be anything, even a secret in the wrong place: it is not kept.
    let named = presented.client_id().unwrap_or_default();
    trail.client_key = app.limiter.client_key(named);
    trail.client_id = app.registry.load().client(named).map(|client| client.id.clone());
    let client = client_auth::authenticate(app, &presented).await?;
    trail.is_authenticated = true;
    trail.workload = client.workload().cloned();
    let binding = binding::of_token_request(app, parts, client.client())?;
    let binding = binding.as_ref();
    let request = TokenRequest { app, form: &form, client: client.client(), binding };
    let authorization = settle(app, (grant.authorize)(request).await).await?;
    binding::compare(authorization.subject.bound_to(), binding)?;
    let standing = standing::of(app, client.client(), &authorization.subject).await?;
    let access = AccessRequest {
        grant: grant.name,
        resources: &authorization.resources,
        scope: authorization.scope,
        subject: standing.access_subject(app),
    };
    let permitted = policy::decide(&app.registry.load(), client.client(), &access)?;
    binding::require(client.client(), &permitted.resource, binding)?;
    let permitted = status_list::placed(app, permitted).await?;
    let issued = issue::mint(app, &client, standing.bearer(), permitted, binding)?;
    status_list::record(app, &issued).await?;
    if let Some(proof) = issued.proof() {
        binding::use_up(app, proof, ErrorCode::InvalidDpopProof).await?;
    }
    settle(app, grants::commit(app, authorization.commit).await).await?;
    Ok(issued)
}

/// Redeems the code of a client whose part the issuer itself plays, at a host behind a gateway: as the pipeline would, up to
/// where tokens are made.
///
/// # Errors
///
/// As the token endpoint.
pub(crate) async fn redeem(
    app: &App,
    client: &Client,
    form: &Form<'_>,
) -> Result<SignedIn, OAuthError> {
    let grant = grants::find(form.value("grant_type"))?;
    let request = TokenRequest { app, form, client, binding: None };
    let authorization = settle(app, (grant.authorize)(request).await).await?;
    binding::compare(authorization.subject.bound_to(), None)?;
    standing::of(app, client, &authorization.subject).await?;
    settle(app, grants::commit(app, authorization.commit).await).await?;
    match authorization.subject {
        Subject::User(signed_in) => Ok(*signed_in),
        _ => Err(OAuthError::server_error("a code is of no user")),
    }
}

/// A refusal that must write something writes it here.
async fn settle<T>(app: &App, outcome: Result<T, GrantRefusal>) -> Result<T, OAuthError> {
    let Err(refusal) = outcome else { return outcome.map_err(|refusal| refusal.error) };
    if let Some(grant) = refusal.revoke {
        app.store.revoke_grant(grant, app.clock.now()).await?;
    }
    Err(refusal.error)
}

/// Counts a refusal of somebody who did not authenticate; `false` if it is one of too many to be
/// recorded each.
fn count_failure(
    app: &App,
    origin: Origin,
    trail: &Trail,
    outcome: &mut Result<Issued, OAuthError>,
) -> bool {
    let Err(error) = outcome else { return true };
    if trail.is_authenticated || error.code.row().status.is_server_error() {
        return true;
    }
    client_auth::count_failure(app, (trail.client_key, origin.address), error)
}

/// Reads the body, after what the head of the request already rules out.
pub(crate) async fn read_form_body(parts: &Parts, body: Body) -> Result<Bytes, OAuthError> {
    // RFC 6749 §2.3.1, RFC 9700 §4.3: credentials in a URL end up in logs and histories.
    if parts.uri.query().is_some_and(|query| !query.is_empty()) {
        return Err(OAuthError::invalid_request(
            "parameters belong in the request body, never in the URL",
        ));
    }
    let media_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(OAuthError::new(
            ErrorCode::UnsupportedMediaType,
            "the request body must be application/x-www-form-urlencoded",
        ));
    }
    read_body(body).await
}

/// Reads a body of a bounded size within a bounded time.
pub(crate) async fn read_body(body: Body) -> Result<Bytes, OAuthError> {
    let reading = Limited::new(body, MAX_FORM_BYTES).collect();
    let Ok(read) = tokio::time::timeout(BODY_TIMEOUT, reading).await else {
        return Err(OAuthError::new(
            ErrorCode::RequestTimeout,
            "the request body did not arrive within 10 seconds",
        ));
    };
    match read {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(OAuthError::new(
            ErrorCode::ContentTooLarge,
            "the request body is larger than 64 KiB",
        )),
        Err(error) => Err(OAuthError::because(
            ErrorCode::InvalidRequest,
            "the request body could not be read",
            error.to_string(),
        )),
    }
}

pub(crate) fn refuse_form(error: FormError) -> OAuthError {
    OAuthError::invalid_request(match error {
        FormError::Repeated => "a parameter is repeated",
        FormError::TooMany => "there are too many parameters",
        FormError::NotText => "a parameter is not valid UTF-8 text",
    })
}

fn event<'e>(
    app: &App,
    origin: Origin,
    trail: &'e Trail,
    outcome: &'e Result<Issued, OAuthError>,
) -> AuditEvent<'e> {
    let grant = trail.grant.map(|grant| grant.name);
    let client_id = trail.client_id.as_ref().map(ClientId::as_str);
    let event = match outcome {
        Ok(issued) => AuditEvent::issued(app.clock.now(), origin, grant, issued),
        Err(error) => AuditEvent::refused(app.clock.now(), origin, grant, client_id, error),
    };
    event.by(trail.workload.as_ref())
}

fn log_refusal(origin: Origin, trail: &Trail, error: &OAuthError) {
    let (code, cause) = (error.code.row().wire, error.cause.as_ref());
    let client_id = trail.client_id.as_ref().map(ClientId::as_str).unwrap_or_default();
    if error.code.row().status.is_server_error() {
        tracing::error!(request_id = %origin.request_id, client_id, code, cause, "token request failed");
    } else {
        tracing::info!(request_id = %origin.request_id, client_id, code, cause, "token request refused");
    }
}

/// RFC 6749 §5.1.
fn response(issued: &Issued) -> Response {
    let mut response = Response::new(Body::from(issued.to_json()));
    let headers = response.headers_mut();
    // With room for those that every answer gets, so that the map does not grow twice.
    headers.reserve(8);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    // RFC 9449 §8.2: the next nonce comes before the last one ends.
    let nonce = issued.proof().and_then(Proof::next_nonce).map(HeaderValue::try_from);
    if let Some(Ok(nonce)) = nonce {
        headers.insert(DPOP_NONCE, nonce);
    }
    response
}
