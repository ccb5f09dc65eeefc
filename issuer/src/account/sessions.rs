//! The sessions of the person: one is ended, or all of them with every refresh token. Clients that took part hear of it as
//! of any sign-out.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};

use super::owner::{Owner, Proof};
use crate::app::App;
use crate::authorize::see_other;
use crate::interaction::{Visit, either, forget};
use crate::logout::tell_clients;
use crate::page::{LoggedOutPage, Notice, View as _};

pub(super) const END: &str = "/account/sessions/end";
pub(super) const END_ALL: &str = "/account/sessions/end-all";
pub(super) const SIGNED_OUT: &str = "/account/signed-out";

/// `POST /account/sessions/end`.
pub(super) async fn end(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let (owner, posted) = Owner::of_form(&visit, (&parts, body), Proof::Session).await?;
        let whose = (owner.user_id(), owner.id_in(&posted)?);
        let ended = app.store.end_own_session(whose, &owner.act()).await;
        tell_clients(&app, [ended.map_err(|error| owner.refused(error))?]).await;
        Ok(owner.done(Notice::SessionEnded))
    };
    either(outcome.await)
}

/// `POST /account/sessions/end-all`: this session too, so that nothing is left that somebody else may hold.
pub(super) async fn end_all(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let (owner, _) = Owner::of_form(&visit, (&parts, body), Proof::Session).await?;
        let ended = app.store.sign_out_everywhere(owner.user_id(), &owner.act()).await;
        tell_clients(&app, ended.map_err(|error| owner.refused(error))?).await;
        let mut response = see_other(&visit.path(SIGNED_OUT));
        forget(&mut response);
        Ok(response)
    };
    either(outcome.await)
}

/// `GET /account/signed-out`.
pub(super) async fn signed_out(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let account = visit.path(super::PATH);
    let page = LoggedOutPage {
        frame: visit.own_frame(),
        frontchannel_logout_uris: &[],
        continue_to: None,
        sign_in: Some(&account),
    };
    page.page().into_response()
}
