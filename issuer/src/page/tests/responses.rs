//! The headers of a page.

use axum::response::IntoResponse as _;
use http::{HeaderMap, StatusCode};

use super::samples::{self, Content};
use crate::page::Language;

fn headers(wanted: &str) -> HeaderMap {
    let pages = samples::all(Language::German, Content::Usual);
    let (_, page) = pages.into_iter().find(|(name, _)| *name == wanted).unwrap();
    page.into_response().headers().clone()
}

#[test]
fn r35_every_page_forbids_framing_caching_sniffing_and_referrers() {
    for (name, page) in samples::all(Language::German, Content::Usual) {
        let response = page.into_response();
        assert_eq!(response.status(), StatusCode::OK);
        for (header, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("content-language", "de"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(response.headers()[header], value, "{name}");
        }
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        for directive in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(directive), "{name}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{name}: {policy}");
    }
}

#[test]
fn the_policy_opens_for_the_logo_the_redirect_target_and_the_frames_of_this_page_only() {
    let plain = headers("totp");
    let policy = plain["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("; img-src 'self' data:;"), "{policy}");
    assert!(policy.ends_with("; form-action 'self' https://shop.example"), "{policy}");

    let upstream = headers("login");
    let policy = upstream["content-security-policy"].to_str().unwrap();
    let both = "; form-action 'self' https://shop.example https://accounts.provider.example";
    assert!(policy.ends_with(both), "{policy}");

    let branded = headers("logged-out-everywhere");
    let policy = branded["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("; img-src 'self' data: https://cdn.shop.example;"), "{policy}");
    assert!(policy.ends_with("; frame-src https://a.example https://b.example"), "{policy}");
}

#[test]
fn a_page_is_sent_under_the_status_that_its_handler_gives() {
    let pages = samples::all(Language::English, Content::Usual);
    let (_, page) = pages.into_iter().next().unwrap();
    let response = page.with_status(StatusCode::BAD_REQUEST).into_response();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}
