//! Proving more because a client would like it (OpenID Connect Core §3.1.2.1 `acr_values`): the page is that of a sign-in
//! once more, which asks for nothing that would not do, and can be declined.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;

use super::dispatcher::resume;
use super::form::{Posted, either};
use super::visit::{Ended, Visit};
use super::{CurrentSession, Interaction, form::unavailable};
use crate::app::App;
use crate::credentials::{self, Account, Method};
use crate::error::OAuthError;
use crate::protocol::acr;

/// Where somebody says that they go on without.
pub(super) const NOT_NOW: &str = "/login/not-now";

/// `POST /login/not-now`.
pub(super) async fn not_now(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let posted = Posted::read(&visit, &parts, body).await?;
        let (_, interaction) = posted.open(&visit)?;
        resume(&visit, &Interaction { step_up_declined: true, ..interaction })
    };
    either(outcome.await)
}

/// The best class that the user of a session can reach; not looked up where nobody would like to know.
pub(super) async fn reachable(
    visit: &Visit<'_>,
    interaction: &Interaction,
    current: &CurrentSession,
) -> Result<&'static str, Ended> {
    let reached = acr::of(&current.session.amr);
    let wanted = interaction.request.acr_values.first();
    if wanted.is_none_or(|wanted| acr::satisfies(reached, wanted)) {
        return Ok(reached);
    }
    let account = visit.app.credentials.account(current.user.id).await;
    let account =
        account.map_err(|error| unavailable(visit, OAuthError::unavailable(error.to_string())))?;
    Ok(best(visit, &account))
}

/// The best class that an account can reach.
pub(super) fn best(visit: &Visit<'_>, account: &Account) -> &'static str {
    let methods: &[Method] = match account {
        Account { passkeys: 1.., .. } if visit.app.credentials.has_passkeys() => {
            &[Method::SyncedPasskey]
        }
        Account { has_totp: true, .. } => &[Method::Password, Method::Totp],
        _ => &[Method::Password],
    };
    let amr: Vec<String> = credentials::amr(methods).into_iter().map(str::to_owned).collect();
    acr::of(&amr)
}
