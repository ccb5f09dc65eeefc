//! Passkeys of the person: added by a ceremony (WebAuthn Level 3 §7.1), renamed, removed. The last way to sign in stays.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;

use super::overview;
use super::owner::{Owner, Proof};
use crate::app::App;
use crate::credentials::CredentialError;
use crate::interaction::{Ended, Posted, Visit, add_passkey, either};
use crate::page::{Field, Notice, Problem};
use crate::registry::parse_name;
use crate::store::StoreError;

pub(super) const ADD: &str = "/account/passkeys";
pub(super) const RENAME: &str = "/account/passkeys/rename";
pub(super) const REMOVE: &str = "/account/passkeys/remove";

/// `POST /account/passkeys`: with the answer of the authenticator. It is named after the browser it was made in.
pub(super) async fn add(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let (owner, posted) = Owner::of_form(&visit, (&parts, body), Proof::Recent).await?;
        finish(&owner, &posted).await
    };
    either(outcome.await)
}

async fn finish(owner: &Owner<'_>, posted: &Posted) -> Result<Response, Ended> {
    let form = posted.form(owner.visit)?;
    match add_passkey(owner.visit, owner.user_id(), &form).await {
        Ok(()) => Ok(owner.done(Notice::PasskeyAdded)),
        Err(CredentialError::Refused(_) | CredentialError::Store(StoreError::Conflict(_))) => {
            overview::show(owner, &[Problem::WrongPasskey]).await
        }
        Err(error) => Err(owner.failed(error)),
    }
}

/// `POST /account/passkeys/rename`.
pub(super) async fn rename(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let (owner, posted) = Owner::of_form(&visit, (&parts, body), Proof::Session).await?;
        let id = owner.id_in(&posted)?;
        let form = posted.form(&visit)?;
        let name = form.value(Field::Name.name()).unwrap_or_default();
        let Ok(name) = parse_name(name.trim()) else {
            return overview::show(&owner, &[Problem::NameInvalid]).await;
        };
        let renamed = app.store.rename_passkey((owner.user_id(), id), name, &owner.act()).await;
        renamed.map_err(|error| owner.refused(error))?;
        Ok(owner.done(Notice::PasskeyRenamed))
    };
    either(outcome.await)
}

/// `POST /account/passkeys/remove`.
pub(super) async fn remove(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let (owner, posted) = Owner::of_form(&visit, (&parts, body), Proof::Recent).await?;
        let id = owner.id_in(&posted)?;
        match app.store.remove_own_passkey(owner.user_id(), id, &owner.act()).await {
            Ok(()) => Ok(owner.done(Notice::PasskeyRemoved)),
            Err(StoreError::Conflict(_)) => {
                overview::show(&owner, &[Problem::LastCredential]).await
            }
            Err(error) => Err(owner.refused(error)),
        }
    };
    either(outcome.await)
}
