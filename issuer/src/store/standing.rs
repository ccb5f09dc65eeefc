//! How a user stands towards a client, looked up together with the code or the family that speaks for the user: one
//! query, at one moment. What follows from it is not judged here.

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::columns::{list, number, optional_number, optional_text};
use super::grants::{FAMILY_COLUMNS, family_row};
use super::users::{self, user_row};
use super::{RefreshFamily, Store, StoreError, answered};
use crate::registry::User;

/// How a user stands towards a client.
#[derive(Clone, Debug)]
pub struct UserStanding {
    /// The user as it is now, enabled or not; none if it was deleted.
    pub user: Option<User>,
    /// The session has not ended.
    pub has_session: bool,
    /// The scopes that the user consented to.
    pub consented: Vec<String>,
}

/// Whose standing, in which session, towards whom.
#[derive(Clone, Copy, Debug)]
pub struct Towards<'a> {
    /// The user.
    pub user_id: Uuid,
    /// The session.
    pub session_id: Uuid,
    /// The client.
    pub client_id: &'a str,
}

impl Store {
    /// Whether a code was used up, and how its user stands.
    pub async fn standing_of_code(
        &self,
        hash: &str,
        towards: Towards<'_>,
        now: i64,
    ) -> Result<(bool, UserStanding), StoreError> {
        let select = AssertSqlSafe(format!(
            "SELECT {}, u.deleted_at, \
             (SELECT COUNT(*) FROM session s WHERE s.id = $2 AND s.expires_at > $3) AS sessions, \
             (SELECT c.scopes FROM consent c WHERE c.user_id = u.id AND c.client_id = $4) AS consented, \
             (SELECT COUNT(*) FROM one_time_use o WHERE o.kind = 'code' AND o.hash = $5) AS uses \
             FROM user_account u WHERE u.id = $1",
            users::COLUMNS
        ));
        answered(async {
            let row = sqlx::query(select)
                .bind(towards.user_id.to_string())
                .bind(towards.session_id.to_string())
                .bind(now)
                .bind(towards.client_id)
                .bind(hash)
                .fetch_optional(&self.pool)
                .await?;
            let row = row.ok_or_else(|| StoreError::not_found("user", "of a code"))?;
            Ok((number(&row, "uses")? > 0, standing(&row)?))
        })
        .await
    }

    /// How a user stands, where no code is looked up with it.
    pub async fn standing(
        &self,
        towards: Towards<'_>,
        now: i64,
    ) -> Result<UserStanding, StoreError> {
        // No code has an empty hash.
        Ok(self.standing_of_code("", towards, now).await?.1)
    }

    /// A family, revoked or not, and how its user stands.
    pub async fn standing_of_family(
        &self,
        id: Uuid,
        now: i64,
    ) -> Result<Option<(RefreshFamily, UserStanding)>, StoreError> {
        let select = AssertSqlSafe(format!(
            "SELECT {FAMILY_COLUMNS}, {}, u.deleted_at, \
             (SELECT COUNT(*) FROM session s WHERE s.id = f.session_id AND s.expires_at > $2) AS sessions, \
             (SELECT c.scopes FROM consent c WHERE c.user_id = f.user_id AND c.client_id = f.client_id) AS consented \
             FROM refresh_family f JOIN user_account u ON u.id = f.user_id WHERE f.id = $1",
            users::COLUMNS
        ));
        answered(async {
            let query = sqlx::query(select).bind(id.to_string()).bind(now);
            let row = query.fetch_optional(&self.pool).await?;
            row.map(|row| Ok((family_row(&row)?, standing(&row)?))).transpose()
        })
        .await
    }
}

fn standing(row: &AnyRow) -> Result<UserStanding, StoreError> {
    let is_deleted = optional_number(row, "deleted_at")?.is_some();
    Ok(UserStanding {
        user: if is_deleted { None } else { Some(user_row(row)?) },
        has_session: number(row, "sessions")? > 0,
        consented: match optional_text(row, "consented")? {
            Some(_) => list(row, "consented")?,
            None => Vec::new(),
        },
    })
}
