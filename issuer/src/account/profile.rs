//! How the person is called (OpenID Connect Core §5.1 `name`).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;

use super::overview;
use super::owner::{Owner, Proof};
use crate::app::App;
use crate::interaction::{Visit, either};
use crate::page::{Field, Notice, Problem};
use crate::registry::parse_name;

pub(super) const PATH: &str = "/account/profile";

/// `POST /account/profile`.
pub(super) async fn endpoint(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = async {
        let (owner, posted) = Owner::of_form(&visit, (&parts, body), Proof::Session).await?;
        let form = posted.form(&visit)?;
        let Some(name) = form.value("name") else {
            return overview::show(&owner, &[Problem::Missing(Field::Name)]).await;
        };
        let Ok(name) = parse_name(name.trim()) else {
            return overview::show(&owner, &[Problem::NameInvalid]).await;
        };
        let edit = |profile: &mut crate::registry::Profile| profile.name = Some(name.to_owned());
        let saved = app.store.update_profile(owner.user_id(), &owner.act(), edit).await;
        saved.map_err(|error| owner.refused(error))?;
        Ok(owner.done(Notice::ProfileSaved))
    };
    either(outcome.await)
}
