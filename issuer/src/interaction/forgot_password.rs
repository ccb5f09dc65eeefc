//! A forgotten password: whoever names an account is told that a mail is on its way, whether there is such an account or
//! not. Everything that depends on it happens after the answer, so that neither the page nor its time tells
//! (CVE-2026-23511). Mails are few for each address and each account, and nobody is locked out: a right password and an
//! earlier link stay good.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};

use super::aside::Aside;
use super::form::{Posted, either, parameter, unavailable};
use super::login::status_of;
use super::mails;
use super::visit::{Ended, Visit};
use crate::app::App;
use crate::credentials::{CredentialError, From, LinkPurpose};
use crate::error::OAuthError;
use crate::mail::Place;
use crate::page::{ErrorKind, Field, ForgotPasswordPage, Language, MailKind, Problem, View as _};
use crate::protocol::{ErrorCode, Form};

/// The path of the page.
pub(super) const PATH: &str = "/forgot-password";

/// `GET /forgot-password`.
pub(super) async fn page(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let continuation = parameter(&parts, "continue");
    let outcome = if app.mailer.is_possible() {
        Ok(show(&visit, continuation.as_deref(), ("", &[])))
    } else {
        Err(no_mail(&visit))
    };
    visit.finish(either(outcome))
}

/// `POST /forgot-password`.
pub(super) async fn endpoint(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let posted = Posted::read(&visit, &parts, body).await?;
        let form = posted.fields(&visit)?;
        ask(&app, &visit, &form)
    };
    either(outcome.await)
}

fn show(
    visit: &Visit<'_>,
    continuation: Option<&str>,
    (username, problems): (&str, &[Problem]),
) -> Response {
    let aside = Aside::of(visit, PATH, continuation);
    let sign_in = aside.sign_in();
    let page = ForgotPasswordPage {
        frame: aside.frame(),
        form: aside.form(),
        username,
        problems,
        sign_in: sign_in.as_deref(),
    };
    page.page().with_status(status_of(problems)).into_response()
}

fn ask(app: &Arc<App>, visit: &Visit<'_>, form: &Form<'_>) -> Result<Response, Ended> {
    let continuation = form.value("continue");
    let username = form.value("username").unwrap_or_default();
    let again = |problem: Problem| Ok(show(visit, continuation, (username, &[problem])));
    if username.is_empty() {
        return again(Problem::Missing(Field::Username));
    }
    if !app.mailer.is_possible() {
        return Err(no_mail(visit));
    }
    let place = match place(visit)? {
        Ok(place) => place,
        Err(problem) => return again(problem),
    };
    let aside = Aside::of(visit, PATH, continuation);
    let (app, username, address) = (Arc::clone(app), username.to_owned(), visit.origin.address);
    let language = aside.language;
    tokio::spawn(async move {
        let from = From { address, device: None };
        if let Err(error) = send(&app, &username, from, (place, language)).await {
            tracing::info!(cause = %error, "no link was sent for a forgotten password");
        }
    });
    Ok(aside.mail_sent(MailKind::PasswordReset))
}

async fn send(
    app: &App,
    username: &str,
    from: From<'_>,
    (place, language): (Place, Language),
) -> Result<(), CredentialError> {
    let wanted = app.credentials.request_link(username, LinkPurpose::PasswordReset, from).await?;
    if let Some((account, link)) = wanted {
        mails::password_reset(app, &account, link, (place, language));
    }
    Ok(())
}

/// A place for a mail, before anything is known of whom it is for; else what the person is told.
pub(super) fn place(visit: &Visit<'_>) -> Result<Result<Place, Problem>, Ended> {
    let app = visit.app;
    let failed = |cause: String| unavailable(visit, OAuthError::unavailable(cause));
    match app.credentials.mail_wanted(visit.origin.address) {
        Ok(()) => app.mailer.place().map(Ok).map_err(|full| failed(full.to_string())),
        Err(CredentialError::TooMany { retry_after }) => {
            Ok(Err(Problem::TooManyAttempts { seconds: retry_after }))
        }
        Err(error) => Err(failed(error.to_string())),
    }
}

fn no_mail(visit: &Visit<'_>) -> Ended {
    let error = OAuthError::new(ErrorCode::NotFound, "this issuer sends no mails");
    Ended::from(visit.error(ErrorKind::NotFound, &error))
}
