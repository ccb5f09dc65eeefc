//! The guard against requests that other sites cause (cross-site request forgery), for everything that a cookie
//! opens.

use http::Method;
use http::header::{HOST, ORIGIN, UPGRADE};
use http::request::Parts;

/// Browsers attach cookies to requests that other sites cause. Fetch Metadata says so; older
/// browsers send `Origin`; who sends neither is not a browser and has no business with cookies.
pub(crate) fn is_same_site(parts: &Parts, trusted_origins: &[String]) -> bool {
    let is_safe = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    // A WebSocket handshake is a GET, and CORS does not apply to it.
    if is_safe && !parts.headers.contains_key(UPGRADE) {
        return true;
    }
    let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text(ORIGIN.as_str());
    if origin.is_some_and(|origin| trusted_origins.iter().any(|one| one == origin)) {
        return true;
    }
    match (text("sec-fetch-site"), origin) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host =
                text(HOST.as_str()).or(parts.uri.authority().map(http::uri::Authority::as_str));
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            authority.is_some() && authority == host
        }
        (None, None) => false,
    }
}
