//! Passkeys at sign-in (WebAuthn Level 3 §7.2): a page offers a ceremony, and its answer comes to one address, whether the
//! passkey is all that is asked for, a second factor or one more proof. Also what is common to the pages that add one
//! (§7.1). The ceremony itself is judged by `credentials`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use uuid::Uuid;

use super::Interaction;
use super::dispatcher::proceed_with;
use super::form::{Posted, either, unavailable};
use super::login::{complete, problem};
use super::second_factor;
use super::shown::Shown;
use super::visit::{Ended, Visit};
use crate::app::App;
use crate::credentials::{Account, CredentialError, PasskeyCeremony, Refusal};
use crate::error::OAuthError;
use crate::page::{PasskeyForm, PostForm, Problem, device_name};
use crate::protocol::Form;

/// Where the answer of an authenticator is posted to.
const PATH: &str = "/login/passkey";

/// A ceremony that a page offers.
pub(super) struct Offer {
    action: String,
    options: String,
    ticket: String,
}

impl Offer {
    /// To whoever it is: the browser shows the passkeys that it has. Nobody learns whether a user has any.
    pub(super) fn to_anyone(visit: &Visit<'_>) -> Result<Option<Self>, Ended> {
        Self::of(visit, PATH, visit.app.credentials.start_passkey_sign_in())
    }

    /// To a user who is known, if this user has passkeys.
    pub(super) async fn to_user(visit: &Visit<'_>, user_id: Uuid) -> Result<Option<Self>, Ended> {
        Self::of(visit, PATH, visit.app.credentials.start_passkey_check(user_id).await)
    }

    /// To make one more, whose answer is posted to `path`.
    pub(super) async fn of_new(
        visit: &Visit<'_>,
        path: &str,
        account: &Account,
    ) -> Result<Option<Self>, Ended> {
        Self::of(visit, path, visit.app.credentials.start_passkey_registration(account).await)
    }

    fn of(
        visit: &Visit<'_>,
        path: &str,
        ceremony: Result<PasskeyCeremony, CredentialError>,
    ) -> Result<Option<Self>, Ended> {
        match ceremony {
            Ok(PasskeyCeremony { options, ticket }) => Ok(Some(Self {
                action: visit.path(path),
                options: options.get("publicKey").unwrap_or_default().to_string(),
                ticket,
            })),
            Err(CredentialError::NoPasskeys | CredentialError::Refused(Refusal::NoCredential)) => {
                Ok(None)
            }
            Err(error) => Err(unavailable(visit, OAuthError::unavailable(error.to_string()))),
        }
    }

    /// Its form on a page.
    pub(super) fn form<'o>(&'o self, shown: &'o Shown<'_>) -> PasskeyForm<'o> {
        PasskeyForm {
            form: PostForm { action: &self.action, ..shown.form() },
            ticket: &self.ticket,
            options: &self.options,
        }
    }
}

/// Keeps a passkey that was just made for a user, under the name of the browser that it was made in.
pub(crate) async fn add_passkey(
    visit: &Visit<'_>,
    user_id: Uuid,
    form: &Form<'_>,
) -> Result<(), CredentialError> {
    let [ticket, answer] =
        ["ticket", "credential"].map(|name| form.value(name).unwrap_or_default());
    let user_agent = visit.user_agent().unwrap_or_default();
    let name = device_name(&user_agent, visit.language(None));
    let credentials = &visit.app.credentials;
    let act = credentials.act_of(user_id);
    let made =
        credentials.finish_passkey_registration(user_id, (ticket, answer), &name, &act).await;
    made.map(|_| ()).inspect_err(|error| {
        let request_id = visit.origin.request_id;
        tracing::info!(%request_id, code = error.code(), cause = %error, "a passkey was refused");
    })
}

/// `POST /login/passkey`.
pub(super) async fn endpoint(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let posted = Posted::read(&visit, &parts, body).await?;
        let (form, interaction) = posted.open(&visit)?;
        check(&visit, &form, interaction).await
    };
    either(outcome.await)
}

/// Whatever is wrong looks the same: a passkey that nobody knows, one of a disabled user, one that was copied.
async fn check(
    visit: &Visit<'_>,
    form: &Form<'_>,
    interaction: Interaction,
) -> Result<Response, Ended> {
    let [ticket, answer] =
        ["ticket", "credential"].map(|name| form.value(name).unwrap_or_default());
    let finished = visit.app.credentials.finish_passkey(ticket, answer).await;
    let finished = finished.and_then(|proved| {
        // As a second factor it is of the user who gave the first, whomever its ceremony asked for.
        match &interaction.first_factor {
            Some(first) if first.user_id != proved.account.user.id => Err(Refusal::Wrong.into()),
            _ => Ok(proved),
        }
    });
    match finished {
        Ok(proved) => {
            let before = interaction.first_factor.as_ref().map_or(&[][..], |first| &first.methods);
            let methods = [before, &[proved.method]].concat();
            complete(visit, interaction, &proved.account, &methods).await
        }
        Err(error) => match problem(visit, &error, Problem::WrongPasskey) {
            Some(problem) => again(visit, interaction, problem).await,
            None => Err(unavailable(visit, OAuthError::unavailable(error.to_string()))),
        },
    }
}

async fn again(
    visit: &Visit<'_>,
    interaction: Interaction,
    problem: Problem,
) -> Result<Response, Ended> {
    match &interaction.first_factor {
        Some(first) => second_factor::show_again(visit, &interaction, first, problem).await,
        None => proceed_with(visit, interaction, &[problem]).await,
    }
}
