//! Signing in: password first, then a second factor where the account asks for one. Wrong, unknown and disabled look the
//! same; guessing is slowed by `credentials`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;

use super::dispatcher::resume;
use super::form::{Posted, client_of, either, unavailable};
use super::session::{self, CurrentSession};
use super::shown::Shown;
use super::visit::{Ended, Visit, client_name};
use super::{FirstFactor, Interaction, cookies};
use crate::app::App;
use crate::credentials::{
    self, Account, CredentialError, KNOWN_DEVICE_SECONDS, Method, Password, Who,
};
use crate::error::OAuthError;
use crate::page::{
    ErrorKind, Field, LoginPage, LoginUser, Problem, SecondFactorMethod, SecondFactorPage,
    View as _,
};
use crate::protocol::Form;
use crate::registry::Client;

/// Shows the page for whoever it is.
pub(super) fn show(
    visit: &Visit<'_>,
    interaction: &Interaction,
    client: &Client,
    problems: &[Problem],
) -> Result<Response, Ended> {
    let hint = interaction.request.login_hint.as_deref().unwrap_or_default();
    render(visit, interaction, client, (LoginUser::Anyone { username: hint }, problems))
}

/// Shows the page for the user of the session, who must prove it once more.
pub(super) fn show_known(
    visit: &Visit<'_>,
    interaction: &Interaction,
    client: &Client,
    current: &CurrentSession,
) -> Result<Response, Ended> {
    let user = &current.user;
    let name = user.profile.name.as_deref().unwrap_or(&user.username);
    let known = LoginUser::Known { name, username: &user.username, not_you: None };
    render(visit, interaction, client, (known, &[]))
}

fn render(
    visit: &Visit<'_>,
    interaction: &Interaction,
    client: &Client,
    (user, problems): (LoginUser<'_>, &[Problem]),
) -> Result<Response, Ended> {
    let shown = Shown::of(visit, interaction, client, "/login")?;
    let page = LoginPage {
        frame: shown.frame(),
        form: Some(shown.form()),
        user,
        client_name: Some(client_name(client)),
        problems,
        notice: None,
        passkey: None,
        upstream: None,
        forgot_password: None,
        register: None,
    };
    Ok(page.page().with_status(status_of(problems)).into_response())
}

/// A form that was wrong is not a success, for whoever counts answers.
fn status_of(problems: &[Problem]) -> StatusCode {
    match problems {
        [] => StatusCode::OK,
        [Problem::TooManyAttempts { .. }, ..] => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// `POST /login`.
pub(super) async fn password(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let posted = Posted::read(&visit, &parts, body).await?;
        let (form, interaction) = posted.open(&visit)?;
        check_password(&visit, &form, interaction).await
    };
    either(outcome.await)
}

async fn check_password(
    visit: &Visit<'_>,
    form: &Form<'_>,
    interaction: Interaction,
) -> Result<Response, Ended> {
    let username = form.value("username").unwrap_or_default();
    let again = |problem: Problem| {
        let client = client_of(visit.app, &interaction).ok_or_else(|| expired(visit))?;
        let user = LoginUser::Anyone { username };
        render(visit, &interaction, &client, (user, &[problem]))
    };
    if username.is_empty() {
        return again(Problem::Missing(Field::Username));
    }
    let Some(typed) = form.value("password") else {
        return again(Problem::Missing(Field::Password));
    };
    let Ok(password) = Password::typed(typed) else { return again(Problem::WrongCredentials) };
    let from = from(visit);
    match visit.app.credentials.check_password(Who::Named(username), password, from).await {
        Ok(account) if account.requires_second_factor() => {
            let factor = FirstFactor { user_id: account.user.id, methods: vec![Method::Password] };
            let interaction = Interaction { first_factor: Some(factor), ..interaction };
            show_code(visit, &interaction, (SecondFactor::Totp, &[]))
        }
        Ok(account) => complete(visit, interaction, &account, &[Method::Password]).await,
        Err(error) => match problem(visit, &error, Problem::WrongCredentials) {
            Some(problem) => again(problem),
            None => Err(unavailable(visit, OAuthError::unavailable(error.to_string()))),
        },
    }
}

/// The user is known and proved enough: a session, a device that is known from now on, and on.
async fn complete(
    visit: &Visit<'_>,
    interaction: Interaction,
    account: &Account,
    methods: &[Method],
) -> Result<Response, Ended> {
    let amr = credentials::amr(methods).into_iter().map(str::to_owned).collect();
    let cookie = session::sign_in(visit, account.user.id, amr).await;
    let cookie = cookie.map_err(|error| unavailable(visit, error))?;
    // Whoever consented before may have been somebody else.
    let interaction = Interaction {
        first_factor: None,
        signed_in: true,
        account_chosen: true,
        consented: false,
        ..interaction
    };
    let mut response = resume(visit, &interaction)?;
    session::give(&mut response, &cookie);
    let device = visit.cookie(cookies::DEVICE);
    if let Ok(device) = visit.app.credentials.remember_device(device, account.user.id) {
        cookies::set(&mut response, cookies::DEVICE, &device, Some(KNOWN_DEVICE_SECONDS));
    }
    Ok(response)
}

/// Which second factor a page asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SecondFactor {
    Totp,
    RecoveryCode,
}

fn show_code(
    visit: &Visit<'_>,
    interaction: &Interaction,
    (factor, problems): (SecondFactor, &[Problem]),
) -> Result<Response, Ended> {
    let client = client_of(visit.app, interaction).ok_or_else(|| expired(visit))?;
    let path = if factor == SecondFactor::Totp { "/login/code" } else { "/login/recovery-code" };
    let shown = Shown::of(visit, interaction, &client, path)?;
    let form = shown.form();
    let use_recovery_code = visit.path(&format!("/login/recovery-code?continue={}", shown.sealed));
    let is_totp = factor == SecondFactor::Totp;
    let page = SecondFactorPage {
        frame: shown.frame(),
        method: if is_totp {
            SecondFactorMethod::Totp(form)
        } else {
            SecondFactorMethod::RecoveryCode(form)
        },
        problems,
        passkey: None,
        use_totp: None,
        use_recovery_code: is_totp.then_some(use_recovery_code.as_str()),
        not_you: None,
    };
    Ok(page.page().with_status(status_of(problems)).into_response())
}

/// `POST /login/code`.
pub(super) async fn code(State(app): State<Arc<App>>, request: Request) -> Response {
    second_factor(&app, request, SecondFactor::Totp).await
}

/// `POST /login/recovery-code`.
pub(super) async fn recovery_code(State(app): State<Arc<App>>, request: Request) -> Response {
    second_factor(&app, request, SecondFactor::RecoveryCode).await
}

/// `GET /login/recovery-code`: shows the form; only the POST uses a code up.
pub(super) async fn recovery_code_page(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let query = parts.uri.query().unwrap_or_default();
    let form = Form::parse(query.as_bytes()).ok();
    let opened = form.as_ref().and_then(|form| Interaction::open(&visit, form.value("continue")?));
    either(match opened.filter(|interaction| interaction.first_factor.is_some()) {
        Some(interaction) => show_code(&visit, &interaction, (SecondFactor::RecoveryCode, &[])),
        None => Err(expired(&visit)),
    })
}

async fn second_factor(app: &App, request: Request, factor: SecondFactor) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(app, &parts);
    let outcome = async {
        let posted = Posted::read(&visit, &parts, body).await?;
        let (form, interaction) = posted.open(&visit)?;
        check_code(&visit, &form, interaction, factor).await
    };
    either(outcome.await)
}

async fn check_code(
    visit: &Visit<'_>,
    form: &Form<'_>,
    interaction: Interaction,
    factor: SecondFactor,
) -> Result<Response, Ended> {
    let Some(first) = interaction.first_factor.clone() else { return Err(expired(visit)) };
    let again = |problem| show_code(visit, &interaction, (factor, &[problem]));
    let (field, wrong, method) = match factor {
        SecondFactor::Totp => (Field::Code, Problem::WrongCode, Method::Totp),
        SecondFactor::RecoveryCode => {
            (Field::RecoveryCode, Problem::WrongRecoveryCode, Method::RecoveryCode)
        }
    };
    let Some(code) = form.value(field.name()) else { return again(Problem::Missing(field)) };
    let (credentials, device) = (&visit.app.credentials, visit.cookie(cookies::DEVICE));
    let checked = match factor {
        SecondFactor::Totp => credentials.check_totp(first.user_id, code, device).await,
        SecondFactor::RecoveryCode => {
            credentials.check_recovery_code(first.user_id, code, device).await.map(|_| ())
        }
    };
    let account = match checked {
        Ok(()) => credentials.account(first.user_id).await,
        Err(error) => Err(error),
    };
    match account {
        Ok(account) => {
            let methods = [first.methods.as_slice(), &[method]].concat();
            complete(visit, interaction, &account, &methods).await
        }
        Err(error) => match problem(visit, &error, wrong) {
            Some(problem) => again(problem),
            None => Err(unavailable(visit, OAuthError::unavailable(error.to_string()))),
        },
    }
}

fn from<'v>(visit: &Visit<'v>) -> credentials::From<'v> {
    credentials::From { address: visit.origin.address, device: visit.cookie(cookies::DEVICE) }
}

/// What the person is told; none if it is the issuer's fault. The cause is for the log.
fn problem(visit: &Visit<'_>, error: &CredentialError, wrong: Problem) -> Option<Problem> {
    let request_id = visit.origin.request_id;
    tracing::info!(%request_id, code = error.code(), cause = %error, "a credential was refused");
    match error {
        CredentialError::Refused(_) | CredentialError::Password(_) => Some(wrong),
        CredentialError::TooMany { retry_after } => {
            Some(Problem::TooManyAttempts { seconds: *retry_after })
        }
        _ => None,
    }
}

fn expired(visit: &Visit<'_>) -> Ended {
    let error = OAuthError::invalid_request("the sign-in was open for too long");
    Ended::from(visit.error(ErrorKind::SignInExpired, &error))
}
