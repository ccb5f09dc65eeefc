//! Making an account by oneself: whoever gives an address is told that a mail is on its way, known or not, and everything
//! that depends on it happens after the answer. There is no account, no password and no session before the link in the
//! mail was opened (decision 0019).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};

use super::aside::Aside;
use super::forgot_password::place;
use super::form::{Posted, either, parameter};
use super::login::status_of;
use super::mails;
use super::visit::{Ended, Visit};
use crate::app::App;
use crate::config::RegistrationMode;
use crate::credentials::{CredentialError, Registration};
use crate::error::OAuthError;
use crate::mail::{Place, Recipient};
use crate::page::{ErrorKind, Field, Language, MailKind, Problem, RegisterPage, View as _};
use crate::protocol::{ErrorCode, Form};

/// The path of the page.
pub(super) const PATH: &str = "/register";

/// Whether people may make accounts by themselves.
pub(super) fn is_open(app: &App) -> bool {
    app.config.registration.mode == RegistrationMode::Open && app.mailer.is_possible()
}

/// `GET /register`.
pub(super) async fn page(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let continuation = parameter(&parts, "continue");
    let outcome = if is_open(&app) {
        Ok(show(&visit, continuation.as_deref(), ("", &[])))
    } else {
        Err(closed(&visit))
    };
    visit.finish(either(outcome))
}

/// `POST /register`.
pub(super) async fn endpoint(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let posted = Posted::read(&visit, &parts, body).await?;
        let form = posted.fields(&visit)?;
        if !is_open(&app) {
            return Err(closed(&visit));
        }
        ask(&app, &visit, &form)
    };
    either(outcome.await)
}

/// The page of an issuer that lets nobody register.
pub(super) fn closed(visit: &Visit<'_>) -> Ended {
    let error = OAuthError::new(ErrorCode::NotFound, "registration is closed");
    Ended::from(visit.error(ErrorKind::RegistrationClosed, &error))
}

fn show(
    visit: &Visit<'_>,
    continuation: Option<&str>,
    (email, problems): (&str, &[Problem]),
) -> Response {
    let aside = Aside::of(visit, PATH, continuation);
    let sign_in = aside.sign_in();
    let page = RegisterPage {
        frame: aside.frame(),
        form: aside.form(),
        email,
        problems,
        sign_in: sign_in.as_deref(),
    };
    page.page().with_status(status_of(problems)).into_response()
}

fn ask(app: &Arc<App>, visit: &Visit<'_>, form: &Form<'_>) -> Result<Response, Ended> {
    let (continuation, email) = (form.value("continue"), form.value("email").unwrap_or_default());
    let again = |problem: Problem| Ok(show(visit, continuation, (email, &[problem])));
    if email.is_empty() {
        return again(Problem::Missing(Field::Email));
    }
    let Some(to) = Recipient::parse(email) else { return again(Problem::EmailInvalid) };
    if !app.config.registration.allows(&to.domain()) {
        return again(Problem::EmailNotAllowed);
    }
    let place = match place(visit)? {
        Ok(place) => place,
        Err(problem) => return again(problem),
    };
    let aside = Aside::of(visit, PATH, continuation);
    let (app, language, continuation) = (Arc::clone(app), aside.language, aside.sealed.clone());
    tokio::spawn(async move {
        if let Err(error) = send(&app, to, continuation, (place, language)).await {
            tracing::info!(cause = %error, "no link was sent for a registration");
        }
    });
    Ok(aside.mail_sent(MailKind::EmailVerification))
}

async fn send(
    app: &App,
    to: Recipient,
    continuation: Option<String>,
    (place, language): (Place, Language),
) -> Result<(), CredentialError> {
    if let Some(account) = app.credentials.account_of_email(to.as_str()).await? {
        mails::already_registered(app, &account, (place, language));
        return Ok(());
    }
    let lifetime = app.config.credentials.link_lifetime_seconds;
    let registration = Registration {
        email: to.as_str().to_owned(),
        roles: Vec::new(),
        groups: Vec::new(),
        invited: false,
        continuation,
        expires_at: app.clock.now() + i64::from(lifetime),
    };
    let link = app.credentials.begin_registration(&registration).await?;
    mails::registration(to, (link, lifetime), (place, language));
    Ok(())
}
