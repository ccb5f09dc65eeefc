//! Deleting the account: by a recent sign-in, the password if there is one, and the username, typed. All sessions end, and
//! what was stored of the person goes; a tombstone keeps the id, so that it is never given to another, and the log of
//! changes keeps what it has.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;

use super::owner::{Owner, Proof};
use crate::app::App;
use crate::authorize::see_other;
use crate::interaction::{Ended, Visit, either, forget};
use crate::page::{AccountDeletedPage, DeleteAccountPage, Field, PostForm, Problem, View as _};
use crate::protocol::Form;
use crate::registry::username_key;

pub(super) const PATH: &str = "/account/delete";
pub(super) const DONE: &str = "/account/deleted";

/// `GET /account/delete`: asks.
pub(super) async fn page(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let owner = Owner::of_page(&visit, PATH, Proof::Recent).await?;
        show(&owner, &[]).await
    };
    visit.finish(either(outcome.await))
}

async fn show(owner: &Owner<'_>, problems: &[Problem]) -> Result<Response, Ended> {
    let visit = owner.visit;
    let csrf = visit.csrf_of(owner.session_id());
    let (action, account) = (visit.path(PATH), visit.path(super::PATH));
    let page = DeleteAccountPage {
        frame: visit.own_frame(),
        form: PostForm { action: &action, csrf: &csrf, continuation: None },
        username: &owner.current.user.username,
        has_password: owner.account().await?.password.is_some(),
        problems,
        account: &account,
    };
    let status = match problems {
        [] => StatusCode::OK,
        [Problem::TooManyAttempts { .. }, ..] => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Ok(page.page().with_status(status).into_response())
}

/// `POST /account/delete`.
pub(super) async fn confirm(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let (owner, posted) = Owner::of_form(&visit, (&parts, body), Proof::Recent).await?;
        if let Some(problem) = wrong(&owner, &posted.form(&visit)?).await? {
            return show(&owner, &[problem]).await;
        }
        let deleted = app.store.delete_account(owner.user_id(), &owner.act()).await;
        deleted.map_err(|error| owner.refused(error))?;
        let mut response = see_other(&visit.path(DONE));
        forget(&mut response);
        Ok(response)
    };
    either(outcome.await)
}

async fn wrong(owner: &Owner<'_>, form: &Form<'_>) -> Result<Option<Problem>, Ended> {
    let typed = form.value(Field::Confirmation.name()).unwrap_or_default();
    if username_key(typed.trim()) != username_key(&owner.current.user.username) {
        return Ok(Some(Problem::WrongConfirmation));
    }
    if owner.account().await?.password.is_none() {
        return Ok(None);
    }
    match form.value(Field::Password.name()) {
        Some(password) => owner.check_password(password, Problem::WrongPassword).await,
        None => Ok(Some(Problem::Missing(Field::Password))),
    }
}

/// `GET /account/deleted`.
pub(super) async fn done(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    AccountDeletedPage { frame: visit.own_frame() }.page().into_response()
}
