//! The authenticator app (RFC 6238) and the recovery codes of the person. An app is in force once its first code was right;
//! recovery codes are shown once, by the answer of the form that made them.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;

use super::owner::{Owner, Proof};
use crate::app::App;
use crate::credentials::{CredentialError, Refusal, TotpEnrollment};
use crate::interaction::{Ended, Visit, either};
use crate::page::{Field, Notice, PostForm, Problem, RecoveryCodesPage, TotpSetupPage, View as _};
use crate::store::StoreError;

pub(super) const PATH: &str = "/account/totp";
pub(super) const OFF: &str = "/account/totp/off";
pub(super) const RECOVERY_CODES: &str = "/account/recovery-codes";

/// `GET /account/totp`: shows a new key. Nothing is stored before it was confirmed.
pub(super) async fn page(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let owner = Owner::of_page(&visit, PATH, Proof::Recent).await?;
        let enrollment = app.credentials.start_totp(&owner.account().await?);
        Ok(show(&owner, &enrollment.map_err(|error| owner.failed(error))?, &[]))
    };
    visit.finish(either(outcome.await))
}

fn show(owner: &Owner<'_>, enrollment: &TotpEnrollment, problems: &[Problem]) -> Response {
    let visit = owner.visit;
    let csrf = visit.csrf_of(owner.session_id());
    let (action, account) = (visit.path(PATH), visit.path(super::PATH));
    let page = TotpSetupPage {
        frame: visit.own_frame(),
        form: PostForm { action: &action, csrf: &csrf, continuation: Some(&enrollment.ticket) },
        provisioning_uri: &enrollment.uri,
        secret: &in_groups(&enrollment.secret),
        problems,
        account: &account,
    };
    let status =
        if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    page.page().with_status(status).into_response()
}

/// Four letters at a time are easier to type.
fn in_groups(secret: &str) -> String {
    let mut text = String::with_capacity(secret.len() + secret.len() / 4);
    for (position, letter) in secret.chars().enumerate() {
        if position > 0 && position % 4 == 0 {
            text.push(' ');
        }
        text.push(letter);
    }
    text
}

/// `POST /account/totp`: with the first code of the app.
pub(super) async fn confirm(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let (owner, posted) = Owner::of_form(&visit, (&parts, body), Proof::Recent).await?;
        let form = posted.form(&visit)?;
        let ticket = form.value("continue").unwrap_or_default();
        let Some(code) = form.value(Field::Code.name()) else {
            return again(&owner, ticket, Problem::Missing(Field::Code)).await;
        };
        match app.credentials.confirm_totp(owner.user_id(), ticket, code, &owner.act()).await {
            Ok(()) => Ok(owner.done(Notice::TotpEnabled)),
            Err(CredentialError::Refused(_)) => again(&owner, ticket, Problem::WrongCode).await,
            Err(error) => Err(owner.failed(error)),
        }
    };
    either(outcome.await)
}

/// The same key once more, or a new one if the page was open for too long.
async fn again(owner: &Owner<'_>, ticket: &str, problem: Problem) -> Result<Response, Ended> {
    let (account, credentials) = (owner.account().await?, &owner.app().credentials);
    let (enrollment, problem) = match credentials.resume_totp(&account, ticket) {
        Ok(enrollment) => (Ok(enrollment), problem),
        Err(CredentialError::Refused(Refusal::Expired)) => {
            (credentials.start_totp(&account), Problem::FormExpired)
        }
        Err(error) => (Err(error), problem),
    };
    Ok(show(owner, &enrollment.map_err(|error| owner.failed(error))?, &[problem]))
}

/// `POST /account/totp/off`.
pub(super) async fn turn_off(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let (owner, _) = Owner::of_form(&visit, (&parts, body), Proof::Recent).await?;
        match app.store.remove_totp(owner.user_id(), &owner.act()).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(owner.done(Notice::TotpDisabled)),
            Err(error) => Err(owner.refused(error)),
        }
    };
    either(outcome.await)
}

/// `POST /account/recovery-codes`: makes new ones, and answers with them. No redirect follows, since nothing keeps them.
pub(super) async fn recovery_codes(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let (owner, _) = Owner::of_form(&visit, (&parts, body), Proof::Recent).await?;
        let codes = app.credentials.new_recovery_codes(owner.user_id(), &owner.act()).await;
        let codes = codes.map_err(|error| owner.failed(error))?;
        let codes: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
        let account = visit.path(super::PATH);
        let page = RecoveryCodesPage { frame: visit.own_frame(), codes: &codes, account: &account };
        Ok(page.page().into_response())
    };
    either(outcome.await)
}
