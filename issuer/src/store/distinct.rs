//! Questions of many requests in one statement: each is asked once, and answers all who asked it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use sqlx::any::AnyRow;

use super::StoreError;
use super::columns::number;
use super::pool::Pool;
use super::row_statement::{Binding, RowStatement};

/// Questions without those that ask the same again.
pub(super) struct Distinct<'q, Q> {
    /// Each with its place among them.
    questions: Vec<(i64, &'q Q)>,
    /// For each that was asked, the place of its like.
    places: Vec<i64>,
}

impl<'q, Q: Eq + Hash> Distinct<'q, Q> {
    pub(super) fn of(asked: &'q [Q]) -> Self {
        let (mut known, mut questions, mut places) = (HashMap::new(), Vec::new(), Vec::new());
        let mut next = 0;
        for question in asked {
            let place = *known.entry(question).or_insert(next);
            if place == next {
                questions.push((place, question));
                next += 1;
            }
            places.push(place);
        }
        Self { questions, places }
    }

    /// What a statement finds for them.
    pub(super) async fn rows(
        &self,
        pool: &Pool,
        statement: &'static RowStatement,
        bind: impl Fn(Binding, &(i64, &'q Q)) -> Binding,
    ) -> Result<Vec<AnyRow>, StoreError> {
        let mut lease = pool.acquire().await?;
        let rows = statement.run(&mut lease, &self.questions, bind).await?;
        lease.sound();
        Ok(rows)
    }

    /// The answer to each that was asked, if there is one.
    pub(super) fn answers<A: Clone>(
        &self,
        rows: &[AnyRow],
        read: impl Fn(&AnyRow) -> Result<A, StoreError>,
    ) -> Result<Vec<Option<A>>, StoreError> {
        let mut answers = HashMap::new();
        for row in rows {
            // A statement repeats its last row.
            if let Entry::Vacant(answer) = answers.entry(number(row, "place")?) {
                answer.insert(read(row)?);
            }
        }
        Ok(self.places.iter().map(|place| answers.get(place).cloned()).collect())
    }
}
