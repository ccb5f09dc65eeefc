//! Where every page comes back to: looks at the session, asks `next_step`, and shows the page of that step or answers the
//! client.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};

use super::form::{client_of, either, parameter, unavailable};
use super::session::CurrentSession;
use super::visit::{Ended, Visit, client_name};
use super::{Interaction, consent, device, login, offer_passkey, select_account, step_up};
use crate::app::App;
use crate::authorize::{
    AuthorizationCode, AuthorizationRequest, CODE_LIFETIME_SECONDS, NextStep, Present,
    RedirectTarget, Refused, Target, next_step, see_other,
};
use crate::error::OAuthError;
use crate::issue::subject_identifier;
use crate::page::{ErrorKind, Problem};
use crate::policy::{Granted, decide_each};
use crate::random;
use crate::registry::{Client, ConsentPolicy, SignIn};

/// `GET /continue`: goes on where the browser was.
pub(super) async fn endpoint(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let opened = parameter(&parts, "continue").and_then(|text| Interaction::open(&visit, &text));
    let Some(interaction) = opened else {
        let error = OAuthError::invalid_request("the sign-in was open for too long");
        return visit.error(ErrorKind::SignInExpired, &error);
    };
    visit.finish(either(proceed(&visit, interaction).await))
}

/// Sends the browser on with the rest of what it came for; a form is never answered by a page (RFC 9700 §4.12).
pub(crate) fn resume(visit: &Visit<'_>, interaction: &Interaction) -> Result<Response, Ended> {
    let sealed = interaction.seal(&visit.app.sealer).map_err(|error| sealing(visit, error))?;
    Ok(see_other(&visit.path(&format!("/continue?continue={sealed}"))))
}

/// Does the next step.
///
/// # Errors
///
/// The page of a failure.
pub async fn proceed(visit: &Visit<'_>, interaction: Interaction) -> Result<Response, Ended> {
    proceed_with(visit, interaction, &[]).await
}

/// The same, where something was wrong with what the person did last.
pub(super) async fn proceed_with(
    visit: &Visit<'_>,
    interaction: Interaction,
    problems: &[Problem],
) -> Result<Response, Ended> {
    let app = visit.app;
    let client = client_of(app, &interaction);
    let client = client.filter(|client| client.refused().is_none() && client.sign_in.is_some());
    let Some(client) = client else {
        let error = OAuthError::invalid_request("the client was disabled meanwhile");
        return Err(Ended::from(visit.error(ErrorKind::UnknownClient, &error)));
    };
    let Some(sign_in) = &client.sign_in else { return resume(visit, &interaction) };
    let current = visit.session().await.map_err(|error| unavailable(visit, error))?;
    let step = match &current {
        None => {
            let progress = interaction.progress(None);
            next_step(&interaction.request, sign_in, None, progress, app.clock.now())
        }
        Some(current) => with_session(visit, &interaction, (&client, sign_in), current).await?,
    };
    match (step, current) {
        (NextStep::IssueCode, Some(current)) => match &interaction.request.target {
            Target::Redirect(target) if interaction.request.is_own_page() => {
                Ok(see_other(target.uri()))
            }
            Target::Redirect(target) => {
                issue_code(visit, (&interaction, target), &client, &current).await
            }
            Target::Device(target) => {
                device::approve(visit, (&interaction, target), &client, &current).await
            }
        },
        (NextStep::OfferPasskey, Some(current)) => {
            offer_passkey::show(visit, interaction, (&client, &current), problems).await
        }
        (NextStep::Consent, Some(current)) => consent::show(visit, interaction, &client, &current),
        (NextStep::SelectAccount, Some(current)) => {
            select_account::show(visit, &interaction, &client, &current)
        }
        (
            step @ (NextStep::LogInAgain | NextStep::StepUp | NextStep::PreferStepUp),
            Some(current),
        ) => login::show_known(visit, &interaction, (&client, &current), (&step, problems)).await,
        (NextStep::Refuse(code, description), _) => {
            let error = OAuthError::new(code, description);
            refuse_client(visit, &interaction, &client, &error).await
        }
        _ => login::show(visit, &interaction, &client, problems).await,
    }
}

async fn with_session(
    visit: &Visit<'_>,
    interaction: &Interaction,
    (client, sign_in): (&Client, &SignIn),
    current: &CurrentSession,
) -> Result<NextStep, Ended> {
    let app = visit.app;
    let consented = match sign_in.consent {
        ConsentPolicy::Ask => app.store.consented_scopes(current.user.id, client.id.as_str()).await,
        // Nobody is asked: what was granted decides nothing.
        ConsentPolicy::Skip => Ok(Vec::new()),
    };
    let consented = consented.map_err(|error| unavailable(visit, error))?;
    let subject = subject_identifier(&app.sealer, sign_in, current.user.id);
    let present = Present {
        subject: &subject,
        auth_time: current.session.auth_time,
        amr: &current.session.amr,
        consented: &consented,
        reachable: step_up::reachable(visit, interaction, current).await?,
        lacks_passkey: interaction.offer_passkey == Some(current.user.id),
    };
    let (progress, now) = (interaction.progress(Some(current.user.id)), app.clock.now());
    Ok(next_step(&interaction.request, sign_in, Some(present), progress, now))
}

/// RFC 6749 §4.1.2: the policy is asked before the code leaves, and once more when it is used.
async fn issue_code(
    visit: &Visit<'_>,
    (interaction, target): (&Interaction, &RedirectTarget),
    client: &Client,
    current: &CurrentSession,
) -> Result<Response, Ended> {
    let app = visit.app;
    let request = &interaction.request;
    if let Err(error) = permitted(app, client, (interaction, "authorization_code"), current) {
        return Ok(answer(visit, target, client, Err(&error)));
    }
    if let Err(error) = use_up(app, &interaction.request, client).await {
        return Ok(answer(visit, target, client, Err(&error)));
    }
    let code = AuthorizationCode {
        id: random::uuid(),
        client_id: request.client_id.clone(),
        redirect_uri: target.uri().to_owned(),
        user_id: current.user.id,
        session_id: current.session.id,
        auth_time: current.session.auth_time,
        amr: current.session.amr.clone(),
        scopes: request.scopes.clone(),
        resources: request.resources.clone(),
        nonce: request.nonce.clone(),
        code_challenge: request.code_challenge,
        dpop_jkt: request.dpop_jkt.clone(),
        claims: request.claims.clone(),
        expires_at: app.clock.now() + CODE_LIFETIME_SECONDS,
    };
    let sealed = code.seal(&app.sealer).map_err(|error| sealing(visit, error))?;
    Ok(answer(visit, target, client, Ok(&sealed)))
}

/// A request that was pushed, or that an object carries, is good for one code, however often its page was loaded.
async fn use_up(
    app: &App,
    request: &AuthorizationRequest,
    client: &Client,
) -> Result<(), OAuthError> {
    if let Some(object) = &request.object {
        object.redeem(app, client).await?;
    }
    match &request.pushed {
        Some(pushed) => pushed.redeem(app).await,
        None => Ok(()),
    }
}

/// What the client asks for must be had by this user.
pub(super) fn permitted(
    app: &App,
    client: &Client,
    (interaction, grant): (&Interaction, &str),
    current: &CurrentSession,
) -> Result<(), OAuthError> {
    let request = &interaction.request;
    let granted = Granted { scopes: &request.scopes, resources: &request.resources };
    decide_each(&app.registry.load(), client, grant, (Some(&current.user), granted))
}

/// Tells the client that it gets nothing, wherever it waits.
pub(super) async fn refuse_client(
    visit: &Visit<'_>,
    interaction: &Interaction,
    client: &Client,
    error: &OAuthError,
) -> Result<Response, Ended> {
    match &interaction.request.target {
        Target::Redirect(target) => Ok(answer(visit, target, client, Err(error))),
        Target::Device(target) => device::deny(visit, target, client, error).await,
    }
}

/// Answers the client: with a code, or with a refusal.
fn answer(
    visit: &Visit<'_>,
    target: &RedirectTarget,
    client: &Client,
    outcome: Result<&str, &OAuthError>,
) -> Response {
    let parameters: Vec<(&str, &str)> = match outcome {
        Ok(code) => vec![("code", code)],
        Err(error) => {
            let row = error.code.row();
            let (request_id, cause) = (visit.origin.request_id, error.cause.as_ref());
            tracing::info!(%request_id, client_id = %client.id, code = row.wire, cause, "an authorization request was refused");
            vec![("error", row.wire), ("error_description", error.description)]
        }
    };
    let brand = visit.brand_of(client);
    let frame = visit.frame(&brand, visit.language(None));
    let issuer = visit.app.config.issuer.as_str();
    target.respond(&parameters, (issuer, client_name(client)), frame).into_response()
}

/// Answers the client of a request that was refused before anybody was asked anything.
pub fn refuse(visit: &Visit<'_>, refused: &Refused) -> Response {
    let client = visit.app.registry.load().client(refused.target.client_id()).cloned();
    match client {
        Some(client) => answer(visit, &refused.target, &client, Err(&refused.error)),
        None => visit.error(ErrorKind::UnknownClient, &refused.error),
    }
}

pub(super) fn sealing(visit: &Visit<'_>, error: crate::sealer::SealFailed) -> Ended {
    let error = OAuthError::server_error(error.to_string());
    Ended::from(visit.error(ErrorKind::ServerError, &error))
}
