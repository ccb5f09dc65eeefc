//! Choosing an account (OpenID Connect Core §3.1.2.1 `prompt=select_account`): to go on as who is signed in, or as somebody
//! else.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};

use super::dispatcher::resume;
use super::form::{Posted, client_of, either, unavailable};
use super::session::CurrentSession;
use super::shown::Shown;
use super::visit::{Ended, Visit, client_name};
use super::{Interaction, login};
use crate::app::App;
use crate::page::{SelectAccountPage, SelectableAccount, View as _};
use crate::registry::Client;

/// Shows the page.
pub(super) fn show(
    visit: &Visit<'_>,
    interaction: &Interaction,
    client: &Client,
    current: &CurrentSession,
) -> Result<Response, Ended> {
    let shown = Shown::of(visit, interaction, client, "/select-account")?;
    let (user, id) = (&current.user, current.user.id.to_string());
    let page = SelectAccountPage {
        frame: shown.frame(),
        form: shown.form(),
        client_name: Some(client_name(client)),
        accounts: &[SelectableAccount {
            id: &id,
            name: user.profile.name.as_deref().unwrap_or(&user.username),
            username: &user.username,
        }],
    };
    Ok(page.page().into_response())
}

/// `POST /select-account`.
pub(super) async fn endpoint(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let posted = Posted::read(&visit, &parts, body).await?;
        let (form, interaction) = posted.open(&visit)?;
        let current = visit.session().await.map_err(|error| unavailable(&visit, error))?;
        let chosen = form.value("account");
        let is_present =
            current.is_some_and(|current| Some(current.user.id.to_string().as_str()) == chosen);
        let interaction = Interaction { account_chosen: true, ..interaction };
        match client_of(&app, &interaction) {
            Some(client) if !is_present => login::show(&visit, &interaction, &client, &[]).await,
            _ => resume(&visit, &interaction),
        }
    };
    either(outcome.await)
}
