//! How values stand in columns: lists as JSON, bytes as base64url, booleans as 0 and 1.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::StoreError;

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

/// A value that this software did not write.
pub(super) fn corrupt(column: &str, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("column {column}: {error}"))
}
