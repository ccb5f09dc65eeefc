//! How values stand in columns: lists as JSON, bytes as base64url, booleans as 0 and 1.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::StoreError;
use crate::registry::{RowKind, UnreadableRow};

pub(super) fn list_text(list: &[String]) -> String {
    serde_json::Value::from(list).to_string()
}

pub(super) fn bytes_text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn text(row: &AnyRow, column: &'static str) -> Result<String, StoreError> {
    Ok(row.try_get(column)?)
}

pub(super) fn optional_text(
    row: &AnyRow,
    column: &'static str,
) -> Result<Option<String>, StoreError> {
    Ok(row.try_get(column)?)
}

pub(super) fn number(row: &AnyRow, column: &'static str) -> Result<i64, StoreError> {
    Ok(row.try_get(column)?)
}

pub(super) fn optional_number(
    row: &AnyRow,
    column: &'static str,
) -> Result<Option<i64>, StoreError> {
    Ok(row.try_get(column)?)
}

pub(super) fn flag(row: &AnyRow, column: &'static str) -> Result<bool, StoreError> {
    Ok(number(row, column)? != 0)
}

pub(super) fn list(row: &AnyRow, column: &'static str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(&text(row, column)?).map_err(|error| corrupt(column, &error))
}

pub(super) fn bytes(row: &AnyRow, column: &'static str) -> Result<Vec<u8>, StoreError> {
    URL_SAFE_NO_PAD.decode(text(row, column)?).map_err(|error| corrupt(column, &error))
}

/// Rows of one table: those that were understood, and those that were not, each by its id.
#[derive(Debug)]
pub struct Rows<T> {
    /// What was understood.
    pub understood: Vec<T>,
    /// What was not.
    pub unreadable: Vec<UnreadableRow>,
}

impl<T> Rows<T> {
    /// Reads rows one by one, so that one that cannot be understood hides no other.
    pub(super) fn read(
        rows: &[AnyRow],
        (kind, id): (RowKind, &'static str),
        parse: impl Fn(&AnyRow) -> Result<T, StoreError>,
    ) -> Self {
        let mut read = Self { understood: Vec::new(), unreadable: Vec::new() };
        for row in rows {
            match parse(row) {
                Ok(value) => read.understood.push(value),
                Err(error) => read.unreadable.push(unreadable(kind, row_id(row, id), &error)),
            }
        }
        read
    }
}

/// The id of a row that may be damaged.
pub(super) fn row_id(row: &AnyRow, column: &'static str) -> String {
    text(row, column).unwrap_or_else(|_| "?".to_owned())
}

pub(super) fn unreadable(kind: RowKind, id: String, error: &StoreError) -> UnreadableRow {
    let cause = match error {
        StoreError::Corrupt(cause) => cause.clone(),
        other => other.to_string(),
    };
    UnreadableRow { kind, id, cause }
}

/// A value that this software did not write.
pub(super) fn corrupt(column: &str, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("column {column}: {error}"))
}
