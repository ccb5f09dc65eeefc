//! Offering a passkey to somebody who signed in with a password and has none. Only in a browser that can keep one and to
//! which its user comes back, so that a borrowed one keeps nothing; who says no is not asked there again for a long time.
//! Without scripts nobody is asked: the field of the login form that says what the browser can do stays empty.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use uuid::Uuid;

use super::dispatcher::{proceed_with, resume};
use super::form::{Posted, either, unavailable};
use super::login::status_of;
use super::passkey::{Offer, add_passkey};
use super::session::CurrentSession;
use super::shown::Shown;
use super::visit::{Ended, Visit};
use super::{Interaction, cookies};
use crate::account::RECENT_SECONDS;
use crate::app::App;
use crate::credentials::{Account, CredentialError};
use crate::error::OAuthError;
use crate::page::{OfferPasskeyPage, Problem, View as _};
use crate::protocol::Form;
use crate::registry::Client;
use crate::sealer::Purpose;
use crate::store::StoreError;

/// Where the answer is posted to.
pub(super) const PATH: &str = "/login/new-passkey";

/// Seconds for which a browser remembers that its user wants none.
const REFUSED_SECONDS: i64 = 180 * 86_400;

/// Whether whoever sent a right password with this form is to be asked.
pub(super) fn is_welcome(visit: &Visit<'_>, form: &Form<'_>, account: &Account) -> bool {
    let credentials = &visit.app.credentials;
    let user_id = account.user.id;
    let device = visit.cookie(cookies::DEVICE);
    form.value("passkey_capable").is_some()
        && account.passkeys == 0
        && credentials.has_passkeys()
        && device.is_some_and(|device| credentials.is_known_device(device, user_id))
        && visit.cookie(&refusal(visit, user_id)).is_none()
}

/// The cookie that says that a user wants no passkey in this browser.
fn refusal(visit: &Visit<'_>, user_id: Uuid) -> String {
    let parts = [b"no passkey".as_slice(), user_id.as_bytes()];
    let name: String = visit.app.sealer.mac_text(Purpose::BrowserCookie, &parts);
    format!("{}-{}", cookies::NO_PASSKEY, name.chars().take(16).collect::<String>())
}

/// Shows the page.
pub(super) async fn show(
    visit: &Visit<'_>,
    interaction: Interaction,
    (client, current): (&Client, &CurrentSession),
    problems: &[Problem],
) -> Result<Response, Ended> {
    let account = visit.app.credentials.account(current.user.id).await;
    let account = account.map_err(|error| failed(visit, &error))?;
    let Some(offer) = Offer::of_new(visit, PATH, &account).await? else {
        return done(visit, interaction);
    };
    let shown = Shown::of(visit, &interaction, client, PATH)?;
    let page = OfferPasskeyPage {
        frame: shown.frame(),
        passkey: offer.form(&shown),
        not_now: shown.form(),
        problems,
    };
    Ok(page.page().with_status(status_of(problems)).into_response())
}

/// `POST /login/new-passkey`.
pub(super) async fn endpoint(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let posted = Posted::read(&visit, &parts, body).await?;
        let (form, interaction) = posted.open(&visit)?;
        answer(&visit, &form, interaction).await
    };
    either(outcome.await)
}

async fn answer(
    visit: &Visit<'_>,
    form: &Form<'_>,
    interaction: Interaction,
) -> Result<Response, Ended> {
    let current = visit.session().await.map_err(|error| unavailable(visit, error))?;
    let asked = current.filter(|current| interaction.offer_passkey == Some(current.user.id));
    let Some(current) = asked else { return resume(visit, &interaction) };
    let user_id = current.user.id;
    if form.value("answer") == Some("refuse") {
        let mut response = done(visit, interaction)?;
        cookies::set(&mut response, &refusal(visit, user_id), "1", Some(REFUSED_SECONDS));
        return Ok(response);
    }
    // As on the account page: a page that was left open adds nothing that lets somebody in.
    if visit.app.clock.now() - current.session.auth_time > RECENT_SECONDS {
        return done(visit, interaction);
    }
    match add_passkey(visit, user_id, form).await {
        Ok(()) => done(visit, interaction),
        Err(CredentialError::Refused(_) | CredentialError::Store(StoreError::Conflict(_))) => {
            proceed_with(visit, interaction, &[Problem::WrongPasskey]).await
        }
        Err(error) => Err(failed(visit, &error)),
    }
}

/// On, without being asked once more.
fn done(visit: &Visit<'_>, interaction: Interaction) -> Result<Response, Ended> {
    resume(visit, &Interaction { offer_passkey: None, ..interaction })
}

fn failed(visit: &Visit<'_>, error: &CredentialError) -> Ended {
    unavailable(visit, OAuthError::unavailable(error.to_string()))
}
