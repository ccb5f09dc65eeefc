//! A browser as far as it matters here: keeps cookies, and follows redirects when it is told to.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

#[derive(Clone, Default)]
pub(crate) struct Browser {
    pub(crate) cookies: BTreeMap<String, String>,
}

pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Page {
    pub(crate) fn location(&self) -> &str {
        self.headers["location"].to_str().unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Browser {
    pub(crate) async fn get(&mut self, app: &Router, path: &str) -> Page {
        self.send(app, Request::get(path)).await
    }

    /// From a page of the application itself.
    pub(crate) async fn post(&mut self, app: &Router, path: &str) -> Page {
        self.send(app, Request::post(path).header("sec-fetch-site", "same-origin")).await
    }

    pub(crate) async fn send(&mut self, app: &Router, request: http::request::Builder) -> Page {
        let cookies: Vec<_> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request =
            if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) };
        let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        for cookie in headers.get_all("set-cookie") {
            self.keep(cookie.to_str().unwrap());
        }
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Page { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// RFC 6265bis §5.7: a `__Host-` cookie needs `Secure` and `Path=/`, and has no `Domain`.
    fn keep(&mut self, cookie: &str) {
        let (pair, attributes) = cookie.split_once("; ").unwrap();
        let attributes: Vec<_> = attributes.split("; ").collect();
        assert!(cookie.len() <= 4096 && pair.starts_with("__Host-"), "{cookie}");
        for needed in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
            assert!(attributes.contains(&needed), "{cookie}");
        }
        let (name, value) = pair.split_once('=').unwrap();
        if attributes.contains(&"Max-Age=0") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}
