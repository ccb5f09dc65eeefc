//! Consent (OpenID Connect Core §3.1.2.4): the user sees who asks for what, and says yes or no.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};

use super::Interaction;
use super::dispatcher::{proceed, refuse_client, resume};
use super::form::{Posted, client_of, either, unavailable};
use super::session::CurrentSession;
use super::shown::Shown;
use super::visit::{Ended, Visit, client_name};
use crate::app::App;
use crate::authorize::Target;
use crate::error::OAuthError;
use crate::page::{ConsentPage, DeviceConfirmationPage, RequestedScope, View as _};
use crate::protocol::ErrorCode;
use crate::registry::{Client, IDENTITY_SCOPES, Permission, Registry};

/// Shows the page, to the user who is signed in.
pub(super) fn show(
    visit: &Visit<'_>,
    interaction: Interaction,
    client: &Client,
    current: &CurrentSession,
) -> Result<Response, Ended> {
    let interaction = Interaction { asked: Some(current.user.id), ..interaction };
    let resources = resource_names(visit.app, &interaction, client);
    let scopes: Vec<RequestedScope<'_>> = interaction
        .request
        .scopes
        .iter()
        .zip(&resources)
        .map(|(scope, resource)| RequestedScope { scope, resource: resource.as_deref() })
        .collect();
    let shown = Shown::of(visit, &interaction, client, "/consent")?;
    let (frame, form, client_name) = (shown.frame(), shown.form(), client_name(client));
    let user_name = current.user.profile.name.as_deref().unwrap_or(&current.user.username);
    let (scopes, not_you) = (scopes.as_slice(), None);
    Ok(match &interaction.request.target {
        Target::Redirect(target) => {
            let url = target.url();
            let host = url.as_ref().and_then(|url| url.host_str()).unwrap_or_default();
            let redirect_host = if host.is_empty() { target.uri() } else { host };
            let (policy_uri, tos_uri) = (None, None);
            let page = ConsentPage {
                frame,
                form,
                client_name,
                redirect_host,
                scopes,
                user_name,
                not_you,
                policy_uri,
                tos_uri,
            };
            page.page().into_response()
        }
        // RFC 8628 §5.4: with the code, to be compared with that of the device.
        Target::Device(device) => {
            let user_code = &device.user_code;
            let page = DeviceConfirmationPage {
                frame,
                form,
                client_name,
                user_code,
                scopes,
                user_name,
                not_you,
            };
            page.page().into_response()
        }
    })
}

/// The resource of each scope, by the name that people know it by; none for the scopes of OpenID Connect.
fn resource_names(app: &App, interaction: &Interaction, client: &Client) -> Vec<Option<String>> {
    let registry = app.registry.load();
    let scopes = interaction.request.scopes.iter();
    scopes.map(|scope| resource_name(&registry, client, scope)).collect()
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

/// Nobody but the user to whom the question was shown answers it, and only while signed in.
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
    if interaction.asked != Some(current.user.id) {
        return resume(visit, &interaction);
    }
    if said != Some("accept") {
        let error = OAuthError::new(ErrorCode::AccessDenied, "the user refused");
        return refuse_client(visit, &interaction, &client, &error).await;
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
    interaction.consented = Some(current.user.id);
    resume(visit, &interaction)
}
