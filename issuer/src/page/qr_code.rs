//! A QR code as inline SVG: no image is loaded, and no style is needed. Black on white in every
//! scheme, with the quiet zone that scanners ask for.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};

use super::phrase::{Markup, Text};

/// Modules of white around the code (ISO/IEC 18004 §9.1).
const QUIET_ZONE: usize = 4;

/// The code of a text, named for those who do not see it; nothing if the text is too long.
pub(super) fn svg(content: &str, label: Text) -> Option<Markup> {
    let code = QrCode::with_error_correction_level(content, EcLevel::M).ok()?;
    let (width, modules) = (code.width(), code.to_colors());
    let mut path = String::new();
    for (row, line) in modules.chunks(width).enumerate() {
        for (start, length) in dark_runs(line) {
            let (x, y) = (start + QUIET_ZONE, row + QUIET_ZONE);
            // Writing to a string cannot fail.
            let _ = write!(path, "M{x} {y}h{length}v1h-{length}z");
        }
    }
    let side = (width + 2 * QUIET_ZONE).to_string();
    let svg = Markup::new()
        .literal("<svg class=\"qr\" role=\"img\" aria-label=\"")
        .text(label)
        .literal("\" viewBox=\"0 0 ")
        .text(&side)
        .literal(" ")
        .text(&side)
        .literal("\"><path fill=\"#fff\" d=\"M0 0h")
        .text(&side)
        .literal("v")
        .text(&side)
        .literal("h-")
        .text(&side)
        .literal("z\"/><path fill=\"#000\" d=\"")
        .text(&path)
        .literal("\"/></svg>");
    Some(svg)
}

/// The runs of dark modules in a line: where each starts and how long it is.
fn dark_runs(line: &[Color]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, _) in line.iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
        match runs.last_mut() {
            Some((start, length)) if *start + *length == at => *length += 1,
            _ => runs.push((at, 1)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_cover_exactly_the_dark_modules() {
        use Color::{Dark as D, Light as L};
        assert_eq!(dark_runs(&[D, D, L, D, L, L, D]), [(0, 2), (3, 1), (6, 1)]);
        assert_eq!(dark_runs(&[L, L]), []);
    }

    #[test]
    fn the_three_finder_patterns_stand_in_their_corners() {
        let svg =
            svg("otpauth://totp/Countersign:ada?secret=JBSWY3DP", "a & b").unwrap().to_string();
        let side = 8 + svg_modules(&svg);
        // ISO/IEC 18004 §6.3.3: each is a square of seven modules.
        assert!(svg.contains("M4 4h7v1h-7z"));
        assert!(svg.contains(&format!("M{} 4h7v1h-7z", side - 11)));
        assert!(svg.contains(&format!("M4 {}h7v1h-7z", side - 11)));
        assert!(svg.contains("aria-label=\"a &#38; b\""));
    }

    fn svg_modules(svg: &str) -> usize {
        let after = svg.split("viewBox=\"0 0 ").nth(1).unwrap();
        after.split(' ').next().unwrap().parse::<usize>().unwrap() - 8
    }

    #[test]
    fn what_is_too_long_has_no_code() {
        assert!(svg(&"x".repeat(5000), "code").is_none());
    }
}
