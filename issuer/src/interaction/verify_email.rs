//! The link that proves an e-mail address: `GET` shows a button and consumes nothing, since scanners of mail visit it
//! too; `POST` consumes the link and notes the proof. Nobody is signed in by it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};

use super::form::{Posted, either, link_refused, parameter};
use super::visit::{Ended, Visit};
use crate::app::App;
use crate::credentials::LinkPurpose;
use crate::page::{ConfirmEmailPage, DonePage, Notice, PostForm, View as _};

const PURPOSE: LinkPurpose = LinkPurpose::EmailVerification;

/// `GET /verify-email`.
pub(super) async fn page(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let token = parameter(&parts, "token").unwrap_or_default();
    visit.finish(either(show(&visit, &token).await))
}

/// `POST /verify-email`.
pub(super) async fn endpoint(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let posted = Posted::read(&visit, &parts, body).await?;
        let form = posted.fields(&visit)?;
        let redeemed =
            app.credentials.redeem_email_link(form.value("continue").unwrap_or_default());
        redeemed.await.map_err(|error| link_refused(&visit, &error))?;
        let frame = visit.own_frame();
        let page = DonePage { frame, done: Notice::EmailVerified, go_on: None };
        Ok(page.page().into_response())
    };
    either(outcome.await)
}

async fn show(visit: &Visit<'_>, token: &str) -> Result<Response, Ended> {
    let account = visit.app.credentials.peek_link(PURPOSE, token).await;
    let account = account.map_err(|error| link_refused(visit, &error))?;
    let (action, csrf) = (visit.path(PURPOSE.path()), visit.csrf());
    let page = ConfirmEmailPage {
        frame: visit.own_frame(),
        form: PostForm { action: &action, csrf: &csrf, continuation: Some(token) },
        email: account.user.email.as_deref().unwrap_or_default(),
    };
    Ok(page.page().into_response())
}
