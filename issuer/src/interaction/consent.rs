//! Consent (OpenID Connect Core §3.1.2.4): the user sees who asks for what, and says yes or no.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};

use super::Interaction;
use super::dispatcher::{answer, proceed, resume};
use super::form::{Posted, client_of, either, unavailable};
use super::session::CurrentSession;
use super::shown::Shown;
use super::visit::{Ended, Visit, client_name};
use crate::app::App;
use crate::error::OAuthError;
use crate::page::{ConsentPage, RequestedScope, View as _};
use crate::protocol::ErrorCode;
use crate::registry::{Client, IDENTITY_SCOPES, Permission, Registry};

/// Shows the page.
pub(super) fn show(
    visit: &Visit<'_>,
    interaction: &Interaction,
    client: &Client,
    current: &CurrentSession,
) -> Result<Response, Ended> {
    let app = visit.app;
    let request = &interaction.request;
    let registry = app.registry.load();
    let names: Vec<Option<String>> =
        request.scopes.iter().map(|scope| resource_name(&registry, client, scope)).collect();
    let scopes: Vec<RequestedScope<'_>> = request
        .scopes
        .iter()
        .zip(&names)
        .map(|(scope, resource)| RequestedScope { scope, resource: resource.as_deref() })
        .collect();
    let shown = Shown::of(visit, interaction, client, "/consent")?;
    let target = request.target.url();
    let host = target.as_ref().and_then(|url| url.host_str()).unwrap_or_default();
    let page = ConsentPage {
        frame: shown.frame(),
        form: shown.form(),
        client_name: client_name(client),
        redirect_host: if host.is_empty() { request.target.uri() } else { host },
        scopes: &scopes,
        user_name: current.user.profile.name.as_deref().unwrap_or(&current.user.username),
        not_you: None,
        policy_uri: None,
        tos_uri: None,
    };
    Ok(page.page().into_response())
}

/// What a scope is for, in the words of its resource; none for what is about the user.
pub(crate) fn resource_name(registry: &Registry, client: &Client, scope: &str) -> Option<String> {
    if IDENTITY_SCOPES.contains(&scope) {
        return None;
    }
    let is_of = |permission: &&Permission| permission.scopes.iter().any(|known| known == scope);
    let resource = registry.resource(&client.permissions.iter().find(is_of)?.resource)?;
    Some(resource.name.clone().unwrap_or_else(|| resource.identifier.clone()))
}

/// `POST /consent`.
pub(super) async fn endpoint(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let posted = Posted::read(&visit, &parts, body).await?;
        let (form, interaction) = posted.open(&visit)?;
        decide(&visit, interaction, form.value("answer")).await
    };
    either(outcome.await)
}

/// Nobody but the user who is signed in consents, whatever page the form stood on.
async fn decide(
    visit: &Visit<'_>,
    mut interaction: Interaction,
    said: Option<&str>,
) -> Result<Response, Ended> {
    let app = visit.app;
    let current = visit.session().await.map_err(|error| unavailable(visit, error))?;
    let (Some(current), Some(client)) = (current, client_of(app, &interaction)) else {
        return proceed(visit, interaction).await;
    };
    if said != Some("accept") {
        let error = OAuthError::new(ErrorCode::AccessDenied, "the user refused");
        return Ok(answer(visit, &interaction.request.target, &client, Err(&error)));
    }
    let key = (current.user.id, client.id.as_str());
    let consented = app.store.consented_scopes(key.0, key.1).await;
    let mut scopes = consented.map_err(|error| unavailable(visit, error))?;
    for scope in &interaction.request.scopes {
        if !scopes.contains(scope) {
            scopes.push(scope.clone());
        }
    }
    let kept = app.store.grant_consent(key, &scopes, app.clock.now()).await;
    kept.map_err(|error| unavailable(visit, error))?;
    interaction.consented = true;
    resume(visit, &interaction)
}
