//! A new password by a one-time link: `GET` shows the form and consumes nothing, `POST` consumes the link. The same page
//! serves invitations. Afterwards every session of the user has ended: whoever had taken one over is out.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;

use super::visit::{Visit, issuer_brand};
use crate::app::App;
use crate::credentials::password::PasswordProblem;
use crate::credentials::{CredentialError, LinkPurpose, Password};
use crate::error::OAuthError;
use crate::page::{ErrorKind, Field, PostForm, Problem, ResetPasswordPage, View as _};
use crate::protocol::Form;
use crate::token::{read_form_body, refuse_form};

/// `/reset-password`.
pub(super) async fn reset(State(app): State<Arc<App>>, request: Request) -> Response {
    endpoint(&app, request, LinkPurpose::PasswordReset).await
}

/// The link of an invitation.
pub(super) async fn invite(State(app): State<Arc<App>>, request: Request) -> Response {
    endpoint(&app, request, LinkPurpose::Invite).await
}

async fn endpoint(app: &App, request: Request, purpose: LinkPurpose) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(app, &parts);
    let outcome = async {
        if parts.method == http::Method::GET {
            let query = parts.uri.query().unwrap_or_default().as_bytes().to_vec();
            let form = Form::parse(&query).map_err(refuse_form)?;
            return show(&visit, purpose, form.value("token").unwrap_or_default(), &[]).await;
        }
        let body = read_form_body(&parts, body).await?;
        let form = Form::parse(&body).map_err(refuse_form)?;
        if !visit.is_own_form(form.value("csrf")) {
            return Err(OAuthError::invalid_request("the form was not made for this browser"));
        }
        redeem(&visit, purpose, &form).await
    };
    let response = outcome.await;
    visit.finish(response.unwrap_or_else(|error| visit.error(ErrorKind::LinkExpired, &error)))
}

/// The token travels on in the form, not in the address.
async fn show(
    visit: &Visit<'_>,
    purpose: LinkPurpose,
    token: &str,
    problems: &[Problem],
) -> Result<Response, OAuthError> {
    let credentials = &visit.app.credentials;
    let account = credentials.peek_link(purpose, token).await.map_err(refused)?;
    let (action, csrf, brand) = (visit.path(purpose.path()), visit.csrf(), issuer_brand());
    let page = ResetPasswordPage {
        frame: visit.frame(&brand, visit.language(None)),
        form: PostForm { action: &action, csrf: &csrf, continuation: Some(token) },
        username: &account.user.username,
        min_password_length: credentials.password_rules().min_characters,
        problems,
    };
    let status =
        if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(page.page().with_status(status).into_response())
}

async fn redeem(
    visit: &Visit<'_>,
    purpose: LinkPurpose,
    form: &Form<'_>,
) -> Result<Response, OAuthError> {
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
            let now = app.clock.now();
            for session in app.store.sessions_of(account.user.id).await? {
                app.store.end_session(session.id, now).await?;
            }
            Ok(done(visit))
        }
        Err(CredentialError::Password(problem)) => {
            show(visit, purpose, token, &[told(visit, problem)]).await
        }
        Err(error) => Err(refused(error)),
    }
}

/// The password is set: the next step is to go back to the application, which asks to sign in.
fn done(visit: &Visit<'_>) -> Response {
    let brand = issuer_brand();
    let page = crate::page::LoggedOutPage {
        frame: visit.frame(&brand, visit.language(None)),
        frontchannel_logout_uris: &[],
        continue_to: None,
        sign_in: None,
    };
    page.page().into_response()
}

/// What the person is told of a new password that breaks a rule.
pub(crate) fn told(visit: &Visit<'_>, problem: PasswordProblem) -> Problem {
    match problem {
        PasswordProblem::TooShort { .. } => {
            Problem::PasswordTooShort { min: visit.app.credentials.password_rules().min_characters }
        }
        PasswordProblem::TooLong => Problem::PasswordTooLong { max: 256 },
        _ => Problem::PasswordTooCommon,
    }
}

fn refused(error: CredentialError) -> OAuthError {
    match error {
        CredentialError::Refused(_) => OAuthError::invalid_request("the link is used or too old"),
        other => OAuthError::unavailable(other.to_string()),
    }
}
