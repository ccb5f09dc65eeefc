//! What a person does for a device (RFC 8628 §3.3): enters the code, signs in, and says yes or no. What the device asks for
//! becomes an interaction like that of an authorization request, so that sessions, factors and consent are the same; only
//! its answer goes to the device. Nothing is approved without the press of a button, however the code came here (§5.4):
//! the code of an address is shown for comparison, and the question is asked even if it was answered before.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};

use super::Interaction;
use super::dispatcher::{permitted, resume};
use super::form::{Posted, either, parameter, unavailable};
use super::login::status_of;
use super::session::CurrentSession;
use super::visit::{Ended, Visit};
use crate::app::App;
use crate::authorize::{AuthorizationRequest, DeviceTarget};
use crate::device::{UserCode, VERIFICATION_PATH};
use crate::error::OAuthError;
use crate::page::{
    DeviceCodePage, DeviceDonePage, DeviceOutcome, ErrorKind, Field, PostForm, Problem, View as _,
};
use crate::protocol::ErrorCode;
use crate::registry::Client;
use crate::store::{DeviceApproval, DeviceAuthorization, DeviceState};
use crate::token::grants::DEVICE_CODE;

/// `GET /device`: asks for the code. That of `verification_uri_complete` stands in the field already, and no more.
pub(super) async fn page(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let typed = parameter(&parts, "user_code");
    let code = typed.as_deref().and_then(UserCode::parse).map(|code| code.to_string());
    visit.finish(show_code(&visit, code.as_deref().unwrap_or_default(), &[]))
}

fn show_code(visit: &Visit<'_>, user_code: &str, problems: &[Problem]) -> Response {
    let (action, csrf) = (visit.path(VERIFICATION_PATH), visit.csrf());
    let page = DeviceCodePage {
        frame: visit.own_frame(),
        form: PostForm { action: &action, csrf: &csrf, continuation: None },
        user_code,
        problems,
    };
    page.page().with_status(status_of(problems)).into_response()
}

/// `POST /device`: the code was entered.
pub(super) async fn enter(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let posted = Posted::read(&visit, &parts, body).await?;
        let form = posted.fields(&visit)?;
        find(&visit, form.value("user_code").unwrap_or_default()).await
    };
    visit.finish(either(outcome.await))
}

/// Looks for the device that shows a code; each look counts until the code proves to be right.
async fn find(visit: &Visit<'_>, typed: &str) -> Result<Response, Ended> {
    let app = visit.app;
    let again = |problem| Ok(show_code(visit, typed, &[problem]));
    if typed.is_empty() {
        return again(Problem::Missing(Field::UserCode));
    }
    let current = visit.session().await.map_err(|error| unavailable(visit, error))?;
    let user_id = current.map(|current| current.user.id);
    let elapsed = app.clock.elapsed().as_secs().cast_signed();
    let guess = match app.device_limits.guess(visit.origin.address, user_id, elapsed) {
        Ok(guess) => guess,
        Err(slowed) => return again(Problem::TooManyAttempts { seconds: slowed.retry_after }),
    };
    let Some(user_code) = UserCode::parse(typed) else { return again(Problem::WrongUserCode) };
    let found = app.store.waiting_device(&user_code.hash(&app.sealer), app.clock.now()).await;
    let Some(device) = found.map_err(|error| unavailable(visit, error))? else {
        return again(Problem::WrongUserCode);
    };
    app.device_limits.right(&guess);
    resume(visit, &Interaction::begin(asked(app, &device, user_code), visit))
}

/// What a device asks for, as an authorization request; the user is always asked.
fn asked(app: &App, device: &DeviceAuthorization, user_code: UserCode) -> AuthorizationRequest {
    let target = DeviceTarget { id: device.id, user_code: user_code.to_string() };
    AuthorizationRequest {
        scopes: device.scopes.clone(),
        resources: device.resources.clone(),
        ..AuthorizationRequest::of_device(&device.client_id, target, app.clock.now())
    }
}

/// The user said yes: the device gets its tokens when it asks the next time.
pub(super) async fn approve(
    visit: &Visit<'_>,
    (interaction, device): (&Interaction, &DeviceTarget),
    client: &Client,
    current: &CurrentSession,
) -> Result<Response, Ended> {
    let app = visit.app;
    if let Err(error) = permitted(app, client, (interaction, DEVICE_CODE), current) {
        return deny(visit, device, client, &error).await;
    }
    let session = &current.session;
    let approval = DeviceApproval {
        user_id: current.user.id,
        session_id: session.id,
        auth_time: session.auth_time,
        amr: session.amr.clone(),
    };
    let approved = app.store.approve_device(device.id, &approval, app.clock.now()).await;
    if !approved.map_err(|error| unavailable(visit, error))? {
        let now = app.store.device_authorization(device.id).await;
        let now = now.map_err(|error| unavailable(visit, error))?;
        // The page was loaded again.
        let is_same = now.is_some_and(|now| match now.state {
            DeviceState::Approved(by) | DeviceState::Redeemed(by) => {
                (by.user_id, by.session_id) == (approval.user_id, approval.session_id)
            }
            DeviceState::Pending | DeviceState::Denied => false,
        });
        if !is_same {
            return Err(too_late(visit));
        }
    }
    let (request_id, user) = (visit.origin.request_id, current.user.id);
    tracing::info!(%request_id, client_id = %client.id, %user, "a device was approved");
    Ok(done(visit, client, DeviceOutcome::Connected))
}

/// The device gets nothing: the user said no, or may not have what it asks for.
pub(super) async fn deny(
    visit: &Visit<'_>,
    device: &DeviceTarget,
    client: &Client,
    error: &OAuthError,
) -> Result<Response, Ended> {
    let denied = visit.app.store.deny_device(device.id, visit.app.clock.now()).await;
    if !denied.map_err(|error| unavailable(visit, error))? {
        return Err(too_late(visit));
    }
    if error.code != ErrorCode::AccessDenied {
        return Err(Ended::from(visit.error(ErrorKind::AccessDenied, error)));
    }
    let request_id = visit.origin.request_id;
    tracing::info!(%request_id, client_id = %client.id, "a device was refused");
    Ok(done(visit, client, DeviceOutcome::Refused))
}

fn done(visit: &Visit<'_>, client: &Client, outcome: DeviceOutcome) -> Response {
    let brand = visit.brand_of(client);
    let page = DeviceDonePage { frame: visit.frame(&brand, visit.language(None)), outcome };
    page.page().into_response()
}

fn too_late(visit: &Visit<'_>) -> Ended {
    let error = OAuthError::invalid_request("the code was used already or has expired");
    Ended::from(visit.error(ErrorKind::LinkExpired, &error))
}
