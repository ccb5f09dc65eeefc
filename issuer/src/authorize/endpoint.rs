//! `GET` and `POST /authorize` (OpenID Connect Core §3.1.2.1): the same parameters in the query or in a form.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::Method;
use http::request::Parts;

use super::{AuthorizationRequest, Failure};
use crate::app::App;
use crate::error::OAuthError;
use crate::interaction::{Ended, Interaction, Visit, proceed, refuse};
use crate::page::ErrorKind;
use crate::protocol::Form;
use crate::protocol::form::MAX_FORM_BYTES;
use crate::token::{read_form_body, refuse_form};

/// The handler.
pub async fn endpoint(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts);
    let outcome = match read(&app, &parts, body).await {
        Ok(request) => proceed(&visit, Interaction::begin(request, &visit)).await,
        Err(Failure::Page(kind, error)) => Ok(visit.error(kind, &error)),
        Err(Failure::Redirect(refused)) => Ok(refuse(&visit, &refused)),
    };
    visit.finish(outcome.unwrap_or_else(Ended::into_response))
}

async fn read(app: &App, parts: &Parts, body: Body) -> Result<AuthorizationRequest, Failure> {
    let invalid = |error: OAuthError| Failure::page(ErrorKind::InvalidRequest, error);
    let parameters = if parts.method == Method::POST {
        read_form_body(parts, body).await.map_err(invalid)?
    } else {
        let query = parts.uri.query().unwrap_or_default();
        if query.len() > MAX_FORM_BYTES {
            return Err(invalid(OAuthError::invalid_request("the query is too long")));
        }
        Bytes::copy_from_slice(query.as_bytes())
    };
    let (form, repeats) = Form::read(&parameters).map_err(|error| invalid(refuse_form(error)))?;
    app.freshness
        .require(app.clock.elapsed())
        .map_err(|error| Failure::page(ErrorKind::Unavailable, error))?;
    AuthorizationRequest::read(app, &form, repeats).await
}
