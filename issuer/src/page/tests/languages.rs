//! That the languages are languages of their own.

use std::collections::BTreeSet;

use super::html::texts;
use super::samples::{self, Content};
use crate::page::Language;

/// Texts of a language; those of all pages but the values that the samples give.
fn words(language: Language) -> BTreeSet<String> {
    let pages = samples::all(language, Content::Usual);
    pages.iter().flat_map(|(_, page)| texts(page.html())).collect()
}

#[test]
fn no_language_borrows_a_sentence_of_english() {
    let english = words(Language::English);
    for language in Language::SUPPORTED.iter().filter(|language| **language != Language::English) {
        let borrowed: Vec<String> = words(*language)
            .intersection(&english)
            .filter(|text| is_sentence(text))
            .cloned()
            .collect();
        assert!(borrowed.is_empty(), "{}: {borrowed:?}", language.tag());
    }
}

/// Longer than a name, and not a value that the samples give: a key, or the text for developers,
/// which is always English.
fn is_sentence(text: &str) -> bool {
    let is_value = ["JBSW Y3DP EHPK 3PXP", "code_challenge_method must be S256"].contains(&text);
    text.split(' ').count() > 3 && !is_value
}

#[test]
fn numbers_have_the_plural_forms_of_their_language() {
    let left = |language: Language, count| (language.messages().account.recovery_codes_left)(count);
    for (language, forms) in [
        (Language::English, 3),
        (Language::German, 3),
        (Language::French, 3),
        (Language::Arabic, 6),
    ] {
        let strip = |text: String| text.replace(|c: char| c.is_numeric(), "");
        let all: BTreeSet<String> =
            [0, 1, 2, 5, 40, 100].into_iter().map(|count| strip(left(language, count))).collect();
        assert_eq!(all.len(), forms, "{language:?}: {all:?}");
    }
}
