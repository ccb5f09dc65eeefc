//! Taking back what was granted to a client, with every refresh token that followed from it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;

use super::owner::{Owner, Proof};
use crate::app::App;
use crate::interaction::{Visit, either};
use crate::page::Notice;

pub(super) const WITHDRAW: &str = "/account/consents/withdraw";

/// `POST /account/consents/withdraw`.
pub(super) async fn withdraw(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let (owner, posted) = Owner::of_form(&visit, (&parts, body), Proof::Session).await?;
        let form = posted.form(&visit)?;
        let client_id = form.value("id").unwrap_or_default();
        let withdrawn = app.store.withdraw_consent(owner.user_id(), client_id, &owner.act()).await;
        withdrawn.map_err(|error| owner.refused(error))?;
        Ok(owner.done(Notice::ConsentWithdrawn))
    };
    either(outcome.await)
}
