//! Cross-origin reading (Fetch standard §3.2): browsers may call the endpoints of the protocol from any origin. No
//! cookie is involved in them, so that there is nothing to protect by the origin, and credentials are never allowed.

use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use http::{HeaderValue, StatusCode, header};
use std::convert::Infallible;

/// What an endpoint answers along with its response when scripts of any origin may read it.
#[derive(Clone, Copy, Debug)]
pub struct AnyOrigin;

impl IntoResponseParts for AnyOrigin {
    type Error = Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Infallible> {
        let any = HeaderValue::from_static("*");
        // RFC 9449 §8: what a client in a browser must be able to read.
        let exposed = HeaderValue::from_static("dpop-nonce, www-authenticate");
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
        response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        Ok(response)
    }
}

/// The answer to a browser's preflight.
pub async fn preflight() -> (AnyOrigin, Response) {
    let allowed = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, dpop"),
        (header::ACCESS_CONTROL_MAX_AGE, "7200"),
    ];
    (AnyOrigin, (StatusCode::NO_CONTENT, allowed).into_response())
}
