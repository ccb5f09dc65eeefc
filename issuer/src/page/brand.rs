//! The looks of a client: a name, a logo and one color, from which all shades are computed so that
//! text stays readable on them (WCAG 2.2 §1.4.3). There are no templates of clients.

use std::fmt;

use serde::{Deserialize, Deserializer, de::Error as _};
use url::Url;

/// WCAG 2.2 §1.4.3 (AA), with a little more for the rounding of browsers.
const MIN_CONTRAST: f64 = 4.6;

/// How far a button stands out from what is under it: enough to be seen as a button.
const MIN_EDGE: f64 = 1.5;

/// The surface under text in the light and in the dark scheme; `assets/page.css` says the same.
const LIGHT_SURFACE: Color = Color { red: 0xf4, green: 0xf4, blue: 0xf1 };
const DARK_SURFACE: Color = Color { red: 0x22, green: 0x24, blue: 0x28 };

const BLACK: Color = Color { red: 0, green: 0, blue: 0 };
const WHITE: Color = Color { red: 255, green: 255, blue: 255 };

/// How a page looks for one client, or for the issuer itself.
#[derive(Clone, Debug)]
pub struct Brand {
    /// The name above the page and in its title.
    pub name: String,
    /// The logo above the page.
    pub logo: Option<LogoUrl>,
    /// The color of buttons and links, if it is not the issuer's own.
    pub color: Option<Color>,
}

impl Brand {
    /// How the issuer calls itself where nobody gave it a name.
    pub const ISSUER: &'static str = "Countersign";
}

impl<'de> Deserialize<'de> for LogoUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let url = String::deserialize(deserializer)?;
        let refused = || D::Error::custom(format!("`{url}` is not an https URL"));
        Self::parse(&url).ok_or_else(refused)
    }
}

impl<'de> Deserialize<'de> for Color {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let refused = || D::Error::custom(format!("`{text}` is not a color such as #1f5f5b"));
        Self::parse(&text).ok_or_else(refused)
    }
}

/// The address of a logo: `https`, or `http` on this machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogoUrl(Url);

impl LogoUrl {
    /// The address of a logo; `None` if browsers should not load it.
    pub fn parse(url: &str) -> Option<Self> {
        let url = Url::parse(url).ok()?;
        let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1"));
        let is_loaded = url.scheme() == "https" || (url.scheme() == "http" && is_local);
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        (is_loaded && !has_credentials).then_some(Self(url))
    }

    /// The address.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

/// A color in sRGB.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Color {
    red: u8,
    green: u8,
    blue: u8,
}

impl Color {
    /// A color written `#1f5f5b`, with or without the `#`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').unwrap_or(text);
        if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some(Self { red, green, blue })
    }

    /// Its six hexadecimal digits in lower case.
    pub fn hex(self) -> String {
        format!("{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }

    /// The contrast of two colors, from 1 to 21 (WCAG 2.2, "contrast ratio").
    pub fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// WCAG 2.2, "relative luminance".
    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }

    /// The color with so many parts of 20 of another one.
    fn mixed(self, other: Self, twentieths: u16) -> Self {
        let mix = |own: u8, other: u8| {
            let sum = u16::from(own) * (20 - twentieths) + u16::from(other) * twentieths;
            u8::try_from(sum / 20).unwrap_or(u8::MAX)
        };
        Self {
            red: mix(self.red, other.red),
            green: mix(self.green, other.green),
            blue: mix(self.blue, other.blue),
        }
    }

    /// The nearest shade that has a contrast to a surface.
    fn against(self, surface: Self, contrast: f64) -> Self {
        let away = surface.ink();
        (0..=20)
            .map(|twentieths| self.mixed(away, twentieths))
            .find(|shade| shade.contrast(surface) >= contrast)
            .unwrap_or(away)
    }

    /// The color of a button that is pointed at: away from its ink, so that it is read even better.
    fn hover(self) -> Self {
        self.mixed(self.ink().ink(), 3)
    }

    /// Black or white, whichever is better read on it.
    fn ink(self) -> Self {
        if self.contrast(WHITE) >= self.contrast(BLACK) { WHITE } else { BLACK }
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.hex())
    }
}

/// The stylesheet of a color: the variables that `assets/page.css` reads, for both schemes.
pub(super) fn stylesheet(color: Color) -> String {
    let (light, dark) = (variables(color, LIGHT_SURFACE), variables(color, DARK_SURFACE));
    format!(":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n")
}

fn variables(color: Color, surface: Color) -> String {
    let button = color.against(surface, MIN_EDGE);
    let (hover, ink) = (button.hover(), button.ink());
    let text = color.against(surface, MIN_CONTRAST);
    format!("--accent:{button};--accent-hover:{hover};--on-accent:{ink};--accent-text:{text}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_color_makes_readable_pages(red: u8, green: u8, blue: u8) {
            let color = Color { red, green, blue };
            for surface in [LIGHT_SURFACE, DARK_SURFACE] {
                let button = color.against(surface, MIN_EDGE);
                prop_assert!(button.contrast(button.ink()) >= 4.5);
                prop_assert!(button.hover().contrast(button.ink()) >= 4.5);
                prop_assert!(color.against(surface, MIN_CONTRAST).contrast(surface) >= 4.5);
            }
            prop_assert_eq!(Color::parse(&color.to_string()), Some(color));
        }

        #[test]
        fn nothing_but_a_color_is_a_color(text in ".{0,12}") {
            let is_color = text.strip_prefix('#').unwrap_or(&text).len() == 6
                && text.strip_prefix('#').unwrap_or(&text).chars().all(|c| c.is_ascii_hexdigit());
            prop_assert_eq!(Color::parse(&text).is_some(), is_color);
        }
    }

    #[test]
    fn a_logo_is_loaded_safely_or_not_at_all() {
        for good in ["https://shop.example/logo.svg", "http://localhost:8000/logo.png"] {
            assert!(LogoUrl::parse(good).is_some(), "{good}");
        }
        for bad in [
            "http://shop.example/l.png",
            "javascript:alert(1)",
            "data:image/png,",
            "/logo.png",
            "https://a@b.example/",
        ] {
            assert!(LogoUrl::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn the_surfaces_are_those_of_the_stylesheet() {
        let css = include_str!("../../assets/page.css");
        let (light, dark) = css.split_once("prefers-color-scheme: dark").unwrap();
        assert!(light.contains(&format!("--surface: {LIGHT_SURFACE};")));
        assert!(dark.contains(&format!("--card: {DARK_SURFACE};")));
    }
}
