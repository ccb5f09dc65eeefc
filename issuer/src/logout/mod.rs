//! Signing out (OpenID Connect RP-Initiated Logout 1.0): of the session, and so of every client that took part. Whoever
//! shows an ID token of the session is believed; anybody else is asked first, so that no link signs people out. How the
//! clients hear of it is `back_channel` and, for those that chose it, `front_channel`.

mod back_channel;
mod front_channel;

pub use back_channel::{DeliveryOutcome, deliver_due, tell_clients};

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use countersign_verifier::claims::Claim;
use http::Method;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::app::App;
use crate::authorize::see_other;
use crate::error::OAuthError;
use crate::inbound;
use crate::interaction::{CurrentSession, Visit, client_name, forget};
use crate::page::{ErrorKind, LoggedOutPage, LogoutPage, LogoutTarget, PostForm, View as _};
use crate::protocol::Form;
use crate::registry::Client;
use crate::sealer::Purpose;
use crate::token::{read_form_body, refuse_form};

/// Where a person says that they want to sign out.
pub const CONFIRM: &str = "/logout/confirm";

/// Seconds for which the question may stay open.
const LIFETIME_SECONDS: i64 = 3600;

/// The pages of a sign-out.
pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/logout", get(endpoint).post(endpoint)).route(CONFIRM, post(confirm))
}

/// A request to sign out, as far as it could be believed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct LogoutRequest {
    client_id: Option<String>,
    /// Compared with the registered ones.
    post_logout_redirect_uri: Option<String>,
    state: Option<String>,
    /// The `sid` of the ID token that was shown.
    session_id: Option<String>,
    received_at: i64,
}

/// `GET` and `POST` of the `end_session_endpoint` (§2).
async fn endpoint(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = match read(&app, &parts, body).await {
        Ok(request) => decide(&visit, request).await,
        Err(error) => Err(error),
    };
    let response = outcome.unwrap_or_else(|error| visit.error(ErrorKind::InvalidRequest, &error));
    visit.finish(response)
}

async fn read(app: &App, parts: &Parts, body: Body) -> Result<LogoutRequest, OAuthError> {
    let parameters = if parts.method == Method::POST {
        read_form_body(parts, body).await?
    } else {
        Bytes::copy_from_slice(parts.uri.query().unwrap_or_default().as_bytes())
    };
    let form = Form::parse(&parameters).map_err(refuse_form)?;
    let hint = match form.value("id_token_hint") {
        // §2: only an ID token that was issued here; a foreign or altered one is an attack or a mistake.
        Some(hint) => Some(
            inbound::id_token(app, hint)
                .ok_or_else(|| OAuthError::invalid_request("id_token_hint was not issued here"))?,
        ),
        None => None,
    };
    let audience = hint.as_ref().and_then(|claims| claims.audiences().next().map(str::to_owned));
    let named = form.value("client_id").map(str::to_owned);
    // §2: when both are there they must agree.
    if let (Some(audience), Some(named)) = (&audience, &named)
        && audience != named
    {
        return Err(OAuthError::invalid_request("client_id is not that of id_token_hint"));
    }
    let client_id = audience.or(named);
    let registry = app.registry.load();
    let client = client_id.as_deref().and_then(|id| registry.client(id));
    let uri = form.value("post_logout_redirect_uri");
    if let Some(uri) = uri
        && !client.is_some_and(|client| may_return_to(client, uri))
    {
        let description = "post_logout_redirect_uri is not one that the client has registered";
        return Err(OAuthError::invalid_request(description));
    }
    Ok(LogoutRequest {
        client_id,
        post_logout_redirect_uri: uri.map(str::to_owned),
        state: form.value("state").map(str::to_owned),
        session_id: hint.and_then(|claims| claims.text(Claim::Sid).map(str::to_owned)),
        received_at: app.clock.now(),
    })
}

/// §3.1: byte for byte.
fn may_return_to(client: &Client, uri: &str) -> bool {
    let sign_in = client.sign_in.as_ref();
    sign_in.is_some_and(|s| s.post_logout_redirect_uris.iter().any(|known| known.as_str() == uri))
}

async fn decide(visit: &Visit<'_>, request: LogoutRequest) -> Result<Response, OAuthError> {
    let Some(current) = visit.session().await? else { return Ok(done(visit, &request)) };
    // §2: the ID token of this very session proves that the client speaks for the user.
    if request.session_id.as_deref() == Some(current.session.id.to_string().as_str()) {
        return sign_out(visit, &request, &current).await;
    }
    ask(visit, &request, &current)
}

fn ask(
    visit: &Visit<'_>,
    request: &LogoutRequest,
    current: &CurrentSession,
) -> Result<Response, OAuthError> {
    let sealed = visit.app.sealer.seal(Purpose::Logout, request);
    let sealed = sealed.map_err(|error| OAuthError::server_error(error.to_string()))?;
    let client = client_of(visit.app, request);
    let own = || visit.app.brand.clone();
    let brand = client.as_deref().map_or_else(own, |client| visit.brand_of(client));
    let (action, csrf) = (visit.path(CONFIRM), visit.csrf());
    let target = request.post_logout_redirect_uri.as_deref().and_then(|uri| Url::parse(uri).ok());
    let frame = visit.frame(&brand, visit.language(None));
    let page = LogoutPage {
        frame: crate::page::Frame { form_target: target.as_ref(), ..frame },
        form: PostForm { action: &action, csrf: &csrf, continuation: Some(&sealed) },
        client_name: client.as_deref().map(client_name),
        user_name: current.user.profile.name.as_deref().unwrap_or(&current.user.username),
    };
    Ok(page.page().into_response())
}

/// For a form of the issuer's own that is posted to [`CONFIRM`]: the user asks, and no client.
///
/// # Errors
///
/// If it cannot be sealed.
pub fn own_request(app: &App) -> Result<String, OAuthError> {
    let request = LogoutRequest { received_at: app.clock.now(), ..LogoutRequest::default() };
    let sealed = app.sealer.seal(Purpose::Logout, &request);
    sealed.map_err(|error| OAuthError::server_error(error.to_string()))
}

/// `POST /logout/confirm`: what the user said.
async fn confirm(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let body = read_form_body(&parts, body).await?;
        let form = Form::parse(&body).map_err(refuse_form)?;
        if !visit.is_own_form(form.value("csrf")) {
            return Err(OAuthError::invalid_request("the form was not made for this browser"));
        }
        let opened = form.value("continue").and_then(|text| app.sealer.open(Purpose::Logout, text));
        let opened: LogoutRequest = opened.unwrap_or_default();
        if app.clock.now() - opened.received_at > LIFETIME_SECONDS {
            return Err(OAuthError::invalid_request("the question was open for too long"));
        }
        match (visit.session().await?, form.value("answer")) {
            (Some(current), Some("sign_out")) => sign_out(&visit, &opened, &current).await,
            (Some(_), _) => Ok(see_other(&visit.path("/"))),
            (None, _) => Ok(done(&visit, &opened)),
        }
    };
    outcome.await.unwrap_or_else(|error| visit.error(ErrorKind::FormExpired, &error))
}

/// Ends the session, with everything that was given in it.
async fn sign_out(
    visit: &Visit<'_>,
    request: &LogoutRequest,
    current: &CurrentSession,
) -> Result<Response, OAuthError> {
    let app = visit.app;
    let ended = app.store.end_session(current.session.id, app.clock.now()).await?;
    let frames = ended.as_ref().map(|ended| front_channel::addresses(app, ended));
    tell_clients(app, ended).await;
    let mut response = match frames.as_deref() {
        None | Some([]) => done(visit, request),
        Some(frames) => signed_out(visit, request, frames),
    };
    forget(&mut response);
    Ok(response)
}

/// Back to the client if it may be, else a page.
fn done(visit: &Visit<'_>, request: &LogoutRequest) -> Response {
    match way_back(request) {
        Some(uri) => see_other(&uri),
        None => signed_out(visit, request, &[]),
    }
}

/// A page: with the frames that sign out of clients, and the way back.
fn signed_out(visit: &Visit<'_>, request: &LogoutRequest, frames: &[Url]) -> Response {
    let client = client_of(visit.app, request);
    let uri = way_back(request).and_then(|uri| Url::parse(&uri).ok());
    let continue_to = client.as_deref().zip(uri.as_ref());
    let page = LoggedOutPage {
        frame: visit.own_frame(),
        frontchannel_logout_uris: frames,
        continue_to: continue_to
            .map(|(client, uri)| LogoutTarget { client_name: client_name(client), uri }),
        sign_in: None,
    };
    page.page().into_response()
}

/// §3: the validated `post_logout_redirect_uri`, with `state`.
fn way_back(request: &LogoutRequest) -> Option<String> {
    let uri = request.post_logout_redirect_uri.as_deref()?;
    let Some(state) = request.state.as_deref() else { return Some(uri.to_owned()) };
    let separator = if uri.contains('?') { '&' } else { '?' };
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("state", state);
    Some(format!("{uri}{separator}{}", query.finish()))
}

fn client_of(app: &App, request: &LogoutRequest) -> Option<Arc<Client>> {
    app.registry.load().client(request.client_id.as_deref()?).cloned()
}
