//! The cookies of the issuer (RFC 6265bis): all of them `__Host-`, so that no other host and no plain connection can set
//! them, and none readable by scripts.

use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};

/// Names the session.
pub(crate) const SESSION: &str = "__Host-session";
/// Names the browser, before anybody signed in.
pub(crate) const BROWSER: &str = "__Host-browser";
/// Says that somebody signed in with this browser before.
pub(crate) const DEVICE: &str = "__Host-device";
/// Begins the name of the one that says that a user wants no passkey here.
pub(crate) const NO_PASSKEY: &str = "__Host-no-passkey";
/// Says on the next page what just happened.
pub(crate) const NOTICE: &str = "__Host-notice";

/// The value of a cookie; none if it stands twice, since nobody can say which is ours.
pub(crate) fn value<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut found = None;
    for line in headers.get_all(header::COOKIE) {
        for pair in line.to_str().unwrap_or_default().split(';') {
            let Some((key, value)) = pair.trim().split_once('=') else { continue };
            if key == name && found.replace(value).is_some() {
                return None;
            }
        }
    }
    found.filter(|value| !value.is_empty())
}

/// Sets a cookie until the browser is closed, or for `max_age` seconds. Lax: a link from a client brings it along, a form
/// of another site does not.
pub(crate) fn set(response: &mut Response, name: &str, value: &str, max_age: Option<i64>) {
    let age = max_age.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    let cookie = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{age}");
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// Removes a cookie.
pub(crate) fn clear(response: &mut Response, name: &str) {
    set(response, name, "", Some(0));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_static(line));
        }
        headers
    }

    #[test]
    fn a_cookie_that_stands_twice_counts_as_none() {
        assert_eq!(value(&headers(&["a=1; __Host-session=x"]), SESSION), Some("x"));
        assert_eq!(value(&headers(&["__Host-session=x", "__Host-session=y"]), SESSION), None);
        assert_eq!(value(&headers(&["__Host-session=x; __Host-session=x"]), SESSION), None);
        assert_eq!(value(&headers(&["__Host-session="]), SESSION), None);
        assert_eq!(value(&headers(&["x__Host-session=x; __host-session=y"]), SESSION), None);
    }
}
