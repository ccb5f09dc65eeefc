//! The only place that prints. With `--json` a command prints exactly one JSON document on standard output, and a
//! failure one on standard error; without, aligned text for people.

use std::io::Write as _;

use countersign_keys::algorithm::{ALGORITHMS, Algorithm};
use serde::Serialize;
use serde_json::json;

use super::Failure;

/// How a command speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// To people.
    Text,
    /// To scripts.
    Json,
}

impl Output {
    /// The result of a command: `document` for scripts, `text` for people.
    pub fn result(&self, document: &impl Serialize, text: &str) {
        match self {
            Self::Text => self.text(text),
            Self::Json => match serde_json::to_string_pretty(document) {
                Ok(document) => out(&document),
                Err(error) => err(&format!("error: {error}")),
            },
        }
    }

    /// Text for people on standard output; scripts are not told.
    pub fn text(&self, text: &str) {
        if *self == Self::Text {
            out(text.trim_end_matches('\n'));
        }
    }

    /// A remark on standard error that is no failure; it never disturbs the result.
    pub fn note(&self, remark: &str) {
        err(&match self {
            Self::Text => remark.to_owned(),
            Self::Json => json!({ "note": remark }).to_string(),
        });
    }

    /// Why the command failed.
    pub fn failure(&self, failure: &Failure) {
        let Failure { code, message, hint } = failure;
        err(&match (self, hint) {
            (Self::Json, hint) => {
                json!({ "error": code, "message": message, "hint": hint }).to_string()
            }
            (Self::Text, Some(hint)) => format!("error: {message}; {hint}"),
            (Self::Text, None) => format!("error: {message}"),
        });
    }
}

/// A closed pipe is the reader's choice, not an error.
fn out(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

fn err(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// An algorithm by its name, for an argument.
pub fn parse_algorithm(name: &str) -> Result<Algorithm, String> {
    let known = || ALGORITHMS.iter().map(|row| row.name).collect::<Vec<_>>().join(", ");
    Algorithm::from_name(name).ok_or_else(|| format!("use one of {}", known()))
}

/// The innermost cause of a request that failed: "connection refused" rather than "error sending request".
pub fn cause_of(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}

/// Rows under a heading, in columns as wide as their widest cell.
pub fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> String {
    let heading = heading.map(str::to_owned);
    let lines = || std::iter::once(&heading).chain(rows);
    let width = |column: usize| {
        lines().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for line in lines() {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Names and values below each other, aligned.
pub fn fields(fields: &[(&str, String)]) -> String {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines = fields.iter().map(|(name, value)| format!("{name:width$}  {value}"));
    lines.map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Seconds of the Unix epoch as a date and time in UTC.
pub fn date(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |at| at.to_string())
}

/// An optional value, or a dash.
pub fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_end_without_blanks() {
        let rows = [["a".to_owned(), "1".to_owned()], ["long name".to_owned(), String::new()]];

        let text = table(["ID", "N"], &rows);

        assert_eq!(text, "ID         N\na          1\nlong name\n");
    }

    #[test]
    fn a_date_is_in_utc() {
        assert_eq!(date(1_800_000_000), "2027-01-15T08:00:00Z");
    }
}
