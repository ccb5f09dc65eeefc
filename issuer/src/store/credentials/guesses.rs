//! Counts of wrong second factors. A guess is counted before it is checked, by a compare-and-set, so that parallel guesses
//! on several nodes are counted like guesses one after the other.

use uuid::Uuid;

use super::super::expired::GUESSES_KEPT_SECONDS;
use super::{Store, StoreError, answered, corrupt, number};
use crate::credentials::Tally;

impl Store {
    /// The count of a user and lane.
    pub async fn guess_tally(
        &self,
        user_id: Uuid,
        lane: &str,
    ) -> Result<Option<Tally>, StoreError> {
        let select = "SELECT failures, last_at FROM guess_count WHERE user_id = $1 AND lane = $2";
        answered(async {
            let row = sqlx::query(select)
                .bind(user_id.to_string())
                .bind(lane)
                .fetch_optional(&self.pool)
                .await?;
            let Some(row) = row else { return Ok(None) };
            let failures = u32::try_from(number(&row, "failures")?)
                .map_err(|error| corrupt("failures", &error))?;
            Ok(Some(Tally { failures, last_at: number(&row, "last_at")? }))
        })
        .await
    }

    /// Counts a guess, if the count is still what was read.
    pub async fn count_guess(
        &self,
        (user_id, lane): (Uuid, &str),
        before: Option<Tally>,
        after: Tally,
    ) -> Result<bool, StoreError> {
        let insert = "INSERT INTO guess_count (user_id, lane, failures, last_at) \
             VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
        let update = "UPDATE guess_count SET failures = $3, last_at = $4 \
             WHERE user_id = $1 AND lane = $2 AND failures = $5 AND last_at = $6";
        self.will_expire(after.last_at.saturating_add(GUESSES_KEPT_SECONDS));
        let statement = if before.is_some() { update } else { insert };
        answered(async {
            let mut query = sqlx::query(statement)
                .bind(user_id.to_string())
                .bind(lane)
                .bind(i64::from(after.failures))
                .bind(after.last_at);
            if let Some(before) = before {
                query = query.bind(i64::from(before.failures)).bind(before.last_at);
            }
            Ok(query.execute(&self.pool).await?.rows_affected() == 1)
        })
        .await
    }

    /// Forgets the count of a user and lane, after a right one.
    pub async fn forget_guesses(&self, user_id: Uuid, lane: &str) -> Result<(), StoreError> {
        answered(async {
            sqlx::query("DELETE FROM guess_count WHERE user_id = $1 AND lane = $2")
                .bind(user_id.to_string())
                .bind(lane)
                .execute(&self.pool)
                .await?;
            Ok(())
        })
        .await
    }
}
