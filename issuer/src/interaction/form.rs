//! A form that a page of the issuer sent back: its token is checked before anything else is read.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::request::Parts;

use super::Interaction;
use super::visit::{Ended, Visit};
use crate::app::App;
use crate::authorize::own_client;
use crate::credentials::CredentialError;
use crate::error::OAuthError;
use crate::page::ErrorKind;
use crate::protocol::{ErrorCode, Form};
use crate::registry::Client;
use crate::store::StoreError;
use crate::token::{read_form_body, refuse_form};

/// The body of a form.
pub(crate) struct Posted {
    body: Bytes,
}

impl Posted {
    /// Reads the body.
    pub(crate) async fn read(visit: &Visit<'_>, parts: &Parts, body: Body) -> Result<Self, Ended> {
        let body = read_form_body(parts, body).await;
        let body =
            body.map_err(|error| Ended::from(visit.error(ErrorKind::InvalidRequest, &error)))?;
        Ok(Self { body })
    }

    /// What stands in it, by whomever it was made.
    pub(crate) fn form(&self, visit: &Visit<'_>) -> Result<Form<'_>, Ended> {
        Form::parse(&self.body).map_err(|error| {
            Ended::from(visit.error(ErrorKind::InvalidRequest, &refuse_form(error)))
        })
    }

    /// The fields. A form without its token, or of another browser, does nothing.
    pub(super) fn fields(&self, visit: &Visit<'_>) -> Result<Form<'_>, Ended> {
        let form = self.form(visit)?;
        if !visit.is_own_form(form.value("csrf")) {
            let error = OAuthError::invalid_request("the form was not made for this browser");
            return Err(Ended::from(visit.error(ErrorKind::FormExpired, &error)));
        }
        Ok(form)
    }

    /// The fields, and the interaction that they go on with.
    pub(super) fn open<'f>(&'f self, visit: &Visit<'_>) -> Result<(Form<'f>, Interaction), Ended> {
        let form = self.fields(visit)?;
        let opened = form.value("continue").and_then(|text| Interaction::open(visit, text));
        let interaction = opened.ok_or_else(|| {
            let error = OAuthError::invalid_request("the sign-in was open for too long");
            Ended::from(visit.error(ErrorKind::SignInExpired, &error))
        })?;
        Ok((form, interaction))
    }
}

/// A parameter of the query; none if the query is malformed.
pub(super) fn parameter(parts: &Parts, name: &str) -> Option<String> {
    let query = parts.uri.query().unwrap_or_default();
    let form = Form::parse(query.as_bytes()).ok()?;
    form.value(name).map(str::to_owned)
}

/// Turns the two ways in which a handler ends into one.
pub(crate) fn either(outcome: Result<Response, Ended>) -> Response {
    outcome.unwrap_or_else(Ended::into_response)
}

/// A page for a failure of the issuer itself.
pub(crate) fn unavailable(visit: &Visit<'_>, error: impl Into<OAuthError>) -> Ended {
    Ended::from(visit.error(ErrorKind::Unavailable, &error.into()))
}

/// A link that does not hold: used, too old, replaced, or of somebody who is gone. They look alike; the cause is for the
/// log.
pub(super) fn link_refused(visit: &Visit<'_>, error: &CredentialError) -> Ended {
    match error {
        CredentialError::Refused(_) | CredentialError::Store(StoreError::Conflict(_)) => {
            let description = "the link is used or too old";
            let error =
                OAuthError::because(ErrorCode::InvalidRequest, description, error.to_string());
            Ended::from(visit.error(ErrorKind::LinkExpired, &error))
        }
        other => unavailable(visit, OAuthError::unavailable(other.to_string())),
    }
}

/// What the pages know of the client that a person comes from.
pub(super) fn client_of(app: &App, interaction: &Interaction) -> Option<Arc<Client>> {
    if interaction.request.is_own_page() {
        return Some(Arc::new(own_client(&app.brand)));
    }
    app.registry.load().client(&interaction.request.client_id).cloned()
}
