//! Whatever stands in the fields of a view, the page stays what it is.

use super::html::{Tag, tags};
use super::samples::{self, ATTACK, Content};
use crate::page::Language;

/// Names and order of tags and attributes: what an attack would change.
fn shape(html: &str) -> Vec<(String, Vec<String>)> {
    let of = |tag: Tag| (tag.name, tag.attributes.into_keys().collect());
    tags(html).into_iter().map(of).collect()
}

#[test]
fn cve_2019_8400_cve_2026_29191_no_field_of_any_page_is_read_as_html() {
    for language in Language::SUPPORTED {
        let usual = samples::all(*language, Content::Usual);
        let hostile = samples::all(*language, Content::Hostile);
        for ((name, usual), (_, hostile)) in usual.iter().zip(&hostile) {
            assert!(!hostile.html().contains(ATTACK), "{name}");
            assert!(!hostile.html().contains("<script>"), "{name}");
            assert!(
                hostile.html().contains("&#60;script&#62;alert(1)"),
                "{name}: nothing was shown"
            );
            // A QR code has another size when its content has.
            assert_eq!(shape(usual.html()), shape(hostile.html()), "{name}");
        }
    }
}

#[test]
fn cve_2026_29191_a_hostile_name_reaches_neither_headers_nor_the_policy() {
    use axum::response::IntoResponse as _;

    for (name, page) in samples::all(Language::English, Content::Hostile) {
        for (header, value) in page.into_response().headers() {
            let value = value.to_str().unwrap();
            assert!(!value.contains("alert") && !value.contains('<'), "{name} {header}: {value}");
        }
    }
}
