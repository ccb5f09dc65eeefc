//! The languages of the pages, and which of them a person gets: `ui_locales` (OpenID Connect Core
//! §3.1.2.1) before `Accept-Language` (RFC 9110 §12.5.4), each by lookup (RFC 4647 §3.4).

use super::messages::{ARABIC, ENGLISH, FRENCH, GERMAN, JAPANESE, Messages};

/// How many wishes of one list are read.
const MAX_RANGES: usize = 32;

/// A language in which every page can be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Language {
    /// English, for everybody whose language is not here.
    #[default]
    English,
    /// German.
    German,
    /// French.
    French,
    /// Japanese.
    Japanese,
    /// Arabic.
    Arabic,
}

impl Language {
    /// All of them, for `ui_locales_supported` (OpenID Connect Discovery 1.0 §3).
    pub const SUPPORTED: &'static [Self] =
        &[Self::English, Self::German, Self::French, Self::Japanese, Self::Arabic];

    /// The tag of the language (BCP 47).
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
            Self::Japanese => "ja",
            Self::Arabic => "ar",
        }
    }

    /// The direction in which it is written, as the `dir` attribute of HTML.
    pub fn direction(self) -> &'static str {
        match self {
            Self::Arabic => "rtl",
            Self::English | Self::German | Self::French | Self::Japanese => "ltr",
        }
    }

    /// The language with which a request is answered.
    pub fn choose(ui_locales: Option<&str>, accept_language: Option<&str>) -> Self {
        let mut asked = ui_locales.unwrap_or_default().split_ascii_whitespace().take(MAX_RANGES);
        let accepted = accept_language.unwrap_or_default();
        asked
            .find_map(lookup)
            .or_else(|| by_weight(accepted).into_iter().find_map(lookup))
            .unwrap_or_default()
    }

    /// Its texts.
    pub(super) fn messages(self) -> &'static Messages {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
            Self::French => &FRENCH,
            Self::Japanese => &JAPANESE,
            Self::Arabic => &ARABIC,
        }
    }
}

/// RFC 4647 §3.4: a range is cut from its end until a language is left that is there. The tags here
/// have one part each, so that what is left is the first part.
fn lookup(range: &str) -> Option<Language> {
    let primary = range.split('-').next().unwrap_or_default();
    Language::SUPPORTED
        .iter()
        .copied()
        .find(|language| language.tag().eq_ignore_ascii_case(primary))
}

/// The ranges of `Accept-Language`, the most wanted first; those of equal weight as they came.
fn by_weight(accept_language: &str) -> Vec<&str> {
    let mut ranges: Vec<(u16, &str)> = accept_language
        .split(',')
        .take(MAX_RANGES)
        .filter_map(|item| {
            let (range, parameter) = item.split_once(';').unwrap_or((item, "q=1"));
            let weight = thousandths(parameter.trim())?;
            // RFC 9110 §12.4.2: a weight of 0 means "not acceptable".
            (weight > 0).then_some((weight, range.trim()))
        })
        .collect();
    ranges.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    ranges.into_iter().map(|(_, range)| range).collect()
}

/// RFC 9110 §12.4.2: `q=` and a number from 0 to 1 with at most three decimals.
fn thousandths(parameter: &str) -> Option<u16> {
    let number = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))?.trim();
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let part: u16 = if decimals.is_empty() { 0 } else { format!("{decimals:0<3}").parse().ok()? };
    match whole {
        "0" => Some(part),
        "1" if part == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ui_locales_go_before_what_the_browser_accepts() {
        let cases = [
            (Some("fr-CA fr en"), Some("de"), Language::French),
            (Some("tlh xx-Klingon ar-EG"), Some("de"), Language::Arabic),
            (Some("tlh"), Some("de-CH, fr;q=0.9"), Language::German),
            (Some(""), Some("JA-jp"), Language::Japanese),
            (None, None, Language::English),
        ];
        for (ui_locales, accept_language, expected) in cases {
            let chosen = Language::choose(ui_locales, accept_language);
            assert_eq!(chosen, expected, "{ui_locales:?} {accept_language:?}");
        }
    }

    #[test]
    fn the_weights_of_accept_language_decide_and_their_order_breaks_ties() {
        let cases = [
            ("fr;q=0.5, de;q=0.8", Language::German),
            ("fr;q=0, de;q=0.001", Language::German),
            ("ar, ja", Language::Arabic),
            ("zh-CN, zh;q=0.9, ja;q=0.8, en;q=0.7", Language::Japanese),
            ("*", Language::English),
            ("de;q=2, fr;q=x, ar;q=0.1234, ;;;,,, q=, ja;q=0.1", Language::Japanese),
            ("deutsch, english", Language::English),
            ("\u{0}\u{fffd}", Language::English),
        ];
        for (accept_language, expected) in cases {
            assert_eq!(
                Language::choose(None, Some(accept_language)),
                expected,
                "{accept_language}"
            );
        }
    }
}
