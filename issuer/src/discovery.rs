//! The issuer's metadata (OpenID Connect Discovery 1.0 §3, RFC 8414 §2), made once at start from the
//! tables of grants and methods. Every URL comes from the configuration, never from a request.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use countersign_keys::algorithm::{ALGORITHMS, Algorithm};
use countersign_keys::jwe::{ContentEncryption, KeyManagement};
use http::{HeaderValue, header};
use serde::Serialize;

use crate::app::App;
use crate::authorize::ResponseMode;
use crate::binding;
use crate::config::{Config, IssuerUrl};
use crate::cors::AnyOrigin;
use crate::feed;
use crate::page::Language;
use crate::protocol::prompt::Prompt;
use crate::protocol::{acr, pkce};
use crate::registry::{ClientAuthentication, IDENTITY_SCOPES, SCOPE_CLAIMS, fapi2};
use crate::token::client_auth;
use crate::token::grants::GRANTS;

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the members are those of the specification")]
struct Metadata<'m> {
    issuer: &'m str,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    jwks_uri: String,
    end_session_endpoint: String,
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    introspection_signing_alg_values_supported: Vec<&'static str>,
    /// Where verifiers are told of revocations (decision 0031).
    revocation_feed_endpoint: String,
    backchannel_logout_supported: bool,
    backchannel_logout_session_supported: bool,
    frontchannel_logout_supported: bool,
    frontchannel_logout_session_supported: bool,
    pushed_authorization_request_endpoint: String,
    device_authorization_endpoint: String,
    scopes_supported: &'static [&'static str],
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 2],
    grant_types_supported: Vec<&'static str>,
    acr_values_supported: &'static [&'static str],
    subject_types_supported: [&'static str; 2],
    id_token_signing_alg_values_supported: Vec<&'static str>,
    userinfo_signing_alg_values_supported: Vec<&'static str>,
    id_token_encryption_alg_values_supported: [KeyManagement; 3],
    id_token_encryption_enc_values_supported: [ContentEncryption; 2],
    userinfo_encryption_alg_values_supported: [KeyManagement; 3],
    userinfo_encryption_enc_values_supported: [ContentEncryption; 2],
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    token_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    claim_types_supported: [&'static str; 1],
    claims_supported: Vec<&'static str>,
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    request_object_signing_alg_values_supported: Vec<&'static str>,
    require_signed_request_object: bool,
    require_pushed_authorization_requests: bool,
    authorization_response_iss_parameter_supported: bool,
    code_challenge_methods_supported: [&'static str; 1],
    dpop_signing_alg_values_supported: Vec<&'static str>,
    tls_client_certificate_bound_access_tokens: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtls_endpoint_aliases: Option<Aliases>,
    prompt_values_supported: [&'static str; 4],
    ui_locales_supported: Vec<&'static str>,
}

/// Where clients that have a certificate go (RFC 8705 §5): whatever has a client authenticate, or takes a bound token.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the members are those of the specification")]
struct Aliases {
    token_endpoint: String,
    userinfo_endpoint: String,
    pushed_authorization_request_endpoint: String,
    device_authorization_endpoint: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    revocation_feed_endpoint: String,
}

impl Aliases {
    fn below(url: &IssuerUrl) -> Self {
        Self {
            token_endpoint: url.endpoint("/token"),
            userinfo_endpoint: url.endpoint("/userinfo"),
            pushed_authorization_request_endpoint: url.endpoint("/par"),
            device_authorization_endpoint: url.endpoint("/device_authorization"),
            revocation_endpoint: url.endpoint("/revoke"),
            introspection_endpoint: url.endpoint("/introspect"),
            revocation_feed_endpoint: url.endpoint(feed::PATH),
        }
    }
}

/// The document, as it is sent.
pub fn document(config: &Config) -> Bytes {
    let issuer = &config.issuer;
    let signing: Vec<&str> = config.offered_algorithms().map(Algorithm::name).collect();
    let metadata = Metadata {
        issuer: issuer.as_str(),
        authorization_endpoint: issuer.endpoint("/authorize"),
        token_endpoint: issuer.endpoint("/token"),
        userinfo_endpoint: issuer.endpoint("/userinfo"),
        jwks_uri: issuer.endpoint("/jwks"),
        end_session_endpoint: issuer.endpoint("/logout"),
        revocation_endpoint: issuer.endpoint("/revoke"),
        revocation_endpoint_auth_methods_supported: client_auth::methods(config),
        introspection_endpoint: issuer.endpoint("/introspect"),
        introspection_endpoint_auth_methods_supported: confidential_methods(config),
        introspection_signing_alg_values_supported: signing.first().copied().into_iter().collect(),
        revocation_feed_endpoint: issuer.endpoint(feed::PATH),
        backchannel_logout_supported: true,
        backchannel_logout_session_supported: true,
        frontchannel_logout_supported: true,
        frontchannel_logout_session_supported: true,
        pushed_authorization_request_endpoint: issuer.endpoint("/par"),
        device_authorization_endpoint: issuer.endpoint("/device_authorization"),
        scopes_supported: IDENTITY_SCOPES,
        response_types_supported: ["code"],
        response_modes_supported: ResponseMode::NAMES,
        grant_types_supported: GRANTS.iter().map(|grant| grant.name).collect(),
        acr_values_supported: acr::VALUES,
        subject_types_supported: ["public", "pairwise"],
        id_token_signing_alg_values_supported: signing.clone(),
        userinfo_signing_alg_values_supported: signing,
        id_token_encryption_alg_values_supported: KeyManagement::ALL,
        id_token_encryption_enc_values_supported: ContentEncryption::ALL,
        userinfo_encryption_alg_values_supported: KeyManagement::ALL,
        userinfo_encryption_enc_values_supported: ContentEncryption::ALL,
        token_endpoint_auth_methods_supported: client_auth::methods(config),
        token_endpoint_auth_signing_alg_values_supported: every_algorithm(config),
        claim_types_supported: ["normal"],
        claims_supported: claims(),
        claims_parameter_supported: true,
        request_parameter_supported: true,
        // RFC 9126 §5: those of pushed requests can be used all the same; no others can.
        request_uri_parameter_supported: false,
        request_object_signing_alg_values_supported: every_algorithm(config),
        // RFC 9101 §10.5: of clients that are registered so, not of all.
        require_signed_request_object: false,
        require_pushed_authorization_requests: config.fapi2,
        authorization_response_iss_parameter_supported: true,
        code_challenge_methods_supported: [pkce::METHOD],
        dpop_signing_alg_values_supported: binding::algorithms(config)
            .map(Algorithm::name)
            .collect(),
        tls_client_certificate_bound_access_tokens: config.mtls.is_offered(),
        mtls_endpoint_aliases: config.mtls.url.as_ref().map(Aliases::below),
        prompt_values_supported: Prompt::VALUES,
        ui_locales_supported: Language::SUPPORTED.iter().map(|language| language.tag()).collect(),
    };
    Bytes::from(serde_json::to_vec(&metadata).unwrap_or_default())
}

/// How clients prove who they are.
fn confidential_methods(config: &Config) -> Vec<&'static str> {
    let mut methods = client_auth::methods(config);
    methods.retain(|method| *method != ClientAuthentication::None.name());
    methods
}

/// What clients may sign with.
fn every_algorithm(config: &Config) -> Vec<&'static str> {
    let is_known = |algorithm| !config.fapi2 || fapi2::allows(algorithm);
    ALGORITHMS.iter().filter(|row| is_known(row.algorithm)).map(|row| row.name).collect()
}

fn claims() -> Vec<&'static str> {
    let of_tokens = ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid"];
    let of_scopes = SCOPE_CLAIMS.iter().flat_map(|(_, claims)| claims.iter().copied());
    of_tokens.into_iter().chain(of_scopes).collect()
}

/// The handler of both well-known addresses.
pub async fn endpoint(State(app): State<Arc<App>>) -> (AnyOrigin, Response) {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
    ];
    (AnyOrigin, (headers, app.discovery.clone()).into_response())
}
