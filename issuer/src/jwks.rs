//! `GET /jwks` (RFC 7517 §5), served from memory with a strong ETag. A node that lost the store
//! still answers, but says that the answer must not be kept.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use countersign_keys::VerifyingKey;
use countersign_keys::jwk::PublicJwk;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::app::App;
use crate::conditional::is_known;
use crate::cors::AnyOrigin;

/// How long a verifier may use the keys while the issuer cannot be reached, in seconds.
const STALE_IF_ERROR_SECONDS: u32 = 86_400;

/// The published keys, ready to be sent.
pub struct JwksDocument {
    body: Bytes,
    etag: HeaderValue,
}

impl JwksDocument {
    /// The document of some keys.
    pub fn new<'k>(keys: impl Iterator<Item = &'k VerifyingKey>) -> Self {
        #[derive(Serialize)]
        struct Document {
            keys: Vec<PublicJwk>,
        }
        let document = Document { keys: keys.map(VerifyingKey::to_jwk).collect() };
        let body = Bytes::from(serde_json::to_vec(&document).unwrap_or_default());
        let tag = URL_SAFE_NO_PAD.encode(digest(&SHA256, &body));
        let etag = HeaderValue::try_from(format!("\"{tag}\""));
        Self { body, etag: etag.unwrap_or(HeaderValue::from_static("\"\"")) }
    }

    /// The JWK set in JSON.
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

/// The two values of `Cache-Control`, made once.
pub struct JwksCaching {
    fresh: HeaderValue,
    stale: HeaderValue,
}

impl JwksCaching {
    /// Caching for so many seconds.
    pub fn new(max_age_seconds: u32) -> Self {
        let value = |max_age: u32| {
            let text =
                format!("public, max-age={max_age}, stale-if-error={STALE_IF_ERROR_SECONDS}");
            HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("no-cache"))
        };
        Self { fresh: value(max_age_seconds), stale: value(0) }
    }
}

/// The handler.
pub async fn endpoint(State(app): State<Arc<App>>, headers: HeaderMap) -> (AnyOrigin, Response) {
    let live = app.keychain.live();
    let document = &live.jwks;
    // Another node may have published a key that this one has not heard of.
    let is_fresh = app.freshness.is_fresh(app.clock.elapsed());
    let caching = if is_fresh { &app.jwks_caching.fresh } else { &app.jwks_caching.stale };
    let validators =
        [(header::ETAG, document.etag.clone()), (header::CACHE_CONTROL, caching.clone())];
    if is_known(&headers, &document.etag) {
        return (AnyOrigin, (StatusCode::NOT_MODIFIED, validators).into_response());
    }
    let content_type = HeaderValue::from_static("application/jwk-set+json");
    let content_type = [(header::CONTENT_TYPE, content_type)];
    (AnyOrigin, (validators, content_type, document.body.clone()).into_response())
}
