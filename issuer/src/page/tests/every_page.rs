//! What holds for every page in every language.

use std::collections::BTreeSet;

use super::html::{Tag, tags};
use super::samples::{self, Content, Sample};
use crate::page::Language;

/// The bar: everything that a browser loads for one page, uncompressed.
const MAX_BYTES: usize = 50 * 1024;

fn for_each(mut check: impl FnMut(&str, Language, &str, &[Tag])) {
    for language in Language::SUPPORTED {
        for (name, page) in samples::all(*language, Content::Usual) {
            let label = format!("{name}.{}", language.tag());
            check(&label, *language, page.html(), &tags(page.html()));
        }
    }
}

fn count(tags: &[Tag], name: &str) -> usize {
    tags.iter().filter(|tag| tag.name == name).count()
}

#[test]
fn the_language_and_its_direction_are_said() {
    for_each(|label, language, _, tags| {
        let html = tags.iter().find(|tag| tag.name == "html").unwrap();
        assert_eq!(html.get("lang"), Some(language.tag()), "{label}");
        let direction = if language == Language::Arabic { "rtl" } else { "ltr" };
        assert_eq!(html.get("dir"), Some(direction), "{label}");
    });
}

#[test]
fn a_page_has_one_heading_one_main_part_and_a_title_that_says_its_state() {
    let mut titles = BTreeSet::new();
    for_each(|label, language, html, tags| {
        assert_eq!((count(tags, "h1"), count(tags, "main")), (1, 1), "{label}");
        let title = html.split("<title>").nth(1).unwrap().split("</title>").next().unwrap();
        assert!(title.contains(" · "), "{label}: {title}");
        if language == Language::English && label.starts_with("login-wrong") {
            assert!(title.starts_with("Error: "), "{title}");
        }
        titles.insert(title.to_owned());
    });
    assert!(titles.len() > 150, "pages can be told apart by their titles");
}

#[test]
fn nothing_is_inline() {
    for_each(|label, _, html, tags| {
        for tag in tags {
            let inline =
                tag.attributes.keys().find(|name| name.starts_with("on") || *name == "style");
            assert_eq!(inline, None, "{label}: {tag:?}");
            assert_ne!(tag.name, "style", "{label}");
            assert!(tag.repeated.is_empty(), "{label}: {tag:?}");
            if tag.name == "script" {
                assert!(tag.get("src").unwrap().starts_with("/assets/"), "{label}");
            }
        }
        assert_eq!(html.matches("<script").count(), html.matches("></script>").count(), "{label}");
    });
}

#[test]
fn nothing_comes_from_third_parties_but_the_logo() {
    for_each(|label, _, _, tags| {
        for tag in tags {
            let loaded = tag.get("src").or_else(|| tag.get("href").filter(|_| tag.name == "link"));
            if matches!(tag.name.as_str(), "iframe" | "img") {
                continue;
            }
            assert!(loaded.is_none_or(|url| url.starts_with("/assets/")), "{label}: {tag:?}");
        }
    });
}

#[test]
fn every_field_has_a_label_and_an_autocomplete_and_every_id_stands_once() {
    for_each(|label, _, _, tags| {
        let ids: Vec<&str> = tags.iter().filter_map(|tag| tag.get("id")).collect();
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len(), "{label}: {ids:?}");
        let seen = |tag: &&Tag| {
            tag.name == "input" && tag.get("type") != Some("hidden") && !tag.has("hidden")
        };
        for input in tags.iter().filter(seen) {
            let id = input.get("id").unwrap();
            // A field that stands in each row of a list adds the row to its name.
            let name = input.get("name").unwrap();
            assert!(id == name || id.starts_with(&format!("{name}_")), "{label}: {id} is {name}");
            assert!(input.has("autocomplete"), "{label}: {id}");
            let labels = tags.iter().filter(|tag| tag.get("for") == Some(id)).count();
            assert_eq!(labels, 1, "{label}: {id}");
        }
        for reference in ["aria-describedby", "aria-labelledby", "for"] {
            for list in tags.iter().filter_map(|tag| tag.get(reference)) {
                for id in list.split(' ') {
                    assert!(unique.contains(id), "{label}: {reference}={id}");
                }
            }
        }
    });
}

#[test]
fn a_problem_is_said_in_a_summary_and_at_its_field_and_the_first_field_has_the_focus() {
    for_each(|label, _, html, tags| {
        let has_problems = ["-wrong", "-missing", "-short"].iter().any(|end| label.contains(end));
        let invalid: Vec<&Tag> = tags.iter().filter(|tag| tag.has("aria-invalid")).collect();
        assert_eq!(has_problems, !invalid.is_empty(), "{label}");
        let has_summary = html.contains("role=\"alert\"");
        assert_eq!(has_summary, has_problems || label.contains("login-too-many"), "{label}");
        for field in &invalid {
            let described = field.get("aria-describedby").unwrap();
            assert!(described.ends_with("_problem"), "{label}");
        }
        let focused = tags.iter().filter(|tag| tag.has("autofocus")).count();
        assert!(focused <= 1, "{label}: one field has the focus");
        if has_problems {
            let first =
                tags.iter().find(|tag| tag.get("href").is_some_and(|to| to.starts_with('#')));
            let target = first.unwrap().get("href").unwrap().trim_start_matches('#');
            let focused = tags.iter().find(|tag| tag.has("autofocus")).unwrap();
            assert_eq!(focused.get("id"), Some(target), "{label}");
        }
    });
}

#[test]
fn every_form_posts_and_carries_what_the_handler_gave() {
    for_each(|label, _, html, tags| {
        let forms = tags.iter().filter(|tag| tag.name == "form").count();
        assert_eq!(html.matches("method=\"post\"").count(), forms, "{label}");
        let carried = if label.starts_with("form-post.") { 0 } else { forms };
        for hidden in [
            "name=\"csrf\" value=\"mJ3vQ0t7yJ1sCSRF\"",
            "name=\"continue\" value=\"v1.8Zk2sealed\"",
        ] {
            assert_eq!(html.matches(hidden).count(), carried, "{label}: {hidden}");
        }
        for form in html.split("<form ").skip(1) {
            let form = form.split("</form>").next().unwrap();
            assert!(
                form.contains("type=\"submit\""),
                "{label}: a form without scripts has a button"
            );
        }
    });
}

#[test]
fn a_page_with_all_that_it_loads_is_small() {
    let folder = std::env::var_os("COUNTERSIGN_TEST_PAGES").map(std::path::PathBuf::from);
    let written = |sample: &Sample, language: Language, folder: &std::path::Path| {
        let folder = folder.join(language.tag());
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{}.html", sample.0)), sample.1.html()).unwrap();
    };
    for language in Language::SUPPORTED {
        for sample in samples::all(*language, Content::Usual) {
            let assets: usize = super::assets::loaded(sample.1.html())
                .iter()
                .map(|(path, content)| {
                    if let Some(folder) = &folder {
                        let file = folder.join(path.trim_start_matches('/'));
                        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                        std::fs::write(file, content).unwrap();
                    }
                    content.len()
                })
                .sum();
            let bytes = sample.1.html().len() + assets;
            assert!(bytes <= MAX_BYTES, "{} {}: {bytes}", sample.0, language.tag());
            if let Some(folder) = &folder {
                written(&sample, *language, folder);
            }
        }
    }
}
