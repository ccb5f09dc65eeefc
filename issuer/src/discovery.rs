//! The issuer's metadata (OpenID Connect Discovery 1.0 §3, RFC 8414 §2), made once at start from the
//! tables of grants and methods. Every URL comes from the configuration, never from a request.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, header};
use serde::Serialize;

use crate::app::App;
use crate::config::Config;
use crate::cors::AnyOrigin;
use crate::token::client_auth::METHODS;
use crate::token::grants::GRANTS;

#[derive(Serialize)]
struct Metadata<'m> {
    issuer: &'m str,
    token_endpoint: String,
    jwks_uri: String,
    grant_types_supported: Vec<&'static str>,
    response_types_supported: [&'static str; 0],
    token_endpoint_auth_methods_supported: &'static [&'static str],
    token_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
}

/// The document, as it is sent.
pub fn document(config: &Config) -> Bytes {
    let issuer = config.issuer.as_str();
    let metadata =
        Metadata {
            issuer,
            token_endpoint: format!("{issuer}/token"),
            jwks_uri: format!("{issuer}/jwks"),
            grant_types_supported: GRANTS.iter().map(|grant| grant.name).collect(),
            response_types_supported: [],
            token_endpoint_auth_methods_supported: METHODS,
            token_endpoint_auth_signing_alg_values_supported:
                countersign_keys::algorithm::ALGORITHMS.iter().map(|row| row.name).collect(),
        };
    Bytes::from(serde_json::to_vec(&metadata).unwrap_or_default())
}

/// The handler of both well-known addresses.
pub async fn endpoint(State(app): State<Arc<App>>) -> (AnyOrigin, Response) {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
    ];
    (AnyOrigin, (headers, app.discovery.clone()).into_response())
}
