//! Statements over many rows at once. Each has one text for each of a few numbers of rows, so that a connection keeps all
//! of them prepared; a statement with fewer rows repeats its last one, which changes nothing.

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe};

use super::together::BATCH;

/// The numbers of rows for which there is a text; the last is the size of a batch.
const SIZES: [usize; 7] = [1, 2, 4, 8, 16, 32, BATCH];

/// A statement whose values are bound row by row.
pub(super) struct RowStatement {
    /// What stands in front of the rows, in pieces.
    before: &'static [&'static str],
    /// One row, with `?` for each value.
    row: &'static str,
    after: &'static str,
    texts: [OnceLock<Arc<str>>; SIZES.len()],
}

/// A statement while values are bound to it.
pub(super) type Binding = Query<'static, Any, AnyArguments>;

impl RowStatement {
    /// Rows between two texts. A repeated row must be harmless.
    pub(super) const fn new(
        before: &'static [&'static str],
        row: &'static str,
        after: &'static str,
    ) -> Self {
        Self { before, row, after, texts: [const { OnceLock::new() }; SIZES.len()] }
    }

    /// Runs it over some items, and returns what it returns.
    pub(super) async fn run<T>(
        &'static self,
        connection: &mut AnyConnection,
        items: &[T],
        bind: impl Fn(Binding, &T) -> Binding,
    ) -> Result<Vec<AnyRow>, sqlx::Error> {
        let mut returned = Vec::new();
        for chunk in items.chunks(BATCH) {
            let Some(((size, text), last)) = self.text(chunk.len()).zip(chunk.last()) else {
                break;
            };
            let rows = chunk.iter().chain(std::iter::repeat(last)).take(size);
            let query = rows.fold(sqlx::query(AssertSqlSafe(text)), &bind);
            returned.extend(query.fetch_all(&mut *connection).await?);
        }
        Ok(returned)
    }

    /// The text for at least so many rows, and for how many it is.
    fn text(&'static self, rows: usize) -> Option<(usize, Arc<str>)> {
        let (size, text) = SIZES.iter().zip(&self.texts).find(|(size, _)| **size >= rows)?;
        Some((*size, Arc::clone(text.get_or_init(|| self.write(*size)))))
    }

    fn write(&self, rows: usize) -> Arc<str> {
        let mut text = self.before.concat();
        let mut parameter = 0;
        for row in 0..rows {
            text.push_str(if row == 0 { " " } else { ", " });
            for character in self.row.chars() {
                if character == '?' {
                    parameter += 1;
                    // Writing to a string cannot fail.
                    let _ = write!(text, "${parameter}");
                } else {
                    text.push(character);
                }
            }
        }
        text.push_str(self.after);
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_numbers_the_values_of_its_rows_and_is_for_the_next_larger_size() {
        static STATEMENT: RowStatement = RowStatement::new(
            &["INSERT INTO t (kind, a, b) VALUES"],
            "('x', ?, ?)",
            " RETURNING a",
        );

        let (size, text) = STATEMENT.text(2).unwrap();

        assert_eq!(size, 2);
        assert_eq!(
            &*text,
            "INSERT INTO t (kind, a, b) VALUES ('x', $1, $2), ('x', $3, $4) RETURNING a"
        );
        let sizes = [1, 3, 33, BATCH].map(|rows| STATEMENT.text(rows).unwrap().0);
        assert_eq!(sizes, [1, 4, 64, 64]);
    }
}
