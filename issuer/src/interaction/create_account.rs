//! The page to which the link of a registration or an invitation leads. Showing it consumes nothing; sending its form makes
//! the account, with the address proved, and lets the person in: into the sign-in that this browser began, if there is one.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};

use super::Interaction;
use super::form::{Posted, either, link_refused, parameter, unavailable};
use super::login::{self, status_of};
use super::register::closed;
use super::reset_password::told;
use super::visit::{Ended, Visit};
use crate::app::App;
use crate::config::RegistrationMode;
use crate::credentials::{
    Account, CREATE_ACCOUNT_PATH, ChosenAccount, CredentialError, Method, Password, Registration,
};
use crate::mail::Recipient;
use crate::page::{
    CreateAccountPage, DonePage, Field, Notice, PostForm, Problem, RegisterKind, View as _,
};
use crate::protocol::Form;
use crate::registry::parse_username;
use crate::store::StoreError;

/// The longest name that fits into a token beside everything else.
const MAX_NAME_CHARACTERS: usize = 200;

/// What the person typed.
#[derive(Clone, Copy, Default)]
struct Typed<'f> {
    username: &'f str,
    name: &'f str,
    password: &'f str,
}

/// `GET /create-account`.
pub(super) async fn page(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let token = parameter(&parts, "token").unwrap_or_default();
    visit.finish(either(show(&visit, &token, (Typed::default(), &[])).await))
}

/// `POST /create-account`.
pub(super) async fn endpoint(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let posted = Posted::read(&visit, &parts, body).await?;
        create(&visit, &posted.fields(&visit)?).await
    };
    either(outcome.await)
}

/// What its link promised, if that still holds.
async fn registration(visit: &Visit<'_>, token: &str) -> Result<Registration, Ended> {
    let found = visit.app.credentials.peek_registration(token).await;
    let found = found.map_err(|error| link_refused(visit, &error))?;
    let rules = &visit.app.config.registration;
    let domain = Recipient::parse(&found.email).map(|email| email.domain()).unwrap_or_default();
    let holds = match rules.mode {
        RegistrationMode::Closed => false,
        RegistrationMode::Invite => found.invited,
        RegistrationMode::Open => found.invited || rules.allows(&domain),
    };
    if holds { Ok(found) } else { Err(closed(visit)) }
}

async fn show(
    visit: &Visit<'_>,
    token: &str,
    (typed, problems): (Typed<'_>, &[Problem]),
) -> Result<Response, Ended> {
    let found = registration(visit, token).await?;
    let (action, csrf) = (visit.path(CREATE_ACCOUNT_PATH), visit.csrf());
    let page = CreateAccountPage {
        frame: visit.own_frame(),
        form: PostForm { action: &action, csrf: &csrf, continuation: Some(token) },
        kind: if found.invited { RegisterKind::Invitation } else { RegisterKind::Own },
        email: &found.email,
        username: typed.username,
        name: typed.name,
        min_password_length: visit.app.credentials.password_rules().min_characters,
        problems,
    };
    Ok(page.page().with_status(status_of(problems)).into_response())
}

async fn create(visit: &Visit<'_>, form: &Form<'_>) -> Result<Response, Ended> {
    let token = form.value("continue").unwrap_or_default();
    let typed = Typed {
        username: form.value("username").unwrap_or_default(),
        name: form.value("name").unwrap_or_default(),
        password: form.value("new_password").unwrap_or_default(),
    };
    registration(visit, token).await?;
    let problems = problems(typed);
    if !problems.is_empty() {
        return show(visit, token, (typed, &problems)).await;
    }
    let completed = match Password::typed(typed.password) {
        Ok(password) => {
            let chosen = ChosenAccount { username: typed.username, name: typed.name, password };
            visit.app.credentials.complete_registration(token, chosen).await
        }
        Err(problem) => Err(problem.into()),
    };
    match completed {
        Ok((account, registration)) => let_in(visit, &account, registration).await,
        Err(CredentialError::Password(problem)) => {
            show(visit, token, (typed, &[told(visit, problem)])).await
        }
        Err(CredentialError::Store(StoreError::Conflict(_))) if is_taken(visit, typed).await? => {
            show(visit, token, (typed, &[Problem::UsernameTaken])).await
        }
        Err(error) => Err(link_refused(visit, &error)),
    }
}

/// Each field, so that all is mended at once.
fn problems(typed: Typed<'_>) -> Vec<Problem> {
    let Typed { username, name, password } = typed;
    let mut problems = Vec::new();
    if name.trim().is_empty() {
        problems.push(Problem::Missing(Field::Name));
    } else if name.chars().count() > MAX_NAME_CHARACTERS || name.chars().any(char::is_control) {
        problems.push(Problem::NameInvalid);
    }
    // No `@`: a name that looks like an address could be taken for somebody's.
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    if username.is_empty() {
        problems.push(Problem::Missing(Field::Username));
    } else if !username.chars().all(is_plain) || parse_username(username).is_err() {
        problems.push(Problem::UsernameInvalid);
    }
    if password.is_empty() {
        problems.push(Problem::Missing(Field::NewPassword));
    }
    problems
}

/// Whoever has proved an address may know that a name is taken: there is no other way to choose one.
async fn is_taken(visit: &Visit<'_>, typed: Typed<'_>) -> Result<bool, Ended> {
    match visit.app.store.user(typed.username).await {
        Ok(_) => Ok(true),
        Err(StoreError::NotFound { .. }) => Ok(false),
        Err(error) => Err(unavailable(visit, error)),
    }
}

async fn let_in(
    visit: &Visit<'_>,
    account: &Account,
    registration: Registration,
) -> Result<Response, Ended> {
    let continuation = registration.continuation.as_deref();
    // Sealed for the browser in which it began: in another one it opens nothing.
    if let Some(interaction) = continuation.and_then(|text| Interaction::open(visit, text)) {
        return login::complete(visit, interaction, account, &[Method::Password]).await;
    }
    let frame = visit.own_frame();
    let page = DonePage { frame, done: Notice::AccountCreated, go_on: None };
    Ok(page.page().into_response())
}
