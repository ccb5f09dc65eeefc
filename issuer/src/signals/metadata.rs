//! The metadata of the transmitter (OpenID Shared Signals Framework 1.0 §7.1). Subjects are not added and removed one by one: a
//! receiver hears of all of whom it may hear.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, header};
use serde::Serialize;

use super::delivery::{POLL_METHOD, PUSH_METHOD};
use super::{STATUS, STREAMS, VERIFICATION};
use crate::app::App;
use crate::cors::AnyOrigin;

#[derive(Serialize)]
struct Metadata<'m> {
    spec_version: &'static str,
    issuer: &'m str,
    jwks_uri: String,
    delivery_methods_supported: [&'static str; 2],
    configuration_endpoint: String,
    status_endpoint: String,
    verification_endpoint: String,
    authorization_schemes: [Scheme; 1],
    default_subjects: &'static str,
}

/// §7.1.1.
#[derive(Serialize)]
struct Scheme {
    spec_urn: &'static str,
}

/// The handler.
pub async fn endpoint(State(app): State<Arc<App>>) -> (AnyOrigin, Response) {
    let issuer = &app.config.issuer;
    let metadata = Metadata {
        spec_version: "1_0",
        issuer: issuer.as_str(),
        jwks_uri: issuer.endpoint("/jwks"),
        delivery_methods_supported: [PUSH_METHOD, POLL_METHOD],
        configuration_endpoint: issuer.endpoint(STREAMS),
        status_endpoint: issuer.endpoint(STATUS),
        verification_endpoint: issuer.endpoint(VERIFICATION),
        authorization_schemes: [Scheme { spec_urn: "urn:ietf:rfc:6749" }],
        default_subjects: "ALL",
    };
    let age = [(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"))];
    (AnyOrigin, (age, axum::Json(metadata)).into_response())
}
