//! A new password by a one-time link: `GET` shows the form and consumes nothing, `POST` consumes the link. The same page
//! serves invitations. Afterwards every session of the user has ended: whoever had taken one over is out.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};

use super::form::{Posted, either, link_refused, parameter};
use super::login::status_of;
use super::mails;
use super::visit::{Ended, Visit};
use crate::app::App;
use crate::credentials::password::PasswordProblem;
use crate::credentials::{CredentialError, LinkPurpose, Password};
use crate::page::{DonePage, Field, Notice, PostForm, Problem, ResetPasswordPage, View as _};
use crate::protocol::Form;

/// `/reset-password`.
pub(super) async fn reset(State(app): State<Arc<App>>, request: Request) -> Response {
    endpoint(&app, request, LinkPurpose::PasswordReset).await
}

/// The link of an invitation.
pub(super) async fn invite(State(app): State<Arc<App>>, request: Request) -> Response {
    endpoint(&app, request, LinkPurpose::Invite).await
}

async fn endpoint(app: &Arc<App>, request: Request, purpose: LinkPurpose) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(app, &parts);
    let outcome = async {
        if parts.method != http::Method::POST {
            let token = parameter(&parts, "token").unwrap_or_default();
            return show(&visit, purpose, &token, &[]).await;
        }
        let posted = Posted::read(&visit, &parts, body).await?;
        redeem(&visit, purpose, &posted.fields(&visit)?).await
    };
    visit.finish(either(outcome.await))
}

/// The token travels on in the form, not in the address.
async fn show(
    visit: &Visit<'_>,
    purpose: LinkPurpose,
    token: &str,
    problems: &[Problem],
) -> Result<Response, Ended> {
    let credentials = &visit.app.credentials;
    let account = credentials.peek_link(purpose, token).await;
    let account = account.map_err(|error| link_refused(visit, &error))?;
    let (action, csrf) = (visit.path(purpose.path()), visit.csrf());
    let page = ResetPasswordPage {
        frame: visit.own_frame(),
        form: PostForm { action: &action, csrf: &csrf, continuation: Some(token) },
        username: &account.user.username,
        min_password_length: credentials.password_rules().min_characters,
        problems,
    };
    Ok(page.page().with_status(status_of(problems)).into_response())
}

async fn redeem(
    visit: &Visit<'_>,
    purpose: LinkPurpose,
    form: &Form<'_>,
) -> Result<Response, Ended> {
    let app = visit.app;
    let token = form.value("continue").unwrap_or_default();
    let Some(typed) = form.value("new_password") else {
        return show(visit, purpose, token, &[Problem::Missing(Field::NewPassword)]).await;
    };
    let redeemed = match Password::typed(typed) {
        Ok(password) => app.credentials.redeem_link_with_password(purpose, token, password).await,
        Err(problem) => Err(problem.into()),
    };
    match redeemed {
        Ok(account) => {
            mails::password_changed(app, &account, visit.language(None));
            Ok(done(visit, purpose))
        }
        Err(CredentialError::Password(problem)) => {
            show(visit, purpose, token, &[told(visit, problem)]).await
        }
        Err(error) => Err(link_refused(visit, &error)),
    }
}

/// The password is set; nobody is signed in by a link. The next step is to go back to the application, which asks to.
fn done(visit: &Visit<'_>, purpose: LinkPurpose) -> Response {
    let done = match purpose {
        LinkPurpose::Invite => Notice::AccountCreated,
        _ => Notice::PasswordReset,
    };
    let page = DonePage { frame: visit.own_frame(), done, go_on: None };
    page.page().into_response()
}

/// What the person is told of a password that may not be had.
pub(crate) fn told(visit: &Visit<'_>, problem: PasswordProblem) -> Problem {
    match problem {
        PasswordProblem::TooShort { .. } => {
            Problem::PasswordTooShort { min: visit.app.credentials.password_rules().min_characters }
        }
        PasswordProblem::TooLong => Problem::PasswordTooLong { max: 256 },
        _ => Problem::PasswordTooCommon,
    }
}
