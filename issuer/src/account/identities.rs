//! Who the person is at other providers: linked by whoever proves both just now, and taken away. The last way to sign in
//! stays.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;

use super::overview;
use super::owner::{Owner, Proof};
use crate::app::App;
use crate::interaction::{Visit, either, start_link};
use crate::page::{Notice, Problem};
use crate::store::{StoreError, UpstreamIdentity};

pub(super) const LINK: &str = "/account/identities";
pub(super) const UNLINK: &str = "/account/identities/unlink";

/// `POST /account/identities`: to the provider that was chosen.
pub(super) async fn link(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let (owner, posted) = Owner::of_form(&visit, (&parts, body), Proof::Recent).await?;
        start_link(&visit, &owner.current, posted.form(&visit)?.value("provider")).await
    };
    either(outcome.await)
}

/// `POST /account/identities/unlink`.
pub(super) async fn unlink(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let (owner, posted) = Owner::of_form(&visit, (&parts, body), Proof::Recent).await?;
        let form = posted.form(&visit)?;
        let key = form.value("id").and_then(|id| id.split_once(' '));
        let key = key.ok_or_else(|| owner.not_found())?;
        match app.store.unlink_upstream_identity(owner.user_id(), key, &owner.act()).await {
            Ok(()) => Ok(owner.done(Notice::IdentityUnlinked)),
            Err(StoreError::Conflict(_)) => {
                overview::show(&owner, &[Problem::LastCredential]).await
            }
            Err(error) => Err(owner.refused(error)),
        }
    };
    either(outcome.await)
}

/// How a form names an identity: an issuer is a URL, and has no blank.
pub(super) fn id_of(identity: &UpstreamIdentity) -> String {
    format!("{} {}", identity.issuer, identity.subject)
}
