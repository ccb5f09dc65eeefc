//! What a gateway asks: by which of the configured routes, about which request of whom. Whoever is not one of the gateways of
//! the route learns nothing, and whatever a client writes into forwarding headers itself, its gateway replaces: nobody else
//! can send them here.

use std::borrow::Cow;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::request::Parts;
use http::{HeaderMap, Method, header};

use crate::app::App;
use crate::config::GatewayRoute;
use crate::error::OAuthError;
use crate::origin::{Origin, Peer};
use crate::protocol::{ErrorCode, Identity};

/// Shows that it is the gateway, where a secret was agreed on.
const SECRET: &str = "countersign-gateway";

/// How a browser is told to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Telling {
    /// By a redirect, which the gateway hands on.
    Redirect,
    /// By 401 with `Location`: nginx takes nothing else, and makes the redirect itself.
    Unauthorized,
}

/// A question of a gateway that may ask it.
pub(super) struct Asked<'r> {
    /// What is configured.
    pub route: &'r GatewayRoute,
    /// The headers of the request that it is about, as the gateway hands them on.
    pub headers: &'r HeaderMap,
    /// Its method.
    pub method: Cow<'r, str>,
    /// Its path and query, beginning with a slash.
    pub uri: String,
    /// How a browser is told.
    pub telling: Telling,
    /// Where it came from.
    pub origin: Origin,
}

impl<'r> Asked<'r> {
    /// Reads a question.
    ///
    /// # Errors
    ///
    /// `access_denied`, in one wording for a route, a gateway and a host that are not known.
    pub(super) fn read(app: &'r App, parts: &'r Parts) -> Result<Self, OAuthError> {
        let path = parts.uri.path();
        let rest = path.strip_prefix("/gateway/").unwrap_or_default();
        let (name, below) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let route =
            app.config.gateway.get(name).ok_or_else(|| refusal("no route has this name"))?;
        require_gateway(route, parts)?;
        let host = one(&parts.headers, "x-forwarded-host")?;
        let host = match host.or(one(&parts.headers, header::HOST.as_str())?) {
            Some(host) => host,
            None => parts.uri.authority().map(http::uri::Authority::as_str).unwrap_or_default(),
        };
        if !host.eq_ignore_ascii_case(&route.host) {
            return Err(refusal("the route is for another host"));
        }
        let query = parts.uri.query();
        let uri = if below.is_empty() {
            one(&parts.headers, "x-forwarded-uri")?.unwrap_or("/").to_owned()
        } else {
            query.map_or_else(|| below.to_owned(), |query| format!("{below}?{query}"))
        };
        let is_told_by_401 = below.is_empty() && query == Some("redirect=401");
        Ok(Self {
            route,
            headers: &parts.headers,
            method: match one(&parts.headers, "x-forwarded-method")? {
                Some(method) => Cow::Borrowed(method),
                None => Cow::Borrowed(parts.method.as_str()),
            },
            // Nothing but a path: what is redirected to later stays on the host.
            uri: if is_path(&uri) { uri } else { "/".to_owned() },
            telling: if is_told_by_401 { Telling::Unauthorized } else { Telling::Redirect },
            origin: Origin::of(parts),
        })
    }

    /// The path without the query.
    pub(super) fn path(&self) -> &str {
        self.uri.split('?').next().unwrap_or_default()
    }

    /// The query.
    pub(super) fn query(&self) -> &str {
        self.uri.split_once('?').map_or("", |(_, query)| query)
    }

    /// Whether the request changes nothing (RFC 9110 §9.2.1).
    pub(super) fn is_safe(&self) -> bool {
        [Method::GET, Method::HEAD, Method::OPTIONS].iter().any(|safe| *safe == *self.method)
    }

    /// Whether a person sits in front of it who can sign in: a browser opens a page, and no script fetches something.
    pub(super) fn is_for_a_person(&self) -> bool {
        let is_page = match one(self.headers, "sec-fetch-mode") {
            Ok(Some(mode)) => mode == "navigate",
            _ => self.accepts_html(),
        };
        is_page && *self.method == Method::GET && self.route.identities.contains(&Identity::User)
    }

    fn accepts_html(&self) -> bool {
        let accept = self.headers.get_all(header::ACCEPT).iter();
        let mut types = accept.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
        types.any(|media| media.split(';').next().unwrap_or_default().trim() == "text/html")
    }
}

/// That it is one of the gateways: by its address, by the secret, or by both where both are configured.
fn require_gateway(route: &GatewayRoute, parts: &Parts) -> Result<(), OAuthError> {
    let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.to_canonical());
    let is_near = |peer| route.trusted.iter().any(|network| network.contains(&peer));
    if !route.trusted.is_empty() && !peer.is_some_and(is_near) {
        return Err(refusal("it is asked from an address that is not the gateway's"));
    }
    let Some(secret) = &route.secret else { return Ok(()) };
    let shown = one(&parts.headers, SECRET)?.unwrap_or_default();
    verify_slices_are_equal(shown.as_bytes(), secret.expose().as_bytes())
        .map_err(|_| refusal("the gateway does not show its secret"))
}

/// The only value of a header: of two nobody can say which the gateway wrote.
fn one<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, OAuthError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| refusal("a header is no text")),
        (Some(_), Some(_)) => Err(refusal("a header of the gateway stands twice")),
    }
}

/// `//host` and `/\host` would lead elsewhere (CWE-601).
fn is_path(uri: &str) -> bool {
    let is_plain = uri.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    uri.starts_with('/') && !uri.starts_with("//") && is_plain && uri.len() <= 2048
}

fn refusal(cause: &'static str) -> OAuthError {
    let description = "the gateway may not ask here";
    OAuthError::because(ErrorCode::GatewayRefused, description, cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_gone_back_to_is_a_path_of_the_host() {
        for path in ["/", "/a?b=//c", "/a/../b", "/%2f%2fevil.example"] {
            assert!(is_path(path), "{path}");
        }
        for other in ["", "a", "//evil.example", "/\\evil.example", "https://evil.example", "/a b"]
        {
            assert!(!is_path(other), "{other}");
        }
    }
}
