//! The handler of the assets.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::html::tags;
use super::samples::{self, Content};
use crate::page::{Language, assets};

struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    body: Vec<u8>,
}

fn fetch(path: &str, if_none_match: Option<&str>) -> Answer {
    let router: Router = Router::new().route(assets::ROUTE, get(assets::endpoint));
    let mut request = Request::builder().uri(path);
    if let Some(tag) = if_none_match {
        request = request.header("if-none-match", tag);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    })
}

/// The paths and contents of all that a page loads from the issuer.
pub(super) fn loaded(html: &str) -> Vec<(String, Vec<u8>)> {
    let urls = tags(html).into_iter().filter_map(|tag| {
        let attribute = if tag.name == "link" { "href" } else { "src" };
        tag.get(attribute).filter(|url| url.starts_with("/assets/")).map(str::to_owned)
    });
    urls.map(|url| {
        let answer = fetch(&url, None);
        assert_eq!(answer.status, StatusCode::OK, "{url}");
        (url, answer.body)
    })
    .collect()
}

fn paths() -> Vec<String> {
    let pages = samples::all(Language::English, Content::Usual);
    let mut paths: Vec<String> =
        pages.iter().flat_map(|(_, page)| loaded(page.html())).map(|(path, _)| path).collect();
    paths.sort();
    paths.dedup();
    paths
}

#[test]
fn what_pages_load_is_kept_forever_and_asked_for_once() {
    let paths = paths();
    assert_eq!(paths.len(), 6, "stylesheet, brand, icon and three scripts: {paths:?}");
    for path in paths {
        let first = fetch(&path, None);
        assert_eq!(first.headers["cache-control"], "public, max-age=31536000, immutable");
        assert_eq!(first.headers["x-content-type-options"], "nosniff");
        let etag = first.headers["etag"].to_str().unwrap();
        assert!(path.contains(etag.trim_matches('"')), "{path} {etag}");
        let again = fetch(&path, Some(etag));
        assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0), "{path}");
    }
}

#[test]
fn a_page_of_another_version_is_not_bare_but_what_it_gets_is_not_kept() {
    for path in ["/assets/page.0123456789abcdef.css", "/assets/brand/0f766e.0123.css"] {
        let answer = fetch(path, None);
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.headers["cache-control"], "no-cache", "{path}");
        assert_eq!(answer.headers["content-type"], "text/css; charset=utf-8", "{path}");
    }
}

#[test]
fn nothing_else_is_found() {
    for path in [
        "/assets/page.css",
        "/assets/page.x.js",
        "/assets/other.x.css",
        "/assets/brand/0F766E.x.css",
        "/assets/brand/%230f766e.x.css",
        "/assets/brand/red.x.css",
        "/assets/brand/0f766e.x.js",
        "/assets/..%2f..%2fCargo.x.toml",
    ] {
        assert_eq!(fetch(path, None).status, StatusCode::NOT_FOUND, "{path}");
    }
}
